"""Quotes, dashes, and signs by their names."""

from __future__ import annotations

import regex

from gateway.text.normaliser.english.patterns import SPACE
from gateway.text.rules import AnyRule, Rule

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


def punctuation_rules() -> tuple[AnyRule, ...]:
    """Before everything else: quotes and dashes in the forms that later rules and misaki know."""
    return (
        Rule(
            "apostrophe",
            regex.compile(r"(?<=[\p{L}\p{N}])’(?=[\p{L}\p{N}])|’(?=(?:\d0s|\d\d|em|til|cause|tis|twas)\b)"),
            lambda _: "'",
            frozenset("’"),
        ),
        Rule(
            "quotes",
            regex.compile(r"[„‟‹›〝〞「」『』]"),
            lambda match: match.group().translate(_QUOTES),
            frozenset("„‟‹›〝〞「」『』"),
        ),
        Rule(
            "dash", regex.compile(rf"(?<![-–—!<]){SPACE}?--{SPACE}?(?![-–—>])|[―⸺⸻]"), lambda _: "—", frozenset("-―⸺⸻")
        ),
        Rule(
            "arrow",
            regex.compile(r"[-=]>|<-(?=\s)"),
            lambda match: "←" if match.group() == "<-" else "→",
            frozenset("<>"),
        ),
        Rule(
            "comparison",
            regex.compile(r"(?<=\s)(?:<=|>=|!=|==)(?=\s)|(?<=\w)(?:<=|>=|!=|==)(?=\w)|~=|\+/-|\+-(?=\d)"),
            lambda match: {"<=": "≤", ">=": "≥", "!=": "≠", "==": "=", "~=": "≈"}.get(match.group(), "±"),
            frozenset("=+"),
        ),
    )


def plural_rules() -> tuple[AnyRule, ...]:
    def plural(match: regex.Match[str]) -> str:
        return match["ending"]

    return (Rule("optional plural", regex.compile(r"(?<=\p{L})\((?P<ending>e?s)\)(?!\p{L})"), plural, frozenset("(")),)


def math_rules() -> tuple[AnyRule, ...]:
    """Signs between numbers and letters, while those still are numbers and letters."""
    return (
        Rule(
            "per",
            regex.compile(
                r"(?<=\d[kKmMbB]?|dollars?|cents?|pounds?|pence|penny|euros?|rupees?|yen|[Tt]imes)/(?P<per>day|week|wk|month|mo"
                r"|year|yr|hour|hr|night|person|minute|min|second|sec|unit|user|page|item|kg|lb|oz)(?![\p{L}\p{N}])"
            ),
            lambda match: f" per {_PER.get(match['per'], match['per'])}",
            frozenset("/"),
            hint=regex.compile(r"/[dwmynhpsuikol]"),
        ),
        Rule(
            "minus in an equation",
            regex.compile(
                rf"(?<=[\p{{N}})]|\b\p{{L}}|[²³]){SPACE}?[-−–]{SPACE}?(?=(?:\d[\d.,]{{0,15}}|\p{{L}}){SPACE}?=)"
            ),
            lambda _: " minus ",
            frozenset("="),
        ),
        Rule(
            "minus",
            regex.compile(rf"(?<=[\p{{L}}\p{{N}})²³]){SPACE}?−{SPACE}?(?=[\p{{L}}\p{{N}}(])"),
            lambda _: " minus ",
            frozenset("−"),
        ),
        Rule(
            "times", regex.compile(rf"(?<=[\d)]){SPACE}?[*·⋅]{SPACE}?(?=[\d(])"), lambda _: " times ", frozenset("*·⋅")
        ),
        Rule(
            "division",
            regex.compile(rf"(?<=[\d)]){SPACE}?[/∕]{SPACE}?(?=[\d(])(?<={SPACE}|\)[/∕])"),
            lambda _: " divided by ",
            frozenset("/∕"),
        ),
        Rule("about", regex.compile(r"(?<![\p{L}\p{N}~])[~∼](?=[$€£]?\d)"), lambda _: "about ", frozenset("~∼")),
        Rule("number sign", regex.compile(r"(?<![\p{L}\p{N}&#])(?:#|№ ?)(?=\d)"), lambda _: "number ", frozenset("#№")),
        Rule("sections", regex.compile(r"§§ ?"), lambda _: "sections ", frozenset("§")),
        Rule(
            "greek letter",
            regex.compile(r"(?<![\p{Greek}\p{M}'’])[\p{Greek}µ∆Ω](?![\p{Greek}\p{M}'’])"),
            _greek,
            frozenset("".join(GREEK)) | frozenset("ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩµ"),
        ),
        Rule(
            "times more",
            regex.compile(r"(?<=\d)x(?= (?:more|less|fewer|\p{Ll}{2,12}er)\b)"),
            lambda _: " times",
            frozenset("x"),
        ),
    )


def _greek(match: regex.Match[str]) -> str:
    letter = match.group()
    name = GREEK.get(letter.lower().replace("µ", "μ"), letter)
    text, before, after = match.string, match.start(), match.end()
    left = " " if before and text[before - 1].isalnum() else ""
    right = " " if after < len(text) and text[after].isalnum() else ""
    return f"{left}{name}{right}"


def symbol_rules() -> tuple[AnyRule, ...]:
    """What is left, by name; signs that only mark something are silent."""
    return (
        Rule(
            "currency or programming language",
            regex.compile(r"(?<=\b[CcFJ])#(?![\p{L}\p{N}])"),
            lambda _: " sharp",
            frozenset("#"),
        ),
        Rule("plus plus", regex.compile(r"(?<=\b[Cc])\+\+"), lambda _: " plus plus", frozenset("+")),
        Rule("slash", regex.compile(r"(?<=[\p{L}\p{N}])/(?=[\p{L}\p{N}])"), lambda _: " ", frozenset("/")),
        Rule(
            "sign", regex.compile(rf"(?P<sign>[{regex.escape(''.join(_NAMES))}])(?P=sign)*+"), _sign, frozenset(_NAMES)
        ),
        Rule("silent sign", regex.compile(rf"[{regex.escape(_SILENT)}]"), lambda _: " ", frozenset(_SILENT)),
    )


def _sign(match: regex.Match[str]) -> str:
    text, sign = match.string, match["sign"]
    start, end = match.span()
    if sign in _ORNAMENTS and not _has_sides(sign, text[max(0, start - 2) : start], text[end : end + 2]):
        return " "
    after = text[end : end + 1]
    spaced = start == 0 or text[start - 1].isspace()
    return f"{'' if spaced else ' '}{_NAMES[sign]}{' ' if after.isalnum() or after in _NAMES else ''}"


def _has_sides(sign: str, left: str, right: str) -> bool:
    """Whether the sign stands between what it compares, or at what it names, and is no ornament."""
    if sign in "<>":
        return left.strip() != "" and right.strip() != ""
    return left[-1:].isalnum() or right[:1].isalnum()
