"""Voice expressions."""

from __future__ import annotations

import pytest

from shared.errors import InvalidValue, UnknownVoice
from shared.voices import CATALOGUE, MAX_MIXED_VOICES, OPENAI_VOICES, parse_mix


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
    ],
)
def test_weights_sum_to_one(expression: str, mix: dict[str, float]) -> None:
    assert dict(parse_mix(expression, CATALOGUE)) == pytest.approx(mix)


@pytest.mark.parametrize(
    "expression",
    [
        "", "+", "af_bella+", "af_bella++af_sky", "af_bella(", "af_bella()", "af_bella(2", "a,b", "../x", "af bella",
        "af_bella(0)", "af_bella(-1)", "af_bella(1e309)", "af_bella(nan)", "af_bella(inf)", "af_bella(two)",
        "af_bella(1e308)+af_sky(1e308)", "+".join(["af_bella"] * (MAX_MIXED_VOICES + 1)),
        "\x00", "af_bella" * 10_000 + "(",
    ],
)  # fmt: skip
def test_malformed_mixes_are_refused(expression: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse_mix(expression, CATALOGUE)
    assert caught.value.param == "voice"


def test_an_unknown_voice_gets_close_matches() -> None:
    with pytest.raises(UnknownVoice, match="Did you mean 'af_bella'"):
        parse_mix("af_bela", CATALOGUE)


def test_the_catalogue_is_whole_and_openai_names_lead_into_it() -> None:
    assert len(CATALOGUE) == len(set(CATALOGUE)) == 54
    assert len(OPENAI_VOICES) == 13
    assert set(OPENAI_VOICES.values()) <= set(CATALOGUE)
