"""Dates, years, decades and eras."""

from __future__ import annotations

import re

import regex

from gateway.text.normaliser.english.numbers import MONTHS, Numbers
from gateway.text.normaliser.english.patterns import BEGIN, DASH, END, ORDINAL_SUFFIX, SPACE, any_of
from gateway.text.rules import DIGITS, LETTERS, Anchor, AnyRule, Respelling, Rule, remembered

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


_DATE_YEAR_FIRST = regex.compile(
    rf"{BEGIN}(?P<year>{_YEAR})(?P<separator>[-/.])(?P<month>\d{{1,2}})(?P=separator)(?P<day>\d{{1,2}})"
    rf"(?:(?P<time>T)(?=\d{{2}}:\d{{2}})|{END}(?!{DASH}\d|/\d))"
)
_DATE_YEAR_FIRST_HINT = re.compile(r"([-/.])(?<=[12]\d{3}.)(?=\d{1,2}\1\d)")
_DATE_YEAR_LAST = regex.compile(
    rf"{BEGIN}(?<!\d[-/])(?P<first>\d{{1,2}})(?P<separator>[-/.])(?P<second>\d{{1,2}})(?P=separator)"
    rf"(?P<year>[12]\d{{3}}|(?<=[/])\d{{2}}){END}(?![-/]\d)"
)
_DATE_YEAR_LAST_HINT = re.compile(r"([-/.])(?<=\d.)(?=\d{1,2}\1\d\d)")
_DATE_WITHOUT_YEAR = regex.compile(
    rf"(?<=\b(?:[Oo]n|[Bb]y|[Uu]ntil|[Ss]ince|[Bb]efore|[Aa]fter|[Dd]ue|[Dd]ated) )"
    rf"(?P<first>\d{{1,2}})/(?P<second>\d{{1,2}}){END}(?!/)"
)
_DATE_WITHOUT_YEAR_HINT = re.compile(r"/(?=\d)(?:(?<=[a-z] \d.)|(?<=[a-z] \d\d.))")


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
            "date, year first", _DATE_YEAR_FIRST, remembered(iso), DIGITS, frozenset("-/."), hint=_DATE_YEAR_FIRST_HINT
        ),
        Rule(
            "date, year last", _DATE_YEAR_LAST, remembered(fields), DIGITS, frozenset("-/."), hint=_DATE_YEAR_LAST_HINT
        ),
        Rule(
            "date, without year",
            _DATE_WITHOUT_YEAR,
            remembered(day_of_year),
            DIGITS,
            frozenset("/"),
            hint=_DATE_WITHOUT_YEAR_HINT,
        ),
    )


_SHORT_MONTH = regex.compile(
    rf"\b(?P<month>{any_of(SHORT_MONTHS)})(?:\.(?={SPACE}?\d)|(?={SPACE}\d)|"
    rf"(?<=\d{SPACE}(?P=month)|\d{ORDINAL_SUFFIX}{SPACE}(?P=month))\b\.?(?!\.))"
)
_SHORT_MONTH_HINT = regex.compile(r"[0-9]")
_DATE_WITH_DASHES = regex.compile(
    rf"{BEGIN}(?P<day>\d{{1,2}})-(?P<month>{any_of([*SHORT_MONTHS, 'May'])})-(?P<year>{_YEAR})\b"
)
_DATE_WITH_DASHES_HINT = re.compile(r"-(?<=\d.)(?=[JFMASOND])")
_YEAR_AFTER_MONTH = regex.compile(
    rf"\b{_MONTH}(?:{SPACE}{_DAY}(?:{SPACE}?(?:{DASH}|to){SPACE}?{_DAY})?)?,?{SPACE}"
    rf"(?P<it>{_YEAR})(?![\p{{L}}\d]|,\d)"
)
_SECOND_DAY_AFTER_MONTH = regex.compile(rf"\b{_MONTH}{SPACE}{_DAY}{_AND}(?P<it>{_DAY}){_NO_TIME}")
_SECOND_DAY_AFTER_MONTH_HINT = regex.compile(
    rf"(?:{DASH}|&)(?<=(?:[0-9]|st|nd|rd|th){SPACE}?.){SPACE}?[0-9]"
    rf"|(?:and|to)(?<=(?:[0-9]|st|nd|rd|th){SPACE}?(?:and|to)){SPACE}?[0-9]"
)
_DAY_AFTER_MONTH = regex.compile(rf"\b{_MONTH}{SPACE}(?P<it>{_DAY}){_NO_TIME}")
_DAY_BEFORE_MONTH = regex.compile(
    rf"{BEGIN}(?P<it>{_DAY})(?=(?P<more>{_AND}{_DAY})?(?P<of>{SPACE}of)?{SPACE}{_MONTH}\b)"
)
_DAY_BEFORE_MONTH_HINT = regex.compile(rf"{SPACE}[JFMASOND](?<=[0-9](?:st|nd|rd|th)?(?:{SPACE}of)?{SPACE}.)")


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

    def with_dashes(match: regex.Match[str]) -> str:
        number, month = int(match["day"]), 1 + MONTHS.index(SHORT_MONTHS.get(match["month"], "May"))
        return spoken_date(say, match["year"], month, number) if 1 <= number <= 31 else match.group()

    return (
        Rule(
            "short month",
            _SHORT_MONTH,
            lambda match: SHORT_MONTHS[match["month"]],
            _FIRST_OF_MONTHS,
            DIGITS,
            hint=_SHORT_MONTH_HINT,
        ),
        Rule(
            "date with dashes",
            _DATE_WITH_DASHES,
            remembered(with_dashes),
            DIGITS,
            frozenset("-"),
            hint=_DATE_WITH_DASHES_HINT,
        ),
        Rule("year after month", _YEAR_AFTER_MONTH, lambda match: say.year(match["it"]), _FIRST_OF_MONTHS, DIGITS),
        Rule(
            "second day after month",
            _SECOND_DAY_AFTER_MONTH,
            remembered(day, "it"),
            _FIRST_OF_MONTHS,
            DIGITS,
            hint=_SECOND_DAY_AFTER_MONTH_HINT,
        ),
        Rule("day after month", _DAY_AFTER_MONTH, remembered(day, "it"), _FIRST_OF_MONTHS, DIGITS),
        Rule("day before month", _DAY_BEFORE_MONTH, day_before, _FIRST_OF_MONTHS, DIGITS, hint=_DAY_BEFORE_MONTH_HINT),
    )


_DECADE = regex.compile(r"(?<![\p{L}\p{N}$£€])['’]?(?P<decade>(?:1[1-9]|20)\d0|[2-9]0|(?<=['’])[01]0)['’]?s\b")
_DECADE_HINT = re.compile(r"s(?![A-Za-z0-9_])(?:(?<=\d0.)|(?<=\d0['’].))")
_SHORT_YEAR = regex.compile(r"(?<![\p{L}\p{N}])['’](?P<year>\d{2})(?![\p{L}\p{N}'’]|[.,:]\d)")
_SHORT_YEAR_ANCHOR = Anchor(re.compile(r"['’](?=\d\d(?![0-9A-Za-z'’]))(?<![0-9A-Za-z].)"))
_YEAR_OF_AN_ERA = regex.compile(
    rf"{BEGIN}(?P<year>\d{{1,3}}(?:,\d{{3}})?+|\d{{4}})(?={SPACE}?(?:BCE?|CE|AD|B\.C\.|A\.D\.|C\.E\.))"
)
_YEAR_OF_AN_ERA_HINT = re.compile(rf"[ABC](?=[CDE.])(?:(?<=\d.)|(?<=\d{SPACE}.))")
_END_OF_A_SPAN_OF_YEARS = regex.compile(rf"(?<={BEGIN}(?:1[1-9]|20)\d{{2}}(?:{DASH}| to ))0(?P<year>\d){END}")
_END_OF_A_SPAN_OF_YEARS_HINT = re.compile(rf"0(?=\d)(?:(?<=\d{DASH}.)|(?<=\d to .))")
_YEAR_IN_CONTEXT = regex.compile(rf"{BEGIN}(?P<year>[12]\d{{3}})(?!{SPACE}?%){END}(?<=\b{_YEAR_CONTEXT}{SPACE}\d{{4}})")
_YEAR_IN_CONTEXT_HINT = re.compile(rf"[12](?=\d{{3}}(?![0-9A-Za-z_]))(?<=[A-Za-z.]{SPACE}.)")
_YEAR_RULE = regex.compile(rf"(?<![$£€#]){BEGIN}(?:1[1-9]\d{{2}}|20\d{{2}}){END}")
_YEAR_HINT = re.compile(r"[12](?=\d{3}(?![0-9A-Za-z_]))(?<![0-9A-Za-z_$£€#].)(?:(?<=1)[1-9]|(?<=2)0)")


def year_rules(say: Numbers) -> tuple[AnyRule, ...]:
    """Years without a date, after all other kinds of numbers that have four digits."""

    def era(match: regex.Match[str]) -> str:
        return say.year(match["year"].replace(",", ""))

    return (
        Rule("decade", _DECADE, lambda match: say.decade(match["decade"]), DIGITS, frozenset("s"), hint=_DECADE_HINT),
        Rule(
            "short year",
            _SHORT_YEAR,
            lambda match: (
                f"oh {say.cardinal(match['year'][1])}" if match["year"][0] == "0" else say.cardinal(match["year"])
            ),
            frozenset("'’"),
            anchor=_SHORT_YEAR_ANCHOR,
        ),
        Rule("year of an era", _YEAR_OF_AN_ERA, era, frozenset("BCA"), DIGITS, hint=_YEAR_OF_AN_ERA_HINT),
        Rule(
            "end of a span of years",
            _END_OF_A_SPAN_OF_YEARS,
            lambda match: f"oh {say.cardinal(match['year'])}",
            DIGITS,
            hint=_END_OF_A_SPAN_OF_YEARS_HINT,
        ),
        Rule(
            "year in context",
            _YEAR_IN_CONTEXT,
            lambda match: say.year(match["year"]),
            DIGITS,
            LETTERS,
            hint=_YEAR_IN_CONTEXT_HINT,
        ),
        Respelling("year", _YEAR_RULE, say.year, DIGITS, hint=_YEAR_HINT),
    )
