"""Times of day, durations, and feet and inches, which are written like minutes and seconds."""

from __future__ import annotations

import re

import regex

from gateway.text.normaliser.english.numbers import Numbers, plural
from gateway.text.normaliser.english.patterns import BEGIN, DECIMAL_DIGITS, NUMBER_BEGINS, SPACE
from gateway.text.rules import DIGITS, Anchor, Rule, remembered

_HALF = r"(?P<half>[AaPp])(?:(?P<dot>\.)[Mm]\.?|[Mm])(?![\p{L}\p{N}])"
_HALF_HINT = regex.compile(rf"[0-9]{SPACE}?[AaPp]\.?[Mm]")
_PARTS = ("hour", "minute", "second")


def spoken_time(say: Numbers, hour: int, minute: str, half: str = "") -> str:
    """ "three oh five", "twelve o'clock"; with ``half``, "A" or "P", as of a twelve-hour clock."""
    if minute == "00":
        if half:
            return say.cardinal(str(hour))
        if hour in {0, 24}:
            return "midnight"
        return f"{say.cardinal(str(hour))} {'o' + chr(39) + 'clock' if hour <= 12 else 'hundred'}"
    minutes = f"oh {say.cardinal(minute[1])}" if minute[0] == "0" else say.cardinal(minute)
    return f"{say.cardinal(str(hour))} {minutes}"


def counted(say: Numbers, number: str, noun: str) -> str:
    """ "1", "hour" is one hour; "07", "minute" is seven minutes."""
    value = number.lstrip("0") or "0"
    if value.startswith("."):
        value = "0" + value
    return f"{say.number(value)} {noun if value == '1' else plural(noun)}"


def joined(parts: list[str]) -> str:
    """ "one hour, two minutes and three seconds"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def time_rules(say: Numbers) -> tuple[Rule, ...]:
    return (*_durations(say), *_clock(say))


_TIME = regex.compile(
    rf"{BEGIN}(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:\.\d{{1,9}}+)?)?"
    rf"(?:{SPACE}?{_HALF}|(?P<utc>Z)(?![\p{{L}}\p{{N}}])|(?![\p{{L}}\p{{N}}:]|\.\d))"
)
_COLON_ANCHOR = Anchor(re.compile(r":(?<=\d.)(?=\d)"), run=DECIMAL_DIGITS, begin=NUMBER_BEGINS)
_MINUTES_ANCHOR = Anchor(re.compile(r":(?<=\d.)(?=[0-5]\d)"), run=DECIMAL_DIGITS, begin=NUMBER_BEGINS)
_TIME_WITH_A_STOP = regex.compile(
    rf"{BEGIN}(?P<hour>1[0-2]|0?[1-9])\.(?P<minute>[0-5]\d)(?P<second>(?!))?(?P<utc>(?!))?{SPACE}?{_HALF}"
)
_HOUR = regex.compile(rf"{BEGIN}(?P<hour>1[0-2]|0?[1-9]){SPACE}?{_HALF}")
_RATIO = regex.compile(rf"{BEGIN}(?P<left>\d{{1,3}}+):(?P<right>\d{{1,3}}+)(?![\p{{L}}\p{{N}}:]|\.\d)")


def _clock(say: Numbers) -> tuple[Rule, ...]:
    def clock(match: regex.Match[str]) -> str:
        words = spoken_time(say, int(match["hour"]), match["minute"], match["half"] or "")
        if match["second"] and match["second"] != "00":
            words += f" and {counted(say, match['second'], 'second')}"
        if match["half"]:
            words += " " + _half(match)
        return words + (" U.T.C" if match["utc"] else "")

    return (
        Rule("time", _TIME, remembered(clock), frozenset(":"), DIGITS, anchor=_MINUTES_ANCHOR),
        Rule("time with a stop", _TIME_WITH_A_STOP, remembered(clock), frozenset("mM"), DIGITS),
        Rule(
            "hour",
            _HOUR,
            remembered(lambda match: f"{say.cardinal(match['hour'].lstrip('0'))} {_half(match)}"),
            frozenset("mM"),
            hint=_HALF_HINT,
        ),
        Rule(
            "ratio",
            _RATIO,
            lambda match: f"{say.cardinal(match['left'])} to {say.cardinal(match['right'])}",
            frozenset(":"),
            anchor=_COLON_ANCHOR,
        ),
    )


def _half(match: regex.Match[str]) -> str:
    """ "p.m." and "pm" as misaki spells them best; a final stop may also end the sentence, and stays."""
    stop = "." if match.group().endswith(".") else ""
    return f"{match['half'].upper()}.M{stop}"


_DURATION_WITH_COLONS = regex.compile(
    rf"{BEGIN}\d{{1,3}}:[0-5]\d(?::[0-5]\d(?<!(?:[01]\d|2[0-4]):\d\d:\d\d)|(?<=(?:2[5-9]|[3-9]\d|\d{{3}}):\d\d))"
    rf"(?![\p{{L}}\p{{N}}:]|\.\d|{SPACE}?[AaPp]\.?[Mm]\b)"
)
_DURATION_WITH_LETTERS = regex.compile(
    rf"{BEGIN}(?:(?:(?P<day>\d{{1,4}}+)d{SPACE}?(?=\d{{1,4}}h))?(?P<hour>\d{{1,4}}+(?:\.\d{{1,4}}+)?)h(?:rs?)?"
    rf"(?:(?P<minute>\d{{1,2}}+)|{SPACE}?(?P<minute>\d{{1,2}}+)m(?:ins?)?)?"
    rf"(?:{SPACE}?(?P<second>\d{{1,2}}+)s(?:ecs?)?)?"
    rf"|(?P<minute>\d{{1,4}}+)m(?:ins?)?{SPACE}?(?P<second>\d{{1,2}}+)s(?:ecs?)?)(?![\p{{L}}\p{{N}}])"
)
_DURATION_WITH_LETTERS_HINT = regex.compile(r"\d[hm]")
_MINUTES_AND_SECONDS = regex.compile(
    rf"{BEGIN}(?P<big>\d{{1,3}}+)['’′](?<!°{SPACE}?\d{{1,3}}['’′])(?:{SPACE}?(?P<small>\d{{1,2}}+)(?:''|’’|[\"”″])"
    rf"|(?<=(?<!\d)[3-8]['’′])(?P<small>1[01]|\d)(?![\p{{L}}\p{{N}}]))"
)
_MINUTES_AND_SECONDS_ANCHOR = Anchor(
    re.compile(rf"['’′](?<=\d.)(?={SPACE}?\d)"), run=DECIMAL_DIGITS, begin=NUMBER_BEGINS
)


def _durations(say: Numbers) -> tuple[Rule, ...]:
    def colons(match: regex.Match[str]) -> str:
        numbers = match.group().split(":")
        parts = zip(numbers, _PARTS[-len(numbers) :], strict=True)
        return joined([counted(say, number, noun) for number, noun in parts if int(number)] or ["zero seconds"])

    def letters(match: regex.Match[str]) -> str:
        return " ".join(counted(say, match[part], part) for part in ("day", *_PARTS) if match[part])

    def primes(match: regex.Match[str]) -> str:
        big, small = match["big"], match["small"]
        feet = not small.startswith("0") and int(small) < 12 and 0 < int(big) < 9
        nouns = (("foot", "feet"), ("inch", "inches")) if feet else (("minute", "minutes"), ("second", "seconds"))
        return " ".join(
            f"{say.cardinal(number.lstrip('0') or '0')} {one if int(number) == 1 else many}"
            for number, (one, many) in zip((big, small), nouns, strict=True)
        )

    return (
        Rule(
            "duration with colons",
            _DURATION_WITH_COLONS,
            remembered(colons),
            frozenset(":"),
            DIGITS,
            anchor=_MINUTES_ANCHOR,
        ),
        Rule(
            "duration with letters",
            _DURATION_WITH_LETTERS,
            remembered(letters),
            frozenset("hm"),
            DIGITS,
            hint=_DURATION_WITH_LETTERS_HINT,
        ),
        Rule(
            "minutes and seconds",
            _MINUTES_AND_SECONDS,
            remembered(primes),
            frozenset("'’′"),
            anchor=_MINUTES_AND_SECONDS_ANCHOR,
        ),
    )
