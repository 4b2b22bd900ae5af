"""The engine benchmark's work: jobs of mixed length, voice and speed, the same on every run, each of them speech."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.corpus import LANGUAGE_BY_LETTER, SENTENCES, corpus
from shared.vocabulary import token_ids
from worker.engine.base import Capabilities

VOICES = ("af_heart", "af_bella", "af_nicole", "am_michael", "am_puck", "bf_emma", "bm_george", "bm_fable")

MIN_TOKENS, MAX_TOKENS = 15, 450
"""From two words to the longest chunk that the text frontend makes."""

SKEW = (1.5, 3.35)
"""Of a beta distribution with its mean at 0.31, so that the mean job has about 150 tokens."""


@dataclass(frozen=True, slots=True)
class BenchJob:
    """A job before its style is looked up: small, and the same on every machine."""

    token_ids: tuple[int, ...]
    voice: str
    speed: float
    seed: int


def bench_jobs(count: int, seed: int = 0) -> list[BenchJob]:
    """The first ``count`` jobs of the endless list that belongs to ``seed``."""
    chosen = random.Random(seed)  # noqa: S311 - a mix, not a secret
    return [_job(chosen, number) for number in range(count)]


def _job(chosen: random.Random, number: int) -> BenchJob:
    tokens = round(MIN_TOKENS + (MAX_TOKENS - MIN_TOKENS) * chosen.betavariate(*SKEW))
    voice = chosen.choice(VOICES)
    phonemes = _speech(chosen, LANGUAGE_BY_LETTER[voice[0]], tokens)
    return BenchJob(token_ids(phonemes), voice, round(chosen.uniform(0.8, 1.3), 2), number)


def _speech(chosen: random.Random, language: str, tokens: int) -> str:
    """Sentences in a row, cut to ``tokens`` symbols, the last of them a full stop."""
    phonemes = ""
    while len(phonemes) < tokens:
        phonemes += chosen.choice(corpus(SENTENCES)).phonemes[language] + " "
    return phonemes[: tokens - 1].rstrip() + "."


def batches(jobs: Sequence[BenchJob], limits: Capabilities) -> Iterator[list[BenchJob]]:
    """The batches that the worker's scheduler forms of one lane: in order, as many as the padded cost allows."""
    batch: list[BenchJob] = []
    for job in jobs:
        longest = max(len(one.token_ids) for one in [*batch, job])
        count = len(batch) + 1
        if batch and (count > limits.max_batch_jobs or longest * count > limits.max_batch_tokens):
            yield batch
            batch = []
        batch.append(job)
    if batch:
        yield batch


def padding_waste(formed: Sequence[Sequence[BenchJob]]) -> float:
    """Padded tokens over valid tokens; 1 where nothing is wasted."""
    padded = sum(len(batch) * max(len(job.token_ids) for job in batch) for batch in formed)
    return padded / sum(len(job.token_ids) for batch in formed for job in batch)
