"""Numbers of every other kind: signs, ranges, fractions, versions, ordinals, codes of letters and digits, and plain."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable

import regex

from gateway.text.normaliser.english.numbers import MAX_DIGITS, Numbers, digits, spelled
from gateway.text.normaliser.english.patterns import (
    BEGIN,
    DECIMAL_DIGITS,
    END,
    LETTER,
    NUMBER,
    NUMBER_BEGINS,
    ORDINAL_SUFFIX,
    SPACE,
    SPACES,
    WHOLE,
)
from gateway.text.rules import (
    DIGITS,
    LETTERS,
    NOT_ASCII,
    Anchor,
    AnyRule,
    Edit,
    Finder,
    Pattern,
    Respelling,
    Rule,
    remembered,
)

VULGAR = {
    "½": ("1", "2"), "⅓": ("1", "3"), "⅔": ("2", "3"), "¼": ("1", "4"), "¾": ("3", "4"), "⅕": ("1", "5"),
    "⅖": ("2", "5"), "⅗": ("3", "5"), "⅘": ("4", "5"), "⅙": ("1", "6"), "⅚": ("5", "6"), "⅐": ("1", "7"),
    "⅛": ("1", "8"), "⅜": ("3", "8"), "⅝": ("5", "8"), "⅞": ("7", "8"), "⅑": ("1", "9"), "⅒": ("1", "10"),
}  # fmt: skip
_PIECES = re.compile(r"\d+(?:\.\d+)?|[^\d.]+")
_FIXED = {"24/7": "twenty-four seven", "9/11": "nine eleven", "7/11": "seven eleven"}
_RANGE_DASH = r"[-‐‑‒–]"
_UNIT_AFTER_RANGE = rf"(?:{SPACE}?(?:%|[°º]{SPACE}?[CFK]?|[AaPp]\.?[Mm]\.?|[kmbKMB]n?|s))?"
_RELEASED = (
    "[Vv]ersions?|[Rr]eleases?|[Bb]uild|Python|Java|JavaScript|Node|Ruby|Rust|Swift|PHP|Perl|Kotlin|Django|Rails|React"
    "|iOS|iPadOS|macOS|Android|Windows|Ubuntu|Debian|Fedora|Linux|CUDA|PyTorch|TensorFlow|Postgres|PostgreSQL|Redis"
)


def spaced(pattern: Pattern, read: Callable[[str], str]) -> Callable[[str], list[Edit]]:
    """Finds what ``pattern`` matches, to be read with a space on the sides where it touches a letter or digit."""

    def edits(text: str) -> list[Edit]:
        found: list[Edit] = []
        for match in pattern.finditer(text):
            start, end = match.span()
            before = text[start - 1] if start else " "
            left = " " if before.isalnum() or before in ".," else ""
            right = " " if text[end : end + 1].isalnum() else ""
            found.append((start, end, f"{left}{read(text[start:end])}{right}"))
        return found

    return edits


_SEASON = regex.compile(rf"(?<={BEGIN}(?:1[1-9]|20)\d\d)/(?=\d\d{END}(?!/))")
_EVEN_CHANCES = regex.compile(rf"{BEGIN}50[-–/]50{END}")
_RANGE = regex.compile(
    rf"(?=[-‐‑‒– \u00a0\u2009])(?<=\d{_UNIT_AFTER_RANGE})"
    rf"(?<![\p{{L}}\d]{_RANGE_DASH}\d{{1,15}})(?<!\d{{4}}-\d\d|\d[/^eE])"
    rf"(?:(?P<dash>{_RANGE_DASH})|{SPACE}[-–]{SPACE})"
    rf"(?=[$€£]?{NUMBER}(?!\d|{SPACE}?{_RANGE_DASH}{SPACE}?\d|/\d|{SPACE}?=|[\p{{L}}_]{{4}}))"
    rf"(?<!(?<!\d)\d{{3}}-(?=\d{{4}}(?!\d)))"
)

_RANGE_ANCHOR = Anchor(
    re.compile(rf"{_RANGE_DASH}(?<=[\d%°ºCFKMmkBbnsS.{SPACES}].)(?={SPACE}?[$€£]?[\d.])"), run=SPACES
)


def range_rules() -> tuple[Rule, ...]:
    """Before the ends of a range are words; the dash alone is replaced."""
    return (
        Rule("season", _SEASON, lambda _: " ", frozenset("/")),
        Rule("even chances", _EVEN_CHANCES, lambda _: "fifty-fifty", DIGITS),
        Rule("range", _RANGE, lambda _: " to ", frozenset("-‐‑‒–"), anchor=_RANGE_ANCHOR),
    )


_FRACTION = (
    rf"(?=\d){BEGIN}(?<![/\d]/)"
    rf"(?:(?<=\b(?:[Ss]cored?|[Rr]ated?|[Rr]ating(?: of)?|[Gg]ot|[Gg]ave it|[Ss]olid)(?: an?)? )(?P<rated>))?"
    rf"(?:(?P<whole>\d{{1,6}}+)(?:{SPACE}|-))?"
    rf"(?P<top>\d{{1,12}}+)/(?P<bottom>\d{{1,12}}+)(?![/\p{{L}}\p{{N}}_]|[.,]\d)"
)
_FRACTION_SIGN = regex.compile(rf"(?:(?<![\d.,])\d{{1,12}}+{SPACE}?)?[{''.join(VULGAR)}]")


def fraction_rules(say: Numbers) -> tuple[AnyRule, ...]:
    def slashed(match: regex.Match[str]) -> str:
        if match.group() in _FIXED:
            return _FIXED[match.group()]
        whole, top, bottom = match["whole"], match["top"], match["bottom"]
        if whole:
            return say.mixed(whole, top, bottom)
        if top == bottom or match["rated"] is not None:
            return f"{say.cardinal(top)} out of {say.cardinal(bottom)}"
        return say.fraction(top, bottom)

    @functools.lru_cache(maxsize=4096)
    def vulgar(written: str) -> str:
        whole, (top, bottom) = written[:-1].strip(), VULGAR[written[-1]]
        return say.mixed(whole, top, bottom) if whole else say.fraction(top, bottom)

    # Each slash by itself: a pattern with one that it must have is looked for ten times as fast as one with either.
    return (
        *(
            Rule(
                name,
                regex.compile(_FRACTION.replace("/(?P<b", f"{slash}(?P<b")),
                remembered(slashed, 0, "rated"),
                frozenset(slash),
                anchor=Anchor(
                    re.compile(rf"{slash}(?<=\d.)(?=\d)"), run=f"{DECIMAL_DIGITS}{SPACES}-", begin=NUMBER_BEGINS
                ),
            )
            for name, slash in (("fraction", "/"), ("fraction with a slash of its own", "⁄"))
        ),
        Finder("fraction sign", spaced(_FRACTION_SIGN, vulgar), frozenset(VULGAR)),
    )


_THOUSANDS_APART = regex.compile(
    r"(?<![\p{L}\p{N}]|\d[., '’])\d{1,3}(?:(?:[\u00a0\u2009\u202f]\d{3}){1,5}+"
    r"| \d{3}(?: \d{3}){1,5}+|(?:['’]\d{3}){1,5}+)(?![\p{L}\p{N}]| \d)"
)
_THOUSANDS_APART_ANCHOR = Anchor(
    re.compile(r"[ \u00a0\u2009\u202f'’](?<=\d.)(?=\d{3}(?!\d))(?:(?<! )|(?=\d{3} \d{3}))"),
    run=DECIMAL_DIGITS,
    begin=NUMBER_BEGINS,
)
_VERSION = regex.compile(
    rf"{BEGIN}(?:(?P<version>[vV])(?:\. ?)?(?P<numbers>\d{{1,9}}+(?:\.\d{{1,9}}+){{0,6}}+)"
    rf"|(?P<numbers>\d{{1,9}}+(?:\.\d{{1,9}}+){{2,6}}+)"
    rf"|(?<=\p{{L}} )(?<=\b(?:{_RELEASED}) )(?P<numbers>\d{{1,4}}+\.\d{{1,4}}+))"
    rf"(?:-?(?P<stage>alpha|beta|rc|dev)\.?(?P<stage_number>\d{{1,4}}+))?(?![\p{{L}}\p{{N}}_]|[.,]\d)"
)
_VERSION_ANCHOR = Anchor(
    re.compile(
        r"[.vV](?:(?<=[vV])(?=(?:\. ?)?\d)|(?<=\d\.)(?=\d)(?:(?=\d{1,9}\.\d)|"
        + "|".join(rf"(?<={LETTER} \d{{{length}}}\.)" for length in range(1, 5))
        + "))"
    ),
    run=DECIMAL_DIGITS,
)
_ORDINAL = regex.compile(
    rf"(?<![\p{{L}}\d_]|\d[.,])(?P<number>{WHOLE}){SPACE}?(?P<suffix>{ORDINAL_SUFFIX}|ST|ND|RD|TH|ˢᵗ|ⁿᵈ|ʳᵈ|ᵗʰ)"
    r"(?P<plural>s)?(?![\p{L}\p{N}])"
)
_ORDINAL_HINT = re.compile(
    rf"[0-9](?=[{SPACES}sSnNrRtTˢⁿʳᵗ]){SPACE}?(?:st|nd|rd|th|ST|ND|RD|TH|ˢᵗ|ⁿᵈ|ʳᵈ|ᵗʰ)s?(?![A-Za-z0-9])"
)
_POSSESSIVE_OR_PLURAL_NUMBER = regex.compile(rf"{BEGIN}(?P<number>\d{{1,9}}+)(?:['’]s|s)(?![\p{{L}}\p{{N}}])")
_POSSESSIVE_OR_PLURAL_NUMBER_HINT = re.compile(r"s(?![A-Za-z0-9])(?:(?<=\d.)|(?<=\d['’].))")
_LETTERS_AND_DIGITS = regex.compile(
    r"(?<![\p{L}\p{N}_])(?:\p{L}{1,24}+\d{1,15}+|\d{1,15}+(?:\.\d{1,9}+)?+\p{L}{1,24}+)(?:\p{L}{1,24}+|\d{1,15}+){0,12}+(?![\p{L}\p{N}])"
)

_LETTERS_AND_DIGITS_HINT = re.compile(rf"[0-9](?:(?={LETTER})|(?<={LETTER}.))")


def code_rules(say: Numbers) -> tuple[AnyRule, ...]:
    """Numbers that are names: versions, addresses, models."""

    def dotted(match: regex.Match[str]) -> str:
        point = " dot " if match.group().count(".") == 3 and not match["version"] else " point "
        words = point.join(map(say.cardinal, match["numbers"].split(".")))
        return f"{'version ' if match['version'] else ''}{words}" + (
            f" {match['stage']} {say.cardinal(match['stage_number'])}" if match["stage"] else ""
        )

    piece_in_words = functools.lru_cache(maxsize=10_000)(functools.partial(_piece, say))

    @functools.lru_cache(maxsize=10_000)
    def mixture(code: str) -> str:
        pieces = _PIECES.findall(code)
        words = [piece_in_words(piece) for piece in pieces]
        if pieces[-1] == "s" and pieces[-2][0].isdecimal():
            words[-2:] = [_with_s(words[-2])]
        return " ".join(words)

    return (
        Rule(
            "thousands apart",
            _THOUSANDS_APART,
            remembered(lambda match: say.cardinal(regex.sub(r"[\s'’]", ",", match.group()))),
            DIGITS,
            anchor=_THOUSANDS_APART_ANCHOR,
        ),
        Rule("version", _VERSION, remembered(dotted), DIGITS, frozenset(".vV"), anchor=_VERSION_ANCHOR),
        Rule(
            "ordinal",
            _ORDINAL,
            remembered(lambda match: say.ordinal(match["number"]) + (match["plural"] or "")),
            DIGITS,
            LETTERS,
            hint=_ORDINAL_HINT,
        ),
        Rule(
            "possessive or plural number",
            _POSSESSIVE_OR_PLURAL_NUMBER,
            remembered(lambda match: _with_s(say.cardinal(match["number"]))),
            DIGITS,
            frozenset("s"),
            hint=_POSSESSIVE_OR_PLURAL_NUMBER_HINT,
        ),
        Respelling("letters and digits", _LETTERS_AND_DIGITS, mixture, DIGITS, LETTERS, hint=_LETTERS_AND_DIGITS_HINT),
    )


def _piece(say: Numbers, piece: str) -> str:
    if piece[0].isdecimal():
        return say.number(piece) if len(piece) < 5 or "." in piece else digits(piece)
    if len(piece) > 2:
        return piece
    if piece.isascii() and piece.isupper():
        return _spelled(piece)
    return "A." if piece == "a" else piece


_spelled = functools.lru_cache(maxsize=1024)(spelled)  # one letter or two


_SIGNED_NUMBER = regex.compile(r"(?<![\p{L}\p{N}_)\]%°.,!?;:'’\"”+-])[-+−–](?=\.?\d)")
_SIGNED_NUMBER_ANCHOR = Anchor(re.compile(r"[-+−–](?=\.?\d)(?<![0-9A-Za-z_)\]%°.,!?;:'’\"”+-].)"))
_NUMBER = regex.compile(rf"{BEGIN}(?:\d{{1,40}}+(?![\d.,])|{NUMBER}(?!\d|[.,]\d))")
_DIGITS = regex.compile(r"\d++")
_OTHER_NUMERALS = regex.compile(r"[\p{No}\p{Nl}]")

_OTHER_NUMERALS_HINT = re.compile(r"[^\x00-\xb1\xb4-\xb8\xba\xbb\xbf-\u02ff\u2000-\u206f]")


def plain_rules(say: Numbers) -> tuple[AnyRule, ...]:
    """What is left: every digit becomes a word."""

    def signed(match: regex.Match[str]) -> str:
        return "plus " if match.group() == "+" else "minus "

    def digit_run(run: str) -> str:
        return digits(run) if len(run) > MAX_DIGITS else say.cardinal(run)

    def numeral(char: str) -> str:
        value = unicodedata.numeric(char, None)
        if value is None:  # younger than Python's tables, it has no meaning there
            return ""
        return say.cardinal(f"{value:.0f}") if value == int(value) else say.number(f"{value:.3f}")

    return (
        Rule("signed number", _SIGNED_NUMBER, signed, frozenset("-+−–"), anchor=_SIGNED_NUMBER_ANCHOR),
        Respelling("number", _NUMBER, say.number, DIGITS),
        Finder("digits", spaced(_DIGITS, digit_run), DIGITS),
        Finder("other numerals", spaced(_OTHER_NUMERALS, numeral), NOT_ASCII, hint=_OTHER_NUMERALS_HINT),
    )


def _with_s(words: str) -> str:
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith("x") else "s")
