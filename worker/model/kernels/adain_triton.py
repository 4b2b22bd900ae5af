"""The kernels of ``adain_gpu``, for Triton to compile. Rows are (length, channels), a block BLOCK rows of one job."""

from __future__ import annotations

import triton
import triton.language as tl

from worker.model.network.layers import NORM_EPS

_EPS = tl.constexpr(NORM_EPS)


@triton.jit
def sum_kernel(
    x, h, bias, made, partial, owners, first_blocks, lengths,
    BLOCK: tl.constexpr, CHANNELS: tl.constexpr, WIDE: tl.constexpr, PARTS: tl.constexpr, ROWS: tl.constexpr,
    ADDS: tl.constexpr,
):  # fmt: skip
    """Sum and sum of squares over a part of a block, relative to its job's first row; of ``x + h + bias``, which it
    stores, or of x."""
    block, part = tl.program_id(0).to(tl.int64), tl.program_id(1)
    channels = tl.program_id(2) * WIDE + tl.arange(0, WIDE)
    real = channels < CHANNELS
    owner = tl.load(owners + block)
    start = tl.load(first_blocks + owner)
    left = tl.load(lengths + owner) - (block - start) * BLOCK
    first = tl.load(x + start * BLOCK * CHANNELS + channels, real, 0.0).to(tl.float32)
    if ADDS:
        added = tl.load(bias + channels, real, 0.0).to(tl.float32)
        first += tl.load(h + start * BLOCK * CHANNELS + channels, real, 0.0).to(tl.float32) + added
        first = first.to(made.dtype.element_ty).to(tl.float32)
    sums = tl.zeros((WIDE,), tl.float32)
    squares = tl.zeros((WIDE,), tl.float32)
    for begin in range(part * (BLOCK // PARTS), (part + 1) * (BLOCK // PARTS), ROWS):
        rows = begin + tl.arange(0, ROWS)
        at = (block * BLOCK + rows)[:, None] * CHANNELS + channels[None, :]
        value = tl.load(x + at, real[None, :], 0.0).to(tl.float32)
        if ADDS:
            value += tl.load(h + at, real[None, :], 0.0).to(tl.float32) + added[None, :]
            rounded = value.to(made.dtype.element_ty)
            tl.store(made + at, rounded, real[None, :])
            value = rounded.to(tl.float32)
        moved = tl.where((rows < left)[:, None], value - first[None, :], 0.0)
        sums += tl.sum(moved, 0)
        squares += tl.sum(moved * moved, 0)
    at = (block * PARTS + part) * 2 * CHANNELS + channels
    tl.store(partial + at, sums, real)
    tl.store(partial + at + CHANNELS, squares, real)


@triton.jit
def finish_kernel(
    x, partial, means, gains, first_blocks, lengths,
    BLOCK: tl.constexpr, CHANNELS: tl.constexpr, WIDE: tl.constexpr, PARTS: tl.constexpr, PARTIALS: tl.constexpr,
):  # fmt: skip
    """Mean and 1 / deviation of some channels of a job, from its parts' sums, always added in the same order."""
    job = tl.program_id(0).to(tl.int64)
    channels = tl.program_id(1) * WIDE + tl.arange(0, WIDE)
    real = channels < CHANNELS
    length = tl.load(lengths + job)
    start = tl.load(first_blocks + job)
    count = tl.cdiv(length, BLOCK // PARTS)
    sums = tl.zeros((WIDE,), tl.float32)
    squares = tl.zeros((WIDE,), tl.float32)
    for begin in range(0, count, PARTIALS):
        parts = begin + tl.arange(0, PARTIALS)
        at = (start * PARTS + parts)[:, None] * (2 * CHANNELS) + channels[None, :]
        there = (parts < count)[:, None] & real[None, :]
        sums += tl.sum(tl.load(partial + at, there, 0.0), 0)
        squares += tl.sum(tl.load(partial + at + CHANNELS, there, 0.0), 0)
    number = tl.maximum(length, 1).to(tl.float32)
    mean = sums / number
    variance = tl.maximum(squares / number - mean * mean, 0.0)
    first = tl.load(x + start * BLOCK * CHANNELS + channels, real, 0.0).to(tl.float32)
    tl.store(means + job * CHANNELS + channels, first + mean, real)
    tl.store(gains + job * CHANNELS + channels, 1.0 / tl.sqrt(variance + _EPS), real)


@triton.jit(do_not_specialize=["stride"])
def apply_kernel(
    x, made, means, gains, scales, shifts, stride, reciprocals, owners, first_blocks, lengths,
    BLOCK: tl.constexpr, CHANNELS: tl.constexpr, WIDE: tl.constexpr, PARTS: tl.constexpr, ROWS: tl.constexpr,
    SNAKES: tl.constexpr, SLOPE: tl.constexpr,
):  # fmt: skip
    """Norm of a part of a block, and Snake or a leaky ReLU of that SLOPE."""
    block, part = tl.program_id(0).to(tl.int64), tl.program_id(1)
    channels = tl.program_id(2) * WIDE + tl.arange(0, WIDE)
    real = channels < CHANNELS
    owner = tl.load(owners + block)
    left = tl.load(lengths + owner) - (block - tl.load(first_blocks + owner)) * BLOCK
    mean = tl.load(means + owner * CHANNELS + channels, real, 0.0)[None, :]
    gain = tl.load(gains + owner * CHANNELS + channels, real, 0.0)
    gain = (gain * tl.load(scales + owner * stride + channels, real, 0.0))[None, :]
    shift = tl.load(shifts + owner * stride + channels, real, 0.0)[None, :]
    if SNAKES:
        reciprocal = tl.load(reciprocals + channels, real, 0.0).to(tl.float32)[None, :]
    for begin in range(part * (BLOCK // PARTS), (part + 1) * (BLOCK // PARTS), ROWS):
        rows = begin + tl.arange(0, ROWS)
        at = (block * BLOCK + rows)[:, None] * CHANNELS + channels[None, :]
        h = (tl.load(x + at, real[None, :], 0.0).to(tl.float32) - mean) * gain + shift
        if SNAKES:
            sine = tl.sin(h)
            value = (h + sine * sine) * reciprocal
        else:
            value = tl.where(h > 0.0, h, h * SLOPE)
        value = tl.where((rows < left)[:, None], value, 0.0)
        tl.store(made + at, value.to(made.dtype.element_ty), real[None, :])
