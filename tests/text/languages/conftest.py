"""The real G2P of every language, each loaded once in the tests' own process when a test asks for it."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping

import pytest

from gateway.text.g2p import G2P
from gateway.text.languages import Language
from gateway.text.phonemisers import pure_g2p_for
from gateway.text.phonemisers.mixed import MixedG2P


@pytest.fixture(scope="session")
def g2p_of(g2ps: Mapping[Language, G2P]) -> Callable[[Language], G2P]:
    """What a process of the pool has, but for English, which the tests hold without the pool's signal handling."""

    def pure(language: Language) -> G2P:
        return g2ps[language] if language in g2ps else pure_g2p_for(language)

    @functools.cache
    def mixed(language: Language) -> G2P:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return MixedG2P(language, pure)

    return mixed
