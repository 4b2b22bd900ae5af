"""Text to phonemes, and phonemes to speech."""

from __future__ import annotations

from typing import Any

import regex
from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.audio_response import SPOKEN, spoken
from gateway.api.body import documented, read_json
from gateway.api.schemas import PhonemesRequest, PhonemizeRequest
from gateway.api.utterances import Desk
from gateway.pipeline import Pipeline
from gateway.text.aligned import AlignedText, Said
from gateway.text.languages import Language
from gateway.text.normalization import NormalizationOptions
from gateway.text.phonemes import UnsayablePhonemes, told_phonemes
from gateway.text.reading import Reading
from gateway.text.segments import Script, Speech, Style
from shared.contract import VoiceMix
from shared.errors import InvalidValue
from shared.vocabulary import PUNCTUATION, token_ids

router = APIRouter(tags=["phonemes"])

_SOUNDS = regex.compile(rf"[^\s{regex.escape(''.join(sorted(PUNCTUATION)))}]+")


@router.post("/v1/audio/phonemize", openapi_extra=documented(PhonemizeRequest))
@router.post("/dev/phonemize", include_in_schema=False)
async def phonemize(request: Request) -> dict[str, Any]:
    """The phonemes and the model's tokens of a text, and which word each came from."""
    desk = Desk.of(request)
    pipeline: Pipeline = request.app.state.pipeline
    body = await read_json(request, PhonemizeRequest, desk.settings.max_body_bytes)
    style = desk.style(None, body.language)
    script = await desk.script(body.text, style, desk.markup())
    chunks = await pipeline.phonemize(script, desk.reading(body.normalization_options, body.lexicon))
    words = [
        {
            "word": body.text[word.char_start : word.char_end],
            "phonemes": chunk.phonemes[word.token_start : word.token_end],
            "char_start": word.char_start,
            "char_end": word.char_end,
        }
        for chunk in chunks
        for word in chunk.words
    ]
    phonemes = " ".join(chunk.phonemes for chunk in chunks)
    return {"phonemes": phonemes, "tokens": token_ids(phonemes), "words": words}


@router.post(
    "/v1/audio/generate_from_phonemes", response_class=Response, openapi_extra=documented(PhonemesRequest) | SPOKEN
)
@router.post("/dev/generate_from_phonemes", response_class=Response, include_in_schema=False)
async def generate_from_phonemes(request: Request) -> Response:
    """Speak phonemes, as phonemize gives them."""
    desk = Desk.of(request)
    body = await read_json(request, PhonemesRequest, desk.settings.max_body_bytes)
    desk.require_length(len(body.phonemes), param="phonemes")

    async def voiced() -> VoiceMix:
        return desk.style(body.voice, "a").voice

    voice = await desk.resolved(voiced)
    script = Script((Speech(_told(body.phonemes), Style(voice, Language.EN_US)),))
    reading = Reading(NormalizationOptions(normalize=False, markdown_normalization=False))
    utterance = desk.utterance(request.state.request_id, body, body.phonemes, script, reading)
    await desk.fleet.require()
    return spoken(request, body, utterance)


def _told(phonemes: str) -> AlignedText:
    """The phonemes as a text of which every word is said as told. Raises InvalidValue for a symbol of no meaning."""
    text = AlignedText.of(phonemes)
    parts: list[AlignedText] = []
    kept = 0
    for word in _SOUNDS.finditer(phonemes):
        parts += (text.slice(kept, word.start()), _told_word(text, word.start(), word.end()))
        kept = word.end()
    if not parts:
        raise InvalidValue("The phonemes hold no sound.", param="phonemes")
    return AlignedText.join([*parts, text.slice(kept, len(phonemes))])


def _told_word(text: AlignedText, start: int, end: int) -> AlignedText:
    word = text.slice(start, end)
    try:
        symbols = told_phonemes(word.text)
    except UnsayablePhonemes as error:
        raise InvalidValue(f"At character {start + error.index}: {error.message}.", param="phonemes") from error
    return word.as_object(Said(word.text, phonemes=symbols))
