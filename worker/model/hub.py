"""The hub: hexgrad/Kokoro-82M over plain HTTPS."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from worker.model import pins
from worker.model.fetch import OriginUnavailable, download, require_reachable
from worker.model.files import write_whole
from worker.model.progress import Progress, Silent
from worker.model.state_dict import WeightsError
from worker.model.voice_file import content_sha256

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 30.0
VOICE_BYTES = 523_425
"""Of a ``.pt`` file, nearly: for the progress bar."""


class Hub:
    """The official files. ``endpoint``, or else ``HF_ENDPOINT``, names a mirror, as it does for the hub's own tools."""

    name = "the hub"

    def __init__(self, endpoint: str | None = None, silence_timeout_s: float = SILENCE_TIMEOUT_S) -> None:
        base = endpoint or os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
        self._base = f"{base.rstrip('/')}/hexgrad/Kokoro-82M/resolve/main"
        self._silence_timeout_s = silence_timeout_s

    def fetch_weights(self, model_dir: Path, progress: Progress) -> None:
        """``kokoro-v1_0.pth``, 327 MB."""
        require_reachable(self._base, CONNECT_TIMEOUT_S)
        name, sha256 = pins.HUB_WEIGHTS.name, pins.HUB_WEIGHTS.sha256
        url = f"{self._base}/{name}"
        download(url, model_dir / name, progress, timeout_s=self._silence_timeout_s, sha256=sha256)

    def fetch_voices(self, voices_dir: Path, names: Sequence[str], progress: Progress) -> None:
        """``.pt`` files, each kept only if it decodes to a voice."""
        require_reachable(self._base, CONNECT_TIMEOUT_S)
        with tempfile.TemporaryDirectory() as folder:
            for done, name in enumerate(names):
                progress.step("voices", done * VOICE_BYTES, len(names) * VOICE_BYTES)
                self._fetch_voice(name, Path(folder), voices_dir)
        progress.step("voices", len(names) * VOICE_BYTES, len(names) * VOICE_BYTES)

    def _fetch_voice(self, name: str, folder: Path, voices_dir: Path) -> None:
        fetched = folder / f"{name}.pt"
        download(f"{self._base}/voices/{name}.pt", fetched, Silent(), timeout_s=self._silence_timeout_s)
        try:
            sha256 = content_sha256(fetched)
        except WeightsError as error:
            raise OriginUnavailable(f"voice {name} is damaged: {error}") from error
        if sha256 != pins.VOICES[name]:
            # Its authors may revise a voice; what is checked above is that it is one.
            log.warning("voice %s from the hub is not the one released with Kokoro v1.0", name)
        write_whole(voices_dir / fetched.name, fetched.read_bytes())
