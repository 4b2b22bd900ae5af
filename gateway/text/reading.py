"""How the text of one request is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.text.markup.lexicon import Lexicon
from gateway.text.normalization import NormalizationOptions


@dataclass(frozen=True, slots=True)
class Reading:
    """The same for all of a request, whatever language a part of it is in. Travels to the text processes."""

    options: NormalizationOptions = field(default_factory=NormalizationOptions)
    lexicon: Lexicon = field(default_factory=lambda: Lexicon({}))
    """Words that the caller says how to say."""
