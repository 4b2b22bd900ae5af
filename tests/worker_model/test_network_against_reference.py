"""The torch network, in batches, against stock ``kokoro`` and itself one utterance at a time.

Between pitch and waveform lies an amplifier: a millionth of the pitch, which is what float32 rounding in another shape
of batch or another order of sums comes to, moves the phase of the source's weak bins by up to a tenth of a radian, and
samples by some thousandths. Stock's own phase, a float32 sum, is off by more. So stages are held to tight tolerances
given equal inputs, and end to end to a looser one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from shared.settings import ModelSettings
from shared.vocabulary import token_ids
from tests.worker_model.test_against_reference import UTTERANCES
from worker.engine.base import MAX_TOKENS, EngineJob
from worker.engine.reference import stock_model
from worker.model.sources import ModelStore
from worker.model.weights import load_state_dict
from worker.voices import VoicePacks

torch = pytest.importorskip("torch")

from tests.worker_model.line import Line  # noqa: E402 - needs torch
from worker.model.network.network import Network, unit_rows  # noqa: E402

pytestmark = pytest.mark.model


@dataclass
class Batch:
    """Jobs whose pitch and loudness are known, packed on a line."""

    durations: list[Any]
    line: Line
    f0: list[Any]
    loudness: list[Any]
    text: list[Any]
    """Each job's encodings, a row for every unit."""
    style: Any

    @property
    def curves(self) -> tuple[Any, Any]:
        """F0 and loudness on the line, with something between jobs that must not be heard."""
        return self.line.join(self.f0, garbage=70.0), self.line.join(self.loudness, garbage=7.0)

    def on_line(self, spectra: list[Any]) -> Any:
        """Each job's source, (60 * frames + 1, 22), at its place."""
        source = self.line.join([spectrum[:-1] for spectrum in spectra])
        for spectrum, start in zip(spectra, self.line.starts(120), strict=True):
            source[0, start + len(spectrum) - 1] = spectrum[-1]
        return source

    def speech(self, network: Network, source: Any) -> list[Any]:
        """Each job's audio."""
        text, style = self.line.join(self.text, garbage=7.0), self.line.of_jobs(self.style)
        return self.line.cut(network.waveform(text, self.curves, source, self.line.packing, style))

    def alone(self, job: int) -> Batch:
        """One of the jobs, on a line of its own."""
        only = slice(job, job + 1)
        text = self.text[only]
        return Batch(
            self.durations[only], Line([len(text[0])]), self.f0[only], self.loudness[only], text, self.style[only]
        )


@dataclass
class Stock:
    """What the stock model made of one utterance, and what happened inside."""

    durations: Any
    audio: Any
    f0: Any
    loudness: Any
    spectrum: Any
    """(60 * frames + 1, 22), magnitudes first."""
    noise: Any
    """(samples,): the nine harmonics' noises, merged as the network merges them."""


@pytest.fixture(scope="module")
def weights() -> Any:
    return load_state_dict(ModelStore(ModelSettings().model_dir, ModelSettings().voices_path).weights_path)


@pytest.fixture(scope="module")
def network(weights: Any) -> Network:
    return Network(weights)


@pytest.fixture(scope="module")
def packs() -> VoicePacks:
    return VoicePacks(ModelSettings().voices_path)


@pytest.fixture(scope="module")
def jobs(packs: VoicePacks) -> list[EngineJob]:
    """Four voices, two speeds, 5 to 48 tokens."""
    made: list[EngineJob] = []
    for voice, speed, phonemes in (UTTERANCES[index] for index in (0, 1, 7, 8)):
        ids = token_ids(phonemes)
        made.append(EngineJob(ids, packs.style([(voice, 1.0)], len(ids)), speed, len(made)))
    return made


@pytest.fixture(scope="module")
def stock(weights: Any, jobs: list[EngineJob]) -> list[Stock]:
    model = stock_model(weights)
    seen: dict[str, Any] = {}
    with _watched(model, seen):
        return [_stock_run(model, seen, job) for job in jobs]


class _watched:  # noqa: N801 - reads as a verb
    """Records what passes inside the stock model."""

    def __init__(self, model: Any, seen: dict[str, Any]) -> None:
        generator = model.decoder.generator
        modules = {"f0": model.predictor.F0_proj, "n": model.predictor.N_proj, "sine": generator.m_source.l_sin_gen}
        self._hooks = [
            module.register_forward_hook(lambda _m, _i, output, name=name: seen.__setitem__(name, output))
            for name, module in modules.items()
        ]
        transform = generator.stft.transform

        def recorded(audio: Any) -> Any:
            seen["spectrum"] = transform(audio)
            return seen["spectrum"]

        generator.stft.transform = recorded

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()


def _stock_run(model: Any, seen: dict[str, Any], job: EngineJob) -> Stock:
    torch.manual_seed(job.seed)
    tokens = torch.tensor([[0, *job.token_ids, 0]])
    audio, durations = model.forward_with_tokens(tokens, torch.from_numpy(job.style)[None], job.speed)
    merge = model.decoder.generator.m_source.l_linear.weight[0].detach()
    _, voiced, noise = seen["sine"]
    size = voiced * 0.003 + (1 - voiced) * 0.1 / 3
    return Stock(
        durations.numpy(),
        audio,
        seen["f0"][0, 0].detach(),
        seen["n"][0, 0].detach(),
        torch.cat(seen["spectrum"], 1)[0].T.detach(),
        ((noise / size)[0] @ merge / merge.norm()),
    )


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def test_a_waveform_does_not_depend_on_its_batch(network: Network, jobs: list[EngineJob], stock: list[Stock]) -> None:
    """A job's audio from the same pitch and source, next to a longer job and alone: within rounding."""
    batch = prepared(network, jobs[:2])
    together, _ = batch.speech(network, batch.on_line([theirs.spectrum for theirs in stock[:2]]))
    first = batch.alone(0)
    (alone,) = first.speech(network, first.on_line([stock[0].spectrum]))
    print(f"{(together - alone).abs().max():.1e}")
    torch.testing.assert_close(together, alone, atol=5e-5, rtol=0)


def prepared(network: Network, jobs: list[EngineJob]) -> Batch:
    lengths = torch.tensor([len(job.token_ids) + 2 for job in jobs])
    tokens = torch.zeros(len(jobs), int(lengths.max()), dtype=torch.long)
    for row, job in enumerate(jobs):
        tokens[row, 1 : len(job.token_ids) + 1] = torch.tensor(job.token_ids)
    style = torch.from_numpy(np.stack([job.style for job in jobs]))
    words, letters = network.encode(tokens, lengths)
    speeds = torch.tensor([job.speed for job in jobs])
    durations, prosody, text = network.durations(words, letters, lengths, style, speeds)
    units = durations.sum(1)
    rows = [torch.from_numpy(unit_rows(lasts)) for lasts in durations.numpy()]
    aligned = torch.full((len(jobs), int(units.max()), prosody.shape[2]), 7.0)  # padding must not be heard
    for row, here in enumerate(rows):
        aligned[row, : len(here)] = prosody[row, here]
    (contour,) = network.contour(aligned, units, style)
    line = Line(units.tolist())
    joined = line.join([contour[row, : len(here)] for row, here in enumerate(rows)], garbage=7.0)
    f0, loudness = (line.parts(curve) for curve in network.curves(joined, line.packing, line.of_jobs(style)))
    return Batch(
        [each[:count].numpy() for each, count in zip(durations, lengths, strict=True)],
        line,
        f0,
        loudness,
        [text[row, here] for row, here in enumerate(rows)],
        style,
    )


def test_a_batch_has_the_durations_pitch_and_loudness_of_stock_runs(
    network: Network, jobs: list[EngineJob], stock: list[Stock]
) -> None:
    batch = prepared(network, jobs)
    for lasts, f0, loudness, theirs in zip(batch.durations, batch.f0, batch.loudness, stock, strict=True):
        np.testing.assert_array_equal(lasts, theirs.durations)
        print(f"F0 {(f0 - theirs.f0).abs().max():.1e} Hz, N {(loudness - theirs.loudness).abs().max():.1e}")
        torch.testing.assert_close(f0, theirs.f0, atol=0.01, rtol=0)  # hertz
        torch.testing.assert_close(loudness, theirs.loudness, atol=1e-3, rtol=0)


def test_from_stocks_source_spectrum_a_batch_makes_stocks_waveforms(
    network: Network, jobs: list[EngineJob], stock: list[Stock]
) -> None:
    batch = prepared(network, jobs)
    source = batch.on_line([theirs.spectrum for theirs in stock])
    for ours, theirs in zip(batch.speech(network, source), stock, strict=True):
        print(f"waveform {(ours - theirs.audio).abs().max():.1e}")
        torch.testing.assert_close(ours, theirs.audio, atol=1e-4, rtol=0)


def test_with_stocks_noise_a_batch_is_within_stocks_own_rounding(
    network: Network, jobs: list[EngineJob], stock: list[Stock]
) -> None:
    batch = prepared(network, jobs)
    noise = batch.line.join([theirs.noise for theirs in stock])
    source = network.source_spectrum(batch.curves[0], batch.line.packing, noise)
    for ours, theirs in zip(batch.speech(network, source), stock, strict=True):
        error = (ours - theirs.audio).square().mean().sqrt() / theirs.audio.square().mean().sqrt()
        print(f"relative error {error:.3f}")
        assert error <= 0.05


def test_jobs_of_every_length_are_the_same_alone_and_together(
    network: Network, packs: VoicePacks, jobs: list[EngineJob]
) -> None:
    rng = np.random.default_rng(0)
    longest = tuple(int(token) for token in rng.integers(1, 170, MAX_TOKENS))
    mixed = [
        jobs[0],
        EngineJob((43,), packs.style([("af_sky", 1.0)], 1), 1.0, 5),
        EngineJob(longest, packs.style([("am_adam", 0.5), ("bf_lily", 0.5)], MAX_TOKENS), 4.0, 6),
    ]
    _compare_with_alone(network, mixed, noise=True)


def test_without_noise_jobs_are_the_same_alone_and_together(network: Network, jobs: list[EngineJob]) -> None:
    _compare_with_alone(network, [jobs[0], jobs[2]], noise=False)


def _compare_with_alone(network: Network, jobs: list[EngineJob], *, noise: bool) -> None:
    """Durations identical; from the same pitch the same audio; end to end within what pitch rounding comes to."""
    together = _spoken(network, jobs, noise)
    for job, ours in zip(jobs, together, strict=True):
        (alone,) = _spoken(network, [job], noise)
        np.testing.assert_array_equal(ours.durations, alone.durations)
        difference = ours.audio - alone.audio
        relative = difference.square().mean().sqrt() / alone.audio.square().mean().sqrt()
        pitch = (ours.f0 - alone.f0).abs().max()
        print(f"{len(job.token_ids)} tokens, {len(alone.audio) / 24000:.1f} s: F0 {pitch:.1e} Hz,", end=" ")
        print(f"waveform max {difference.abs().max():.1e}, relative {relative:.1e}")
        assert pitch <= 2e-3
        assert difference.abs().max() <= 0.02
        assert relative <= 0.02


@dataclass
class Spoken:
    durations: Any
    f0: Any
    audio: Any


def _spoken(network: Network, jobs: list[EngineJob], noise: bool) -> list[Spoken]:
    batch = prepared(network, jobs)
    seeds = batch.line.of_jobs(torch.tensor([job.seed for job in jobs]))
    samples = network.noise(seeds, batch.line.packing) if noise else None
    source = network.source_spectrum(batch.curves[0], batch.line.packing, samples)
    made = zip(batch.durations, batch.f0, batch.speech(network, source), strict=True)
    return [Spoken(durations, f0, audio) for durations, f0, audio in made]
