"""All that may be spoken with: the workers' voices, and the mixes that were saved under names of their own.

A mix is its tenant's who saved it. What the operator saved, and what everybody did while there were no tenants, all may
speak with. Where a tenant may have some voices only, others are not there for it, nor mixes that have them.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.fleet import Fleet
from shared.contract import VoiceMix
from shared.errors import (
    InvalidValue,
    NotPermitted,
    QueueUnavailable,
    UnknownSavedVoice,
    UnknownVoice,
    VoiceNotAllowed,
)
from shared.observe import logger
from shared.streams.voices import VoiceStore
from shared.tenants import Tenant
from shared.voices import OPENAI_VOICES, parse_mix

log = logger(__name__)

MAX_SAVED_VOICES = 1_000
"""Of the operator, or of everybody; every gateway holds them all in memory, and reads them with every heartbeat."""

MAX_SAVED_VOICES_OF_TENANT = 100
"""And, of each tenant, while it comes."""

REMEMBERED_S = 60.0
"""A tenant's are read again and again for so long after it last came."""

PACKS_AT_ONCE = 4
"""Voice files under way for one gateway; half a megabyte of Redis each."""

_NAME = re.compile(r"[a-z0-9_]{1,64}")

SAMPLE_TEXTS: Mapping[str, str] = {
    "a": "The quick brown fox jumps over the lazy dog, and the dog does not mind at all.",
    "b": "The quick brown fox jumps over the lazy dog, and the dog does not mind at all.",
    "e": "El veloz zorro marrón salta sobre el perro perezoso, y al perro no le importa nada.",
    "f": "Le vif renard brun saute par-dessus le chien paresseux, et le chien ne s'en soucie guère.",
    "h": "तेज़ भूरी लोमड़ी आलसी कुत्ते के ऊपर से कूद जाती है, और कुत्ते को कोई फ़र्क नहीं पड़ता।",
    "i": "La veloce volpe marrone salta sopra il cane pigro, e al cane non importa affatto.",
    "j": "すばしっこい茶色のきつねが、のんびりした犬を飛び越えます。",
    "p": "A rápida raposa marrom salta sobre o cão preguiçoso, e o cão nem se importa.",
    "z": "敏捷的棕色狐狸跳过了懒狗，而懒狗一点也不在意。",
}
"""What a voice may be tried with, by the first letter of its name."""


class Voices:
    """The workers' voices and the saved mixes, of which ``start`` keeps a copy fresh."""

    def __init__(self, fleet: Fleet, store: VoiceStore, *, heartbeat_s: float, normalise: bool, may_save: bool) -> None:
        self._fleet = fleet
        self._store = store
        self._heartbeat_s = heartbeat_s
        self._normalise = normalise
        self._may_save = may_save
        self._saved: dict[str, Mapping[str, VoiceMix]] = {"": {}}
        self._asked: dict[str, float] = {}
        self._packing = asyncio.Semaphore(PACKS_AT_ONCE)
        self._background: asyncio.Task[None] | None = None

    @property
    def names(self) -> list[str]:
        """Voices that every live worker has, sorted."""
        return self._fleet.voices

    def of(self, tenant: Tenant) -> TenantVoices:
        """What one tenant may speak with."""
        return TenantVoices(self, tenant)

    def saved_by(self, tenant_id: str) -> Mapping[str, VoiceMix]:
        """What was saved by that tenant, as far as it has been read, by name, sorted."""
        return self._saved.get(tenant_id, {})

    async def start(self) -> None:
        """Begin to look what is saved, with every heartbeat. Redis need not be there yet."""
        await self._read([""])
        self._background = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        if self._background is not None:
            self._background.cancel()
            await asyncio.gather(self._background, return_exceptions=True)

    def read_mix(self, expression: str, names: list[str], saved: Mapping[str, VoiceMix]) -> VoiceMix:
        """Read a voice expression. Raises InvalidValue, UnknownVoice."""
        return parse_mix(expression, names, saved=saved, normalise=self._normalise)

    async def refresh(self, tenant_id: str = "") -> bool:
        """Look what is saved that this tenant may speak with; whether that has changed. Where Redis is away, what was
        known stays.
        """
        if tenant_id:
            self._asked[tenant_id] = time.monotonic()
        return await self._read(["", tenant_id] if tenant_id else [""])

    async def pack(self, mix: VoiceMix) -> bytes:
        """A mix as a ``.pt`` voice file, made by a worker. Raises NoWorkers, SynthesisFailed, QueueUnavailable."""
        async with self._packing:
            return await self._store.pack(mix)

    async def save(self, name: str, mix: VoiceMix, tenant_id: str) -> None:
        """Raises InvalidValue where there are too many, QueueUnavailable."""
        await self.refresh(tenant_id)
        limit = MAX_SAVED_VOICES_OF_TENANT if tenant_id else MAX_SAVED_VOICES
        saved = self.saved_by(tenant_id)
        if name not in saved and len(saved) >= limit:
            raise InvalidValue(f"{limit} voices are saved, which is the limit; delete one.", param="name")
        await self._store.save(name, mix, tenant_id)
        await self.refresh(tenant_id)
        log.info("voice_saved", voice=name)

    async def delete(self, name: str, tenant_id: str) -> None:
        """Raises UnknownSavedVoice, QueueUnavailable."""
        if not await self._store.delete(name, tenant_id):
            raise UnknownSavedVoice(f"No voice {name[:80]!r} is saved.", param="name")
        await self.refresh(tenant_id)
        log.info("voice_deleted", voice=name)

    def require_saving(self) -> None:
        """Raises NotPermitted."""
        if not self._may_save:
            raise NotPermitted("Saving voices is switched off on this server; see ALLOW_LOCAL_VOICE_SAVING.")

    async def _read(self, tenant_ids: list[str]) -> bool:
        try:
            found = await self._store.saved(tenant_ids)
        except QueueUnavailable as error:
            log.warning("queue_unavailable", error=error.message)
            return False
        before = {tenant_id: self.saved_by(tenant_id) for tenant_id in tenant_ids}
        self._saved |= found
        return before != found

    async def _keep_fresh(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(self._heartbeat_s)
                self._forget()
                await self._read(list(self._saved))

    def _forget(self) -> None:
        """Those who have not come for a while: what is held and read is of those who do."""
        oldest = time.monotonic() - REMEMBERED_S
        for tenant_id in [each for each, asked in self._asked.items() if asked < oldest]:
            del self._asked[tenant_id]
            self._saved.pop(tenant_id, None)


@dataclass(frozen=True, slots=True)
class TenantVoices:
    """What one tenant may speak with. Raises what ``Voices`` raises."""

    voices: Voices
    tenant: Tenant

    @property
    def names(self) -> list[str]:
        """Voices that every live worker has and the tenant may have, sorted."""
        allowed = self.tenant.allowed_voices
        return self.voices.names if allowed is None else [name for name in self.voices.names if name in allowed]

    @property
    def saved(self) -> Mapping[str, VoiceMix]:
        """The saved mixes that may be spoken with, by name, sorted; the tenant's own before the operator's."""
        own = self.voices.saved_by(self.tenant.id) if self.tenant.id else {}
        saved = {**self.voices.saved_by(""), **own}
        if (allowed := self.tenant.allowed_voices) is not None:
            saved = {name: mix for name, mix in saved.items() if all(voice in allowed for voice, _ in mix)}
        return dict(sorted(saved.items()))

    def default(self, expression: str) -> str:
        """What is spoken with where nothing is said: ``expression``, or the first voice that the tenant may have."""
        allowed = self.tenant.allowed_voices
        if allowed is None:
            return expression
        with contextlib.suppress(UnknownVoice, VoiceNotAllowed):
            self.mix(expression)
            return expression
        return next(iter(self.names), expression)

    def mix(self, expression: str) -> VoiceMix:
        """Read a voice expression. Raises InvalidValue, UnknownVoice, VoiceNotAllowed."""
        try:
            return self.voices.read_mix(expression, self.names, self.saved)
        except UnknownVoice:
            if self.tenant.allowed_voices is not None:
                self._tell_what_is_not_allowed(expression)
            raise

    async def refresh(self) -> bool:
        """Look what is saved; whether that has changed."""
        return await self.voices.refresh(self.tenant.id)

    async def pack(self, mix: VoiceMix) -> bytes:
        """A mix as a ``.pt`` voice file, made by a worker."""
        return await self.voices.pack(mix)

    def name_to_save(self, name: str) -> str:
        """``name`` as it would be saved, in lower case. Raises NotPermitted, InvalidValue."""
        self.voices.require_saving()
        lower = name.strip().lower()
        if not _NAME.fullmatch(lower):
            raise InvalidValue("A voice's name is 1 to 64 letters a to z, digits and underscores.", param="name")
        if lower in OPENAI_VOICES or lower in {known.lower() for known in self.voices.names}:
            raise InvalidValue(f"{lower!r} is a voice that is there already; choose another name.", param="name")
        return lower

    async def save(self, name: str, mix: VoiceMix) -> None:
        """Save a mix, in place of one of that name; all gateways know it within a heartbeat, or when first asked.

        name: from ``name_to_save``.
        """
        await self.voices.save(name, mix, self.tenant.id)

    async def delete(self, name: str) -> str:
        """Delete a saved voice; returns its name. Raises NotPermitted, UnknownSavedVoice."""
        self.voices.require_saving()
        lower = name.lower()
        await self.voices.delete(lower, self.tenant.id)
        return lower

    def _tell_what_is_not_allowed(self, expression: str) -> None:
        """Raises VoiceNotAllowed if the expression would do for somebody else; what another tenant saved would not."""
        with contextlib.suppress(UnknownVoice):
            self.voices.read_mix(expression, self.voices.names, {**self.voices.saved_by(""), **self.saved})
            raise VoiceNotAllowed(
                f"Your API key may not be used with the voice {expression[:80]!r}. GET /v1/audio/voices lists those "
                "that it may.",
                param="voice",
            )
