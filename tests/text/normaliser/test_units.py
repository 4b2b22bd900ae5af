"""Units, temperatures, angles, percentages and dimensions."""

from __future__ import annotations

import pytest

from tests.text.normaliser.checks import spoken

CASES = (
    ("40–60 °C", "forty to sixty degrees Celsius"),
    ("20°C", "twenty degrees Celsius"),
    ("1°C", "one degree Celsius"),
    ("98.6°F", "ninety-eight point six degrees Fahrenheit"),
    ("-40 °F", "minus forty degrees Fahrenheit"),
    ("300 °K", "three hundred degrees kelvin"),
    ("25℃", "twenty-five degrees Celsius"),
    ("45°", "forty-five degrees"),
    ("a 1° change", "a one degree change"),
    ("°C or °F", "degrees Celsius or degrees Fahrenheit"),
    ("40°26′46″N", "forty degrees twenty-six minutes forty-six seconds north"),
    ("79°58′W", "seventy-nine degrees fifty-eight minutes west"),
    ("50%", "fifty percent"),
    ("3.5 %", "three point five percent"),
    ("0.1%", "zero point one percent"),
    ("5‰", "five per mille"),
    ("5 km", "five kilometers"),
    ("1 km", "one kilometer"),
    ("5km", "five kilometers"),
    ("1.5 kg", "one point five kilograms"),
    ("0.5 km", "zero point five kilometers"),
    ("10 mph", "ten miles per hour"),
    ("100 km/h", "one hundred kilometers per hour"),
    ("60 mi/h", "sixty miles per hour"),
    ("9.8 m/s²", "nine point eight meters per second squared"),
    ("5 m²", "five square meters"),
    ("10 km2", "ten square kilometers"),
    ("3 cm³", "three cubic centimeters"),
    ("5-km run", "five-kilometer run"),
    ("a 10-kg bag", "a ten-kilogram bag"),
    ("8 GB of RAM", "eight gigabytes of RAM"),
    ("512 MiB", "five hundred twelve mebibytes"),
    ("2.4 GHz", "two point four gigahertz"),
    ("100 Mbps", "one hundred megabits per second"),
    ("500 mL", "five hundred milliliters"),
    ("100ms", "one hundred milliseconds"),
    ("6 ft 2 in", "six feet two inches"),
    ("12 oz", "twelve ounces"),
    ("5 lbs", "five pounds"),
    ("2 tbsp", "two tablespoons"),
    ("1 tsp", "one teaspoon"),
    ("10 sq ft", "ten square feet"),
    ("5 kWh", "five kilowatt hours"),
    ("230 kV", "two hundred thirty kilovolts"),
    ("10 dB", "ten decibels"),
    ("3 px", "three pixels"),
    ("5 Ω", "five ohms"),
    ("72 bpm", "seventy-two beats per minute"),
    ("3000 rpm", "three thousand R.P.M"),
    ("5x7", "five by seven"),
    ("1920×1080", "nineteen twenty by ten eighty"),
    ("5 x 7 x 3", "five by seven by three"),
    ("10x faster", "ten times faster"),
    ("3x", "three x"),
    ("5 m", "five m"),
    ("3 s", "three s"),
)


@pytest.mark.parametrize(("before", "after"), CASES)
def test_case(before: str, after: str) -> None:
    assert spoken(before) == after
