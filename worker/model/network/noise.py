"""Noise that belongs to a job: a function of its seed and the sample's number, and of nothing else."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_WORD = 0xFFFFFFFF


def normal_noise(seeds: Tensor, positions: Tensor) -> Tensor:
    """Standard normal numbers: float32 in the shape of positions.

    seeds: int64 (pieces,); positions: int64 (pieces, samples), from 0 to 2**30. Each number is hashed from its piece's
    seed and its own position, so a job's noise is the same alone and in any batch, on the CPU and on a GPU. Two hashed
    words make one number by Box and Muller's transform.
    """
    key = _pcg(seeds >> 32) ^ (seeds & _WORD)
    key = _pcg(key)[:, None]
    first, second = (_uniform(_pcg(_pcg(2 * positions + word) ^ key)) for word in (0, 1))
    return torch.sqrt(-2.0 * torch.log(first)) * torch.cos(2 * math.pi * second)


def _uniform(words: Tensor) -> Tensor:
    """Above 0, up to 1."""
    return ((words >> 8) + 1).float() * 2.0**-24


def _pcg(words: Tensor) -> Tensor:
    """PCG-RXS-M-XS-32 as a hash of 32-bit words kept in int64; no product leaves 63 bits, so none overflows.

    Source: Jarzynski & Olano 2020, "Hash functions for GPU rendering".
    """
    state = ((words & _WORD) * 747796405 + 2891336453) & _WORD
    word = (((state >> ((state >> 28) + 4)) ^ state) * 277803737) & _WORD
    return (word >> 22) ^ word
