"""A text that comes in pieces, as a language model writes it: how much of it can be spoken now without sounding cut.

Pure: no clock; when to ask for which part is the caller's to say. ``sentences`` gives those that nothing to come can
change: "Dr." is followed by a name, "3." by "14", a full stop by a closing quote. ``clause`` and ``words`` give less,
for a listener who hears nothing. No part ends inside a word, a number or a markup tag. A look at the text costs a
bounded number of characters, so that the whole is linear however small the pieces.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gateway.text.languages import Language
from gateway.text.sentences import split_sentences

FIRST_CLAUSE_CHARS = 30
"""About 2 s of speech: time to make what follows, and enough for the clause to have a melody of its own."""

LEAST_WORDS_CHARS = 12
"""Two or three words; fewer sound like a stutter."""

LONGEST_SENTENCE_CHARS = 1_000
"""A longer sentence is cut after a clause or a word; nobody could say it in one breath."""

LONGEST_WORD_CHARS = 4_000
"""What has no space in so many characters is no word, and is cut anywhere."""

PORTION_CHARS = 200
"""About 13 s of speech: as much as is given out in one go, where a sentence ends before."""

_PROBES = ("x", "X", "5", '"', "」", " x", " X", ' "X')
"""What may come next. An end of a sentence that is one before all of these is one for good."""
_GUILLEMETS = ("»", " »")

_LOOKAHEAD_CHARS = 64
_LOOKBACK_CHARS = 64
"""What is farther from a stop than this does not change what it is."""
_OVERLONG_STEP_CHARS = 100
_WINDOW_CHARS = 2 * LONGEST_SENTENCE_CHARS
"""Looked at in one go."""
_LONGEST_TAG_CHARS = 300

_SPACE = re.compile(r"\s++")
_MAY_END = re.compile(r"[.!?…؟。！？｡．।॥\n\r\u2028\u2029]")
_BEFORE_BLOCK = re.compile(r"\n(?=[ \t]{0,8}(?:[-*+•‣◦][ \t]|[0-9]{1,4}[.)][ \t]|#{1,6}[ \t]))")
_CLAUSE_END = re.compile(r"(?<=[^\d\s])(?:[,;:—–][\"'”’)]*+\s++(?=[^\s\d])|[，、；：](?=\D))")
_ENDS_WITH_STOP = re.compile(r"[^\W\d_][\"'”’»)\]}*_]*+[.!?…؟。！？]++[\"'”’»)\]}」』*_]*+\s*+\Z")
_OPEN_MARKUP = re.compile(r"(?:\[[^\[\]]*+|\](?:\([^()\[\]]*+)?)\Z")
_VOICE_TAG = re.compile(r"\[(?:(?P<opened>voice|rate):[^\[\]]*+|/(?P<closed>voice|rate))\]", re.IGNORECASE)
_FENCE = re.compile(r"(?m)^[ \t]{0,8}(?:[-*+>][ \t]{1,3})?(?:`{3,}+|~{3,}+)(?P<after>[^\n]*+)")


class Portion(NamedTuple):
    """``input[char_start:char_start + len(text)]``, to be spoken by itself."""

    text: str
    char_start: int
    in_force: str
    """Markup of earlier portions that still holds: to be read before ``text``."""


class IncrementalText:
    """Takes a text piece by piece; gives it out in portions that follow one another without a gap."""

    def __init__(self, language: Language, *, has_voice_tags: bool = False) -> None:
        """``has_voice_tags``: ``[voice:]`` and ``[rate:]`` are tags, and hold until the next one."""
        self._language = language
        self._probes = (*_PROBES, *_GUILLEMETS) if language is Language.FR else _PROBES
        self._buffer = ""
        self._char_start = 0
        self._judged = 0
        """No sentence ends before this place of the buffer."""
        self._next_breath = LONGEST_SENTENCE_CHARS
        self._markup = _MarkupInForce(has_voice_tags=has_voice_tags)

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to be given out."""
        return not self._buffer or self._buffer.isspace()

    def append(self, text: str) -> None:
        self._buffer += text

    def sentences(self) -> Portion | None:
        """Sentences that are sure to be whole; of one that does not end, as much as can be said in one breath."""
        while end := self._last_sentence_end() or self._end_of_overlong():
            if portion := self._take(end):
                return portion
        return None

    def clause(self) -> Portion | None:
        """What ends with a clause, if that is enough for a beginning."""
        return self._take(self._last_clause_end(FIRST_CLAUSE_CHARS))

    def words(self) -> Portion | None:
        """What ends with a word, for when nothing comes: all of it if that looks like a whole sentence."""
        if self._looks_whole():
            return self._take(len(self._buffer))
        return self._take(self._last_word_end(LEAST_WORDS_CHARS))

    def rest(self) -> Portion | None:
        """All that is there, whatever it ends with; ask for ``sentences`` first."""
        return self._take(len(self._buffer))

    def _take(self, end: int) -> Portion | None:
        if not end:
            return None
        text, self._buffer = self._buffer[:end], self._buffer[end:]
        portion = Portion(text, self._char_start, self._markup.prefix)
        self._markup.pass_over(text)
        self._char_start += end
        self._judged = 0
        self._next_breath = LONGEST_SENTENCE_CHARS
        return None if text.isspace() else portion

    def _last_sentence_end(self) -> int:
        """Of the last sentence that ends within a portion, else of the first; 0 if there is none."""
        window = self._buffer[:_WINDOW_CHARS]
        start = self._window_start(window)
        self._judged = max(0, len(window) - _LOOKAHEAD_CHARS)
        if not _MAY_END.search(window, start):
            return 0
        ends = self._ends(window[start:], self._probes[0]) | _block_ends(window[start:])
        for end in sorted(ends, key=lambda end: (start + end > PORTION_CHARS, abs(PORTION_CHARS - start - end))):
            if self._is_certain(window[start:], end) and not self._is_inside_markup(start + end):
                return start + end
        return 0

    def _window_start(self, window: str) -> int:
        """Where to look from: a stop that was judged with all that it depends on in sight is not judged again."""
        from_place = max(0, self._judged - _LOOKBACK_CHARS)
        space = _SPACE.search(window, from_place) if from_place else None
        return space.end() if space else from_place

    def _is_certain(self, text: str, end: int) -> bool:
        if end + _LOOKAHEAD_CHARS <= len(text):
            return True
        if end in _block_ends(text):
            return True
        # A stop is judged by what is shortly before it: whole words of that are enough.
        space = _SPACE.search(text, end - _LOOKBACK_CHARS) if end > _LOOKBACK_CHARS else None
        start = space.end() if space else max(0, end - _LOOKBACK_CHARS)
        return all(end - start in self._ends(text[start:], probe) for probe in self._probes)

    def _ends(self, text: str, following: str) -> set[int]:
        """Where sentences of ``text`` end if ``following`` comes next."""
        return {span.end for span in split_sentences(text + following, self._language) if span.end <= len(text)}

    def _last_clause_end(self, at_least: int) -> int:
        window = self._buffer[:_WINDOW_CHARS]
        ends = [match.end() for match in _CLAUSE_END.finditer(window) if match.end() >= at_least]
        return next((end for end in reversed(ends) if not self._is_inside_markup(end)), 0)

    def _end_of_overlong(self) -> int:
        if len(self._buffer) <= self._next_breath:
            return 0
        self._next_breath = len(self._buffer) + _OVERLONG_STEP_CHARS
        at_least = LONGEST_SENTENCE_CHARS // 2
        if end := self._last_clause_end(at_least) or self._last_word_end(at_least):
            return end
        if len(self._buffer) <= LONGEST_WORD_CHARS:
            return 0
        space = self._buffer.rfind(" ", at_least, LONGEST_WORD_CHARS) + 1
        return space or LONGEST_WORD_CHARS

    def _looks_whole(self) -> bool:
        tail = self._buffer[-_LOOKBACK_CHARS:]
        if not _ENDS_WITH_STOP.search(tail) or self._is_inside_markup(len(self._buffer)):
            return False
        return len(tail.rstrip()) in self._ends(tail, " X")

    def _last_word_end(self, at_least: int) -> int:
        """The last space that no number, abbreviation or tag lies around."""
        text = self._buffer[:_WINDOW_CHARS]
        spaces = [match.end() for match in _SPACE.finditer(text, max(0, len(text) - LONGEST_SENTENCE_CHARS))]
        for end in reversed(spaces):
            if end < at_least:
                return 0
            before = text[max(0, end - _LOOKBACK_CHARS) : end].split()[-1:]
            after = text[end : end + _LOOKBACK_CHARS].split()[:1]
            belong_together = any(char.isdigit() for word in before + after for char in word)
            if before and not belong_together and not before[0].endswith(".") and not self._is_inside_markup(end):
                return end
        return 0

    def _is_inside_markup(self, end: int) -> bool:
        """Whether a cut at ``end`` could go through a tag or a pronunciation."""
        opened = _OPEN_MARKUP.search(self._buffer, max(0, end - _LONGEST_TAG_CHARS), end)
        if opened is None:
            return False
        return opened.group() != "]" or self._buffer[end : end + 1] in {"", "("}


class _MarkupInForce:
    """What earlier portions leave switched on."""

    def __init__(self, *, has_voice_tags: bool) -> None:
        self._has_voice_tags = has_voice_tags
        self._voice = self._rate = ""
        self._is_code = False
        self._is_line_start = True

    @property
    def prefix(self) -> str:
        return self._voice + self._rate + "```\n" * self._is_code

    def pass_over(self, text: str) -> None:
        if self._has_voice_tags:
            for tag in _VOICE_TAG.finditer(text):
                self._change(tag)
        for fence in _FENCE.finditer(text):
            if fence.start() == 0 and not self._is_line_start:
                continue
            # Inside a block only a fence without anything after it is one.
            self._is_code = not self._is_code or bool(fence["after"].strip())
        self._is_line_start = text.rstrip(" \t").endswith("\n")

    def _change(self, tag: re.Match[str]) -> None:
        written = tag.group() if tag["opened"] else ""
        if (tag["opened"] or tag["closed"]).lower() == "voice":
            self._voice, self._rate = written, ""
        else:
            self._rate = written


def _block_ends(text: str) -> set[int]:
    """Where a line ends before a list item or a heading."""
    return {match.start() for match in _BEFORE_BLOCK.finditer(text)} - {0}
