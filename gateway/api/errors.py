"""The one map from errors to HTTP answers, in OpenAI's shape: {"error": {"message", "type", "param", "code"}}."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.config import JsonDict
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from gateway.api.observed import ERROR_CODE
from gateway.batch.errors import NoSuchPart, UnknownBatch, UnknownFile
from gateway.downloads import DownloadNotReady, DownloadsUnavailable, UnknownDownload
from gateway.storage import StorageUnavailable
from gateway.text.errors import FrontendUnavailable
from shared.errors import (
    AtCapacity,
    BadRequest,
    FleetError,
    IdempotencyKeyReused,
    InputTooLarge,
    InvalidApiKey,
    LimitReached,
    NotPermitted,
    QueueUnavailable,
    SynthesisFailed,
    SynthesisTimeout,
    UnknownKey,
    UnknownModel,
    UnknownSavedVoice,
    UnknownTenant,
)
from shared.observe import logger

log = logger(__name__)

STATUS: tuple[tuple[type[FleetError], int], ...] = (
    (InvalidApiKey, 401),
    (InputTooLarge, 413),
    (UnknownModel, 404),
    (UnknownSavedVoice, 404),
    (UnknownTenant, 404),
    (UnknownKey, 404),
    (NotPermitted, 403),
    (UnknownDownload, 404),
    (DownloadNotReady, 404),
    (UnknownFile, 404),
    (UnknownBatch, 404),
    # As the IETF's draft has it; 409, which other services use, makes OpenAI's SDKs try the same again.
    (IdempotencyKeyReused, 422),
    (NoSuchPart, 416),
    (BadRequest, 400),
    (LimitReached, 429),
    (AtCapacity, 503),
    (QueueUnavailable, 503),
    (FrontendUnavailable, 503),
    (DownloadsUnavailable, 503),
    (StorageUnavailable, 503),
    (SynthesisTimeout, 504),
    (SynthesisFailed, 500),
)
"""First match wins; anything else is a 500."""

_HTTP_CODES = {404: "not_found", 405: "method_not_allowed"}

_HOPELESS = frozenset(
    {"job_undeliverable", "voice_unavailable", "wire_version_unsupported", "wire_error", "downloads_unavailable"}
)
"""Our own faults that the same request meets again: the SDKs, which retry any other, are told not to."""

_VALIDATION_CODES = {"missing": "missing_required_parameter", "json_invalid": "invalid_json"}


class ErrorResponse(JSONResponse):
    """Tells its code to whoever counts the answers."""

    def __init__(self, content: Mapping[str, Any], status: int, headers: dict[str, str], code: str) -> None:
        super().__init__(content, status, headers)
        self._code = code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})[ERROR_CODE] = self._code
        await super().__call__(scope, receive, send)


class ErrorFields(BaseModel):
    """What went wrong."""

    message: str
    type: Literal["invalid_request_error", "server_error", "requests", "tokens", "insufficient_quota"]
    """Of a limit that was reached, what it is a limit of; tokens are characters."""
    param: str | None
    """The field at fault."""
    code: str
    """Stable, for programs."""


_EXAMPLE: JsonDict = {
    "message": "Voice 'af_bela' not found. Did you mean 'af_bella'?",
    "type": "invalid_request_error",
    "param": "voice",
    "code": "voice_not_found",
}


class ErrorAnswer(BaseModel):
    """OpenAI's shape of an error."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"error": _EXAMPLE}]})

    error: ErrorFields


ANSWERS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorAnswer, "description": "The request is at fault; `code` says how, `param` where."},
    "5XX": {"model": ErrorAnswer, "description": "It cannot be served now; with Retry-After, it can be later."},
}
"""Of every endpoint, for the API documentation."""


def status_of(error: FleetError) -> int:
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def may_pass(error: FleetError) -> bool:
    """Whether the same request may be served later."""
    return status_of(error) in {429, *range(500, 600)} and not _is_hopeless(error)


def error_response(error: FleetError) -> JSONResponse:
    """The HTTP answer to an error that came before the first byte."""
    status = status_of(error)
    headers = {"x-should-retry": "false"} if _is_hopeless(error) else {}
    if isinstance(error, AtCapacity | QueueUnavailable | DownloadNotReady | LimitReached):
        headers |= _retry_after(error.retry_after_s)
    if isinstance(error, NoSuchPart):
        headers["content-range"] = f"bytes */{error.num_bytes}"
    if isinstance(error, InvalidApiKey):
        headers["www-authenticate"] = 'Bearer realm="kokoro-fleet"'
    return ErrorResponse(error_body(error), status, headers, error.code)


def _is_hopeless(error: FleetError) -> bool:
    return error.code in _HOPELESS or (isinstance(error, LimitReached) and error.retry_after_s is None)


def _retry_after(seconds: float | None) -> dict[str, str]:
    """Whole seconds by the standard, rounded up; the SDKs read milliseconds first."""
    if seconds is None:
        return {}
    return {"retry-after": str(math.ceil(seconds)), "retry-after-ms": str(math.ceil(1000 * seconds))}


def error_body(error: FleetError) -> dict[str, Any]:
    """The error in OpenAI's shape, for streams that can still say what went wrong."""
    body = _body(status_of(error), error.message, error.code, error.param)
    if isinstance(error, LimitReached):
        body["error"]["type"] = error.kind
    return body


def invalid_body(error: ValidationError) -> BadRequest:
    """The first of a body's faults, as a BadRequest that names the field."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return _invalid(fault, str(fault["loc"][0]) if fault["loc"] else None)


def _invalid(fault: Mapping[str, Any], param: str | None) -> BadRequest:
    code = _VALIDATION_CODES.get(fault["type"], "invalid_value")
    message = fault["msg"].removeprefix("Value error, ")
    return BadRequest(f"{param}: {message}" if param else message, param=param, code=code)


def install(app: FastAPI) -> None:
    """Make every error of the app answer in OpenAI's shape."""

    @app.exception_handler(FleetError)
    async def expected(_: Request, error: FleetError) -> JSONResponse:
        return error_response(error)

    @app.exception_handler(RequestValidationError)
    async def invalid_parameter(_: Request, error: RequestValidationError) -> JSONResponse:
        fault = error.errors()[0]
        return error_response(_invalid(fault, str(fault["loc"][-1])))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        code = _HTTP_CODES.get(error.status_code, "invalid_request")
        message = f"{error.detail}: {request.method} {request.url.path}"
        headers = dict(error.headers or {})
        if "Allow" in headers:
            headers["Allow"] = _methods_at(request, headers["Allow"])
        return _answer(error.status_code, message, code, None, headers)

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        log.error("unexpected", exc_info=error)
        return _answer(500, "Something went wrong on our side.", "internal_error", None, {})


def _methods_at(request: Request, told: str) -> str:
    """What may be done with the path: it may have a route for each method, and ``told`` is of the first alone."""
    here = getattr(request.scope.get("route"), "path", None)
    routes = [route for route in iter_route_contexts(request.app.routes) if here and route.path == here]
    return ", ".join(sorted({*told.split(", "), *(method for route in routes for method in route.methods or ())}))


def _answer(status: int, message: str, code: str, param: str | None, headers: dict[str, str]) -> JSONResponse:
    return ErrorResponse(_body(status, message, code, param), status, headers, code)


def _body(status: int, message: str, code: str, param: str | None) -> dict[str, Any]:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
