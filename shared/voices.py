"""The voice catalogue and the voice expression ``af_bella(2)+af_sky(1)-am_adam(0.5)``."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from shared.contract import VoiceMix
from shared.errors import InvalidValue, UnknownVoice

MAX_MIXED_VOICES = 16
"""More parts than any ear tells apart; bounds what one request can make a worker load."""

MAX_PLAIN_WEIGHT = 10.0
"""Of a weight that is used as written: style vectors so far from a voice's are noise."""

_NOTHING = 1e-6
"""Weights that cancel out leave no more than this."""

CATALOGUE: tuple[str, ...] = tuple(
    """
    af_alloy af_aoede af_bella af_heart af_jessica af_kore af_nicole af_nova af_river af_sarah af_sky
    am_adam am_echo am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa
    bf_alice bf_emma bf_isabella bf_lily bm_daniel bm_fable bm_george bm_lewis
    ef_dora em_alex em_santa ff_siwis hf_alpha hf_beta hm_omega hm_psi if_sara im_nicola
    jf_alpha jf_gongitsune jf_nezumi jf_tebukuro jm_kumo pf_dora pm_alex pm_santa
    zf_xiaobei zf_xiaoni zf_xiaoxiao zf_xiaoyi zm_yunjian zm_yunxi zm_yunxia zm_yunyang
    """.split()
)
"""The 54 voices of Kokoro-82M v1.0 (hexgrad/Kokoro-82M, VOICES.md). First letter: language; second: f or m."""

OPENAI_VOICES: dict[str, str] = {
    "alloy": "am_adam",
    "ash": "af_nicole",
    "ballad": "bm_fable",
    "cedar": "am_fenrir",
    "coral": "bf_emma",
    "echo": "af_bella",
    "fable": "af_sarah",
    "marin": "af_heart",
    "nova": "bf_isabella",
    "onyx": "bm_george",
    "sage": "am_michael",
    "shimmer": "af_sky",
    "verse": "am_puck",
}
"""OpenAI's voice names. Nine are as Kokoro-FastAPI maps them, so that its users hear the same; four are new."""

LANGUAGES: dict[str, str] = {
    "a": "American English",
    "b": "British English",
    "e": "Spanish",
    "f": "French",
    "h": "Hindi",
    "i": "Italian",
    "j": "Japanese",
    "p": "Brazilian Portuguese",
    "z": "Mandarin Chinese",
}
"""First letter of a voice name."""

_PART = re.compile(r"\s*([A-Za-z0-9_]+)\s*(?:\(\s*([^()\s]+)\s*\))?\s*")

_NO_MIXES: Mapping[str, VoiceMix] = MappingProxyType({})


def parse_mix(
    expression: str, known: Collection[str], *, saved: Mapping[str, VoiceMix] = _NO_MIXES, normalise: bool = True
) -> VoiceMix:
    """Read ``name``, ``name+name``, ``name(weight)+name(weight)`` or ``name-name`` into names with weights.

    Weights are divided by the sum of what was written, the subtracted ones included: so those of a sum add up to 1,
    and ``a-b`` is half of a less half of b, as in Kokoro-FastAPI. Without ``normalise`` they stay as they are written.
    OpenAI's voice names stand for their counterparts and the names of ``saved`` for their mixes, in mixes too; case
    does not matter. A name given twice adds up. The order is that of the expression. Raises InvalidValue for a
    malformed expression, a weight that is not a positive finite number, or a mix of which nothing is left; UnknownVoice
    for a name that is in none of them.
    """
    if expression.strip() in known:  # files may have names that would be read as a subtraction
        return ((expression.strip(), 1.0),)
    parts = list(_parts(expression, normalise=normalise))
    scale = sum(abs(part.weight) for part in parts) if normalise else 1.0
    if not math.isfinite(scale):
        raise _invalid("The weights of the voice mix are too large.")
    weights: dict[str, float] = {}
    for part in parts:
        for name, share in _resolve(part, expression, known, saved):
            weights[name] = weights.get(name, 0.0) + part.weight / scale * share
    mix = tuple((name, weight) for name, weight in weights.items() if abs(weight) > _NOTHING)
    if not mix:
        raise _invalid(f"Nothing is left of the voice mix {_short(expression)}: its parts cancel out.")
    if len(mix) > MAX_MIXED_VOICES:
        raise _too_many()
    return mix


def mix_name(mix: VoiceMix) -> str:
    """The mix as an expression that ``parse_mix`` reads."""
    if len(mix) == 1:
        return mix[0][0]
    written = "".join(f"{'-' if weight < 0 else '+'}{name}({abs(weight):.4g})" for name, weight in mix)
    return written.removeprefix("+")


class _Part(NamedTuple):
    name: str
    weight: float
    """Negative where it is subtracted."""
    start: int
    """Where in the expression it is."""


def _parts(expression: str, *, normalise: bool) -> Iterator[_Part]:
    sign, at, count = 1.0, 0, 0
    while True:
        match = _PART.match(expression, at)
        if match is None:
            raise _malformed(expression, at)
        count += 1
        if count > MAX_MIXED_VOICES:
            raise _too_many()
        name, written = match.groups()
        weight = 1.0 if written is None else _weight(written, name, normalise=normalise)
        yield _Part(name, sign * weight, match.start(1))
        at = match.end()
        if at == len(expression):
            return
        if expression[at] not in "+-":
            raise _malformed(expression, at)
        sign = 1.0 if expression[at] == "+" else -1.0
        at += 1


def _weight(written: str, name: str, *, normalise: bool) -> float:
    try:
        weight = float(written)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight > 0):
        raise _invalid(f"The weight of voice {_short(name)} must be a positive number.")
    if not normalise and weight > MAX_PLAIN_WEIGHT:
        raise _invalid(f"The weight of voice {_short(name)} must be {MAX_PLAIN_WEIGHT:g} or less.")
    return weight


def _resolve(part: _Part, expression: str, known: Collection[str], saved: Mapping[str, VoiceMix]) -> VoiceMix:
    if part.name in known:
        return ((part.name, 1.0),)
    lower = part.name.lower()
    by_lower = {name.lower(): name for name in known}
    name = by_lower.get(lower) or OPENAI_VOICES.get(lower, "")
    if name in known:
        return ((name, 1.0),)
    if lower in saved and all(voice in known for voice, _ in saved[lower]):
        return saved[lower]
    close = difflib.get_close_matches(lower, [*known, *OPENAI_VOICES, *saved], n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(item) for item in close)}?" if close else ""
    where = f", at character {part.start} of {_short(expression)}," if part.start else ""
    raise UnknownVoice(
        f"Voice {_short(part.name)}{where} not found.{hint} GET /v1/audio/voices lists all.", param="voice"
    )


def _malformed(expression: str, at: int) -> InvalidValue:
    return _invalid(
        f"Malformed voice {_short(expression)}, at character {at}. Write a voice name, or a mix such as "
        "'af_bella(2)+af_sky(1)' or 'af_bella-af_sky(0.5)'."
    )


def _too_many() -> InvalidValue:
    return _invalid(f"A voice mix has at most {MAX_MIXED_VOICES} parts.")


def _invalid(message: str) -> InvalidValue:
    return InvalidValue(message, param="voice")


def _short(text: str) -> str:
    return repr(text[:80])
