"""Abbreviations and titles that misaki does not know, or reads by their letters."""

from __future__ import annotations

import re

import regex

from gateway.text.abbreviations import ABBREVIATIONS
from gateway.text.languages import Language
from gateway.text.normaliser.english.numbers import spelled
from gateway.text.normaliser.english.patterns import DASH, LETTER, any_of, ends_in
from gateway.text.rules import Rule

_TITLES = {
    "Prof": "Professor", "Rev": "Reverend", "Gen": "General", "Col": "Colonel", "Capt": "Captain",
    "Lt": "Lieutenant", "Sgt": "Sergeant", "Gov": "Governor", "Sen": "Senator", "Rep": "Representative",
    "Hon": "Honorable", "Pres": "President", "Maj": "Major", "Cmdr": "Commander", "Cpl": "Corporal",
    "Pvt": "Private", "Adm": "Admiral", "Supt": "Superintendent", "Fr": "Father", "Mt": "Mount", "Ft": "Fort",
    "Amb": "Ambassador", "Messrs": "Messers", "Mme": "Madame", "Insp": "Inspector",
}  # fmt: skip
"""Before a name. Misaki reads Mr., Mrs., Ms., Dr. and St. itself."""

_BARE_TITLES = ("Prof", "Capt", "Sgt", "Lt", "Col", "Mt", "Messrs", "Mme")

_AFTER_NAMES = {
    "Jr": "Junior", "Sr": "Senior", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Hwy": "Highway",
    "Inc": "Incorporated", "Ltd": "Limited", "Co": "Company", "Corp": "Corporation", "Bros": "Brothers",
    "Ln": "Lane", "Sq": "Square", "Apt": "Apartment", "Dept": "Department", "Univ": "University",
    "Assn": "Association", "Pl": "Place", "Pkwy": "Parkway", "Esq": "Esquire",
}  # fmt: skip

_WORDS = {
    "approx": "approximately", "dept": "department", "govt": "government", "max": "maximum", "min": "minimum",
    "avg": "average", "misc": "miscellaneous", "incl": "including", "excl": "excluding", "esp": "especially",
    "resp": "respectively", "vs": "versus", "intl": "international", "dist": "district", "est": "established",
    "temp": "temperature", "tel": "telephone", "ext": "extension", "w/c": "week commencing",
}  # fmt: skip

_BEFORE_NUMBERS = {
    "No": "number", "no": "number", "Nos": "numbers", "nos": "numbers", "Vol": "volume", "vol": "volume",
    "Vols": "volumes", "vols": "volumes", "Ch": "chapter", "ch": "chapter", "Chap": "chapter", "chap": "chapter",
    "Fig": "figure", "fig": "figure", "Figs": "figures", "figs": "figures", "Eq": "equation", "eq": "equation",
    "Eqs": "equations", "Sec": "section", "sec": "section", "Art": "article", "art": "article", "p": "page",
    "pp": "pages", "pg": "page", "par": "paragraph", "Tab": "table", "Ref": "reference", "refs": "references",
    "Ex": "example", "ex": "example", "cl": "clause", "ver": "version", "c": "circa", "ca": "circa", "Bk": "book",
    "Pt": "part", "pt": "part", "n": "note", "l": "line", "ll": "lines", "op": "opus", "Op": "opus",
}  # fmt: skip
_PHRASES = {
    "e.g.": "for example",
    "i.e.": "that is",
    "E.g.": "For example",
    "I.e.": "That is",
    "cf.": "compare",
    "viz.": "namely",
    "et al.": "et al",
    "N.B.": "note well",
}
_DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday",
    "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip
_DAY = f"(?:{any_of(_DAYS)})"

_BEGINS_SENTENCE = any_of(word.capitalize() for word in ABBREVIATIONS[Language.EN_US].begins)
_ENDS_SENTENCE = rf"(?:\s*\Z|[^\S\n]*\n|\s[\"“‘(]?(?:{_BEGINS_SENTENCE})\b)"


def _phrase(match: regex.Match[str]) -> str:
    words, following = _PHRASES[match["word"]], match.string[match.end() : match.end() + 1]
    if following == " " and match["word"] not in {"cf.", "et al.", "viz."}:
        return words + ","
    return words + (" " if following.isalnum() else "")


_STOP = r"\."
_TITLE = regex.compile(rf"\b(?P<word>{any_of(_TITLES)})\.(?= ?\p{{Lu}})")
_TITLE_WITHOUT_A_STOP = regex.compile(rf"\b(?P<word>{any_of(_BARE_TITLES)})(?= \p{{Lu}}\p{{Ll}})")
_TITLE_HINT = re.compile(rf"\.{ends_in(_TITLES, _STOP)}(?= ?{LETTER})")
_AFTER_A_NAME = regex.compile(
    rf"(?<=[\p{{L}}\p{{N}}],? )(?<!(?:\bthe|\b[Aa]nd|\b[Oo]f|\b[Aa]t|\b[Ii]n|\b[Tt]o|\b[Bb]y|\bfrom|\bwith|\bfor) )"
    rf"(?P<word>{any_of(_AFTER_NAMES)})(?:\.(?!{_ENDS_SENTENCE})|(?=\.))(?=[\s,;:.)?!'’])"
)
_AFTER_A_NAME_HINT = re.compile(rf"\.{ends_in(_AFTER_NAMES, _STOP)}")
_STREET = regex.compile(
    rf"(?<=\p{{Lu}}\p{{Ll}}{{1,20}} |\d(?:st|nd|rd|th) )St"
    rf"(?:\.(?!\s\p{{Lu}})(?!{_ENDS_SENTENCE})|(?=\.{_ENDS_SENTENCE}))"
)
_BEFORE_A_NUMBER = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}.'’])(?P<word>{any_of(_BEFORE_NUMBERS)})\."
    rf"(?= ?(?:\d|[IVXLC]{{2,6}}\b|(?<!\b[Nn]o\. ?)[IVXL]\b(?!\.)))"
)
_BEFORE_A_NUMBER_HINT = re.compile(rf"\.{ends_in(_BEFORE_NUMBERS, _STOP)}(?= ?[\dIVXLC])")
_ABBREVIATED_PHRASE = regex.compile(rf"(?<![\p{{L}}\p{{N}}.])(?P<word>{any_of(_PHRASES)})")
_ABBREVIATED_PHRASE_HINT = re.compile(rf"\.{ends_in((words[:-1] for words in _PHRASES), _STOP)}")
_ABBREVIATED_WORD = regex.compile(rf"(?<![\p{{L}}\p{{N}}.])(?P<word>{any_of(_WORDS)})(?:\.(?!{_ENDS_SENTENCE})|(?=\.))")
_ABBREVIATED_WORD_HINT = re.compile(rf"\.{ends_in(_WORDS, _STOP)}")
_VERSUS = regex.compile(r"(?<=[\p{L}\p{N})] )(?:v(?= \p{Lu}\p{Ll})(?<=\p{Ll} v)|[vV]s(?= ))")
_DAYS_FROM_TO = regex.compile(rf"\b(?P<first>{_DAY})\.? ?{DASH} ?(?P<last>{_DAY})\b")
_DAY_RULE = regex.compile(rf"\b(?P<word>{_DAY})(?:\.(?=,? )|(?=, ?\p{{Lu}}\p{{Ll}}{{2}}))(?<!\b(?:Sun|Sat|Wed)\.?)")
_WITH_AND_WITHOUT = regex.compile(
    r"(?<![\p{L}\p{N}/])[wW]/(?P<out>o(?:ut)?)?(?![\p{L}\p{N}/]|\.\w)|(?<![\p{L}\p{N}/])[wW]/(?=\p{L}{3})"
)
_BECAUSE = regex.compile(r"(?<![\p{L}\p{N}/])b/c(?![\p{L}\p{N}/])")
_I_T = regex.compile(r"(?<=\p{Ll} |\p{Ll}, )IT(?![\p{L}\p{N}])(?! [\p{Lu}]{2})")


def abbreviation_rules() -> tuple[Rule, ...]:
    """The stop of an abbreviation goes with it, unless it ends the sentence as well."""
    stop = frozenset(".")
    return (
        Rule("title", _TITLE, lambda match: _TITLES[match["word"]], stop, hint=_TITLE_HINT),
        Rule(
            "title without a stop",
            _TITLE_WITHOUT_A_STOP,
            lambda match: _TITLES[match["word"]],
            frozenset(title[0] for title in _BARE_TITLES),
            frozenset(" "),
        ),
        Rule("after a name", _AFTER_A_NAME, lambda match: _AFTER_NAMES[match["word"]], stop, hint=_AFTER_A_NAME_HINT),
        Rule("street", _STREET, lambda _: "Street", stop),
        Rule(
            "before a number",
            _BEFORE_A_NUMBER,
            lambda match: _BEFORE_NUMBERS[match["word"]] + ("" if match.string[match.end()] == " " else " "),
            stop,
            hint=_BEFORE_A_NUMBER_HINT,
        ),
        Rule("abbreviated phrase", _ABBREVIATED_PHRASE, _phrase, stop, hint=_ABBREVIATED_PHRASE_HINT),
        Rule(
            "abbreviated word",
            _ABBREVIATED_WORD,
            lambda match: _WORDS[match["word"]],
            stop,
            hint=_ABBREVIATED_WORD_HINT,
        ),
        Rule("versus", _VERSUS, lambda _: "versus", frozenset("vV")),
        Rule(
            "days from to",
            _DAYS_FROM_TO,
            lambda match: f"{_DAYS[match['first']]} to {_DAYS[match['last']]}",
            frozenset("MTWFS"),
        ),
        Rule("day", _DAY_RULE, lambda match: _DAYS[match["word"]], frozenset("MTWFS")),
        Rule(
            "with and without",
            _WITH_AND_WITHOUT,
            lambda match: (
                ("without" if match["out"] else "with")
                + (" " if match.end() < len(match.string) and match.string[match.end()].isalpha() else "")
            ),
            frozenset("/"),
        ),
        Rule("because", _BECAUSE, lambda _: "because", frozenset("/")),
        Rule("I.T.", _I_T, lambda match: spelled(match.group()), frozenset("I")),
    )
