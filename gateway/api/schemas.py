"""Request bodies. Unknown fields are ignored, as OpenAI's SDKs need; known ones are honoured or refused."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    WithJsonSchema,
    field_validator,
)

from gateway.audio.formats import FORMATS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from gateway.audio.shape import MAX_VOLUME
from gateway.text.normalization import NormalizationOptions

MAX_MODEL_LENGTH = 100
MIN_SPEED, MAX_SPEED = 0.25, 4.0
MAX_TURNS = 1_000


class VoiceId(BaseModel):
    """OpenAI's object form of a voice."""

    id: StrictStr


Voice = StrictStr | VoiceId | None


def _number(value: Any) -> Any:
    if isinstance(value, bool | str) or value is None:
        raise ValueError("must be a number")
    return value


def _bits_per_second(value: Any) -> Any:
    if isinstance(value, str) and (thousands := re.fullmatch(r"([1-9][0-9]{0,2})[kK]", value)):
        return int(thousands[1]) * 1000
    if isinstance(value, bool | str):
        raise ValueError("must be bits per second, as 64000 or '64k'")  # noqa: TRY004 - pydantic wants this one
    return value


Rate = Annotated[float, BeforeValidator(_number), Field(ge=MIN_SPEED, le=MAX_SPEED, allow_inf_nan=False)]

Volume = Annotated[float, BeforeValidator(_number), Field(ge=0, le=MAX_VOLUME, allow_inf_nan=False)]

FormatName = Annotated[StrictStr, WithJsonSchema({"type": "string", "enum": list(FORMATS)})]
"""Checked by AudioRequest, which says which there are."""

BitRate = Annotated[
    int,
    BeforeValidator(_bits_per_second),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^[1-9][0-9]{0,2}[kK]$"}]}),
]


def _example(**body: Any) -> ConfigDict:
    """What the API documentation offers to try."""
    return ConfigDict(extra="ignore", json_schema_extra={"examples": [body]})


class AliasedVoice(BaseModel):
    """What a name of the caller's stands for in `[voice:name]`."""

    voice: StrictStr
    rate: Rate = 1.0


class AudioRequest(BaseModel):
    """What every request for audio may say."""

    model_config = ConfigDict(extra="ignore")

    model: StrictStr = Field("kokoro", max_length=MAX_MODEL_LENGTH, description="See GET /v1/models.")
    response_format: FormatName = Field("mp3", description="Of the audio.")
    sample_rate: Annotated[int, BeforeValidator(_number), Field(ge=MIN_SAMPLE_RATE, le=MAX_SAMPLE_RATE)] | None = Field(
        None, description="Samples per second, of those that the format can have; by default SAMPLE_RATE."
    )
    bitrate: BitRate | None = Field(
        None, description="Bits per second, as 64000 or `64k`, for formats that have a choice: see docs/formats.md."
    )
    speed: Rate = Field(1.0, description="Speaking rate.")
    stream: StrictBool = Field(True, description="Send audio as it is made; false: one file with exact headers.")
    lang_code: StrictStr | None = Field(None, description="Language of the text; by default the voice's.")
    instructions: StrictStr | None = Field(None, description="Accepted for OpenAI's clients; no effect on this model.")
    seed: Annotated[int, BeforeValidator(_number)] = Field(
        0, ge=0, le=2**63 - 1, description="Of the noise, for engines that have any; the CPU engine has none."
    )
    volume_multiplier: Volume | None = Field(
        None, description="Loudness, by default DEFAULT_VOLUME_MULTIPLIER; what grows too loud is clipped."
    )
    stream_format: Literal["audio", "sse"] = Field(
        "audio",
        description="`sse`: events with the audio in base64, and the usage at the end. `tts-1` and `tts-1-hd` always "
        "send audio, as OpenAI has it.",
    )
    normalization_options: NormalizationOptions | None = Field(
        None, description="How numbers, signs and the like are read."
    )
    voice_aliases: dict[str, StrictStr | AliasedVoice] | None = Field(
        None, description='Names for `[voice:name]`: a voice or mix, or `{"voice": ..., "rate": 1.2}`.'
    )
    lexicon: dict[str, StrictStr] | None = Field(
        None, description='Words and how they are said: `{"Kokoro": "/kˈOkəɹO/"}`. All lower case: in any case.'
    )
    return_download_link: StrictBool = Field(
        False, description="Keep the audio as well; the header X-Download-Path says where it will be once it is whole."
    )
    download_format: FormatName | None = Field(None, description="Of what is kept; by default `response_format`.")
    return_timing: StrictBool = Field(
        False, description="Keep when each chunk and word is heard, as JSON; the header X-Timing-Path says where."
    )

    @field_validator("response_format", "download_format")
    @classmethod
    def _known_format(cls, value: str | None) -> str | None:
        if value is not None and value not in FORMATS:
            raise ValueError(f"unknown format {value[:40]!r}; choose one of {', '.join(FORMATS)}")
        return value


class SpeechRequest(AudioRequest):
    """Body of POST /v1/audio/speech."""

    model_config = _example(model="kokoro", input="Hello world!", voice="af_bella", response_format="mp3")

    input: StrictStr = Field(description="The text to speak.")
    voice: Voice = Field(
        None,
        description='A name, a mix such as `af_bella(2)+af_sky(1)`, or `{"id": name}`; DEFAULT_VOICE if not given.',
    )
    allow_voice_tags: StrictBool = Field(False, description="Whether `[voice:...]` and `[rate:...]` are tags.")
    ssml: StrictBool = Field(False, description="Whether an input that begins with `<speak` is SSML.")


class CaptionedRequest(SpeechRequest):
    """Body of POST /v1/audio/captioned_speech."""

    model_config = _example(input="Read along: every word has its time.", voice="af_heart", stream=False)

    stream_format: Literal["audio"] = Field("audio", description="The answer has its own shape.")
    return_timestamps: StrictBool = Field(True, description="False: audio alone, in the same shape.")


class SubtitlesRequest(SpeechRequest):
    """Body of POST /v1/audio/subtitles."""

    model_config = _example(input="Hello world! This is a second sentence.", voice="af_heart", subtitle_format="vtt")

    stream_format: Literal["audio"] = Field("audio", description="The answer has its own shape.")
    subtitle_format: Literal["srt", "vtt", "vtt-words"] = Field(
        "srt", description="`vtt-words` is WebVTT in which every word has its time, as for karaoke."
    )
    include_audio: StrictBool = Field(False, description="True: JSON with the audio, base64, beside the subtitles.")


class Turn(BaseModel):
    """One speaker's turn. `voice_id` is another name of `voice`."""

    voice: Voice = Field(None, validation_alias=AliasChoices("voice", "voice_id"))
    text: StrictStr

    @field_validator("text")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("a turn must say something")
        return value


class DialogueRequest(AudioRequest):
    """Body of POST /v1/audio/dialogue. Voice tags are always on."""

    model_config = _example(
        turns=[{"voice": "af_bella", "text": "Who is there?"}, {"voice": "am_adam", "text": "It is me."}],
        pause_between_turns=0.3,
    )

    turns: list[Turn] = Field(
        min_length=1, max_length=MAX_TURNS, validation_alias=AliasChoices("turns", "inputs"), description="In order."
    )
    pause_between_turns: Annotated[float, BeforeValidator(_number)] = Field(
        0.0, ge=0, le=10, allow_inf_nan=False, description="Seconds."
    )


class PhonemizeRequest(BaseModel):
    """Body of POST /v1/audio/phonemize."""

    model_config = _example(text="Hello world!", language="a")

    text: StrictStr
    language: StrictStr | None = Field(None, description="As `lang_code`; by default that of DEFAULT_VOICE.")
    normalization_options: NormalizationOptions | None = None
    lexicon: dict[str, StrictStr] | None = None


class PhonemesRequest(AudioRequest):
    """Body of POST /v1/audio/generate_from_phonemes."""

    model_config = _example(phonemes="həlˈO wˈɜɹld!", voice="af_bella", response_format="mp3")

    # Phonemes have no language, and nothing in them is left to read.
    lang_code: None = None
    normalization_options: None = None
    voice_aliases: None = None
    lexicon: None = None

    phonemes: StrictStr = Field(min_length=1, description="In the model's alphabet, as phonemize gives them.")
    voice: Voice = Field(None, description="As in speech.")
    response_format: FormatName = Field("wav", description="Of the audio.")
