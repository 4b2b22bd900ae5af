"""All that may be spoken with: the workers' voices, and the mixes that were saved under names of their own."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping

from gateway.fleet import Fleet
from shared.contract import VoiceMix
from shared.errors import InvalidValue, NotPermitted, QueueUnavailable, UnknownSavedVoice
from shared.observe import logger
from shared.streams.voices import VoiceStore
from shared.voices import OPENAI_VOICES, parse_mix

log = logger(__name__)

MAX_SAVED_VOICES = 1_000
"""Every gateway holds them all in memory, and reads them with every heartbeat."""

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
        self._saved: Mapping[str, VoiceMix] = {}
        self._packing = asyncio.Semaphore(PACKS_AT_ONCE)
        self._background: asyncio.Task[None] | None = None

    @property
    def names(self) -> list[str]:
        """Voices that every live worker has, sorted."""
        return self._fleet.voices

    @property
    def saved(self) -> Mapping[str, VoiceMix]:
        """The saved mixes by name, sorted."""
        return self._saved

    async def start(self) -> None:
        """Begin to look what is saved, with every heartbeat. Redis need not be there yet."""
        await self.refresh()
        self._background = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        if self._background is not None:
            self._background.cancel()
            await asyncio.gather(self._background, return_exceptions=True)

    def mix(self, expression: str) -> VoiceMix:
        """Read a voice expression. Raises InvalidValue, UnknownVoice."""
        return parse_mix(expression, self.names, saved=self._saved, normalise=self._normalise)

    async def refresh(self) -> bool:
        """Look what is saved; whether that has changed. Where Redis is away, what was known stays."""
        try:
            saved = await self._store.saved()
        except QueueUnavailable as error:
            log.warning("queue_unavailable", error=error.message)
            return False
        before, self._saved = self._saved, dict(sorted(saved.items()))
        return before != self._saved

    async def pack(self, mix: VoiceMix) -> bytes:
        """A mix as a ``.pt`` voice file, made by a worker. Raises NoWorkers, SynthesisFailed, QueueUnavailable."""
        async with self._packing:
            return await self._store.pack(mix)

    def name_to_save(self, name: str) -> str:
        """``name`` as it would be saved, in lower case. Raises NotPermitted, InvalidValue."""
        self._require_saving()
        lower = name.strip().lower()
        if not _NAME.fullmatch(lower):
            raise InvalidValue("A voice's name is 1 to 64 letters a to z, digits and underscores.", param="name")
        if lower in OPENAI_VOICES or lower in {known.lower() for known in self.names}:
            raise InvalidValue(f"{lower!r} is a voice that is there already; choose another name.", param="name")
        return lower

    async def save(self, name: str, mix: VoiceMix) -> None:
        """Save a mix, in place of one of that name; all gateways know it within a heartbeat, or when first asked.

        name: from ``name_to_save``. Raises InvalidValue where there are too many, QueueUnavailable.
        """
        await self.refresh()
        if name not in self._saved and len(self._saved) >= MAX_SAVED_VOICES:
            raise InvalidValue(f"{MAX_SAVED_VOICES} voices are saved, which is the limit; delete one.", param="name")
        await self._store.save(name, mix)
        await self.refresh()
        log.info("voice_saved", voice=name)

    async def delete(self, name: str) -> str:
        """Delete a saved voice; returns its name. Raises NotPermitted, UnknownSavedVoice, QueueUnavailable."""
        self._require_saving()
        lower = name.lower()
        if not await self._store.delete(lower):
            raise UnknownSavedVoice(f"No voice {lower[:80]!r} is saved.", param="name")
        await self.refresh()
        log.info("voice_deleted", voice=lower)
        return lower

    def _require_saving(self) -> None:
        if not self._may_save:
            raise NotPermitted("Saving voices is switched off on this server; see ALLOW_LOCAL_VOICE_SAVING.")

    async def _keep_fresh(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(self._heartbeat_s)
                await self.refresh()
