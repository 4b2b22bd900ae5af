"""Bodies of requests for audio jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr, field_validator
from pydantic import model_validator as whole_validator
from pydantic_core import to_json

from gateway.api.schemas import AudioRequest, SpeechRequest, Voice, _number
from gateway.api.webhook_urls import WebhookUrl
from gateway.audio.formats import FILE_FORMATS
from gateway.books.headings import MAX_TITLE_CHARS

MAX_CHAPTERS = 2_000
MAX_METADATA = 16
MAX_NAME_LENGTH = 100
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\ud800-\udfff]|\A[. ]|[. ]\Z')
"""What a file name cannot have on one system or another."""

Title = Annotated[StrictStr, Field(min_length=1, max_length=MAX_TITLE_CHARS)]

JobFormat = Annotated[StrictStr, Field(json_schema_extra={"enum": list(FILE_FORMATS)})]

OF_ALL = frozenset({"model", "voice", "speed", "lang_code", "seed", "volume_multiplier", "normalization_options"})
OF_ALL |= {"voice_aliases", "lexicon", "allow_voice_tags", "instructions"}
"""What a job says for all its items that do not say otherwise."""

OF_FILES = frozenset({"response_format", "sample_rate", "bitrate"})


class _FileRequest(AudioRequest):
    """Audio that becomes a file."""

    response_format: JobFormat = Field("mp3", description="Of the audio; `m4b` is an audiobook.")
    stream: StrictBool = Field(True, description="No effect: files are whole.")
    stream_format: Literal["audio"] = Field("audio", description="A job's progress has events of its own.")
    return_download_link: Literal[False] = Field(False, description="A job's audio is a file anyway.")
    return_timing: Literal[False] = Field(False, description="See `subtitles`.")
    download_format: None = Field(None, description="See `response_format`.")

    @field_validator("response_format")
    @classmethod
    def _known_format(cls, value: str | None) -> str | None:
        if value not in FILE_FORMATS:
            raise ValueError(f"unknown format {str(value)[:40]!r}; choose one of {', '.join(FILE_FORMATS)}")
        return value


class JobItem(_FileRequest, SpeechRequest):
    """One of several texts: as a request for speech, and what to call it."""

    name: StrictStr | None = Field(None, min_length=1, max_length=MAX_NAME_LENGTH)

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """The item that ``JobRequest.speech`` speaks of. Raises ValidationError."""
        # By way of JSON: in Python's own types its options would have to be objects of their class already.
        return cls.model_validate_json(to_json(said))

    @field_validator("name")
    @classmethod
    def _file_name(cls, value: str | None) -> str | None:
        if value is not None and _UNSAFE.search(value):
            raise ValueError("a name must be one that a file may have on any system")
        return value


class ChapterMark(BaseModel):
    """Where a chapter begins."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    start: StrictInt = Field(ge=0, description="The character of the input.")


class JobRequest(_FileRequest):
    """Body of POST /v1/audio/jobs: one long `input`, or several `items`."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [
                {
                    "input": "# One\n\nIt was a bright cold day.\n\n# Two\n\nThe clocks struck.",
                    "voice": "af_heart",
                    "response_format": "m4b",
                    "subtitles": "srt",
                }
            ]
        },
    )

    input: StrictStr | None = Field(None, description="A text of up to MAX_JOB_INPUT_LENGTH characters.")
    items: list[JobItem] | None = Field(None, min_length=1, description="Or several; each may say all that speech may.")
    voice: Voice = Field(None, description="As in speech.")
    allow_voice_tags: StrictBool = Field(False, description="As in speech.")
    ssml: Literal[False] = Field(False, description="SSML cannot be cut into parts: send it as `items`.")
    output: Literal["concatenated", "per_item"] | None = Field(
        None, description="One file of all, which is the default for an `input`, or a file for each item."
    )
    chapters: Literal["auto", "none"] | Annotated[list[ChapterMark], Field(max_length=MAX_CHAPTERS)] = Field(
        "auto", description="`auto`: from the headings of the input, or the names of the items."
    )
    chapter_pause: Annotated[float, BeforeValidator(_number)] = Field(
        1.5, ge=0, le=10, allow_inf_nan=False, description="Seconds of silence before each chapter but the first."
    )
    subtitles: Literal["none", "srt", "vtt", "vtt-words"] = Field("none", description="Of one file of all.")
    title: Title | None = Field(None, description="In the file, and its name.")
    author: Title | None = Field(None, description="In the file.")
    metadata: dict[StrictStr, StrictStr] | None = Field(None, description="Up to 16 pairs of your own.")
    webhook_url: WebhookUrl = None

    @property
    def is_concatenated(self) -> bool:
        return self.output == "concatenated" or (self.output is None and self.input is not None)

    @field_validator("metadata")
    @classmethod
    def _small(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        if value and (len(value) > MAX_METADATA or any(len(key) > 64 or len(value[key]) > 512 for key in value)):
            raise ValueError("at most 16 pairs, keys of at most 64 characters and values of at most 512")
        return value

    @whole_validator(mode="after")
    def _agreed(self) -> Self:
        for is_wrong, message in (
            ((self.input is None) == (self.items is None), "input or items: say one of them"),
            (self.input is not None and self.output == "per_item", "output: per_item is for items"),
            (not self.is_concatenated and self.subtitles != "none", "subtitles: these are of one file of all"),
            (not self.is_concatenated and isinstance(self.chapters, list), "chapters: these are of one file of all"),
            (self.items is not None and isinstance(self.chapters, list), "chapters: those of items are their names"),
            (isinstance(self.chapters, list) and not self._in_order(), "chapters: each must begin after the last"),
        ):
            if is_wrong:
                raise ValueError(message)
        if self.items:
            self._agree_items(self.items)
        return self

    def _in_order(self) -> bool:
        starts = [mark.start for mark in self.chapters] if isinstance(self.chapters, list) else []
        return all(first < second for first, second in pairwise(starts)) and (
            not starts or starts[-1] < len(self.input or "")
        )

    def _agree_items(self, items: list[JobItem]) -> None:
        names = [item.name for item in items if item.name is not None]
        if len(set(names)) < len(names):
            raise ValueError("items: two of them have one name")
        if self.is_concatenated and any(item.model_fields_set & OF_FILES for item in items):
            raise ValueError("items: the format of one file of all is the job's")

    def speech(self, item: JobItem | None = None) -> dict[str, Any]:
        """A request for speech, as JSON has it: that for an item, or without its input that for the text."""
        said = self.model_dump(mode="json", exclude_unset=True, include=set(OF_ALL | OF_FILES))
        if item is not None:
            said |= item.model_dump(mode="json", exclude_unset=True)
        return said
