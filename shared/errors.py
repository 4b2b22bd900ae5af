"""One tree of errors for every process; each class has a stable ``code`` that travels on the wire and to callers.

    FleetError
    ├── BadRequest               the caller's mistake; nothing was started
    │   ├── InvalidValue         a field is malformed or out of range
    │   ├── UnknownVoice
    │   ├── UnspeakableText      nothing in the input can be spoken
    │   ├── UnsupportedLanguage
    │   └── IdempotencyKeyReused for a request other than the one that had it
    ├── InvalidApiKey            none, a wrong one, or one that is over
    ├── NotPermitted             the operator has switched it off
    │   └── VoiceNotAllowed      for this tenant
    ├── UnknownModel
    ├── UnknownSavedVoice
    ├── UnknownTenant
    ├── UnknownKey
    ├── InputTooLarge            body or input over its configured limit
    ├── LimitReached             the caller has had as much as it may have; others have not
    │   └── QuotaExhausted       until the month is over
    ├── AtCapacity               healthy, but not able to take this now; retry later
    │   ├── NoWorkers
    │   ├── Draining             this gateway is being stopped; others are not
    │   └── Overloaded           too much is queued; knows when that is over
    ├── QueueUnavailable         Redis cannot be reached
    │   └── QueueFull            or has no memory left
    ├── SynthesisFailed          a worker gave up on a chunk; carries the worker's code
    ├── SynthesisTimeout         a chunk's deadline passed
    └── WireError                a message of another version, or not one of ours

HTTP statuses belong to the gateway: see ``gateway/api/errors.py``.
"""

from __future__ import annotations


class FleetError(Exception):
    """Base of all expected failures. ``param`` names the request field at fault, where there is one."""

    code = "internal_error"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        if code is not None:
            self.code = code


class BadRequest(FleetError):
    code = "invalid_request"


class InvalidValue(BadRequest):
    code = "invalid_value"


class UnknownVoice(BadRequest):
    code = "voice_not_found"


class UnspeakableText(BadRequest):
    code = "unspeakable_text"


class UnsupportedLanguage(BadRequest):
    code = "unsupported_language"


class IdempotencyKeyReused(BadRequest):
    code = "idempotency_key_reused"


class InvalidApiKey(FleetError):
    code = "invalid_api_key"


class NotPermitted(FleetError):
    code = "not_permitted"


class VoiceNotAllowed(NotPermitted):
    code = "voice_not_allowed"


class UnknownTenant(FleetError):
    code = "tenant_not_found"


class UnknownKey(FleetError):
    code = "key_not_found"


class UnknownSavedVoice(FleetError):
    code = "voice_not_found"


class UnknownModel(FleetError):
    code = "model_not_found"


class InputTooLarge(FleetError):
    code = "input_too_large"


MIN_RETRY_AFTER_S = 1.0
MAX_RETRY_AFTER_S = 120.0
"""The OpenAI SDKs wait for no longer than this; told a longer time, they take a short one of their own."""


class AtCapacity(FleetError):
    """``retry_after_s`` is what the caller is told to wait."""

    code = "overloaded"
    retry_after_s: float = 5


class NoWorkers(AtCapacity):
    code = "no_workers"


class Draining(AtCapacity):
    code = "draining"
    retry_after_s = 1


class Overloaded(AtCapacity):
    """``retry_after_s``: when the queue will have drained to where this would have been taken, if nobody else comes."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = min(max(retry_after_s, MIN_RETRY_AFTER_S), MAX_RETRY_AFTER_S)


class LimitReached(FleetError):
    """``kind``: the ``type`` that OpenAI's errors have for it. ``retry_after_s``: None where waiting does not help."""

    code = "rate_limit_exceeded"

    def __init__(self, message: str, *, kind: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after_s = retry_after_s


class QuotaExhausted(LimitReached):
    code = "insufficient_quota"

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="insufficient_quota")


class QueueUnavailable(FleetError):
    code = "queue_unavailable"
    retry_after_s: float = 2


class QueueFull(QueueUnavailable):
    code = "queue_full"
    retry_after_s = 10


class SynthesisFailed(FleetError):
    code = "synthesis_failed"


class SynthesisTimeout(FleetError):
    code = "synthesis_timeout"


class WireError(FleetError):
    code = "wire_error"
