"""Voice expressions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract import VoiceMix
from shared.errors import InvalidValue, UnknownVoice
from shared.voices import CATALOGUE, MAX_MIXED_VOICES, OPENAI_VOICES, mix_name, parse_mix

SAVED: dict[str, VoiceMix] = {
    "narrator": (("af_bella", 0.75), ("af_sky", 0.25)),
    "edge": (("am_adam", 0.5), ("af_sky", -0.5)),
}


@pytest.mark.parametrize(
    ("expression", "mix"),
    [
        ("af_bella", {"af_bella": 1.0}),
        ("af_bella+af_sky", {"af_bella": 0.5, "af_sky": 0.5}),
        ("af_bella(2)+af_sky(1)", {"af_bella": 2 / 3, "af_sky": 1 / 3}),
        (" af_bella ( 0.5 ) + af_sky ( 1.5 ) ", {"af_bella": 0.25, "af_sky": 0.75}),
        ("af_bella+af_sky+bf_emma", {"af_bella": 1 / 3, "af_sky": 1 / 3, "bf_emma": 1 / 3}),
        ("af_bella+af_bella", {"af_bella": 1.0}),
        ("alloy", {"am_adam": 1.0}),
        ("Alloy(1)+af_sky(3)", {"am_adam": 0.25, "af_sky": 0.75}),
        ("af_bella(1e-300)", {"af_bella": 1.0}),
        ("AF_Bella+AF_SKY", {"af_bella": 0.5, "af_sky": 0.5}),
        ("af_bella(2e-1)+af_sky(2.e-1)", {"af_bella": 0.5, "af_sky": 0.5}),
        # Subtraction, as Kokoro-FastAPI has it: divided by all weights, the subtracted ones included.
        ("af_bella-af_sky", {"af_bella": 0.5, "af_sky": -0.5}),
        ("af_bella(1)-af_sky(0.5)", {"af_bella": 2 / 3, "af_sky": -1 / 3}),
        (" af_bella ( 2 ) - alloy ( 1e0 ) + af_sky ", {"af_bella": 0.5, "am_adam": -0.25, "af_sky": 0.25}),
        ("af_bella-af_bella+af_sky", {"af_sky": 1 / 3}),
        ("af_bella(3)-af_bella", {"af_bella": 0.5}),
        # Saved mixes, with what they are made of.
        ("narrator", {"af_bella": 0.75, "af_sky": 0.25}),
        ("Narrator+am_adam", {"af_bella": 0.375, "af_sky": 0.125, "am_adam": 0.5}),
        ("am_adam-edge(3)", {"am_adam": 0.25 - 0.375, "af_sky": 0.375}),
    ],
)
def test_weights_are_shares_of_what_was_written(expression: str, mix: dict[str, float]) -> None:
    assert dict(parse_mix(expression, CATALOGUE, saved=SAVED)) == pytest.approx(mix)


@pytest.mark.parametrize(
    ("expression", "mix"),
    [
        ("af_bella", {"af_bella": 1.0}),
        ("af_bella(0.8)+af_sky(0.4)", {"af_bella": 0.8, "af_sky": 0.4}),
        ("af_bella(1.2)-af_sky(0.2)", {"af_bella": 1.2, "af_sky": -0.2}),
        ("af_bella+af_bella", {"af_bella": 2.0}),
        ("narrator(2)", {"af_bella": 1.5, "af_sky": 0.5}),
    ],
)
def test_weights_may_be_taken_as_they_are_written(expression: str, mix: dict[str, float]) -> None:
    assert dict(parse_mix(expression, CATALOGUE, saved=SAVED, normalise=False)) == pytest.approx(mix)


def test_weights_taken_as_written_have_a_limit() -> None:
    with pytest.raises(InvalidValue, match="10 or less"):
        parse_mix("af_bella(10.1)", CATALOGUE, normalise=False)


@given(
    expression=st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(["af_bella", "af_sky", "edge", "(2)", "(1e400)", "+", "-", " "])).map("".join),
    ),
    normalise=st.booleans(),
)
def test_any_expression_is_a_mix_or_a_refusal(expression: str, normalise: bool) -> None:
    try:
        mix = parse_mix(expression, CATALOGUE, saved=SAVED, normalise=normalise)
    except (InvalidValue, UnknownVoice) as error:
        refusal = error
    else:
        assert 1 <= len(mix) <= MAX_MIXED_VOICES
        assert all(name in CATALOGUE and math.isfinite(weight) for name, weight in mix)
        return
    assert refusal.param == "voice"
    assert len(refusal.message) < 600


@pytest.mark.parametrize("expression", ["af_bella", "af_bella+af_sky(3)", "af_bella(0.2)-af_sky+am_adam(1e-2)"])
def test_a_mixs_name_is_that_mix(expression: str) -> None:
    mix = parse_mix(expression, CATALOGUE)
    assert dict(parse_mix(mix_name(mix), CATALOGUE)) == pytest.approx(dict(mix), rel=1e-3)


def test_the_order_is_that_of_the_expression() -> None:
    names = [name for name, _ in parse_mix("bf_emma+af_sky-am_adam", CATALOGUE)]
    assert names == ["bf_emma", "af_sky", "am_adam"]


def test_a_file_may_have_a_name_with_a_dash() -> None:
    assert parse_mix("af-x", ["af-x", "af"]) == (("af-x", 1.0),)


def test_a_saved_mix_of_voices_that_are_gone_is_not_found() -> None:
    with pytest.raises(UnknownVoice):
        parse_mix("narrator", ["af_bella"], saved=SAVED)


def test_saved_mixes_do_not_get_past_the_limit() -> None:
    many = {f"m{n}": tuple((name, 0.25) for name in CATALOGUE[4 * n : 4 * n + 4]) for n in range(5)}
    with pytest.raises(InvalidValue, match="at most 16"):
        parse_mix("m0+m1+m2+m3+m4", CATALOGUE, saved=many)


@pytest.mark.parametrize(
    "expression",
    [
        "", "+", "af_bella+", "af_bella++af_sky", "af_bella(", "af_bella()", "af_bella(2", "a,b", "../x", "af bella",
        "af_bella(0)", "af_bella(-1)", "af_bella(1e309)", "af_bella(nan)", "af_bella(inf)", "af_bella(two)",
        "af_bella(1e308)+af_sky(1e308)", "+".join(["af_bella"] * (MAX_MIXED_VOICES + 1)),
        "\x00", "af_bella" * 10_000 + "(", "-af_bella", "af_bella-", "af_bella--af_sky", "af_bella+-af_sky",
        "af_bella-af_bella", "af_bella(0.1)+af_bella(0.2)-af_bella(0.3)", "af_bella - - af_sky", "af_bella*2",
    ],
)  # fmt: skip
def test_malformed_mixes_are_refused(expression: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse_mix(expression, CATALOGUE)
    assert caught.value.param == "voice"


def test_an_unknown_voice_gets_close_matches() -> None:
    with pytest.raises(UnknownVoice, match="Did you mean 'af_bella'"):
        parse_mix("af_bela", CATALOGUE)


@pytest.mark.parametrize(
    ("expression", "place"),
    [
        ("af_bella+af bella", "at character 12"),
        ("af_bella(2)+af_sky(0)", "of voice 'af_sky' must"),
        ("af_bella(2) - nobody", "'nobody', at character 14 of"),
        ("af_bella++", "at character 9"),
    ],
)
def test_errors_name_the_place(expression: str, place: str) -> None:
    with pytest.raises((InvalidValue, UnknownVoice), match=place):
        parse_mix(expression, CATALOGUE)


def test_the_catalogue_is_whole_and_openai_names_lead_into_it() -> None:
    assert len(CATALOGUE) == len(set(CATALOGUE)) == 54
    assert len(OPENAI_VOICES) == 13
    assert set(OPENAI_VOICES.values()) <= set(CATALOGUE)
