"""The pieces of the torch network that have a plain counterpart, against it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.worker_model.tiny import TINY, tiny_weights

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402 - needs torch

from tests.worker_model.line import Line  # noqa: E402
from worker.model.network import layers, residual  # noqa: E402
from worker.model.network.noise import normal_noise  # noqa: E402
from worker.model.network.parameters import Parameters  # noqa: E402
from worker.model.network.placement import BLOCK  # noqa: E402
from worker.model.network.source import _turns, harmonic_source  # noqa: E402
from worker.model.network.spectral import inverse_spectrum, spectrum  # noqa: E402

# Not for want of weights: torch is only installed where the tests of that mark run.
pytestmark = pytest.mark.model

N_FFT, HOP = TINY.generator.n_fft, TINY.generator.hop
LENGTHS = torch.tensor([5, 9, 1])


@pytest.fixture(scope="module")
def p() -> Parameters:
    return Parameters(tiny_weights(), TINY, torch.device("cpu"), torch.float32)


def rows(*shape: int, scale: float = 1.0, offset: float = 0.0) -> Any:
    rng = np.random.default_rng(len(shape) + sum(shape))
    return torch.from_numpy((offset + scale * rng.standard_normal(shape)).astype(np.float32))


def adain(x: Any, place: layers.Region, affine: tuple[Any, Any]) -> Any:
    return layers.normalised(x, layers.statistics(x, place), place, affine)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("packed", [False, True])
def test_the_norm_is_instance_norm_over_each_jobs_own_time(offset: float, packed: bool) -> None:
    jobs = [rows(length, 4, offset=offset) for length in LENGTHS.tolist()]
    scale, shift = rows(4, 4), rows(4, 4, scale=0.5)
    if packed:
        line = Line(LENGTHS.tolist(), spare=1)
        joined = line.join(jobs, garbage=10.0)
        place = layers.packed_region(line.packing, 1)
        made = line.cut(adain(joined, place, (scale, shift)).masked_fill(place.outside, 0.0))
    else:
        joined = rows(3, 9, 4, scale=10.0)
        for row, job in enumerate(jobs):
            joined[row, : len(job)] = job
        padded = adain(joined, layers.region(LENGTHS, 9), (scale[:3], shift[:3]))
        made = [row[:length] for row, length in zip(padded, LENGTHS.tolist(), strict=True)]
    for row, (ours, job) in enumerate(zip(made, jobs, strict=True)):
        variance, mean = torch.var_mean(job.double(), 0, correction=0)
        expected = (job - mean) / torch.sqrt(variance + layers.NORM_EPS) * scale[row] + shift[row]
        torch.testing.assert_close(ours.double(), expected, atol=1e-5 + 1e-6 * offset, rtol=1e-4)


def test_an_lstm_over_padding_is_the_lstm_over_each_job(p: Parameters) -> None:
    module, weights = "predictor.shared", tiny_weights()
    plain = torch.nn.LSTM(TINY.hidden + TINY.style, TINY.hidden // 2, batch_first=True, bidirectional=True)
    plain.load_state_dict({name: torch.from_numpy(weights[f"{module}.{name}"]) for name in plain.state_dict()})
    x = rows(3, 9, TINY.hidden + TINY.style, scale=3.0)
    with torch.inference_mode():
        made = layers.bidirectional_lstm(p, x, layers.region(LENGTHS, 9), module)
        for row, length in enumerate(LENGTHS.tolist()):
            alone, _ = plain(x[row : row + 1, :length])
            torch.testing.assert_close(made[row, :length], alone[0], atol=1e-6, rtol=0)
            assert not made[row, length:, TINY.hidden // 2 :].any()  # the backward half has not begun: exactly 0


def test_the_pool_is_a_depthwise_transposed_convolution(p: Parameters) -> None:
    x, module, weights = rows(2, 6, 8), "predictor.F0.1.pool", tiny_weights()
    weight, bias = (torch.from_numpy(weights[f"{module}.{kind}"]) for kind in ("weight", "bias"))
    expected = functional.conv_transpose1d(
        x.transpose(1, 2), weight, bias, stride=2, padding=1, output_padding=1, groups=8
    )
    torch.testing.assert_close(residual.doubled(p, x, module), expected.transpose(1, 2))


def test_both_transforms_are_torchs_at_every_jobs_own_edges(p: Parameters) -> None:
    window = torch.hann_window(N_FFT)
    line = Line([1, 2, 9])
    audio = [rows(600 * count) for count in (1, 2, 9)]
    bins = N_FFT // 2 + 1
    place = layers.packed_region(line.packing, 120, extra=1)
    spectra = spectrum(p, line.join(audio, garbage=3.0), place, HOP)
    assert not spectra.masked_fill(place.inside, 0.0).any()
    for number, sound in enumerate(audio):
        start = int(line.packing.first_blocks[number]) * BLOCK * 120
        made = spectra[0, start : start + len(sound) // HOP + 1]
        expected = torch.stft(sound, N_FFT, HOP, N_FFT, window, return_complex=True).T
        torch.testing.assert_close(torch.polar(made[:, :bins], made[:, bins:]), expected, atol=1e-5, rtol=1e-5)
        assert torch.equal(made[:, bins] > 3, expected[:, 0].real < 0)  # a negative real is at pi, not -pi
    samples = layers.packed_region(line.packing, 600)
    back = line.cut(inverse_spectrum(p, spectra[..., :bins], spectra[..., bins:], samples, HOP))
    for ours, sound in zip(back, audio, strict=True):
        torch.testing.assert_close(ours, sound, atol=1e-5, rtol=0)


def test_a_constant_has_a_spectrum_without_rounding_errors(p: Parameters) -> None:
    line = Line([1, 1])
    audio = torch.full((600,), 0.3)
    made = spectrum(p, line.join([audio, -audio]), layers.packed_region(line.packing, 120, extra=1), HOP)
    real = torch.tensor([0.3 * N_FFT / 2, 0.3 * N_FFT / 4])
    for number, phases in enumerate([(0.0, math.pi), (math.pi, 0.0)]):
        magnitude, phase = made[0, number * BLOCK * 120 :][:121].chunk(2, dim=1)
        torch.testing.assert_close(magnitude[:, :2], real.expand(len(magnitude), 2))
        torch.testing.assert_close(phase[:, :2], torch.tensor(phases).expand(len(phase), 2))
        assert not magnitude[:, 2:].any()
        assert not phase[:, 2:].any()


def test_phase_stays_exact_over_minutes(p: Parameters) -> None:
    """Against upstream's interpolation in float64, after two minutes."""
    num_frames, size = 9600, TINY.generator.samples_per_frame
    pitch = 180.0 + 60.0 * torch.sin(torch.arange(num_frames) / 30.0)
    made = _turns(p, pitch[None], layers.region(torch.tensor([num_frames]), num_frames))[0].double()
    per_frame = pitch.numpy() * np.float32(1) / np.float32(24000)  # in float32, as upstream and as we
    sums = np.cumsum(per_frame.astype(np.float64)) * size
    middles = (np.arange(num_frames) + 0.5) * size - 0.5
    expected = np.interp(np.arange(num_frames * size), middles, sums)
    difference = made[:, 0].numpy() - expected
    assert np.abs(difference - np.rint(difference)).max() < 1e-5  # turns


def test_noise_drowns_where_it_is_voiced_and_is_all_there_is_where_not(p: Parameters) -> None:
    pitch = torch.tensor([[200.0] * 40 + [0.0] * 40])
    place = layers.region(torch.tensor([80]), 80)
    silent, noisy = (harmonic_source(p, pitch, place, noise)[0] for noise in (None, noise_of([1], 80 * 300)))
    bias = torch.tanh(p["decoder.generator.m_source.l_linear.bias"])
    assert torch.equal(silent[40 * 300 :], bias.expand(40 * 300))
    gain = p["source.noise_gain"] * (1 - bias**2)
    added = (noisy - silent).chunk(2)
    assert added[0].std() < 0.1 * added[1].std()
    torch.testing.assert_close(added[1].std(), (gain * 0.1 / 3)[0], rtol=0.05, atol=0)


def test_a_voiced_source_is_the_same_alone_and_on_a_line(p: Parameters) -> None:
    """Bit by bit: the phases are exact."""
    line = Line([3, 9, 1])
    pitch = [150.0 + 50.0 * torch.sin(torch.arange(2.0 * count)) for count in (3, 9, 1)]
    joined = line.join(pitch, garbage=100.0)
    together = harmonic_source(p, joined, layers.packed_region(line.packing, 2), None)
    inside = layers.packed_region(line.packing, 600).inside[..., 0]
    for ours, hertz in zip(line.cut(together.masked_fill(~inside, 0.0)), pitch, strict=True):
        alone = harmonic_source(p, hertz[None], layers.region(torch.tensor([len(hertz)]), len(hertz)), None)
        assert torch.equal(ours, alone[0])


def noise_of(seeds: list[int], count: int) -> Any:
    """From each job's beginning: (jobs, count)."""
    return normal_noise(torch.tensor(seeds), torch.arange(count).expand(len(seeds), -1))


def pcg(word: int) -> int:
    """The hash as its authors print it, in Python's integers."""
    state = (word * 747796405 + 2891336453) & 0xFFFFFFFF
    word = (((state >> ((state >> 28) + 4)) ^ state) * 277803737) & 0xFFFFFFFF
    return (word >> 22) ^ word


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**53 - 1, 2**63 - 1])
def test_noise_is_a_function_of_seed_and_position(seed: int) -> None:
    made = noise_of([seed, 17], 50)[0]
    key = pcg(pcg(seed >> 32) ^ (seed & 0xFFFFFFFF))
    for position in range(50):
        first, second = (pcg(pcg(2 * position + word) ^ key) for word in (0, 1))
        radius = math.sqrt(-2 * math.log(((first >> 8) + 1) / 2**24))
        expected = radius * math.cos(2 * math.pi * ((second >> 8) + 1) / 2**24)
        assert made[position].item() == pytest.approx(expected, abs=2e-6)
    assert torch.equal(normal_noise(torch.tensor([seed]), torch.tensor([[30, 3]]))[0], made[[30, 3]])


def test_noise_is_white_normal_and_different_for_every_seed() -> None:
    count = 200_000
    made = noise_of([0, 1, 2, 3], count).double()
    for noise in made:
        assert abs(noise.mean()) < 0.01
        assert noise.std().item() == pytest.approx(1, abs=0.01)
        assert (noise**4).mean().item() == pytest.approx(3, abs=0.1)
        for lag in (1, 2, 3, 300):
            assert abs((noise[lag:] * noise[:-lag]).mean()) < 0.01
    correlations = (made @ made.T / count).fill_diagonal_(0)
    assert correlations.abs().max() < 0.01
