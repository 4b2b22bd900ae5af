"""How long work reports on itself, without knowing who watches."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of every step of a pull or a build."""

    def step(self, name: str, done: int, total: int | None) -> None:
        """``done`` of ``total`` is done of the step ``name``; total None: there is no telling. Bytes, for downloads."""


class Silent:
    """A Progress that nobody watches."""

    def step(self, name: str, done: int, total: int | None) -> None:
        """Do nothing."""
