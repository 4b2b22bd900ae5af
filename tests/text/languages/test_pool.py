"""Every language over the real pool, several of them at once in each process."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from gateway.text.aligned import AlignedText
from gateway.text.frontend import Passage, TextFrontend
from gateway.text.languages import Language
from gateway.text.reading import Reading
from gateway.text.segments import Script, Speech, Style
from tests.text.languages.sentences import SENTENCES

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def phonemes_of(frontend: TextFrontend, text: str, language: Language) -> str:
    script = Script((Speech(AlignedText.of(text), Style((("af_heart", 1.0),), language)),))
    async with contextlib.aclosing(frontend.parts(script, Reading())) as parts:
        return " ".join([part.chunk.phonemes async for part in parts if isinstance(part, Passage)])


async def test_languages_side_by_side_do_not_disturb_each_other(frontend: TextFrontend) -> None:
    texts = [(language, text) for language, sentences in SENTENCES.items() for text in sentences[:4]]
    alone = [await phonemes_of(frontend, text, language) for language, text in texts]
    at_once = await asyncio.gather(*(phonemes_of(frontend, text, language) for language, text in texts))

    assert list(at_once) == alone
    assert all(alone)


async def test_one_script_in_several_languages(frontend: TextFrontend) -> None:
    languages = (Language.ES, Language.ZH, Language.EN_GB, Language.JA)
    speeches = [Speech(AlignedText.of(SENTENCES.get(language, ("Hello there.",))[0]), Style((("a", 1.0),), language))
                for language in languages]  # fmt: skip
    async with contextlib.aclosing(frontend.parts(Script(tuple(speeches)), Reading())) as parts:
        spoken = [part.style.language async for part in parts if isinstance(part, Passage)]

    assert spoken == list(languages)
