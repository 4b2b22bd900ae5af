"""Dates, years, decades and eras."""

from __future__ import annotations

import regex

from gateway.text.normaliser.english.numbers import MONTHS, Numbers
from gateway.text.normaliser.english.patterns import BEGIN, DASH, END, ORDINAL_SUFFIX, SPACE, any_of
from gateway.text.rules import DIGITS, Rule

SHORT_MONTHS = {month[:3]: month for month in MONTHS if month != "May"} | {"Sept": "September"}

_FIRST_OF_MONTHS = frozenset("JFMASOND")
_MONTH = f"(?:{any_of(MONTHS)})"
_DAY = rf"\d{{1,2}}+(?:{ORDINAL_SUFFIX})?+"
_YEAR = r"[12]\d{3}"
_AND = rf"{SPACE}?(?:{DASH}|and|to|&){SPACE}?"
_NO_TIME = r"(?![\p{L}\d:%/]|[.,]\d)"
_YEAR_CONTEXT = (
    r"(?:[Ii]n|[Ss]ince|[Bb]y|[Uu]ntil|[Tt]ill|[Bb]efore|[Aa]fter|[Ff]rom|[Tt]o|[Oo]f|[Cc]irca|[Aa]round|[Dd]uring"
    r"|[Ee]arly|[Ll]ate|[Mm]id|[Yy]ear|[Bb]etween|[Ss]pring|[Ss]ummer|[Aa]utumn|[Ff]all|[Ww]inter|AD|A\.D\.|c\.|ca\.)"
)


def century_year(two_digits: str) -> str:
    """The year that "24" or "99" stands for."""
    return ("20" if int(two_digits) < 50 else "19") + two_digits


def spoken_date(say: Numbers, year: str, month: int, day: int) -> str:
    """``year`` may be empty."""
    ordinal = say.ordinal(str(day))
    if say.british:
        return f"the {ordinal} of {MONTHS[month - 1]} {say.year(year) if year else ''}".rstrip()
    return f"{MONTHS[month - 1]} {ordinal}" + (f", {say.year(year)}" if year else "")


def day_and_month(first: int, second: int, *, day_first: bool) -> tuple[int, int] | None:
    """(day, month) of the two numbers of a date; the other way round where only that is possible; None if neither."""
    orders = [(first, second), (second, first)]
    for day, month in orders if day_first else reversed(orders):
        if 1 <= day <= 31 and 1 <= month <= 12:
            return day, month
    return None


def date_rules(say: Numbers) -> tuple[Rule, ...]:
    """Whole numeric dates, then month names, years by months, days."""
    return (*_numeric(say), *_by_month(say))


def _numeric(say: Numbers) -> tuple[Rule, ...]:
    def iso(match: regex.Match[str]) -> str:
        month, day = int(match["month"]), int(match["day"])
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return match.group()
        return spoken_date(say, match["year"], month, day) + (", " if match["time"] else "")

    def fields(match: regex.Match[str]) -> str:
        found = day_and_month(
            int(match["first"]), int(match["second"]), day_first=say.british or match["separator"] == "."
        )
        if found is None:
            return match.group()
        year = match["year"] if len(match["year"]) == 4 else century_year(match["year"])
        return spoken_date(say, year, found[1], found[0])

    def day_of_year(match: regex.Match[str]) -> str:
        found = day_and_month(int(match["first"]), int(match["second"]), day_first=say.british)
        return spoken_date(say, "", found[1], found[0]) if found else match.group()

    return (
        Rule(
            "date, year first",
            regex.compile(
                rf"{BEGIN}(?P<year>{_YEAR})(?P<separator>[-/.])(?P<month>\d{{1,2}})(?P=separator)(?P<day>\d{{1,2}})"
                rf"(?:(?P<time>T)(?=\d{{2}}:\d{{2}})|{END}(?!{DASH}\d|/\d))"
            ),
            iso,
            DIGITS,
            hint=regex.compile(r"[0-9]{4}[-/.][0-9]"),
        ),
        Rule(
            "date, year last",
            regex.compile(
                rf"{BEGIN}(?<!\d[-/])(?P<first>\d{{1,2}})(?P<separator>[-/.])(?P<second>\d{{1,2}})(?P=separator)"
                rf"(?P<year>[12]\d{{3}}|(?<=[/])\d{{2}}){END}(?![-/]\d)"
            ),
            fields,
            DIGITS,
            hint=regex.compile(r"[0-9][-/.][0-9]{1,2}[-/.][0-9]"),
        ),
        Rule(
            "date, without year",
            regex.compile(
                rf"(?<=\b(?:[Oo]n|[Bb]y|[Uu]ntil|[Ss]ince|[Bb]efore|[Aa]fter|[Dd]ue|[Dd]ated) )"
                rf"(?P<first>\d{{1,2}})/(?P<second>\d{{1,2}}){END}(?!/)"
            ),
            day_of_year,
            DIGITS,
            hint=regex.compile(r"[0-9]/[0-9]"),
        ),
    )


def _by_month(say: Numbers) -> tuple[Rule, ...]:
    def day(match: regex.Match[str]) -> str:
        number = match["it"].rstrip("dhnrst")
        if not 1 <= int(number) <= 31:
            return match["it"]
        return ("the " if say.british else "") + say.ordinal(number)

    def day_before(match: regex.Match[str]) -> str:
        number = match["it"].rstrip("dhnrst")
        if not 1 <= int(number) <= 31:
            return match["it"]
        the = "" if match.string[max(0, match.start() - 4) : match.start()].lower() == "the " else "the "
        of = "" if match["of"] or match["more"] else " of"
        return the + say.ordinal(number) + of

    return (
        Rule(
            "short month",
            regex.compile(
                rf"\b(?P<month>{any_of(SHORT_MONTHS)})(?:\.(?={SPACE}?\d)|(?={SPACE}\d)|"
                rf"(?<=\d{SPACE}(?P=month)|\d{ORDINAL_SUFFIX}{SPACE}(?P=month))\b\.?(?!\.))"
            ),
            lambda match: SHORT_MONTHS[match["month"]],
            _FIRST_OF_MONTHS,
            hint=regex.compile(r"[0-9]"),
        ),
        Rule(
            "date with dashes",
            regex.compile(
                rf"{BEGIN}(?P<day>\d{{1,2}})-(?P<month>{any_of([*SHORT_MONTHS, 'May'])})-(?P<year>{_YEAR})\b"
            ),
            lambda match: (
                spoken_date(
                    say, match["year"], 1 + MONTHS.index(SHORT_MONTHS.get(match["month"], "May")), int(match["day"])
                )
                if 1 <= int(match["day"]) <= 31
                else match.group()
            ),
            DIGITS,
            hint=regex.compile(r"[0-9]-[JFMASOND]"),
        ),
        Rule(
            "year after month",
            regex.compile(
                rf"\b{_MONTH}(?:{SPACE}{_DAY}(?:{SPACE}?(?:{DASH}|to){SPACE}?{_DAY})?)?,?{SPACE}"
                rf"(?P<it>{_YEAR})(?![\p{{L}}\d]|,\d)"
            ),
            lambda match: say.year(match["it"]),
            _FIRST_OF_MONTHS,
        ),
        Rule(
            "second day after month",
            regex.compile(rf"\b{_MONTH}{SPACE}{_DAY}{_AND}(?P<it>{_DAY}){_NO_TIME}"),
            day,
            _FIRST_OF_MONTHS,
            hint=regex.compile(r"(?:[0-9]|st|nd|rd|th)(?:[ \u00a0]?[-‐‑‒–−&]|[ \u00a0](?:and|to))[ \u00a0]?[0-9]"),
        ),
        Rule(
            "day after month",
            regex.compile(rf"\b{_MONTH}{SPACE}(?P<it>{_DAY}){_NO_TIME}"),
            day,
            _FIRST_OF_MONTHS,
        ),
        Rule(
            "day before month",
            regex.compile(rf"{BEGIN}(?P<it>{_DAY})(?=(?P<more>{_AND}{_DAY})?(?P<of>{SPACE}of)?{SPACE}{_MONTH}\b)"),
            day_before,
            _FIRST_OF_MONTHS,
            hint=regex.compile(r"[0-9](?:st|nd|rd|th)?(?: of)?[ \u00a0\u2009\u202f][JFMASOND]"),
        ),
    )


def year_rules(say: Numbers) -> tuple[Rule, ...]:
    """Years without a date, after all other kinds of numbers that have four digits."""

    def era(match: regex.Match[str]) -> str:
        return say.year(match["year"].replace(",", ""))

    return (
        Rule(
            "decade",
            regex.compile(r"(?<![\p{L}\p{N}$£€])['’]?(?P<decade>(?:1[1-9]|20)\d0|[2-9]0|(?<=['’])[01]0)['’]?s\b"),
            lambda match: say.decade(match["decade"]),
            DIGITS,
            hint=regex.compile(r"[0-9]0['’]?s"),
        ),
        Rule(
            "short year",
            regex.compile(r"(?<![\p{L}\p{N}])['’](?P<year>\d{2})(?![\p{L}\p{N}'’]|[.,:]\d)"),
            lambda match: (
                f"oh {say.cardinal(match['year'][1])}" if match["year"][0] == "0" else say.cardinal(match["year"])
            ),
            frozenset("'’"),
        ),
        Rule(
            "year of an era",
            regex.compile(
                rf"{BEGIN}(?P<year>\d{{1,3}}(?:,\d{{3}})?+|\d{{4}})(?={SPACE}?(?:BCE?|CE|AD|B\.C\.|A\.D\.|C\.E\.))"
            ),
            era,
            frozenset("BCA"),
        ),
        Rule(
            "end of a span of years",
            regex.compile(rf"(?<={BEGIN}(?:1[1-9]|20)\d{{2}}(?:{DASH}| to ))0(?P<year>\d){END}"),
            lambda match: f"oh {say.cardinal(match['year'])}",
            DIGITS,
            hint=regex.compile(r"(?:[-‐‑‒–−]|to )0[0-9]"),
        ),
        Rule(
            "year in context",
            regex.compile(rf"{BEGIN}(?P<year>[12]\d{{3}})(?!{SPACE}?%){END}(?<=\b{_YEAR_CONTEXT}{SPACE}\d{{4}})"),
            lambda match: say.year(match["year"]),
            DIGITS,
            hint=regex.compile(r"(?<![0-9])[0-9]{4}(?![0-9])"),
        ),
        Rule(
            "year",
            regex.compile(rf"(?<![$£€#]){BEGIN}(?P<year>1[1-9]\d{{2}}|20\d{{2}}){END}"),
            lambda match: say.year(match["year"]),
            DIGITS,
            hint=regex.compile(r"(?<![0-9])[0-9]{4}(?![0-9])"),
        ),
    )
