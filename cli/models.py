"""``kokoro-fleet models …``: shows what ``worker.model`` does to the files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from shared.settings import ModelSettings
from worker.model.sources import ModelStore, ModelUnavailable
from worker.model.state_dict import WeightsError

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


def pull() -> None:
    """Fetch what is missing and build the graph; at once when all is there."""
    settings = ModelSettings()
    store = _store(settings)
    with _model_errors(), _bars() as bars:
        steps = _Steps(bars)
        steps.step("checking the model's files", 0, None)
        store.pull(settings.download_model, steps)
        if not _is_built(store):
            from worker.model.export import build_onnx

            build_onnx(store, steps)


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


def _is_built(store: ModelStore) -> bool:
    try:
        store.onnx_path()
    except ModelUnavailable:
        return False
    return True


@contextlib.contextmanager
def _model_errors() -> Iterator[None]:
    try:
        yield
    except (ModelUnavailable, WeightsError) as error:
        raise click.ClickException(f"The model cannot be had: {error}") from error


def _bars() -> Bars:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    return Bars(*columns, console=console, transient=True)
