"""Quotes, dashes, and signs by their names."""

from __future__ import annotations

import functools
import re

import regex

from gateway.text.normaliser.english.patterns import LETTER, SPACE, SPACES
from gateway.text.rules import Anchor, AnyRule, Edit, Finder, Respelling, Rule

_QUOTES = str.maketrans("„‟‹›〝〞「」『』", "“““”“”“”“”")

GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "ο": "omicron", "π": "pi", "ρ": "rho",
    "ς": "sigma", "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
}  # fmt: skip

_NAMES = {
    "&": "and", "@": "at", "%": "percent", "=": "equals", "+": "plus", "×": "times", "÷": "divided by",
    "±": "plus or minus", "≈": "approximately", "≅": "approximately", "≠": "does not equal", "≡": "is identical to",
    "≤": "less than or equal to", "≥": "greater than or equal to", "<": "less than", ">": "greater than",
    "≪": "much less than", "≫": "much greater than", "∞": "infinity", "√": "square root of", "∑": "sum of",
    "∫": "integral of", "∂": "partial", "∆": "delta", "∈": "in", "∉": "not in", "∩": "intersection", "∪": "union",
    "⊂": "subset of", "∀": "for all", "∃": "there exists", "∝": "proportional to", "−": "minus", "°": "degrees",
    "§": "section", "¶": "paragraph", "©": "copyright", "®": "registered", "™": "trademark", "℠": "service mark",
    "№": "number", "℃": "degrees Celsius", "℉": "degrees Fahrenheit", "Ω": "ohms", "µ": "micro", "‰": "per mille",
    "→": "to", "←": "from", "⇒": "implies", "↔": "to and from", "⇔": "if and only if", "↑": "up", "↓": "down",
    "#": "hash", "^": "caret", "~": "tilde", "\\": "backslash", "$": "dollars", "£": "pounds", "€": "euros",
    "¥": "yen", "¢": "cents", "₹": "rupees", "†": "dagger", "‡": "double dagger", "✓": "check", "✔": "check",
    "✗": "cross", "✘": "cross",
}  # fmt: skip
_PER = {"wk": "week", "mo": "month", "yr": "year", "hr": "hour", "min": "minute", "sec": "second", "lb": "pound"} | {
    "oz": "ounce", "kg": "kilogram",
}  # fmt: skip
_ORNAMENTS = "<>^~\\#"
_SILENT = "*_`|•·‣◦▪■□●○◆◇★☆<>{}⟨⟩"


_APOSTROPHE = regex.compile(r"(?<=[\p{L}\p{N}])’(?=[\p{L}\p{N}])|’(?=(?:\d0s|\d\d|em|til|cause|tis|twas)\b)")
_QUOTES_RULE = regex.compile(r"[„‟‹›〝〞「」『』]")
_DASH = regex.compile(rf"(?<![-–—!<]){SPACE}?--{SPACE}?(?![-–—>])|[―⸺⸻]")
_DASH_ANCHOR = Anchor(re.compile(r"[-―⸺⸻](?:(?<=-)(?=-(?!-))(?<!-.)|(?<=[―⸺⸻]))"), run=SPACES)
_ARROW = regex.compile(r"[-=]>|<-(?=\s)")
_COMPARISON = regex.compile(r"(?<=\s)(?:<=|>=|!=|==)(?=\s)|(?<=\w)(?:<=|>=|!=|==)(?=\w)|~=|\+/-|\+-(?=\d)")

_COMPARISON_ANCHOR = Anchor(re.compile(r"[<>!=~+](?:(?<=[<>!=~])(?==)|(?<=\+)(?=/-|-\d))"))


def punctuation_rules() -> tuple[AnyRule, ...]:
    """Before everything else: quotes and dashes in the forms that later rules and misaki know."""
    return (
        Rule("apostrophe", _APOSTROPHE, lambda _: "'", frozenset("’")),
        Rule("quotes", _QUOTES_RULE, lambda match: match.group().translate(_QUOTES), frozenset("„‟‹›〝〞「」『』")),
        Rule("dash", _DASH, lambda _: "—", frozenset("-―⸺⸻"), anchor=_DASH_ANCHOR),
        Rule("arrow", _ARROW, lambda match: "←" if match.group() == "<-" else "→", frozenset("<>")),
        Rule(
            "comparison",
            _COMPARISON,
            lambda match: {"<=": "≤", ">=": "≥", "!=": "≠", "==": "=", "~=": "≈"}.get(match.group(), "±"),
            frozenset("=+"),
            anchor=_COMPARISON_ANCHOR,
        ),
    )


_OPTIONAL_PLURAL = regex.compile(r"(?<=\p{L})\((?P<ending>e?s)\)(?!\p{L})")


def plural_rules() -> tuple[AnyRule, ...]:
    def plural(match: regex.Match[str]) -> str:
        return match["ending"]

    return (Rule("optional plural", _OPTIONAL_PLURAL, plural, frozenset("(")),)


_PER_RULE = regex.compile(
    r"(?<=\d[kKmMbB]?|dollars?|cents?|pounds?|pence|penny|euros?|rupees?|yen|[Tt]imes)/(?P<per>day|week|wk|month|mo"
    r"|year|yr|hour|hr|night|person|minute|min|second|sec|unit|user|page|item|kg|lb|oz)(?![\p{L}\p{N}])"
)
_PER_HINT = re.compile(r"/(?=[dwmynhpsuikol])(?<=[\dkKmMbBrtdeyons].)")
_MINUS_IN_AN_EQUATION = regex.compile(
    rf"(?<=[\p{{N}})]|\b\p{{L}}|[²³]){SPACE}?[-−–]{SPACE}?(?=(?:\d[\d.,]{{0,15}}|\p{{L}}){SPACE}?=)"
)
_MINUS_IN_AN_EQUATION_ANCHOR = Anchor(
    re.compile(rf"[-−–](?={SPACE}?(?:\d[\d.,]{{0,15}}|{LETTER}){SPACE}?=)"), run=SPACES
)
_MINUS = regex.compile(rf"(?<=[\p{{L}}\p{{N}})²³]){SPACE}?−{SPACE}?(?=[\p{{L}}\p{{N}}(])")
_TIMES = regex.compile(rf"(?<=[\d)]){SPACE}?[*·⋅]{SPACE}?(?=[\d(])")
_DIVISION = regex.compile(rf"(?<=[\d)]){SPACE}?[/∕]{SPACE}?(?=[\d(])(?<={SPACE}|\)[/∕])")
_BETWEEN_NUMBERS = rf"(?={SPACE}?[\d(])(?:(?<=[\d)].)|(?<=[\d)]{SPACE}.))"
_TIMES_ANCHOR = Anchor(re.compile(f"[*·⋅]{_BETWEEN_NUMBERS}"), run=SPACES)
_DIVISION_ANCHOR = Anchor(re.compile(f"[/∕]{_BETWEEN_NUMBERS}"), run=SPACES)
_ABOUT = regex.compile(r"(?<![\p{L}\p{N}~])[~∼](?=[$€£]?\d)")
_NUMBER_SIGN = regex.compile(r"(?<![\p{L}\p{N}&#])(?:#|№ ?)(?=\d)")
_NUMBER_SIGN_ANCHOR = Anchor(re.compile(r"[#№](?= ?\d)(?<![0-9A-Za-z&#].)"))
_SECTIONS = regex.compile(r"§§ ?")
_GREEK_LETTER = regex.compile(r"(?<![\p{Greek}\p{M}'’])[\p{Greek}µ∆Ω](?![\p{Greek}\p{M}'’])")
_TIMES_MORE = regex.compile(r"(?<=\d)x(?= (?:more|less|fewer|\p{Ll}{2,12}er)\b)")


def math_rules() -> tuple[AnyRule, ...]:
    """Signs between numbers and letters, while those still are numbers and letters."""
    return (
        Rule(
            "per",
            _PER_RULE,
            lambda match: f" per {_PER.get(match['per'], match['per'])}",
            frozenset("/"),
            hint=_PER_HINT,
        ),
        Rule(
            "minus in an equation",
            _MINUS_IN_AN_EQUATION,
            lambda _: " minus ",
            frozenset("="),
            anchor=_MINUS_IN_AN_EQUATION_ANCHOR,
        ),
        Rule("minus", _MINUS, lambda _: " minus ", frozenset("−")),
        Rule("times", _TIMES, lambda _: " times ", frozenset("*·⋅"), anchor=_TIMES_ANCHOR),
        Rule("division", _DIVISION, lambda _: " divided by ", frozenset("/∕"), anchor=_DIVISION_ANCHOR),
        Rule("about", _ABOUT, lambda _: "about ", frozenset("~∼")),
        Rule("number sign", _NUMBER_SIGN, lambda _: "number ", frozenset("#№"), anchor=_NUMBER_SIGN_ANCHOR),
        Rule("sections", _SECTIONS, lambda _: "sections ", frozenset("§")),
        Finder("greek letter", _greek_letters, frozenset("".join(GREEK)) | frozenset("ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩµ")),
        Rule("times more", _TIMES_MORE, lambda _: " times", frozenset("x")),
    )


def _greek_letters(text: str) -> list[Edit]:
    """Each one's name, with a space on the sides where it touches a letter or digit."""
    edits: list[Edit] = []
    for match in _GREEK_LETTER.finditer(text):
        start, end = match.span()
        letter = text[start]
        name = GREEK.get(letter) or GREEK.get(letter.lower().replace("µ", "μ"), letter)
        left = " " if start and text[start - 1].isalnum() else ""
        right = " " if text[end : end + 1].isalnum() else ""
        edits.append((start, end, f"{left}{name}{right}"))
    return edits


_CURRENCY_OR_PROGRAMMING_LANGUAGE = regex.compile(r"(?<=\b[CcFJ])#(?![\p{L}\p{N}])")
_PLUS_PLUS = regex.compile(r"(?<=\b[Cc])\+\+")
_SLASH = regex.compile(r"(?<=[\p{L}\p{N}])/(?=[\p{L}\p{N}])")
_SIGN = re.compile(rf"([{re.escape(''.join(_NAMES))}])\1*")
_SILENT_SIGN = re.compile(rf"[{re.escape(_SILENT)}]")


def symbol_rules() -> tuple[AnyRule, ...]:
    """What is left, by name; signs that only mark something are silent."""
    return (
        Rule("currency or programming language", _CURRENCY_OR_PROGRAMMING_LANGUAGE, lambda _: " sharp", frozenset("#")),
        Rule("plus plus", _PLUS_PLUS, lambda _: " plus plus", frozenset("+")),
        Rule("slash", _SLASH, lambda _: " ", frozenset("/")),
        Finder("sign", _signs, frozenset(_NAMES)),
        Respelling("silent sign", _SILENT_SIGN, lambda _: " ", frozenset(_SILENT)),
    )


def _signs(text: str) -> list[Edit]:
    """Each sign's name, with the spaces that it needs between the characters on either side of it."""
    edits: list[Edit] = []
    padded = f"\n\n{text}"
    for match in _SIGN.finditer(text):
        start, end = match.span()
        if text[start] in "<>":
            new = _sign_between(padded[start : start + 2], text[start], text[end : end + 2])
        else:
            new = _sign_in(padded[start + 1 : end + 3])
        edits.append((start, end, new))
    return edits


@functools.lru_cache(maxsize=20_000)
def _sign_in(context: str) -> str:
    """Of a sign, perhaps repeated, between one character and at most one other."""
    sign = context[1]
    return _sign_between(context[0], sign, context[1:].lstrip(sign))


def _sign_between(before: str, sign: str, after: str) -> str:
    if sign in _ORNAMENTS and not _has_sides(sign, before, after):
        return " "
    left = "" if before[-1].isspace() else " "
    right = " " if after[:1].isalnum() or after[:1] in _NAMES else ""
    return f"{left}{_NAMES[sign]}{right}"


def _has_sides(sign: str, left: str, right: str) -> bool:
    """Whether the sign stands between what it compares, or at what it names, and is no ornament."""
    if sign in "<>":
        return left.strip() != "" and right.strip() != ""
    return left[-1:].isalnum() or right[:1].isalnum()
