"""A headless Chromium, driven through its DevTools protocol with the HTTP client that textual-serve brings."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

LIMIT_S = 90.0
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Nothing but this machine can be reached: a page that wants more must do without.
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--enable-unsafe-swiftshader",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--window-size=1280,800",
    "--remote-debugging-port=0",
)
# The page keeps its xterm.js to itself. It hands the terminal to each add-on, and add-ons go through a list.
_CATCH_TERMINAL = """
(() => {
  const push = Array.prototype.push;
  Array.prototype.push = function (...items) {
    for (const item of items) {
      const addon = item && item.isDisposed === false && item.instance;
      if (addon && addon.activate) {
        const activate = addon.activate;
        addon.activate = function (terminal) {
          window.caughtTerminal = terminal;
          return activate.call(this, terminal);
        };
      }
    }
    return push.apply(this, items);
  };
})()
"""
_READ_TERMINAL = """
(() => {
  const terminal = window.caughtTerminal;
  if (!terminal) return "";
  const buffer = terminal.buffer.active;
  const line = (row) => (buffer.getLine(buffer.viewportY + row) || { translateToString: () => "" });
  return Array.from({ length: terminal.rows }, (_, row) => line(row).translateToString(true)).join("\\n");
})()
"""


def find_chromium() -> str | None:
    """Its path, None where it is not installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.asked: list[str] = []
        """The addresses that it has asked for."""

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            answer = await asyncio.wait_for(self._socket.receive_json(), LIMIT_S)
            if answer.get("method") == "Network.requestWillBeSent":
                self.asked.append(answer["params"]["request"]["url"])
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    async def open(self, url: str) -> None:
        await self.call("Network.enable")
        await self.call("Page.enable")
        await self.call("Page.addScriptToEvaluateOnNewDocument", source=_CATCH_TERMINAL)
        # As if its window were the one in front.
        await self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        await self.call("Page.navigate", url=url)

    async def value(self, expression: str) -> Any:
        """What `expression` is in the page, as JSON."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")

    async def terminal(self) -> str:
        """The lines of the page's terminal."""
        return await self.value(_READ_TERMINAL) or ""

    async def until(self, *words: str) -> str:
        """The terminal's lines once all of `words` are in them."""
        shown = ""
        for _ in range(int(LIMIT_S / 0.2)):
            shown = await self.terminal()
            if all(word in shown for word in words):
                return shown
            await asyncio.sleep(0.2)
        raise AssertionError(f"{words} did not appear in {LIMIT_S:.0f} s:\n{shown}")

    async def press(self, key: str) -> None:
        """Press and release the key that types `key`, in the terminal."""
        await self.value("caughtTerminal.focus()")
        for kind in ("keyDown", "keyUp"):
            code = {"key": key, "text": key, "windowsVirtualKeyCode": ord(key.upper())}
            await self.call("Input.dispatchKeyEvent", type=kind, **code)

    async def picture(self, path: Path) -> None:
        """Write what the page looks like to `path`, as PNG."""
        path.write_bytes(base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"]))


@asynccontextmanager
async def open_page(path: str, folder: Path) -> AsyncIterator[Page]:
    """An empty page of a Chromium of its own, which is installed at `path` and keeps its files in `folder`."""
    process = await asyncio.create_subprocess_exec(
        path, *_OPTIONS, f"--user-data-dir={folder}", "about:blank",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        port = await asyncio.wait_for(_debugging_port(process), LIMIT_S)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tabs = [tab for tab in await answer.json() if tab["type"] == "page"]
            async with session.ws_connect(tabs[0]["webSocketDebuggerUrl"], max_msg_size=1 << 26) as socket:
                yield Page(socket)
    finally:
        if process.returncode is None:
            process.terminate()
        assert process.stderr is not None
        await asyncio.wait_for(process.stderr.read(), LIMIT_S)
        await process.wait()


async def _debugging_port(process: asyncio.subprocess.Process) -> int:
    assert process.stderr is not None
    said = []
    while line := (await process.stderr.readline()).decode(errors="replace"):
        said.append(line)
        if found := re.search(r"DevTools listening on ws://[^:]+:(\d+)/", line):
            return int(found[1])
    raise AssertionError("Chromium did not start:\n" + "".join(said))
