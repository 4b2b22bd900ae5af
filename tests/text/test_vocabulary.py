from __future__ import annotations

import hashlib
import json

import pytest

from shared.vocabulary import SYMBOL_IDS, UnknownSymbol, is_audible, token_ids


def test_vocabulary_is_the_model_s() -> None:
    """Against the digest of ``vocab`` in the published config.json."""
    digest = hashlib.sha256(json.dumps(SYMBOL_IDS, sort_keys=True).encode()).hexdigest()

    assert len(SYMBOL_IDS) == 114
    assert digest == "6ac2eb630bdf211ca6271684589933cf7e1934abc785313976a7732fd570dccf"


def test_ids_need_no_boundary_and_no_splitting() -> None:
    assert all(len(symbol) == 1 for symbol in SYMBOL_IDS)
    assert 0 not in SYMBOL_IDS.values()
    assert len(set(SYMBOL_IDS.values())) == len(SYMBOL_IDS)


def test_token_ids() -> None:
    assert token_ids("həlˈO wˈɜɹld.") == (50, 83, 54, 156, 31, 16, 65, 156, 87, 123, 54, 46, 4)
    assert token_ids("") == ()


def test_unknown_symbol_is_not_dropped() -> None:
    with pytest.raises(UnknownSymbol, match="'g' at 2") as raised:
        token_ids("ˈɛg")

    assert (raised.value.symbol, raised.value.index) == ("g", 2)


@pytest.mark.parametrize(("phonemes", "audible"), [("ə", True), ("ˈA", True), ("", False), (". , — ˈ", False)])
def test_audible(phonemes: str, audible: bool) -> None:
    assert is_audible(phonemes) is audible
