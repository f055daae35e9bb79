from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from motrix_core.errors import MissingExtra, UsageError
from motrix_tui.serve import check_address, is_loopback, make_application

pytest.importorskip("textual_serve", reason="the extra serve is not installed")
from aiohttp.test_utils import TestClient, TestServer

TOKEN = "0123456789abcdef"
Client = Callable[..., Any]


@pytest.fixture
def client() -> Client:
    @asynccontextmanager
    async def connect(host: str = "127.0.0.1", token: str | None = None) -> AsyncIterator[Any]:
        application = await make_application(["--version"], host=host, port=8000, token=token)
        async with TestClient(TestServer(application)) as client:
            yield client

    return connect


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("box", False)]
)
def test_only_this_machines_own_addresses_are_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) == local


def test_another_host_is_refused_without_a_token() -> None:
    with pytest.raises(UsageError, match="0\\.0\\.0\\.0"):
        check_address("0.0.0.0", 8000, None)
    check_address("0.0.0.0", 8000, TOKEN)


@pytest.mark.parametrize(("port", "token"), [(0, None), (65536, None), (8000, "short"), (8000, "sp ace" * 5)])
def test_a_port_or_a_token_that_cannot_be_used_is_named(port: int, token: str | None) -> None:
    with pytest.raises(UsageError):
        check_address("127.0.0.1", port, token)


def test_without_textual_serve_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    with pytest.raises(MissingExtra, match=r"motrix-tui\[serve\]"):
        make_application([], host="127.0.0.1", port=8000, token=None)


async def test_the_page_calls_back_where_it_came_from(client: Client) -> None:
    async with client() as browser:
        answer = await browser.get("/", headers={"Host": "localhost:9000"})
        text = await answer.text()
        assert answer.status == 200 and "ws://localhost:9000/ws" in text


async def test_the_page_asks_no_other_server(client: Client) -> None:
    async with client() as browser:
        text = await (await browser.get("/", headers={"Host": "localhost:9000"})).text()
        # The name of a format, which nobody asks for anything.
        text = text.replace("http://www.w3.org/2000/svg", "")
        assert set(re.findall(r"\b(?:https?|wss?)://([^/\"']+)", text)) == {"localhost:9000"}


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}], ids=str
)
@pytest.mark.parametrize("path", ["/", "/ws"])
async def test_pages_of_other_sites_are_refused(client: Client, headers: dict[str, str], path: str) -> None:
    async with client() as browser:
        assert (await browser.get(path, headers=headers)).status == 403


async def test_a_token_is_asked_for_and_then_kept_in_a_cookie(client: Client) -> None:
    async with client("0.0.0.0", TOKEN) as browser:
        assert (await browser.get("/")).status == 403
        assert (await browser.get("/ws")).status == 403
        assert (await browser.get("/", params={"token": TOKEN[:-1] + "0"})).status == 403
        first = await browser.get("/", params={"token": TOKEN}, allow_redirects=False)
        assert first.status == 302 and "HttpOnly" in first.headers["Set-Cookie"]
        assert "SameSite=Strict" in first.headers["Set-Cookie"]
        assert (await browser.get("/", headers={"Cookie": f"motrix_token={TOKEN}"})).status == 200
