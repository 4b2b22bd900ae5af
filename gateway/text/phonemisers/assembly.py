"""What every language's G2P does alike: sentences into stretches of words and the marks between, and back again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import regex

from gateway.text.aligned import OBJECT, AlignedText, Said
from gateway.text.errors import UnspeakableCharacters, UnsupportedReading
from gateway.text.languages import Language
from gateway.text.phonemisers.symbols import CLOSERS, OPENERS, PAUSES, PUNCTUATION, in_vocabulary
from gateway.text.spoken import Break, Word
from shared.vocabulary import is_audible

MUST_BE_HEARD = regex.compile(r"(?V1)[[\p{L}\p{N}]--\p{Lm}]")

_MARK = "".join(regex.escape(mark, special_only=False) for mark in PUNCTUATION)
_SEPARATOR = regex.compile(
    # A stop, a comma or a colon between letters or digits is no pause: "3.5", "12:30", "p.ej".
    rf"(?V1)(?:(?<![\p{{L}}\p{{N}}])[.,:']|[.,:'](?![\p{{L}}\p{{N}}])|[[{_MARK}¡¿|]--[.,:]])|{OBJECT}|(?<!\S)[-‐-‒](?!\S)"
)


class Item(NamedTuple):
    """A word or a mark, before it is known what follows it."""

    phonemes: str
    """Empty for what is not heard."""
    char_start: int
    char_end: int
    space_after: bool
    text: str
    begins_phrase: bool = False
    """A good place for a cut lies before it."""
    leans: bool = False
    """On the next word: nobody pauses between."""


def items_of(
    sentence: AlignedText, words: Callable[[AlignedText], Iterable[Item]], language: Language
) -> Iterator[Item]:
    """The items of a sentence: marks, OBJECTs, and what ``words`` makes of each stretch between.

    Raises UnsupportedReading for an OBJECT with stress or number flags, which are misaki's English.
    """
    text, done = sentence.text, 0
    for found in _SEPARATOR.finditer(text):
        if done < found.start():
            yield from words(sentence.slice(done, found.start()))
        done = found.end()
        space_after = text[done : done + 1].isspace()
        said = sentence.said_at(found.start())
        if said is not None:
            yield from _object(sentence.slice(found.start(), done), said, words, language, space_after=space_after)
        else:
            mark = found.group()
            symbol = PUNCTUATION.get(mark, "" if mark in "'¡¿|" else "—")
            yield Item(symbol, *sentence.span(found.start(), done), space_after, mark)
    if done < len(text):
        yield from words(sentence.slice(done, len(text)))


def _object(
    text: AlignedText,
    said: Said,
    words: Callable[[AlignedText], Iterable[Item]],
    language: Language,
    *,
    space_after: bool,
) -> Iterator[Item]:
    start, end = text.span(0, 1)
    if said.phonemes is not None:
        yield Item(said.phonemes, start, end, space_after, said.text)
    elif said.stress is not None or said.num_flags:
        raise UnsupportedReading(
            f"Stress and number flags are for English: {said.text[:40]!r} at character {start} is in {language.value}. "
            "Give its phonemes instead.",
            char_start=start,
            char_end=end,
        )
    elif said.text.strip():
        *others, last = words(text.reading(said.text))
        yield from (*others, last._replace(space_after=space_after))


def spoken(phonemes: str, text: str, char_start: int, char_end: int, language: Language) -> str:
    """``phonemes`` in the model's symbols; empty for a sign that is not said.

    Raises UnspeakableCharacters if ``text`` has letters or digits and no sound.
    """
    known = in_vocabulary(phonemes)
    if known is None or (not is_audible(known) and MUST_BE_HEARD.search(text)):
        raise UnspeakableCharacters(
            f"{text[:40]!r} at character {char_start} cannot be spoken in {language.value}.",
            char_start=char_start,
            char_end=char_end,
        )
    return known if is_audible(known) else ""


def join(items: Iterable[Item], *, spaced: bool) -> tuple[Word, ...]:
    """The items that are heard as words, with the spaces and breaks between; none if there is no sound among them.

    ``spaced``: spaces are as written, but for one before a closing mark, as French has it, which the model has not
    learnt. Otherwise, for scripts without spaces, there is one between words, and marks have theirs as in English.
    """
    heard = [*items]
    return as_words(heard, spaced=spaced) if any(is_audible(item.phonemes) for item in heard) else ()


def as_words(items: Iterable[Item], *, spaced: bool) -> tuple[Word, ...]:
    """The same, for items that may be nothing but marks."""
    heard: list[Item] = []
    for item in items:
        if item.phonemes:
            heard.append(item)
        elif heard and item.space_after:
            heard[-1] = heard[-1]._replace(space_after=True)
    words: list[Word] = []
    for place, item in enumerate(heard):
        before = heard[place - 1] if place else None
        following = heard[place + 1] if place + 1 < len(heard) else None
        space_after = following is not None and _space_between(item, following, spaced=spaced)
        break_after = _break_after(before, item, following, space_after=space_after)
        words.append(Word(item.phonemes, item.char_start, item.char_end, space_after, break_after, item.text))
    return tuple(words)


def _space_between(item: Item, following: Item, *, spaced: bool) -> bool:
    if following.phonemes in CLOSERS or following.phonemes in PAUSES:
        return item.space_after and following.phonemes == "—" and spaced
    if item.phonemes in OPENERS:
        return False
    if not spaced:
        # A geminate is one sound across two words, as misaki writes it.
        return not (item.phonemes.endswith("ʔ") or following.phonemes.startswith("ʔ"))
    return item.space_after or item.phonemes in CLOSERS


def _break_after(before: Item | None, item: Item, following: Item | None, *, space_after: bool) -> Break:
    if item.phonemes in PAUSES and (space_after or item.phonemes == "—"):
        return Break.CLAUSE
    if following is None or not space_after:
        return Break.NONE
    if item.phonemes in CLOSERS:
        return Break.CLAUSE if before is not None and before.phonemes in PAUSES else Break.PHRASE
    if item.leans:
        return Break.NONE
    return Break.PHRASE if following.begins_phrase or following.phonemes in OPENERS else Break.WORD
