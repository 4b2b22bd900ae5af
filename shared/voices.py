"""The voice catalogue and the voice expression ``af_bella(2)+af_sky(1)``."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection

from shared.contract import VoiceMix
from shared.errors import InvalidValue, UnknownVoice

MAX_MIXED_VOICES = 16
"""More parts than any ear tells apart; bounds what one request can make a worker load."""

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


def parse_mix(expression: str, known: Collection[str]) -> VoiceMix:
    """Read ``name``, ``name+name`` or ``name(weight)+name(weight)`` into names with weights that sum to 1.

    OpenAI's voice names stand for their counterparts, in mixes too; a name given twice adds up. Raises InvalidValue
    for a malformed expression or a weight that is not a positive finite number, UnknownVoice for a name not in
    ``known``.
    """
    weights: dict[str, float] = {}
    parts = expression.split("+")
    if len(parts) > MAX_MIXED_VOICES:
        raise InvalidValue(f"A voice mix has at most {MAX_MIXED_VOICES} parts.", param="voice")
    for part in parts:
        name, weight = _parse_part(part, expression)
        name = _resolve(name, known)
        weights[name] = weights.get(name, 0.0) + weight
    total = sum(weights.values())
    if not math.isfinite(total):
        raise InvalidValue("The weights of the voice mix are too large.", param="voice")
    return tuple((name, weight / total) for name, weight in weights.items())


def mix_name(mix: VoiceMix) -> str:
    """The mix as an expression that ``parse_mix`` reads."""
    if len(mix) == 1:
        return mix[0][0]
    return "+".join(f"{name}({weight:.4g})" for name, weight in mix)


def _parse_part(part: str, expression: str) -> tuple[str, float]:
    match = _PART.fullmatch(part)
    if match is None:
        raise InvalidValue(
            f"Malformed voice {expression[:80]!r}. Write a voice name, or a mix such as 'af_bella(2)+af_sky(1)'.",
            param="voice",
        )
    name, written = match.groups()
    return name, 1.0 if written is None else _parse_weight(written, name)


def _parse_weight(written: str, name: str) -> float:
    try:
        weight = float(written)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight > 0):
        raise InvalidValue(f"The weight of voice {name!r} must be a positive number.", param="voice")
    return weight


def _resolve(name: str, known: Collection[str]) -> str:
    resolved = name if name in known else OPENAI_VOICES.get(name.lower(), name)
    if resolved in known:
        return resolved
    close = difflib.get_close_matches(name.lower(), [*known, *OPENAI_VOICES], n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(item) for item in close)}?" if close else ""
    raise UnknownVoice(f"Voice {name[:80]!r} not found.{hint} GET /v1/audio/voices lists all.", param="voice")
