"""The short-time Fourier transform and its inverse, as convolutions with real kernels.

Both are ``torch.stft`` and ``torch.istft`` with a periodic Hann window, centred frames and reflected edges, as kokoro
0.9.4's ``TorchSTFT`` calls them; ``n_fft`` is 20, the hop 5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worker.model.graph.builder import TO_END, GraphBuilder, Tensor


def hann(n_fft: int) -> NDArray[np.float64]:
    """Periodic Hann window, float64 (n_fft,)."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)


def analysis_kernel(n_fft: int) -> NDArray[np.float32]:
    """Windowed Fourier basis, float32 (n_fft + 2, 1, n_fft): convolution weights, real parts before imaginary ones."""
    angles = _angles(n_fft)
    basis = np.concatenate([np.cos(angles), -np.sin(angles)])
    kernel: NDArray[np.float64] = basis * hann(n_fft)
    return kernel[:, None, :].astype(np.float32)


def synthesis_kernel(n_fft: int, hop: int) -> NDArray[np.float32]:
    """The inverse, for overlapping frames: float32 (n_fft + 2, 1, n_fft), weights of a transposed convolution.

    Bins between the first and last stand for two, the window is applied again, and the sum of squared windows that
    meet in a sample away from the edges is divided out.
    """
    angles = _angles(n_fft)
    weight = np.full((n_fft // 2 + 1, 1), 2.0)
    weight[[0, -1]] = 1.0
    basis = np.concatenate([weight * np.cos(angles), -weight * np.sin(angles)]) / n_fft
    kernel: NDArray[np.float64] = basis * hann(n_fft) / _overlap(n_fft, hop).max()
    return kernel[:, None, :].astype(np.float32)


def edge_gains(n_fft: int, hop: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What to multiply the first and the last ``n_fft // 2`` samples by, for fewer windows meet there."""
    frames = 4 * n_fft // hop
    sums = np.zeros((frames - 1) * hop + n_fft)
    for frame in range(frames):
        sums[frame * hop : frame * hop + n_fft] += hann(n_fft) ** 2
    kept = sums[n_fft // 2 : -(n_fft // 2)]
    gains = (_overlap(n_fft, hop).max() / kept).astype(np.float32)
    return gains[: n_fft // 2], gains[-(n_fft // 2) :]


def spectrum(g: GraphBuilder, audio: Tensor, n_fft: int, hop: int) -> Tensor:
    """Magnitudes above phases: (1, 1, samples) -> (1, n_fft + 2, samples / hop + 1)."""
    with g.scope("decoder.generator.stft"):
        edge = n_fft // 2
        padded = g.op("Pad", audio, g.ints(0, 0, edge, 0, 0, edge), mode="reflect")
        kernel = g.parameter("stft.kernel", analysis_kernel(n_fft))
        bins = g.op("Conv", padded, kernel, kernel_shape=[n_fft], strides=[hop])
        real, imaginary = g.slice(bins, 0, edge + 1, 1), g.slice(bins, edge + 1, n_fft + 2, 1)
        magnitude = g.op("Sqrt", g.add(g.mul(real, real), g.mul(imaginary, imaginary)))
        return g.concat(magnitude, arctangent(g, imaginary, real), axis=1)


def inverse_spectrum(g: GraphBuilder, magnitude: Tensor, phase: Tensor, n_fft: int, hop: int) -> Tensor:
    """Audio from magnitudes and phases, each (1, n_fft / 2 + 1, frames): (1, 1, (frames - 1) * hop)."""
    with g.scope("decoder.generator.istft"):
        edge = n_fft // 2
        parts = g.concat(g.mul(magnitude, g.op("Cos", phase)), g.mul(magnitude, g.op("Sin", phase)), axis=1)
        kernel = g.parameter("istft.kernel", synthesis_kernel(n_fft, hop))
        audio = g.op("ConvTranspose", parts, kernel, kernel_shape=[n_fft], strides=[hop], pads=[edge, edge])
        first, last = (g.constant(gains) for gains in edge_gains(n_fft, hop))
        head = g.mul(g.slice(audio, 0, edge, 2), first)
        tail = g.mul(g.slice(audio, -edge, TO_END, 2), last)
        return g.concat(head, g.slice(audio, edge, -edge, 2), tail, axis=2)


def arctangent(g: GraphBuilder, y: Tensor, x: Tensor) -> Tensor:
    """atan2(y, x) in radians, -pi to pi; 0 where both are 0. ONNX has no operator for it."""
    zero, tiny = g.floats(0.0), g.floats(float(np.finfo(np.float32).tiny))
    angle = g.op("Atan", g.div(y, g.op("Where", g.op("Equal", x, zero), tiny, x)))
    half_turn = g.op("Where", g.op("Less", y, zero), g.floats(-np.pi), g.floats(np.pi))
    return g.op("Where", g.op("Less", x, zero), g.add(angle, half_turn), angle)


def _angles(n_fft: int) -> NDArray[np.float64]:
    """2 pi k n / n_fft for every bin k and sample n: float64 (n_fft / 2 + 1, n_fft)."""
    angles: NDArray[np.float64] = 2 * np.pi * np.outer(np.arange(n_fft // 2 + 1), np.arange(n_fft)) / n_fft
    return angles


def _overlap(n_fft: int, hop: int) -> NDArray[np.float64]:
    """Sum of the squared windows that meet in each sample of a hop, away from the edges: float64 (hop,)."""
    sums: NDArray[np.float64] = (hann(n_fft) ** 2).reshape(-1, hop).sum(axis=0)
    return sums
