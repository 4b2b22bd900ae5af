"""What a request may choose about how its text is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class NormalizationOptions:
    """Names and defaults are Kokoro-FastAPI's, but for the last three, which it does not have."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}
    """For the request bodies that hold it: an unknown option would change nothing, and so is refused."""

    normalize: bool = True
    """False: the text goes to the G2P as it is, cleaned of what no G2P should see."""
    unit_normalization: bool = False
    """Also units whose sign may be a word or a name: "5 m", "3 in", "20 C". Whatever can be nothing but a unit
    after a number (km, kg, GHz, mph, °C, %) is always read by its name."""
    url_normalization: bool = True
    email_normalization: bool = True
    optional_pluralization_normalization: bool = True
    """"file(s)" is files."""
    phone_normalization: bool = True
    replace_remaining_symbols: bool = True
    """Signs that no other rule reads by their names: "&", "@", "%", "=" ..."""
    markdown_normalization: bool = True
    """Headings, lists, emphasis and links are said without their signs."""
    read_code: bool = True
    """False: fenced code blocks are left out."""
    name_emoji: bool = False
    """Emoji by their names; otherwise they are left out."""


DEFAULTS = NormalizationOptions()
