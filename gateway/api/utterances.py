"""From a request's fields to an ``Utterance``: what they name is looked up, and its markup read, before any work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import HTTPConnection

from gateway.api.models import require_model
from gateway.api.rate_limits import notice_of
from gateway.api.schemas import (
    MAX_SPEED,
    MIN_SPEED,
    AliasedVoice,
    AudioRequest,
    SpeechRequest,
    Voice,
    VoiceId,
)
from gateway.api.tenancy import tenant_of
from gateway.audio.choice import choose_format
from gateway.audio.formats import AudioFormat
from gateway.downloads import Download
from gateway.fleet import Fleet
from gateway.metering import Notice, unnoticed
from gateway.pipeline import Utterance
from gateway.settings import GatewaySettings
from gateway.text.languages import Language, choose_language
from gateway.text.markup import Lexicon, MarkupOptions, VoiceAlias, read_script
from gateway.text.normaliser import say_as
from gateway.text.normalization import NormalizationOptions
from gateway.text.reading import Reading
from gateway.text.segments import Pause, Script, Speech, Style
from gateway.voices import TenantVoices, Voices
from shared.contract import VoiceMix
from shared.errors import FleetError, InputTooLarge, InvalidValue, UnknownVoice
from shared.tenants import EVERYBODY, Tenant

T = TypeVar("T")

Aliases = Mapping[str, str | AliasedVoice]

RETRIES = "x-stainless-retry-count"

LONG_TEXT_CHARS = 20_000
"""The markup of a longer text is not read on the event loop."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where requests become utterances: the settings, and the voices that are there now."""

    settings: GatewaySettings
    fleet: Fleet
    all_voices: Voices
    tenant: Tenant = EVERYBODY
    notice: Notice = unnoticed
    is_returning: bool = False

    @classmethod
    def of(cls, request: HTTPConnection) -> Desk:
        state = request.app.state
        return cls(
            state.settings,
            state.fleet,
            state.voices,
            tenant_of(request),
            notice_of(request),
            is_returning=_is_returning(request),
        )

    @property
    def voices(self) -> TenantVoices:
        """Those that the tenant may speak with."""
        return self.all_voices.of(self.tenant)

    async def resolved(self, read: Callable[[], Awaitable[T]]) -> T:
        """What ``read`` gives; if it misses a voice, once more with those that another gateway may just have saved."""
        try:
            return await read()
        except FleetError as error:
            if error.code != UnknownVoice.code or not await self.voices.refresh():
                raise
        return await read()

    async def speech(self, request_id: str, body: SpeechRequest) -> Utterance:
        """Raises FleetError."""
        return await self.resolved(lambda: self._speech(request_id, body))

    async def _speech(self, request_id: str, body: SpeechRequest) -> Utterance:
        self._allow(body)
        style = self.style(body.voice, body.lang_code, body.voice_aliases)
        markup = self.markup(body, tags=body.allow_voice_tags, ssml=body.ssml)
        script = await self.script(body.input, style, markup)
        return self.utterance(request_id, body, body.input, script)

    def style(self, voice: Voice, lang_code: str | None, aliases: Aliases | None = None) -> Style:
        """The style that a text begins in; ``voice`` may be one of ``aliases``, in any case."""
        expression = voice.id if isinstance(voice, VoiceId) else voice
        expression = self.voices.default(self.settings.default_voice) if expression is None else expression
        alias = _by_name(aliases).get(expression.lower(), VoiceAlias(expression))
        mix = self.voices.mix(alias.expression)
        return Style(mix, choose_language(mix[0][0], lang_code, self.settings.default_voice_code), alias.rate)

    async def script(self, text: str, style: Style, markup: MarkupOptions) -> Script:
        """``text`` with its markup read, beginning in ``style``. Raises FleetError."""
        self.require_length(len(text))
        if len(text) > LONG_TEXT_CHARS:
            return await asyncio.to_thread(read_script, text, style, markup)
        return read_script(text, style, markup)

    def markup(self, body: AudioRequest | None = None, *, tags: bool = False, ssml: bool = False) -> MarkupOptions:
        """What a request may use, and what its names stand for."""
        return MarkupOptions(
            voice_of=self.voices.mix,
            language_of=None if body and body.lang_code else self._language_of,
            language_code=_language,
            say_as=say_as,
            allow_voice_tags=tags,
            ssml=ssml,
            aliases=_by_name(body.voice_aliases if body else None),
            max_pause_s=self.settings.max_pause_duration_s,
            max_total_pause_s=self.settings.max_total_pause_s,
            ssml_max_depth=self.settings.ssml_max_depth,
            min_rate=MIN_SPEED,
            max_rate=MAX_SPEED,
        )

    def utterance(
        self, request_id: str, body: AudioRequest, text: str, script: Script, reading: Reading | None = None
    ) -> Utterance:
        """``script`` is that of ``text``."""
        require_model(body.model)
        _require_speeds(script, body.speed)
        form = choose_format(body.response_format, body.sample_rate, body.bitrate, self.settings.sample_rate)
        return Utterance(
            request_id=request_id,
            text=text,
            script=script,
            reading=reading or self.reading(body.normalization_options, body.lexicon),
            speed=body.speed,
            seed=body.seed,
            volume=self._volume(body),
            format=form,
            download=self._download(body, form),
            tenant=self.tenant,
            notice=self.notice,
            is_returning=self.is_returning,
        )

    def reading(self, normalization: NormalizationOptions | None, lexicon: dict[str, str] | None) -> Reading:
        options = normalization or NormalizationOptions()
        if not self.settings.advanced_text_normalization:
            options = NormalizationOptions(normalize=False)
        return Reading(options, Lexicon(lexicon or {}))

    def require_length(self, num_chars: int, param: str = "input") -> None:
        """Raises InputTooLarge."""
        limit = self.settings.max_input_length
        if num_chars > limit:
            raise InputTooLarge(f"The {param} has {num_chars} characters; at most {limit} are allowed.", param=param)

    def require_pauses(self, segments: Sequence[Speech | Pause]) -> None:
        """Of scripts that were read one by one. Raises InvalidValue."""
        total, limit = (
            sum(part.seconds for part in segments if isinstance(part, Pause)),
            self.settings.max_total_pause_s,
        )
        if total > limit:
            raise InvalidValue(f"All pauses together last {total:g} s; at most {limit:g} s are allowed.")

    def _volume(self, body: AudioRequest) -> float:
        default = self.settings.default_volume_multiplier
        return default if body.volume_multiplier is None else body.volume_multiplier

    def _download(self, body: AudioRequest, form: AudioFormat) -> Download | None:
        if not (body.return_download_link or body.return_timing):
            return None
        if body.download_format not in {None, body.response_format}:
            form = choose_format(body.download_format, default_rate=body.sample_rate or self.settings.sample_rate)
        audio = form if body.return_download_link else None
        return Download.new(audio, with_timing=body.return_timing, tenant_id=self.tenant.id)

    def _allow(self, body: SpeechRequest) -> None:
        if body.allow_voice_tags and not self.settings.enable_voice_tags:
            raise InvalidValue("Voice tags are switched off on this server.", param="allow_voice_tags")
        if body.ssml and not self.settings.enable_ssml:
            raise InvalidValue("SSML is switched off on this server.", param="ssml")

    def _language_of(self, mix: VoiceMix) -> Language:
        return choose_language(mix[0][0], None, self.settings.default_voice_code)


def _is_returning(connection: HTTPConnection) -> bool:
    """OpenAI's SDKs count their retries; anybody may."""
    return connection.headers.get(RETRIES, "0").strip().lstrip("0").isdigit()


def _language(code: str) -> Language:
    return choose_language("", code)


def _by_name(aliases: Aliases | None) -> dict[str, VoiceAlias]:
    return {name.lower(): _alias(alias) for name, alias in (aliases or {}).items()}


def _alias(alias: str | AliasedVoice) -> VoiceAlias:
    return VoiceAlias(alias) if isinstance(alias, str) else VoiceAlias(alias.voice, alias.rate)


def _require_speeds(script: Script, speed: float) -> None:
    for segment in script.segments:
        if isinstance(segment, Speech) and not MIN_SPEED <= segment.style.rate * speed <= MAX_SPEED:
            place = segment.text.starts[0]
            raise InvalidValue(
                f"The rate {segment.style.rate:g} of the text at character {place}, times the request's speed "
                f"{speed:g}, is outside {MIN_SPEED:g} to {MAX_SPEED:g}.",
                param="input",
            )
