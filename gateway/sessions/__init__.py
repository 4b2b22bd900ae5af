"""Conversations: text comes in pieces, audio goes out, several contexts at a time, each of them interruptible.

Knows no message shapes and no transport: ``Session`` takes calls and gives events. ``gateway/api/websocket.py`` puts
our own messages around it; another vendor's would be another such file.
"""

from gateway.sessions.context import Compose
from gateway.sessions.errors import (
    ContextExists,
    TextTooLong,
    TooManyContexts,
    TooManySessions,
    UnknownContext,
)
from gateway.sessions.events import Cancelled, Done, Event, Failed, Flushed, LeavingSoon, Spoken
from gateway.sessions.registry import Sessions
from gateway.sessions.session import Session, SessionLimits

__all__ = [
    "Cancelled",
    "Compose",
    "ContextExists",
    "Done",
    "Event",
    "Failed",
    "Flushed",
    "LeavingSoon",
    "Session",
    "SessionLimits",
    "Sessions",
    "Spoken",
    "TextTooLong",
    "TooManyContexts",
    "TooManySessions",
    "UnknownContext",
]
