"""Request bodies. Unknown fields are ignored, as OpenAI's SDKs need; known ones are honoured or refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr, field_validator

from gateway.audio.formats import FORMATS

MAX_MODEL_LENGTH = 100
MAX_VOLUME = 10.0

NORMALIZATION_DEFAULTS: dict[str, bool] = {
    "normalize": True,
    "unit_normalization": False,
    "url_normalization": True,
    "email_normalization": True,
    "optional_pluralization_normalization": True,
    "phone_normalization": True,
    "replace_remaining_symbols": True,
}
"""Kokoro-FastAPI's. A client that spells them out asks for nothing special."""


class VoiceId(BaseModel):
    """OpenAI's object form of a voice."""

    id: StrictStr


def _number(value: Any) -> Any:
    if isinstance(value, bool | str) or value is None:
        raise ValueError("must be a number")
    return value


class SpeechRequest(BaseModel):
    """Body of POST /v1/audio/speech."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [{"model": "kokoro", "input": "Hello world!", "voice": "af_bella", "response_format": "mp3"}]
        },
    )

    model: StrictStr = Field("kokoro", max_length=MAX_MODEL_LENGTH, description="See GET /v1/models.")
    input: StrictStr = Field(description="The text to speak.")
    voice: StrictStr | VoiceId | None = Field(
        None,
        description='A name, a mix such as `af_bella(2)+af_sky(1)`, or `{"id": name}`; DEFAULT_VOICE if not given.',
    )
    response_format: StrictStr = Field("mp3", description=f"One of {', '.join(FORMATS)}.")
    speed: Annotated[float, BeforeValidator(_number)] = Field(
        1.0, ge=0.25, le=4.0, allow_inf_nan=False, description="Speaking rate."
    )
    stream: StrictBool = Field(True, description="Send audio as it is made; false: one file with exact headers.")
    lang_code: StrictStr | None = Field(None, description="Language of the text; by default the voice's.")
    instructions: StrictStr | None = Field(None, description="Accepted for OpenAI's clients; no effect on this model.")
    seed: Annotated[int, BeforeValidator(_number)] = Field(
        0, ge=0, le=2**63 - 1, description="Of the noise, for engines that have any; the CPU engine has none."
    )
    volume_multiplier: Annotated[float, BeforeValidator(_number)] = Field(
        1.0, ge=0, le=MAX_VOLUME, allow_inf_nan=False, description="Loudness; what grows too loud is clipped."
    )
    stream_format: Literal["audio"] = Field("audio", description="Only `audio` so far.")
    normalization_options: dict[str, Any] | None = Field(
        None, description="Only the defaults of Kokoro-FastAPI so far: `normalize` and most others on."
    )
    return_download_link: Literal[False] = Field(False, description="Not supported yet.")
    return_timing: Literal[False] = Field(False, description="Not supported yet.")
    allow_voice_tags: Literal[False] = Field(False, description="Not supported yet.")
    ssml: Literal[False] = Field(False, description="Not supported yet.")

    @field_validator("response_format")
    @classmethod
    def _known_format(cls, value: str) -> str:
        if value not in FORMATS:
            raise ValueError(f"unknown format {value[:40]!r}; choose one of {', '.join(FORMATS)}")
        return value

    @field_validator("normalization_options")
    @classmethod
    def _default_normalization(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        for name, chosen in (value or {}).items():
            if NORMALIZATION_DEFAULTS.get(name) is not chosen:
                raise ValueError(f"{name[:40]!r} cannot be set to {str(chosen)[:40]} yet")
        return value

    @property
    def voice_expression(self) -> str | None:
        """The voice as one string, whichever form it came in."""
        return self.voice.id if isinstance(self.voice, VoiceId) else self.voice
