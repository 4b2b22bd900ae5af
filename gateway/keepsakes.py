"""One request's audio and timing, written as they are spoken."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from gateway.assembly import SAMPLE_RATE, Stretch
from gateway.audio.encoder import FileEncoder
from gateway.audio.formats import AudioFormat


class Keepsake:
    """Two files in the making, either of which may not be wanted. Blocks; raises OSError if the disk is full."""

    def __init__(self, form: AudioFormat | None, audio: Path | None, timing: Path | None, text: str) -> None:
        """``text``: the input, whose offsets the stretches have."""
        self._paths = [path for path in (audio, timing) if path]
        self._timing = timing
        self._text = text
        self._chunks: list[dict[str, Any]] = []
        self._words: list[dict[str, Any]] = []
        self._num_samples = 0
        for path in self._paths:
            path.touch(mode=0o600, exist_ok=False)
        self._open = contextlib.ExitStack()
        encoder = FileEncoder(form, SAMPLE_RATE, audio) if form and audio else None
        self._encoder = self._open.enter_context(encoder) if encoder else None

    def add(self, stretch: Stretch) -> None:
        """Go on with a stretch."""
        if self._encoder:
            self._encoder.write(stretch.pcm)
        if self._timing:
            self._add_chunk("", stretch.num_silent)
            self._add_chunk(self._text[stretch.char_start : stretch.char_end], len(stretch.pcm) - stretch.num_silent)
            self._words += [word.fields() for word in stretch.words]
            os.utime(self._timing)  # a sign of life: it is written at the end alone

    def finish(self) -> None:
        """Write what is left; the files are whole then, and on the disk."""
        if self._encoder:
            self._encoder.close()
        if self._timing:
            said = {"duration": _seconds(self._num_samples), "chunks": self._chunks, "words": self._words}
            self._timing.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
        for path in self._paths:
            with path.open("rb") as file:
                os.fsync(file.fileno())

    def discard(self) -> None:
        """Free the encoder, and delete what was not given its name."""
        self._open.close()
        for path in self._paths:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    def _add_chunk(self, text: str, num_samples: int) -> None:
        """A chunk, or with no text a pause, as Kokoro-FastAPI has them."""
        if num_samples:
            start = self._num_samples
            self._num_samples += num_samples
            self._chunks.append({"text": text, "start": _seconds(start), "end": _seconds(self._num_samples)})


def _seconds(num_samples: int) -> float:
    return round(num_samples / SAMPLE_RATE, 4)
