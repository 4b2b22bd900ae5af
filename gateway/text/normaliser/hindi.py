"""Hindi: how its numbers, dates, amounts and abbreviations are said. No library has its numbers below a hundred."""

from __future__ import annotations

from gateway.text.languages import Language
from gateway.text.normaliser import western, western_say_as
from gateway.text.normaliser.grammar import Grammar, Mixed, alphabet, glossary, nouns, powers
from gateway.text.normalization import NormalizationOptions
from gateway.text.rules import AnyRule

_BELOW_HUNDRED = (
    "शून्य एक दो तीन चार पाँच छह सात आठ नौ दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस "
    "बीस इक्कीस बाईस तेईस चौबीस पच्चीस छब्बीस सत्ताईस अट्ठाईस उनतीस तीस इकतीस बत्तीस तैंतीस चौंतीस पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस "
    "चालीस इकतालीस बयालीस तैंतालीस चौवालीस पैंतालीस छियालीस सैंतालीस अड़तालीस उनचास पचास इक्यावन बावन तिरपन चौवन "
    "पचपन छप्पन सत्तावन "
    "अट्ठावन उनसठ साठ इकसठ बासठ तिरसठ चौंसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर सत्तर इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर "
    "छिहत्तर सतहत्तर "
    "अठहत्तर उनासी अस्सी इक्यासी बयासी तिरासी चौरासी पचासी छियासी सत्तासी अट्ठासी नवासी नब्बे इक्यानवे बानवे तिरानवे चौरानवे पचानवे "
    "छियानवे सत्तानवे अट्ठानवे निन्यानवे"
).split()
_SCALES = ((10**11, "खरब"), (10**9, "अरब"), (10**7, "करोड़"), (10**5, "लाख"), (10**3, "हज़ार"), (100, "सौ"))
_MONTHS = "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर".split()
_ONE_OR_TWO_AND_A_HALF = {"1": "डेढ़", "2": "ढाई"}
_ORDINALS = {1: ("पहला", "पहली"), 2: ("दूसरा", "दूसरी"), 3: ("तीसरा", "तीसरी"), 4: ("चौथा", "चौथी"), 6: ("छठा", "छठी")}


def _cardinal(number: int) -> str:
    parts = []
    for size, name in _SCALES:
        if number >= size:
            parts.append(f"{_cardinal(number // size)} {name}")
            number %= size
    if number or not parts:
        parts.append(_BELOW_HUNDRED[number])
    return " ".join(parts)


def _ordinal(number: int, feminine: bool) -> str:
    if number in _ORDINALS:
        return _ORDINALS[number][feminine]
    return f"{_cardinal(number)}{'वीं' if feminine else 'वाँ'}"


def _agreeing(said: str, feminine: bool) -> str:  # noqa: ARG001 - numerals do not change
    return said


def _date(day: int | None, month: int | None, year: int | None) -> str:
    parts = [
        None if day is None else _cardinal(day),
        None if month is None else _MONTHS[month - 1],
        None if year is None else _year(year),
    ]
    return " ".join(part for part in parts if part)


def _year(year: int) -> str:
    hundreds = 1100 <= year < 2000 and year % 1000 >= 100
    rest = f" {_cardinal(year % 100)}" if year % 100 else ""
    return f"{_cardinal(year // 100)} सौ{rest}" if hundreds else _cardinal(year)


def _time(hours: int, minutes: int, seconds: int | None) -> str:
    if not minutes and seconds is None:
        return f"{_cardinal(hours)} बजे"
    said = f"{_cardinal(hours)} बजकर {_cardinal(minutes)} मिनट"
    return said if seconds is None else f"{said} {_cardinal(seconds)} सेकंड"


def _mixed(mixed: Mixed) -> str:
    """Quarters and halves have words of their own, which count on or back from a number."""
    whole, part = mixed.whole, mixed.part
    if not whole:
        return "आधी" if mixed.before_feminine and part == "1/2" else part
    if part == "1/2":
        return _ONE_OR_TWO_AND_A_HALF.get(whole) or f"साढ़े {whole}"
    if part == "1/4":
        return f"सवा {whole}"
    return f"पौने {int(whole) + 1}" if part == "3/4" else f"{whole} सही {part}"


GRAMMAR = Grammar(
    cardinal=_cardinal,
    ordinal=_ordinal,
    agreeing=_agreeing,
    date=_date,
    time=_time,
    decimal_mark=".",
    group_marks=",",
    point="दशमलव",
    minus="माइनस",
    through="से",
    over="बटा",
    dot="डॉट",
    at="ऐट",
    and_part="",
    of="",
    percent="प्रतिशत",
    time_marks=r":(?P<m>\d{2})(?::(?P<s>\d{2}))?(?: बजे)?",
    ordinal_pattern=r"(?:वां|वाँ|वा|वें|ला|रा|था|ठा|(?P<feminine>वीं|वी|ली|री|थी|ठी))",
    scales="लाख|करोड़|अरब|खरब|हज़ार|हजार",
    currencies=nouns(
        "₹, INR, रु., Rs. = रुपया, रुपये, पैसा, पैसे; $, USD, US$ = डॉलर, डॉलर, सेंट, सेंट; €, EUR = यूरो, यूरो, सेंट, सेंट;"
        "£, GBP = पाउंड, पाउंड, पेंस, पेंस; ¥, JPY = येन, येन"
    ),
    units=nouns(
        "km, किमी, कि.मी. = किलोमीटर, किलोमीटर; m, मी. = मीटर, मीटर; cm, सेमी = सेंटीमीटर, सेंटीमीटर;"
        "mm, मिमी = मिलीमीटर, मिलीमीटर; kg, किग्रा, कि.ग्रा. = किलोग्राम, किलोग्राम; g, ग्रा. = ग्राम, ग्राम;"
        "mg = मिलीग्राम, मिलीग्राम; l, L, ली. = लीटर, लीटर; ml, mL, मिली = मिलीलीटर, मिलीलीटर;"
        "km/h = किलोमीटर प्रति घंटा, किलोमीटर प्रति घंटा; h = घंटा, घंटे; min = मिनट, मिनट; s = सेकंड, सेकंड;"
        "m² = वर्ग मीटर, वर्ग मीटर; km² = वर्ग किलोमीटर, वर्ग किलोमीटर; m³ = घन मीटर, घन मीटर;"
        "°C, ℃ = डिग्री सेल्सियस, डिग्री सेल्सियस; °F, ℉ = डिग्री फ़ारेनहाइट, डिग्री फ़ारेनहाइट; GB = गीगाबाइट, गीगाबाइट;"
        "MB = मेगाबाइट, मेगाबाइट; kW = किलोवाट, किलोवाट"
    ),
    abbreviations=glossary(
        "डॉ., डॉ॰ = डॉक्टर; श्री. = श्री; प्रो., प्रो॰ = प्रोफ़ेसर; पं. = पंडित; सं. = संख्या; ई.पू. = ईसा पूर्व; इ. = इत्यादि;"
        "रु. = रुपये; पृ. = पृष्ठ"
    ),
    may_end=frozenset("इ.".split(" | ")),
    symbols=glossary(
        "& = और; % = प्रतिशत; @ = ऐट; # = हैश; + = प्लस; × = गुणा; ÷ = भागा; < = से कम; > = से ज़्यादा; ° = डिग्री;"
        "€ = यूरो; $ = डॉलर; £ = पाउंड; ₹ = रुपये; / = स्लैश; - = डैश; _ = अंडरस्कोर"
    )
    | {"=": "बराबर"},
    letters=alphabet(
        "abcdefghijklmnopqrstuvwxyz",
        "ए बी सी डी ई एफ़ जी एच आई जे के एल एम एन ओ पी क्यू आर एस टी यू वी डब्ल्यू एक्स वाई ज़ेड",
    ),
    fractions=glossary("1/2 = आधा; 1/3 = एक तिहाई; 2/3 = दो तिहाई; 1/4 = एक चौथाई; 3/4 = तीन चौथाई"),
    mixed=_mixed,
    power=powers("का वर्ग", "का घन", "की घात", "माइनस"),
    always_units=True,
    digitwise_decimals=True,
)


def rules(language: Language, options: NormalizationOptions) -> tuple[AnyRule, ...]:  # noqa: ARG001
    return western.rules(GRAMMAR, options)


def say_as(text: str, interpret_as: str, language: Language, *, format: str, detail: str) -> str:  # noqa: A002, ARG001
    return western_say_as.say_as(text, interpret_as, GRAMMAR, format)
