"""Voice packs: the right row of the right voice, blended as asked, and clear words when that cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.worker_model.torch_zip import TorchFile
from worker.model.torch_writer import torch_tensor_file
from worker.voices import VoiceDamaged, VoiceNotFound, VoicePackError, VoicePacks


def pack(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((510, 256)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate(("af_heart", "am_adam")):
        (tmp_path / f"{name}.bin").write_bytes(pack(seed).tobytes())
    file = TorchFile()
    file.write(tmp_path / "bf_emma.pt", file.tensor(pack(2).reshape(510, 1, 256)))
    return tmp_path


def test_names_are_those_of_the_files(folder: Path) -> None:
    (folder / "notes.txt").write_text("not a voice")
    assert VoicePacks(folder).names() == ["af_heart", "am_adam", "bf_emma"]
    assert VoicePacks(folder / "nowhere").names() == []


@pytest.mark.parametrize("num_tokens", [1, 137, 510])
def test_the_row_is_that_of_the_number_of_tokens(folder: Path, num_tokens: int) -> None:
    packs = VoicePacks(folder)
    for seed, name in enumerate(("af_heart", "am_adam", "bf_emma")):
        style = packs.style([(name, 1.0)], num_tokens)
        assert style.dtype == np.float32
        np.testing.assert_array_equal(style, pack(seed)[num_tokens - 1])


@pytest.mark.parametrize("weights", [(0.5, 0.5), (2 / 3, 1 / 3), (1.5, -0.5)])
def test_mixes_are_weighted_sums(folder: Path, weights: tuple[float, float]) -> None:
    style = VoicePacks(folder).style([("af_heart", weights[0]), ("bf_emma", weights[1])], 10)
    np.testing.assert_allclose(style, weights[0] * pack(0)[9] + weights[1] * pack(2)[9], atol=1e-6)


@pytest.mark.parametrize("mix", [[("bf_emma", 1.0)], [("af_heart", 0.6), ("am_adam", 0.9), ("bf_emma", -0.5)]])
def test_a_pack_is_the_style_of_every_number_of_tokens(folder: Path, mix: list[tuple[str, float]]) -> None:
    packs = VoicePacks(folder)
    whole = packs.pack(mix)
    assert whole.shape == (510, 256)
    assert whole.dtype == np.float32
    for num_tokens in (1, 2, 255, 510):
        np.testing.assert_array_equal(whole[num_tokens - 1], packs.style(mix, num_tokens))


def test_a_pack_written_as_a_file_is_a_voice_again(folder: Path) -> None:
    packs = VoicePacks(folder)
    mix = [("af_heart", 1.5), ("bf_emma", -0.5)]
    (folder / "mine.pt").write_bytes(torch_tensor_file(packs.pack(mix).reshape(510, 1, 256)))
    np.testing.assert_array_equal(packs.style([("mine", 1.0)], 77), packs.style(mix, 77))


def test_unknown_voices_are_refused(folder: Path) -> None:
    with pytest.raises(VoiceNotFound, match="no voice 'af_nobody'"):
        VoicePacks(folder).style([("af_heart", 0.5), ("af_nobody", 0.5)], 3)


@pytest.mark.parametrize(
    "name", ["../af_heart", "/etc/passwd", "", ".", "af_heart.bin", "a/b", "af\x00", "é", "a" * 65]
)
def test_names_that_could_lead_elsewhere_are_refused(folder: Path, name: str) -> None:
    inner = folder / "inner"
    inner.mkdir()
    with pytest.raises(VoiceNotFound, match="not a voice name"):
        VoicePacks(inner).style([(name, 1.0)], 3)


@pytest.mark.parametrize(
    "content", [b"", b"short", pack(0).tobytes()[:-4], np.full((510, 256), np.nan, np.float32).tobytes()]
)
def test_damaged_packs_are_refused(folder: Path, content: bytes) -> None:
    (folder / "af_bad.bin").write_bytes(content)
    with pytest.raises(VoiceDamaged, match="af_bad"):
        VoicePacks(folder).style([("af_bad", 1.0)], 3)


@pytest.mark.parametrize("num_tokens", [0, -1, 511])
def test_numbers_of_tokens_without_a_row_are_refused(folder: Path, num_tokens: int) -> None:
    with pytest.raises(VoicePackError, match="num_tokens"):
        VoicePacks(folder).style([("af_heart", 1.0)], num_tokens)


def test_an_empty_mix_is_refused(folder: Path) -> None:
    with pytest.raises(VoicePackError, match="names no voice"):
        VoicePacks(folder).style([], 3)
    with pytest.raises(VoicePackError, match="names no voice"):
        VoicePacks(folder).pack([])


def test_the_cache_is_bounded_and_forgets_the_longest_unused(folder: Path) -> None:
    packs = VoicePacks(folder, cache_size=2)
    for name in ("af_heart", "am_adam", "af_heart", "bf_emma"):
        packs.style([(name, 1.0)], 1)
    for name in ("af_heart.bin", "am_adam.bin", "bf_emma.pt"):
        (folder / name).unlink()
    packs.style([("af_heart", 1.0), ("bf_emma", 1.0)], 1)
    with pytest.raises(VoiceNotFound):
        packs.style([("am_adam", 1.0)], 1)


def test_a_cache_holds_at_least_one(folder: Path) -> None:
    with pytest.raises(ValueError, match="cache_size"):
        VoicePacks(folder, cache_size=0)
