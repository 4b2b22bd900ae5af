"""``kokoro-fleet models …``: shows what ``worker.model`` does to the files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from shared.settings import ModelSettings
from worker.engine.base import EngineError
from worker.model.files import write_whole
from worker.model.graph_file import (
    PRECISIONS,
    KernelsSetting,
    Precision,
    PrecisionSetting,
    choice_note,
    graphs,
    kinds,
    remove_graph,
)
from worker.model.kernels.compile import KernelsUnavailable, check_processor
from worker.model.progress import Progress
from worker.model.sources import ModelStore, ModelUnavailable
from worker.model.state_dict import WeightsError
from worker.settings import WorkerSettings

console = Console(stderr=True)


class _Steps:
    """Draws each step of a pull or a build as a bar of its own."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def step(self, name: str, done: int, total: int | None) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total)
            if not console.is_terminal:
                console.print(f"{name}…")
        self._bars.update(self._tasks[name], completed=done, total=total)


class _Amount(DownloadColumn):
    """Bytes of a file, or a count of something fewer."""

    def render(self, task: Task) -> Text:
        if task.total is not None and task.total < _FEWEST_BYTES:
            return Text(f"{task.completed:.0f}/{task.total:.0f}", style="progress.download")
        return super().render(task)


_FEWEST_BYTES = 1000
"""What a file to be fetched or built has at least."""


def pull() -> None:
    """Fetch what is missing; build the graph that ONNX_PRECISION asks for, if ENGINE needs one."""
    settings = WorkerSettings()
    store = _store(settings)
    with _model_errors(), _bars() as bars:
        steps = _Steps(bars)
        steps.step("checking the model's files", 0, None)
        store.pull(settings.download_model, steps)
        if settings.chosen_engine == "onnx":
            _build(store, settings.onnx_precision, settings, steps)


def build(precision: PrecisionSetting | None) -> None:
    """Build the graph of a precision, by default that of ONNX_PRECISION; say which file it is."""
    settings = WorkerSettings()
    store = _store(settings)
    wanted = precision or settings.onnx_precision
    with _model_errors(), _bars() as bars:
        _build(store, wanted, settings, _Steps(bars))
    console.print(f"{store.onnx_path(wanted, settings.onnx_kernels)}")


def _build(store: ModelStore, wanted: PrecisionSetting, settings: WorkerSettings, steps: Progress) -> None:
    if _is_built(store, wanted, settings.onnx_kernels):
        return
    if wanted == "auto":
        _build_faster(store, settings, steps)
    else:
        _build_best(store, wanted, settings.onnx_kernels, steps)


def _build_best(store: ModelStore, precision: Precision, kernels: KernelsSetting, steps: Progress) -> Path:
    """Build the best kind of graph of a precision that can be built here."""
    from worker.model.export import build_onnx

    best, *fallback = kinds(precision, kernels)
    if not fallback:  # it is insisted on
        return build_onnx(store, steps, kind=best)
    try:
        check_processor()
        return build_onnx(store, steps, kind=best)
    except KernelsUnavailable as error:
        console.print(f"Without operators of our own, which are faster: {error}.")
        return build_onnx(store, steps, kind=fallback[0])


def _build_faster(store: ModelStore, settings: WorkerSettings, steps: Progress) -> None:
    """Build all precisions, note the faster one, keep no other that was not there before."""
    from worker.engine.choice import faster, seconds_to_speak
    from worker.main import session_settings

    before = set(graphs(store.model_dir))
    built = {precision: _build_best(store, precision, settings.onnx_kernels, steps) for precision in PRECISIONS}
    steps.step("measuring", 0, None)
    seconds = seconds_to_speak(built, session_settings(settings), store.voices_dir)
    chosen = faster(seconds)
    write_whole(store.choice_path(), choice_note(seconds, chosen))
    for precision, path in built.items():
        if precision != chosen and path not in before:
            remove_graph(path)
    console.print("; ".join(f"{name} {time:.2f} s" for name, time in seconds.items()) + f": {chosen} it is.")


def show() -> None:
    """List files and voices."""
    settings = ModelSettings()
    store = _store(settings)
    table = Table("file", "size", "source", "state", box=None, pad_edge=False)
    for check in store.verify():
        if check.source != "package registries" or not check.name.endswith(".bin"):
            table.add_row(check.name, f"{check.size / 1e6:.1f} MB", check.source, check.detail)
    Console().print(table)
    voices = store.voice_names()
    Console().print(f"{len(voices)} voices in {store.voices_dir}: {' '.join(voices)}")


def verify() -> bool:
    """Hash everything again; say what is wrong."""
    checks = _store(ModelSettings()).verify()
    wrong = [check for check in checks if not check.ok]
    for check in wrong:
        console.print(f"[red]{check.name}[/]: {check.detail}")
    console.print(f"{len(checks) - len(wrong)} of {len(checks)} files are as they should be.")
    return not wrong


def _store(settings: ModelSettings) -> ModelStore:
    return ModelStore(settings.model_dir, settings.voices_path)


def _is_built(store: ModelStore, wanted: PrecisionSetting, kernels: KernelsSetting) -> bool:
    try:
        store.onnx_path(wanted, kernels)
    except ModelUnavailable:
        return False
    return True


@contextlib.contextmanager
def _model_errors() -> Iterator[None]:
    try:
        yield
    except (EngineError, KernelsUnavailable, ModelUnavailable, WeightsError) as error:
        raise click.ClickException(f"The model cannot be had: {error}") from error


def _bars() -> Bars:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), _Amount(), TimeElapsedColumn())
    return Bars(*columns, console=console, transient=True)
