"""The yardstick: stock ``kokoro.KModel`` on torch, one job at a time, fed from the same state dict as every engine."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from worker.engine.base import MAX_TOKENS, Capabilities, EngineError, EngineJob, Speech, job_fault, speech_from_audio
from worker.model.config import KOKORO_V1
from worker.model.sources import ModelStore
from worker.model.state_dict import StateDict
from worker.model.weights import load_state_dict

if TYPE_CHECKING:
    import torch

REPOSITORY = "hexgrad/Kokoro-82M"


class ReferenceEngine:
    """Slow and right: what the other engines are compared with.

    store: where the weights are. noise: keep the source's noise, drawn from each job's seed; without it the output
    depends on nothing but tokens, style and speed. Needs the packages ``torch`` and ``kokoro``; downloads nothing.
    """

    name = "reference"

    def __init__(self, store: ModelStore, *, noise: bool = True) -> None:
        self.capabilities = Capabilities(max_batch_jobs=1, max_batch_tokens=MAX_TOKENS, prefetch_jobs=0)
        self._model = stock_model(load_state_dict(store.weights_path), noise=noise)

    def warm_up(self) -> None:
        """Speak one token, for torch's one-time work."""
        style = np.zeros(2 * KOKORO_V1.style, dtype=np.float32)
        self._speak(EngineJob(token_ids=(1,), style=style, speed=1.0, seed=0))

    def synthesise(self, batch: Sequence[EngineJob]) -> list[Speech | EngineError]:
        """Speak the jobs one after the other."""
        return [self._speak(job) for job in batch]

    def interrupt(self) -> None:
        """Does nothing: torch runs a graph to its end."""

    def _speak(self, job: EngineJob) -> Speech | EngineError:
        import torch

        if fault := job_fault(job):
            return fault
        tokens = torch.tensor([[0, *job.token_ids, 0]], dtype=torch.long)
        style = torch.from_numpy(np.ascontiguousarray(job.style, dtype=np.float32))[None]
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(job.seed)
                audio, units = self._model.forward_with_tokens(tokens, style, job.speed)
        except RuntimeError as error:
            return EngineError(f"torch failed on a job of {len(job.token_ids)} tokens: {error}")
        return speech_from_audio(audio.numpy(), units.numpy())


def stock_model(weights: StateDict, *, noise: bool = True) -> Any:
    """A ``kokoro.KModel`` with the given weights, ready for inference.

    weights: a complete state dict as ``state_dict.check_state_dict`` returns it. Raises EngineError when the packages
    are missing.
    """
    try:
        import torch
        from kokoro import KModel
    except ImportError as error:
        raise EngineError(f"the reference engine needs the packages torch and kokoro: {error}") from error
    # KModel insists on a file of weights or downloads one. An empty file satisfies it; the weights are set below, where
    # a name that does not match is an error.
    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # upstream's layers are built in ways that torch now frowns on
        model = KModel(repo_id=REPOSITORY, config=KOKORO_V1.as_hub_config(), model=nothing).eval()
    _fill(model.state_dict(), weights)
    if not noise:
        _silence_noise(model.decoder.generator.m_source)
    return model


def unfold_weight_norm(weight: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Magnitude (outputs, 1, ...) and direction, whose weight-normed product is ``weight``.

    A row of zeros has magnitude 0 and a direction of ones: torch divides by the direction's norm.
    """
    rows = weight.reshape(len(weight), -1)
    magnitude = np.linalg.norm(rows, axis=1, keepdims=True)
    direction = np.where(magnitude > 0, rows, np.float32(1.0)).reshape(weight.shape)
    return magnitude.reshape(-1, *[1] * (weight.ndim - 1)), direction


def _fill(target: dict[str, torch.Tensor], weights: StateDict) -> None:
    """Copy the state dict into the model's own tensors."""
    import torch

    for name, weight in weights.items():
        if f"{name}_g" in target:
            magnitude, direction = unfold_weight_norm(weight)
            target[f"{name}_g"].copy_(torch.from_numpy(magnitude))
            target[f"{name}_v"].copy_(torch.from_numpy(direction))
        else:
            target[name].copy_(torch.from_numpy(weight))


def _silence_noise(source: Any) -> None:
    """Replace the sine generator's forward by the same without its noise.

    The random initial phase needs no treatment: it is added to a frame's first sample, and the interpolation to
    frames reads only the two in the middle.
    """
    import torch

    generator = source.l_sin_gen

    def forward(pitch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        harmonics = torch.arange(1, generator.harmonic_num + 2, dtype=pitch.dtype)
        sines = generator._f02sine(pitch * harmonics) * generator.sine_amp  # noqa: SLF001 - upstream has no public door
        voiced = generator._f02uv(pitch)  # noqa: SLF001
        return sines * voiced, voiced, torch.zeros_like(sines)

    generator.forward = forward
