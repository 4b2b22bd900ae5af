"""Markup: bracket tags, inline pronunciations, SSML and pronunciation lexicons. ``docs/markup.md`` is its manual."""

from gateway.text.markup.lexicon import Lexicon
from gateway.text.markup.options import MarkupOptions, SayAs, VoiceAlias
from gateway.text.markup.reader import read_script

__all__ = ["Lexicon", "MarkupOptions", "SayAs", "VoiceAlias", "read_script"]
