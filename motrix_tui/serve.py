"""The dashboard in a browser: textual-serve, behind a guard.

Whoever reaches the page can start and delete runs, so it answers on this machine only, unless a token protects it. A
page of another site that is open in the same browser could reach this machine too: the guard looks at `Host` (names
that were pointed here, "DNS rebinding") and at `Origin` (requests of other sites' scripts).
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from motrix_core.child import module_command
from motrix_core.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    from aiohttp import web

COOKIE = "motrix_token"
LEAST_TOKEN = 16
LOOPBACK = "127.0.0.1"
# The page of textual-serve asks Google for a font, and so tells it who looks at a dashboard and when.
_REMOTE_FONT = re.compile(r"<link\s[^>]*fonts\.googleapis\.com[^>]*>")


def is_loopback(host: str) -> bool:
    """Whether `host` reaches this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(host: str, port: int, token: str | None) -> None:
    """Raises UsageError for what must not or cannot be served."""
    if not 1 <= port <= 65535:
        raise UsageError(f"--port {port} must be from 1 to 65535")
    if token is not None and (len(token) < LEAST_TOKEN or not token.isascii() or not token.isalnum()):
        raise UsageError(
            f"the token must have at least {LEAST_TOKEN} ASCII letters and digits",
            mend=f"export MOTRIX_SERVE_TOKEN={secrets.token_hex(16)}",
        )
    if token is None and not is_loopback(host):
        raise UsageError(
            f"--host {host} would give everybody who reaches it this dashboard, and with it your account",
            mend="export MOTRIX_SERVE_TOKEN=… first, or keep the default and use ssh -L 8000:localhost:8000",
        )


def serve(arguments: Sequence[str], *, host: str = LOOPBACK, port: int = 8000, token: str | None = None) -> None:
    """Serve `motrix-tui ARGUMENTS`, one dashboard for each page that is opened, until Ctrl-C.

    Raises MissingExtra without textual-serve, UsageError for an address that must not or cannot be served.
    """
    check_address(host, port, token)
    application = make_application(arguments, host=host, port=port, token=token)
    from aiohttp import web

    shown = f"[{host}]" if ":" in host else host
    query = f"/?token={token}" if token else ""
    sys.stderr.write(f"motrix-tui: open http://{shown}:{port}{query} in a browser; Ctrl-C ends\n")
    try:
        web.run_app(application, host=host, port=port, print=None)
    except OSError as error:
        problem = f"{host}:{port} cannot be served: {error.strerror or error}"
        raise UsageError(problem, mend="choose another --port") from error


def make_application(arguments: Sequence[str], *, host: str, port: int, token: str | None) -> Any:
    """The guarded web application, as a coroutine. Raises MissingExtra."""
    try:
        from textual_serve.server import Server
    except ImportError as error:
        raise MissingExtra("textual-serve, for --serve,", "serve") from error

    class Guarded(Server):
        async def _make_app(self) -> web.Application:
            application = await super()._make_app()
            application.middlewares.append(guard(host, token))
            return application

        async def on_startup(self, app: web.Application) -> None:
            """Says nothing: the address has been told already."""

        async def handle_index(self, request: web.Request) -> Any:
            # The page must call back where it came from: through a tunnel that is another name or port.
            self.public_url = f"{request.scheme}://{request.host}"
            answer: Any = await super().handle_index(request)
            answer.text = _REMOTE_FONT.sub("", answer.text)
            return answer

    command = shlex.join(module_command("motrix_tui", *arguments))
    return Guarded(command, host=host, port=port, title="motrix")._make_app()


def guard(host: str, token: str | None) -> Any:
    """The aiohttp middleware that lets through who may see the dashboard served on `host`."""
    from aiohttp import web

    @web.middleware
    async def check(request: web.Request, handler: Any) -> web.StreamResponse:
        name = urlsplit(f"//{request.host}").hostname or ""
        if is_loopback(host) and not is_loopback(name):
            raise web.HTTPForbidden(text=f"{name} is not this machine\n")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="pages of other sites may not use this dashboard\n")
        if token is None:
            return await handler(request)
        if _same(request.query.get("token", ""), token):
            # Out of the address bar and the history, into a cookie that no script can read.
            answer = web.HTTPFound("/")
            answer.set_cookie(COOKIE, token, httponly=True, samesite="Strict")
            raise answer
        if not _same(request.cookies.get(COOKIE, ""), token):
            raise web.HTTPForbidden(text="open the address with ?token=… that motrix-tui --serve printed\n")
        return await handler(request)

    return check


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())
