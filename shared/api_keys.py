"""API keys: ``sk-kf-{key id}-{secret}``, of which the id is public and the secret is kept by its owner alone."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

PREFIX = "sk-kf-"
"""So that scanners for leaked secrets can know one."""

_KEY = re.compile(r"sk-kf-(?P<id>[0-9a-f]{16})-(?P<secret>[A-Za-z0-9_-]{43})", re.ASCII)
_ID_BYTES = 8
_SECRET_BYTES = 32


class ApiKey(NamedTuple):
    """A key as its owner has it; never to be stored or logged whole."""

    id: str
    """16 hexadecimal digits; names the key in lists, logs and usage."""
    secret: str
    """256 random bits, in URL-safe base64."""

    @classmethod
    def new(cls) -> ApiKey:
        return cls(secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES))

    @classmethod
    def read(cls, written: str) -> ApiKey | None:
        """None for what is not of this form."""
        found = _KEY.fullmatch(written)
        return cls(found["id"], found["secret"]) if found else None

    @property
    def written(self) -> str:
        """What its owner is given, once."""
        return f"{PREFIX}{self.id}-{self.secret}"

    @property
    def digest(self) -> bytes:
        """What is stored in place of the secret: 32 bytes."""
        return digest(self.secret)

    def __repr__(self) -> str:
        return f"ApiKey({self.id}, …)"  # tracebacks and logs show what repr shows


def digest(secret: str) -> bytes:
    """SHA-256 of a secret, 32 bytes.

    A slow, salted hash (argon2, bcrypt) is for passwords, which people choose and attackers guess. Nobody guesses 256
    random bits, however fast the hash; and this one is computed for every request.
    """
    return hashlib.sha256(secret.encode()).digest()


def is_digest_of(stored: bytes, secret: str) -> bool:
    """Whether ``stored`` is the digest of ``secret``; takes as long however much of it is right."""
    return hmac.compare_digest(stored, digest(secret))
