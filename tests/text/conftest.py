"""The real English G2P, loaded once in the tests' own process, and one real pool of processes."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from gateway.text.chunker import ChunkLimits
from gateway.text.frontend import TextFrontend
from gateway.text.g2p import G2P
from gateway.text.languages import Language


@pytest.fixture(scope="session")
def g2ps() -> Mapping[Language, G2P]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # misaki opens its lexicons in a way that Python 3.11 calls deprecated
        from gateway.text.english import load_english

        return load_english()


@pytest.fixture(scope="session")
def english(g2ps: Mapping[Language, G2P]) -> G2P:
    return g2ps[Language.EN_US]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def frontend() -> AsyncIterator[TextFrontend]:
    async with TextFrontend(ChunkLimits(), processes=2) as started:
        yield started
