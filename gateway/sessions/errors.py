"""What a session refuses.

shared.errors.BadRequest
├── UnknownContext           context_not_found   it never began, or is over
├── ContextExists            context_exists
└── TooManyContexts          too_many_contexts   at a time, in one session
shared.errors.InputTooLarge
└── TextTooLong              text_too_long       in one context, in all or still to be spoken
shared.errors.AtCapacity
└── TooManySessions          too_many_sessions   at a time, in this gateway
"""

from __future__ import annotations

from shared.errors import AtCapacity, BadRequest, InputTooLarge


class UnknownContext(BadRequest):
    code = "context_not_found"


class ContextExists(BadRequest):
    code = "context_exists"


class TooManyContexts(BadRequest):
    code = "too_many_contexts"


class TextTooLong(InputTooLarge):
    code = "text_too_long"


class TooManySessions(AtCapacity):
    code = "too_many_sessions"
