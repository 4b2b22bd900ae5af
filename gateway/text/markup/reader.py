"""From a request's input to the ``Script`` that performs it."""

from __future__ import annotations

from gateway.text.aligned import AlignedText
from gateway.text.markup.brackets import ALWAYS_ON, WITH_VOICE_TAGS, Tag, pause_s, pieces
from gateway.text.markup.builder import ScriptBuilder
from gateway.text.markup.options import MarkupOptions
from gateway.text.markup.places import tag_refusal
from gateway.text.markup.ssml import is_ssml, read_ssml
from gateway.text.markup.values import number
from gateway.text.markup.voices import Voices
from gateway.text.segments import Script, Speech, Style


def read_script(text: str, base: Style, options: MarkupOptions) -> Script:
    """What ``text`` asks for, beginning in the style ``base``; no segments if nothing of it is speech or a pause.

    Linear in the length of ``text``; a text without a bracket is not looked at. Raises InvalidMarkup, whose ``code``
    is that of an unknown voice or language where that is the fault, and UnspeakableCharacters for SSML that is no
    valid Unicode.
    """
    if options.ssml and is_ssml(text):
        return read_ssml(text, base, options)
    whole = AlignedText.of(text)
    if "[" not in text:
        return Script((Speech(whole, base),) if text and not whole.text.isspace() else ())
    return _TagReader(text, base, options).read(whole)


class _TagReader:
    """Plain text, in which tags hold until the next one."""

    def __init__(self, source: str, base: Style, options: MarkupOptions) -> None:
        self._source = source
        self._base = base
        self._tags = WITH_VOICE_TAGS if options.allow_voice_tags else ALWAYS_ON
        self._builder = ScriptBuilder(source, options)
        self._voices = Voices(source, options)
        self._voice = self._style = base
        """The style of the voice alone, and with what rate tags make of it."""

    def read(self, text: AlignedText) -> Script:
        for piece in pieces(text, self._tags, self._source):
            if isinstance(piece, AlignedText):
                self._builder.say(piece, self._style)
            elif piece.name == "pause":
                self._builder.pause(pause_s(piece, self._source), piece.char_start, piece.char_end)
            else:
                self._builder.apart()
                self._change(piece)
        return self._builder.script()

    def _change(self, tag: Tag) -> None:
        if tag.name == "voice":
            self._voice = self._style = self._new_voice(tag)
        else:
            rate = 1.0 if tag.value is None else self._new_rate(tag, tag.value)
            self._style = self._voices.at_rate(self._voice, self._voice.rate * rate, tag.char_start, tag.char_end)

    def _new_voice(self, tag: Tag) -> Style:
        name = tag.value
        if name is None or (name.lower() == "default" and not self._voices.is_alias(name)):
            return self._base
        if not name:
            raise tag_refusal(self._source, "the tag names no voice", tag.char_start, tag.char_end)
        return self._voices.style(name, self._base, tag.char_start, tag.char_end)

    def _new_rate(self, tag: Tag, value: str) -> float:
        rate = number(value)
        if rate is None:
            raise tag_refusal(self._source, "a rate is a number, as in [rate:1.2]", tag.char_start, tag.char_end)
        return rate
