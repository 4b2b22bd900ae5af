"""The built graph against stock ``kokoro`` on torch, both fed from the same weights.

The graph has no noise, so the reference is compared without its noise, too. One difference stays: where speech is
unvoiced the source is constant, all but two bins of its spectrum hold nothing but rounding errors, and their phases,
which the generator reads, are whatever each library's rounding makes of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from shared.settings import ModelSettings
from shared.vocabulary import token_ids
from worker.engine.base import EngineJob, Speech, float_to_pcm16
from worker.engine.onnx import OnnxEngine
from worker.engine.reference import ReferenceEngine
from worker.model.graph_file import library_of
from worker.model.sources import ModelStore
from worker.voices import VoicePacks

pytestmark = pytest.mark.model

Floats = NDArray[np.floating[Any]]

MAX_MEAN_DISTANCE_DB = 1.0
"""Log-spectral distance to the noiseless reference: 0.52 dB measured, as much as between two seeds of the reference."""

MAX_DIFFERENCE = 0.004
"""Of full scale, given the same source: 0.0018 measured, all but 0.00002 of it from Snake's cubic."""

PITCH, LOUDNESS = "predictor.F0_proj/Conv:0", "predictor.N_proj/Conv:0"
SOURCE_SPECTRUM = "decoder.generator.stft/Concat:0"
INNER = (PITCH, LOUDNESS, SOURCE_SPECTRUM)

UTTERANCES = (
    ("af_heart", 1.0, "jˈɛs."),
    ("af_heart", 1.0, "ðə kwˈɪk bɹˈWn fˈɑks ʤˈʌmps ˌOvəɹ ðə lˈAzi dˈɔɡ."),
    ("am_michael", 1.0, "həlˈO ðˈɛɹ, hˌW ɑɹ ju tədˈA?"),
    ("bf_emma", 1.2, "ðə fˈɛɹi lˈiːvz ðə hˈɑːbə æt sˈɛvən, lˈɒŋ bɪfˈɔː ðə fˈɒɡ hæz lˈɪftɪd."),
    ("bm_george", 0.8, "wˈI wʊd ˈɛniwˌʌn pˈAnt ɐ pˈɜːfɪktli ɡˈʊd dˈɔː bɹˈIt ˈɒɹɪnʤ?"),
    ("af_bella", 1.0, "ʃi sˈɛlz sˈi ʃˈɛlz bI ðə sˈi ʃˈɔɹ; ðə ʃˈɛlz ʃi sˈɛlz ɑɹ ʃˈʊɹli sˈi ʃˈɛlz."),
    ("ff_siwis", 1.0, "bɔ̃ʒˈuʁ, ʒə vudʁˈɛ œ̃ kafˈe sˈil vu plˈɛ."),
    ("ef_dora", 1.5, "buˈenos dˈias, kˈomo estˈa ustˈed ˈoi?"),
    ("am_puck", 1.0, "stˈɑp!"),
    (
        "af_nicole",
        1.0,
        (
            "ˈɛvəɹi ɡˈʊd ɹˈɛsəpi bəɡˈɪnz wɪð ɐ klˈin kˈɪʧən ænd ənˈʌf tˈIm, ænd ðˈɛn ˈOnli, wˈɛn ðə pˈæn ɪz hˈɑt, "
            "dˈu ju ˈæd ðə ˈʌnjənz, wˈʌn hˈændfəl æt ɐ tˈIm, ʌntˈɪl ðA tˈɜɹn ɡˈOldən."
        ),
    ),
)


@dataclass
class Engines:
    """What is compared; ``inside`` is the graph with its inner values laid open."""

    packs: VoicePacks
    onnx: OnnxEngine
    reference: ReferenceEngine
    noisy: ReferenceEngine
    inside: onnxruntime.InferenceSession

    def job(self, utterance: tuple[str, float, str], seed: int = 0) -> EngineJob:
        voice, speed, phonemes = utterance
        ids = token_ids(phonemes)
        return EngineJob(ids, self.packs.style([(voice, 1.0)], len(ids)), speed, seed)


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    settings = ModelSettings()
    store = ModelStore(settings.model_dir, settings.voices_path)
    return Engines(
        packs=VoicePacks(store.voices_dir),
        onnx=OnnxEngine(store.onnx_path()),
        reference=ReferenceEngine(store, noise=False),
        noisy=ReferenceEngine(store),
        inside=_opened(store.onnx_path(), tmp_path_factory.mktemp("graph") / "opened.onnx"),
    )


def _opened(graph: Path, target: Path) -> onnxruntime.InferenceSession:
    """The graph with some of its inner values as further outputs."""
    model = onnx.load(str(graph))
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in INNER)
    target.write_bytes(model.SerializeToString())
    options = onnxruntime.SessionOptions()
    if library_of(graph).is_file():
        options.register_custom_ops_library(str(library_of(graph)))
    return onnxruntime.InferenceSession(str(target), options, providers=["CPUExecutionProvider"])


def graph_inputs(job: EngineJob) -> dict[str, NDArray[Any]]:
    return {
        "tokens": np.array([[0, *job.token_ids, 0]]),
        "style": job.style[None],
        "speed": np.array([job.speed], np.float32),
    }


def torch_tensor(array: Floats) -> object:
    import torch

    return torch.from_numpy(array)


def speak(engine: OnnxEngine | ReferenceEngine, job: EngineJob) -> Speech:
    (speech,) = engine.synthesise([job])
    assert isinstance(speech, Speech), speech
    return speech


def log_spectral_distance(one: NDArray[np.int16], other: NDArray[np.int16]) -> float:
    """Root mean square difference of log spectra in dB, floored 80 dB below full scale, averaged over frames."""

    def decibels(pcm: NDArray[np.int16]) -> Floats:
        frames = np.lib.stride_tricks.sliding_window_view(pcm / 32768.0, 1024)[::256] * np.hanning(1024)
        spectra: Floats = 20 * np.log10(np.abs(np.fft.rfft(frames, axis=1)) / 512 + 1e-4)
        return spectra

    return float(np.sqrt(((decibels(one) - decibels(other)) ** 2).mean(axis=1)).mean())


def test_durations_are_identical_and_spectra_close(engines: Engines) -> None:
    distances = []
    for utterance in UTTERANCES:
        job = engines.job(utterance)
        ours, theirs = speak(engines.onnx, job), speak(engines.reference, job)
        np.testing.assert_array_equal(ours.durations, theirs.durations, err_msg=utterance[2])
        distances.append(log_spectral_distance(ours.pcm, theirs.pcm))
        print(f"{distances[-1]:.2f} dB  {utterance[0]}  {utterance[2][:40]}")
    print(f"mean {np.mean(distances):.2f} dB")
    assert np.mean(distances) <= MAX_MEAN_DISTANCE_DB


def test_from_the_same_source_spectrum_comes_the_same_waveform(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given the graph's source spectrum, rounding errors and all, the reference makes the same audio."""
    transform = engines.reference._model.decoder.generator.stft
    for utterance in UTTERANCES[:4]:
        job = engines.job(utterance)
        audio, spectrum = engines.inside.run(["audio", SOURCE_SPECTRUM], graph_inputs(job))
        bins = spectrum.shape[1] // 2
        magnitude, phase = (torch_tensor(half) for half in (spectrum[:, :bins], spectrum[:, bins:]))
        monkeypatch.setattr(transform, "transform", lambda _audio, made=(magnitude, phase): made)
        theirs = speak(engines.reference, job)
        difference = np.abs(float_to_pcm16(audio).astype(np.int32) - theirs.pcm)
        assert difference.max() <= MAX_DIFFERENCE * 32768


def test_pitch_and_loudness_are_the_references(engines: Engines) -> None:
    made: dict[str, Floats] = {}
    predictor = engines.reference._model.predictor
    for name in ("F0_proj", "N_proj"):
        getattr(predictor, name).register_forward_hook(
            lambda _module, _inputs, output, name=name: made.__setitem__(name, output.detach().numpy())
        )
    for utterance in UTTERANCES[:4]:
        job = engines.job(utterance)
        speak(engines.reference, job)
        f0, n = engines.inside.run([PITCH, LOUDNESS], graph_inputs(job))
        np.testing.assert_allclose(f0, made["F0_proj"], atol=0.5)  # hertz
        np.testing.assert_allclose(n, made["N_proj"], atol=0.02)


def test_the_same_seed_gives_the_same_noise_and_another_does_not(engines: Engines) -> None:
    first, again, other = (
        speak(engines.noisy, engines.job(UTTERANCES[0], seed)).pcm.astype(np.int32) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 10
