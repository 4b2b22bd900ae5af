"""The matrices of the short-time Fourier transforms, in numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def spectral_constants(n_fft: int, hop: int) -> dict[str, NDArray[np.float64]]:
    """The transforms' matrices, under the names that ``spectral`` asks for.

    analysis: (n_fft, n_fft + 2), windowed; its columns are real parts, then imaginary ones. constant: (n_fft + 2,), the
    transform of a frame of ones. synthesis: (n_fft + 2, n_fft), windowed, bins that stand for two counted twice, the
    overlap of squared windows away from the edges divided out. edge_gains: (n_fft + 1,), what to multiply a job's first
    and last ``n_fft // 2`` samples by, for fewer windows meet there, and between them 1, for all others.
    """
    bins, samples = np.arange(n_fft // 2 + 1), np.arange(n_fft)
    angles = 2 * np.pi * np.outer(bins, samples) / n_fft
    window = 0.5 - 0.5 * np.cos(2 * np.pi * samples / n_fft)
    cosines, sines = np.cos(angles), np.sin(angles)
    sines[[0, -1]] = 0.0  # rounding left some in the last
    constant = np.zeros(n_fft + 2)
    constant[:2] = n_fft / 2, -n_fft / 4
    twice = np.where((bins == 0) | (bins == bins[-1]), 1.0, 2.0)[:, None] / n_fft
    overlap = (window**2).reshape(-1, hop).sum(axis=0).max()
    synthesis = np.concatenate([twice * cosines, -twice * sines]) * window / overlap
    return {
        "stft.analysis": (np.concatenate([cosines, -sines]) * window).T,
        "stft.constant": constant,
        "istft.synthesis": synthesis,
        "istft.edge_gains": _edge_gains(window, hop),
    }


def _edge_gains(window: NDArray[np.float64], hop: int) -> NDArray[np.float64]:
    n_fft, frames = len(window), 12
    sums = np.zeros((frames - 1) * hop + n_fft)
    for frame in range(frames):
        sums[frame * hop : frame * hop + n_fft] += window**2
    edge = n_fft // 2
    gains = sums.max() / sums[edge:-edge]
    return np.concatenate([gains[:edge], [1.0], gains[-edge:]])
