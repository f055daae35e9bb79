"""`motrix-tui --serve` in a real browser."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("textual_serve", reason="the extra serve is not installed")
from chromium import find_chromium, open_page

pytestmark = pytest.mark.real
TOKEN = "0123456789abcdef"
LIMIT_S = 60.0


@asynccontextmanager
async def served(tmp_path: Path) -> AsyncIterator[str]:
    """The address of a dashboard that is served, with its token."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [sys.executable, "-m", "motrix_tui", "--serve", "--port", str(port), "--runs-dir", str(tmp_path / "runs")]
    environ = {**os.environ, "MOTRIX_SERVE_TOKEN": TOKEN, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    process = await asyncio.create_subprocess_exec(*argv, env=environ, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    try:
        said = (await asyncio.wait_for(process.stderr.readline(), LIMIT_S)).decode()
        address = next(word for word in said.split() if word.startswith("http://"))
        assert address == f"http://127.0.0.1:{port}/?token={TOKEN}"
        for _ in range(int(LIMIT_S / 0.1)):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            await asyncio.sleep(0.1)
        yield address
    finally:
        process.terminate()
        await process.stderr.read()
        await asyncio.wait_for(process.wait(), LIMIT_S)


async def test_the_dashboard_is_drawn_and_steered_in_a_browser(tmp_path: Path) -> None:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("chromium is not installed")
    async with served(tmp_path) as address, open_page(chromium, tmp_path / "browser") as page:
        await page.open(address)
        await page.until("motrix", "1 Launch", "Environment", "--env cartpole")
        assert await page.value("location.href") == address.partition("?")[0], "the token is out of the address bar"
        await page.press("3")
        await page.until("no runs in", "1 goes to Launch")
        await page.picture(tmp_path / "runs.png")
        assert (tmp_path / "runs.png").stat().st_size > 10_000
        hosts = {urlsplit(url).hostname for url in page.asked if url.startswith("http")}
        assert hosts == {"127.0.0.1"}, "a page that whoever runs a server may use without telling anybody else"
