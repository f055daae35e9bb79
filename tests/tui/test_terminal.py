from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from motrix_core import terminal
from motrix_core.errors import UsageError
from motrix_core.terminal import Terminal, find_terminal
from motrix_tui.terminal import end_with_terminal

ROOT = Path(__file__).parents[2]
LIMIT_S = 60.0


def found(encoding: str | None = "utf-8", **environ: str) -> Terminal:
    return find_terminal({"TERM": "xterm-256color", **environ}, encoding)


@pytest.mark.parametrize(
    ("environ", "unicode"),
    [
        ({}, True),
        ({"LANG": "C"}, False),
        ({"LANG": "en_GB.UTF-8"}, True),
        ({"LANG": "en_GB.utf8", "LC_ALL": "C"}, False),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LANG": "en_GB.UTF-8", "LC_CTYPE": "POSIX"}, False),
        ({"LC_ALL": "", "LANG": "en_GB.UTF-8"}, True),
        ({"LANG": "en_GB.UTF-8", "TERM": "linux"}, False),
    ],
    ids=str,
)
def test_unicode_is_used_where_the_locale_and_the_terminal_have_it(environ: dict[str, str], unicode: bool) -> None:
    assert found(**environ).unicode is unicode


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", None])
def test_text_that_cannot_be_written_is_not(encoding: str | None) -> None:
    assert not found(encoding).unicode


def test_no_color_is_heard_whatever_it_says() -> None:
    assert found().colours
    assert not found(NO_COLOR="1").colours and not found(NO_COLOR="").colours


def test_a_terminal_without_colours_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "_capabilities", lambda name: (False, True))
    assert not found(TERM="vt220").colours


@pytest.mark.parametrize(
    ("name", "known"), [("dumb", (False, False)), ("vt220", (False, True)), ("xterm", (True, True))]
)
def test_what_a_terminal_can_do_is_known_from_its_name(name: str, known: tuple[bool, bool]) -> None:
    # In a process of its own: the library that knows it takes the first name for good.
    program = f"from motrix_core.terminal import _capabilities; print(_capabilities({name!r}))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == str(known)


def test_a_terminal_that_nobody_has_described_is_taken_to_be_able() -> None:
    program = "from motrix_core.terminal import _capabilities; print(_capabilities('no-such-terminal'))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "(True, True)"


def test_a_terminal_that_cannot_place_its_cursor_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "_capabilities", lambda name: (False, False))
    with pytest.raises(UsageError, match="TERM=dumb cannot place its cursor") as refused:
        found(TERM="dumb")
    assert "motrix-tui --run" in str(refused.value)


def test_the_end_of_a_terminal_is_noticed() -> None:
    ours, theirs = pty.openpty()
    gone = threading.Event()
    end_with_terminal(theirs, gone.set)
    os.write(ours, b"a key\n")
    assert not gone.is_set()
    os.close(ours)
    assert gone.wait(LIMIT_S)
    os.close(theirs)


def test_the_end_of_a_pipe_is_noticed() -> None:
    read, write = os.pipe()
    gone = threading.Event()
    end_with_terminal(read, gone.set)
    os.close(write)
    assert gone.wait(LIMIT_S)
    os.close(read)
