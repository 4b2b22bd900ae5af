"""Behind a proxy that serves all this under a path."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class UnderPath:
    """``app`` under ``root_path``, such as ``/tts``, whether or not the proxy has taken it off the path."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._root_path and scope["type"] in {"http", "websocket"}:
            path = scope["path"]
            is_whole = path == self._root_path or path.startswith(self._root_path + "/")
            # As ASGI has it, the path includes the root path: mounted applications go by that.
            scope = {**scope, "root_path": self._root_path, "path": path if is_whole else self._root_path + path}
        await self._app(scope, receive, send)
