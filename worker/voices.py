"""Voice packs: style vectors by voice name, blended where a job asks for a mix."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from worker.model.state_dict import WeightsError
from worker.model.voice_file import ROWS, SUFFIXES, read_voice

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""A voice's name becomes a file's name, so it may hold nothing that leads out of the folder."""


class VoicePackError(Exception):
    """A job's style cannot be had from the voice packs at hand."""


class VoiceNotFound(VoicePackError):
    """No voice pack has that name."""


class VoiceDamaged(VoicePackError):
    """The voice pack is there, but its content is no voice."""


class StyleSource(Protocol):
    """Where the worker gets style vectors."""

    def names(self) -> list[str]:
        """The voices offered, sorted."""

    def style(self, mix: Sequence[tuple[str, float]], num_tokens: int) -> NDArray[np.float32]:
        """The style of a weighted mix of voices for a chunk of ``num_tokens`` tokens, float32 (256,)."""

    def pack(self, mix: Sequence[tuple[str, float]]) -> NDArray[np.float32]:
        """The mix's styles for every number of tokens, float32 (510, 256). Raises VoicePackError."""


class VoicePacks:
    """The voice files of one folder, read when first asked for; the ``cache_size`` last used stay in memory."""

    def __init__(self, voices_dir: Path, cache_size: int = 64) -> None:
        if cache_size < 1:
            raise ValueError(f"cache_size is {cache_size}, expected 1 or more")
        self._voices_dir = voices_dir
        self._cache_size = cache_size
        self._cache: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def names(self) -> list[str]:
        """The voices in the folder, sorted; empty when there is no such folder."""
        return sorted({path.stem for suffix in SUFFIXES for path in self._voices_dir.glob(f"*{suffix}")})

    def style(self, mix: Sequence[tuple[str, float]], num_tokens: int) -> NDArray[np.float32]:
        """Blend the voices' styles for a chunk of ``num_tokens`` tokens (1 to 510, without boundaries).

        mix: (voice, weight) pairs; weights are used as given, those of subtracted voices being negative. Returns
        float32 (256,), summed in float64. Source of the row rule: kokoro 0.9.4 ``KPipeline.infer``. Raises
        VoiceNotFound, VoiceDamaged, or VoicePackError for an empty mix or a number of tokens without a row.
        """
        if not 1 <= num_tokens <= ROWS:
            raise VoicePackError(f"num_tokens is {num_tokens}, expected 1 to {ROWS}")
        style: NDArray[np.float32] = self._blended(mix, slice(num_tokens - 1, num_tokens))[0]
        return style

    def pack(self, mix: Sequence[tuple[str, float]]) -> NDArray[np.float32]:
        """What ``style`` gives for 1 to 510 tokens, float32 (510, 256). Raises as ``style`` does."""
        return self._blended(mix, slice(None))

    def _blended(self, mix: Sequence[tuple[str, float]], rows: slice) -> NDArray[np.float32]:
        if not mix:
            raise VoicePackError("the mix names no voice")
        blended = sum(weight * self._pack(name)[rows].astype(np.float64) for name, weight in mix)
        return np.asarray(blended, dtype=np.float32)

    def _pack(self, name: str) -> NDArray[np.float32]:
        if name in self._cache:
            self._cache.move_to_end(name)
            return self._cache[name]
        pack = self._read(name)
        self._cache[name] = pack
        if len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return pack

    def _read(self, name: str) -> NDArray[np.float32]:
        if not _NAME.fullmatch(name):
            raise VoiceNotFound(f"{name!r} is not a voice name")
        for suffix in SUFFIXES:
            path = self._voices_dir / f"{name}{suffix}"
            if path.is_file():
                try:
                    return read_voice(path)
                except WeightsError as error:
                    raise VoiceDamaged(str(error)) from error
        raise VoiceNotFound(f"there is no voice {name!r} in {self._voices_dir}")
