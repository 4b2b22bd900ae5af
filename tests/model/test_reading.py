"""Numbers, dates, money, names, from the page to the ear: a Whisper hears what a reader would say."""

from __future__ import annotations

import httpx
import pytest

from bench.ears import Ears, word_errors
from gateway.text.aligned import AlignedText
from gateway.text.cleaning import clean
from gateway.text.languages import Language
from gateway.text.normaliser import normalise
from gateway.text.normalization import NormalizationOptions
from tests.conftest import Service
from tests.model.ears import decode

pytestmark = pytest.mark.model

MAX_WORD_ERROR_RATE = 0.04

SENTENCES: tuple[tuple[str, str], ...] = (
    ("The bill came to $42.50 last night.", "the bill came to forty two dollars and fifty cents last night"),
    ("They raised $3.5M in two weeks.", "they raised three point five million dollars in two weeks"),
    ("A ticket costs £12, or €14.", "a ticket costs twelve pounds or fourteen euros"),
    ("She was born on May 3rd, 1987.", "she was born on may third nineteen eighty seven"),
    ("The war ended in 1945.", "the war ended in nineteen forty five"),
    ("Music of the 1960s is still popular.", "music of the nineteen sixties is still popular"),
    ("The meeting starts at 3:05 pm.", "the meeting starts at three oh five p m"),
    ("The train leaves at 9:45 from platform 9.", "the train leaves at nine forty five from platform nine"),
    ("About 75% of the votes were counted.", "about seventy five percent of the votes were counted"),
    ("He came 21st in a race of 112.", "he came twenty first in a race of one hundred twelve"),
    ("Read pages 10-15 before Monday.", "read pages ten to fifteen before monday"),
    ("Henry VIII had six wives.", "henry the eighth had six wives"),
    ("World War II changed everything.", "world war two changed everything"),
    ("Dr. Brown lives near St. James Park.", "doctor brown lives near saint james park"),
    ("Mr. and Mrs. Wilson moved to Ohio.", "mister and missus wilson moved to ohio"),
    ("It was 40 °C in the shade.", "it was forty degrees celsius in the shade"),
    ("Add 1/2 cup of sugar and 3/4 cup of milk.", "add one half cup of sugar and three quarters cup of milk"),
    ("The population is 8,400,000 people.", "the population is eight million four hundred thousand people"),
    ("Call 555-0123 after six.", "call five five five zero one two three after six"),
    ("Version 2.0.1 fixes the bug.", "version two point zero point one fixes the bug"),
    ("Write to help@example.com for details.", "write to help at example dot com for details"),
    ("Visit www.example.org for more.", "visit w w w dot example dot org for more"),
    ("The FBI and the CIA disagreed.", "the f b i and the c i a disagreed"),
    ("NASA launched another rocket.", "nasa launched another rocket"),
    ("Cats & dogs are welcome here.", "cats and dogs are welcome here"),
    ("I read the book yesterday, and I will read it again.", "i read the book yesterday and i will read it again"),
    ("They live close to a live music club.", "they live close to a live music club"),
    ("Please close the window near the door.", "please close the window near the door"),
    ("Her temperature was -5 degrees.", "her temperature was minus five degrees"),
    ("The score was 3-2 at half time.", "the score was three to two at half time"),
    ("In 2024, sales grew by 12.5 percent.", "in twenty twenty four sales grew by twelve point five percent"),
    ("Chapter 7 begins on page 203.", "chapter seven begins on page two hundred three"),
    ("Bring 2 apples, 3 plums, etc. to the picnic.", "bring two apples three plums et cetera to the picnic"),
    ("I'd say it's 5 o'clock, isn't it?", "i'd say it's five o'clock isn't it"),
    ("The room is 12 x 15 feet.", "the room is twelve by fifteen feet"),
    ("We've sold 1,250 copies so far.", "we've sold one thousand two hundred fifty copies so far"),
    ("# Heading\n\nThe **important** part comes first.", "heading the important part comes first"),
    ("The answer is 6 + 7 = 13.", "the answer is six plus seven equals thirteen"),
    ("She scored 9/10 in the test.", "she scored nine out of ten in the test"),
    ("Between 1990 and 2005 prices doubled.", "between nineteen ninety and two thousand five prices doubled"),
    ("He ran 100 meters in 10.8 seconds.", "he ran one hundred meters in ten point eight seconds"),
    ("King George III lost the colonies.", "king george the third lost the colonies"),
)
"""As written, and as said: by hand, not by the rules that are tested."""


def heard_words(text: str) -> list[str]:
    """A Whisper writes figures where it hears words: both sides are read out, and spelt letters stand apart."""
    read = normalise(clean(AlignedText.of(text)), Language.EN_US, NormalizationOptions()).text
    letters = "".join(char if char.isalnum() or char == "'" else " " for char in read.lower().replace("’", "'"))
    return " ".join(_SAME.get(word, word) for word in letters.split()).split()


_SAME = {"dr": "doctor", "st": "saint", "mr": "mister", "mrs": "missus", "fbi": "f b i", "cia": "c i a", "www": "w w w"}
"""What a Whisper writes short, as anybody would."""


def test_a_whisper_hears_what_a_reader_would_say(real_service: Service, ears: Ears) -> None:
    errors = total = 0
    for written, said in SENTENCES:
        body = {"input": written, "voice": "af_heart", "response_format": "pcm", "stream": False}
        answer = httpx.post(f"{real_service.url}/v1/audio/speech", json=body, timeout=600)
        assert answer.status_code == 200, answer.text[:500]
        heard = ears.hear(decode(answer.content, "pcm"))
        wrong = word_errors(heard_words(said), heard_words(heard))
        if wrong:
            print(f"{wrong} wrong: {written!r} heard as {heard!r}")
        errors += wrong
        total += len(said.split())
    print(f"word error rate {errors / total:.2%} over {total} words, {len(SENTENCES)} sentences")
    assert errors / total <= MAX_WORD_ERROR_RATE
