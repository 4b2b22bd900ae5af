"""Signed as Standard Webhooks has it, so that its libraries and OpenAI's ``webhooks.unwrap`` verify them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

from standardwebhooks import Webhook

from gateway.webhooks.events import Notice
from shared.errors import FleetError

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES = 24, 64
"""Of a secret; https://github.com/standard-webhooks/standard-webhooks, "Signature scheme"."""


class Signer:
    """Signs with WEBHOOK_SECRET, or for a tenant with a secret that comes of both: no tenant can sign for another."""

    def __init__(self, secrets: str) -> None:
        """``secrets``: one, or several while they are changed, with blanks between. Raises FleetError."""
        self._keys = [_key_of(secret) for secret in secrets.split()]
        if not self._keys:
            raise FleetError("WEBHOOK_SECRET is empty.")

    def secret(self, tenant_id: str) -> str:
        """What the tenant verifies with: ``whsec_…``, by the first of the secrets."""
        return _spelled(self._key(self._keys[0], tenant_id))

    def headers(self, notice: Notice, at: datetime) -> dict[str, str]:
        """The three headers of a delivery at that time; signed with each secret."""
        keys = [self._key(key, notice.tenant_id) for key in self._keys]
        signatures = [Webhook(_spelled(key)).sign(notice.id, at, notice.body) for key in keys]
        return {
            "webhook-id": notice.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

    @staticmethod
    def _key(key: bytes, tenant_id: str) -> bytes:
        return hmac.digest(key, f"webhook {tenant_id}".encode(), hashlib.sha256) if tenant_id else key


def _key_of(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not (secret.startswith(PREFIX) and MIN_BYTES <= len(key) <= MAX_BYTES):
        raise FleetError(
            f"WEBHOOK_SECRET must be {PREFIX} and {MIN_BYTES} to {MAX_BYTES} bytes in base64, such as "
            f'"{PREFIX}$(openssl rand -base64 32)" gives.'
        )
    return key


def _spelled(key: bytes) -> str:
    return PREFIX + base64.b64encode(key).decode()
