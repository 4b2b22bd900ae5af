"""Changes of voice and rate, as tags and elements ask for them."""

from __future__ import annotations

from dataclasses import replace

from gateway.text.markup.options import MarkupOptions
from gateway.text.markup.places import placed, tag_refusal
from gateway.text.segments import Style
from shared.errors import FleetError


class Voices:
    """Resolves the names of one request's voices."""

    def __init__(self, source: str, options: MarkupOptions) -> None:
        self._source = source
        self._options = options
        self._aliases = {name.strip().lower(): alias for name, alias in options.aliases.items()}
        self._styles: dict[tuple[str, Style], Style] = {}

    def style(self, expression: str, before: Style, char_start: int, char_end: int) -> Style:
        """``before`` in the voice that ``input[char_start:char_end]`` names, at the rate that belongs to its name.

        Raises InvalidMarkup, with the code of the error that the name got.
        """
        known = self._styles.get((expression, before))
        if known is not None:
            return known
        alias = self._aliases.get(expression.strip().lower())
        try:
            style = self._in_voice(before, expression.strip() if alias is None else alias.expression)
        except FleetError as error:
            raise placed(self._source, error, char_start, char_end) from error
        style = self.at_rate(style, 1.0 if alias is None else alias.rate, char_start, char_end)
        self._styles[expression, before] = style
        return style

    def _in_voice(self, before: Style, expression: str) -> Style:
        voice, language_of = self._options.voice_of(expression), self._options.language_of
        return replace(before, voice=voice, language=before.language if language_of is None else language_of(voice))

    def is_alias(self, name: str) -> bool:
        return name.strip().lower() in self._aliases

    def at_rate(self, style: Style, rate: float, char_start: int, char_end: int) -> Style:
        """``style`` at ``rate``. Raises InvalidMarkup if that is out of bounds."""
        rate = round(rate, 6)
        least, most = self._options.min_rate, self._options.max_rate
        if not least <= rate <= most:
            message = f"this makes the rate {rate:.4g}; it must be between {least:g} and {most:g}"
            raise tag_refusal(self._source, message, char_start, char_end)
        return style if rate == style.rate else replace(style, rate=rate)
