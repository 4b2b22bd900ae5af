"""How much silence is heard around a chunk: what its last symbol asks for, and never less than all of the sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from gateway.audio.gaps import LEAD_MS, LEAST_TAIL_MS, Gaps, Kept, Pcm, sound_in, whole

RATE = 24_000
LEAD, SOUND, TAIL = 8_000, 24_000, 11_000


def spoken(peak: int = 8_000) -> Pcm:
    """A second of sound between silences with a little noise in them, as the model makes them."""
    noise = np.random.default_rng(3).normal(0, 0.001 * peak, LEAD + SOUND + TAIL)
    noise[LEAD : LEAD + SOUND] += peak * np.sin(np.arange(SOUND) / 20 + 1)
    return np.rint(noise).astype(np.int16)


def tail_ms(phonemes: str, gaps: Gaps | None = None, speed: float = 1.0) -> float:
    kept = (gaps or Gaps()).keep(spoken(), RATE, phonemes, speed)
    return (kept.end - LEAD - SOUND) / RATE * 1000


@pytest.mark.parametrize(
    ("phonemes", "gap_ms"),
    [
        ("hˈaɪ.", 410),
        ("hˈaɪ?", 410),
        ("hˈaɪ…", 410),
        ("hˈaɪ —", 410),
        ("hˈaɪ!", 369),
        ("hˈaɪ,", 328),
        ("“hˈaɪ.”", 410),
        ("(hˈaɪ!)”", 369),
        ("hˈaɪ", LEAD_MS + LEAST_TAIL_MS),
        ("“hˈaɪ”", LEAD_MS + LEAST_TAIL_MS),
    ],
)
def test_the_last_symbol_says_how_long_the_gap_is(phonemes: str, gap_ms: float) -> None:
    assert tail_ms(phonemes) == pytest.approx(gap_ms - LEAD_MS, abs=0.5)


@pytest.mark.parametrize(
    ("gaps", "speed", "expected_ms"),
    [
        (Gaps(padding_ms=300), 1.0, 300 - LEAD_MS),
        (Gaps(multipliers={".": 0.5}), 1.0, 205 - LEAD_MS),
        (Gaps(), 1.5, 410 / 1.5 - LEAD_MS),
        (Gaps(), 4.0, LEAST_TAIL_MS),
        (Gaps(padding_ms=0), 1.0, LEAST_TAIL_MS),
        (Gaps(padding_ms=5_000), 1.0, TAIL / RATE * 1000 - 1),
        (Gaps(padding_ms=5_000, trim_ms=100), 1.0, TAIL / RATE * 1000 - 100),
    ],
)
def test_settings_and_speed(gaps: Gaps, speed: float, expected_ms: float) -> None:
    assert tail_ms("hˈaɪ.", gaps, speed) == pytest.approx(expected_ms, abs=0.5)


@pytest.mark.parametrize("peak", [500, 8_000, 32_000])
@pytest.mark.parametrize("phonemes", ["hˈaɪ.", "hˈaɪ"])
def test_the_lead_is_the_same_for_all(peak: int, phonemes: str) -> None:
    assert LEAD - Gaps().keep(spoken(peak), RATE, phonemes).first == pytest.approx(RATE * LEAD_MS / 1000, abs=3)


def test_less_silence_than_is_kept_stays() -> None:
    pcm = spoken()[LEAD - 100 : LEAD + SOUND + 100]

    assert Gaps(trim_ms=0).keep(pcm, RATE, "hˈaɪ.") == whole(pcm)


@pytest.mark.parametrize(
    ("samples", "expected"), [(0, Kept(0, 0)), (1, Kept(0, 1)), (48, Kept(0, 48)), (5_000, Kept(24, 4_976))]
)
def test_nothing_but_silence_stays_but_for_the_trim(samples: int, expected: Kept) -> None:
    assert Gaps().keep(np.zeros(samples, np.int16), RATE, "hˈaɪ.") == expected


def test_the_loudest_sample_there_is() -> None:
    pcm = np.zeros(RATE, np.int16)
    pcm[RATE // 2] = -32_768
    kept = Gaps().keep(pcm, RATE, "hˈaɪ")

    assert kept.first < RATE // 2 < kept.end < kept.first + RATE // 4


@pytest.mark.parametrize("wrong", [{"padding_ms": -1.0}, {"trim_ms": -0.1}, {"multipliers": {".": -1.0}}])
def test_negative_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="no gap"):
        Gaps(**wrong)  # type: ignore[arg-type]


@settings(deadline=None)
@given(
    pcm=st_numpy.arrays(np.int16, st.integers(0, 3_000)),
    phonemes=st.sampled_from(["a.", "a", "a,", "."]),
    gaps=st.builds(Gaps, trim_ms=st.floats(0, 500), padding_ms=st.floats(0, 500)),
    speed=st.floats(0.25, 4),
)
def test_one_stretch_with_all_of_the_sound(pcm: Pcm, phonemes: str, gaps: Gaps, speed: float) -> None:
    kept = gaps.keep(pcm, 8_000, phonemes, speed)
    trim = round(8 * gaps.trim_ms)
    inner = (trim, pcm.size - trim) if pcm.size > 2 * trim else (0, pcm.size)

    assert inner[0] <= kept.first <= kept.end <= inner[1]
    assert (kept.first < kept.end) == (pcm.size > 0)
    if sound := sound_in(pcm, *inner):
        assert kept.first <= sound.first < sound.end <= kept.end
