"""Spoken by the real service, heard by a Whisper: are they the same words, in every format, to the last one?"""

from __future__ import annotations

import httpx
import pytest

from bench.ears import WHISPER_HZ, Ears, word_errors, words
from tests.conftest import Service
from tests.model.ears import decode

pytestmark = pytest.mark.model

VOICES = ("af_heart", "am_michael", "bf_emma")
MAX_WORD_ERROR_RATE = 0.05

SENTENCES = (
    "The ferry leaves the harbour at seven, long before the fog has lifted.",
    "Please put the blue cups on the second shelf, next to the kettle.",
    "She counted twenty three swans on the lake this morning.",
    "Dr. Smith told us that the results would be ready on Friday.",
    "Why would anyone paint a perfectly good door bright orange?",
    "The train to the coast was late, and nobody seemed to know the reason.",
    "His grandmother kept bees, chickens, and one very bad tempered goose.",
    "Turn left at the old church, then follow the river until you see a bridge.",
    "It costs about 15 dollars, which is more than I wanted to pay.",
    "I never said that he took the money; I only said that it was gone.",
    "After the storm, the garden was full of broken branches and wet leaves.",
    "Can you hear the rain on the roof, or is it only the wind?",
    "The children built a small boat out of paper and watched it sink.",
    "We need 3.5 litres of water, two onions, and a handful of salt.",
    "Nobody believed her story until the photographs were published.",
    "In 1969 people walked on the moon for the first time.",
    "The museum is closed on Mondays, but the shop next door stays open.",
    "He opened the window, looked at the sky, and went back to bed.",
    "Every good recipe begins with a clean kitchen and enough time.",
    "The quick brown fox jumps over the lazy dog.",
    "Our meeting has been moved to Wednesday afternoon at half past four.",
    "A good teacher asks more questions than she answers.",
)

FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm", "m4a")
FRAME_SAMPLES = {"mp3": 576, "opus": 480, "aac": 1024, "m4a": 1024, "flac": 0, "wav": 0, "pcm": 0}
CUT_OTHERWISE_S = 1.5
"""What the pause at the end of a chunk, cut elsewhere or not trimmed, may add to a stream or take from it."""


def speak(service: Service, text: str, **fields: object) -> httpx.Response:
    answer = httpx.post(f"{service.url}/v1/audio/speech", json={"input": text, **fields}, timeout=600)
    assert answer.status_code == 200, answer.text
    return answer


def test_a_whisper_hears_what_was_written(real_service: Service, ears: Ears) -> None:
    errors = total = 0
    for voice in VOICES:
        for sentence in SENTENCES:
            audio = speak(real_service, sentence, voice=voice, response_format="pcm").content
            heard = ears.hear(decode(audio, "pcm"))
            wrong = word_errors(words(sentence), words(heard))
            if wrong:
                print(f"{voice}: {wrong} wrong: {sentence!r} heard as {heard!r}")
            errors += wrong
            total += len(words(sentence))
    print(f"word error rate {errors / total:.2%} over {total} words, {len(SENTENCES)} sentences, {len(VOICES)} voices")
    assert errors / total <= MAX_WORD_ERROR_RATE


LONG_TEXT = " ".join(SENTENCES * 3)[:2975] + ", and so on to the end."
"""3,000 characters, ending in a word of its own."""


@pytest.mark.parametrize("text", ["Welcome.", SENTENCES[0], LONG_TEXT], ids=["word", "sentence", "3000 characters"])
def test_every_format_has_every_sample_and_the_last_word(real_service: Service, ears: Ears, text: str) -> None:
    spoken = len(speak(real_service, text, response_format="pcm", stream=False).content) // 2
    for form in FORMATS:
        for stream in (True, False):
            audio = speak(real_service, text, response_format=form, stream=stream).content
            extra = len(decode(audio, form, 24_000)) - spoken
            print(f"{form:<4} {'streamed' if stream else 'file':<8} {extra:5} samples more than the {spoken} spoken")
            if stream:  # cut and trimmed by the worker's pace of the moment; that none is lost, the fake engine shows
                assert -CUT_OTHERWISE_S * 24_000 <= extra <= max(0.15 * spoken, CUT_OTHERWISE_S * 24_000), form
            else:
                assert 0 <= extra <= FRAME_SAMPLES[form], form
            heard = words(ears.hear(decode(audio, form)[-6 * WHISPER_HZ :]))
            assert heard[-1] == words(text)[-1], (form, stream, heard)


def test_a_long_text_keeps_its_order_and_its_words(real_service: Service, ears: Ears) -> None:
    audio = speak(real_service, LONG_TEXT, response_format="mp3").content
    said, heard = words(LONG_TEXT), words(ears.hear(decode(audio, "mp3")))
    assert word_errors(said, heard) / len(said) <= MAX_WORD_ERROR_RATE
