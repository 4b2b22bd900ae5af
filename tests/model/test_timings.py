"""Word timings of the real model: each word once, in order, inside the audio, and where a Whisper hears it."""

from __future__ import annotations

import re
import statistics
import warnings
from itertools import pairwise

import pytest

from bench.corpus import SENTENCES, corpus
from bench.ears import for_ears
from bench.timings import VOICES, Difference, Performance, Stage, Stopwatch, differences, open_stage, summary
from gateway.text.chunker import ChunkLimits
from worker.settings import WorkerSettings

pytestmark = pytest.mark.model

NUM_SENTENCES = 32
MAX_MEDIAN_S = 0.06

LONG_TEXT = (
    "Dr. Baker didn't sleep at all that night, because the 12 dogs next door barked until half past four. "
    "“Why don't you move?” asked her well-known neighbour, who had lived there for 35 years! "
    "She thought about it for a while; then she put on her coat, took the letter, and walked to the station. "
    "Nobody in the village ever saw her again."
)


@pytest.fixture(scope="module")
def stage() -> Stage:
    settings = WorkerSettings()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # misaki opens its lexicons in a way that Python 3.11 calls deprecated
        return open_stage(settings.model_dir, settings.voices_path)


@pytest.fixture(scope="module")
def stopwatch() -> Stopwatch:
    return Stopwatch()


def check(performance: Performance) -> None:
    """Every word once, in order, inside the audio."""
    text, timings = performance.text, performance.words
    expected = re.findall(r"Dr\.|[A-Za-z0-9'-]+", text)
    assert [each.word for each in timings] == expected
    assert all(each.word == text[each.char_start : each.char_end] for each in timings)
    assert all(each.start < each.end for each in timings)
    assert all(before.end <= after.start for before, after in pairwise(timings))
    assert timings[0].start >= 0
    assert timings[-1].end <= performance.seconds


def median_s(found: list[Difference]) -> float:
    return statistics.median(abs(each.start_s) for each in found)


@pytest.mark.timeout(600)
def test_words_begin_where_a_whisper_hears_them(stage: Stage, stopwatch: Stopwatch) -> None:
    found: list[Difference] = []
    num_words = 0
    for number, line in enumerate(corpus(SENTENCES)[:NUM_SENTENCES]):
        performance = stage.perform(line.text, VOICES[number % len(VOICES)])
        check(performance)
        found += differences(performance, stopwatch.hear_words(for_ears(performance.pcm)))
        num_words += len(performance.words)
    print(summary("starts", found))
    assert len(found) >= 0.95 * num_words, "too few words were heard right to compare"
    assert median_s(found) <= MAX_MEDIAN_S


@pytest.mark.timeout(600)
def test_many_chunks_at_another_speed_do_not_drift(stage: Stage, stopwatch: Stopwatch) -> None:
    limits = ChunkLimits(target_min_tokens=20, target_max_tokens=60, absolute_max_tokens=90, first_max_tokens=20)
    performance = stage.perform(LONG_TEXT, "af_heart", 1.4, limits)
    check(performance)
    found = differences(performance, stopwatch.hear_words(for_ears(performance.pcm)))
    last_words = [each for each in found if each.place >= len(performance.words) * 3 // 4]
    print(summary("starts", found))
    print(summary("last", last_words))
    assert len(found) >= 0.9 * len(performance.words)
    assert median_s(found) <= MAX_MEDIAN_S
    assert abs(statistics.median(each.start_s for each in last_words)) <= MAX_MEDIAN_S
