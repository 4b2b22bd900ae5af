"""From a request's input to the ``Script`` that performs it."""

from __future__ import annotations

from gateway.text.aligned import AlignedText
from gateway.text.markup.options import MarkupOptions
from gateway.text.segments import Script, Speech, Style


def read_script(text: str, base: Style, options: MarkupOptions) -> Script:
    """What ``text`` asks for, beginning in the style ``base``. Raises InvalidMarkup, which names the place."""
    del options
    return Script((Speech(AlignedText.of(text), base),) if text.strip() else ())
