"""Out of the real dashboard, for good and for a while: the terminal is as it was."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_dashboard import Dashboard
from tmux_support import Tmux

from motrix_core.config.schema import RunConfig
from motrix_core.runs.layout import create_run
from motrix_core.runs.state import RunState, write_state

pytestmark = pytest.mark.real
ALTERNATE_SCREEN = ("\x1b[?1049h", "\x1b[?1049l")


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    run = create_run(RunConfig(env="pendulum", backend="torch"), tmp_path / "runs", extra={})
    write_state(run.paths.state, RunState(status="finished"))
    return tmp_path / "runs"


def test_leaving_while_playing_says_nothing(runs_dir: Path, tmp_path: Path) -> None:
    dashboard = Dashboard(runs_dir, tmp_path, "--open", "last")
    dashboard.wait_for("following")
    dashboard.press("P")
    dashboard.wait_for("starting the simulator")
    shown = dashboard.leave("q")
    assert dashboard.process.returncode == 0
    _, _, after = shown.rpartition(ALTERNATE_SCREEN[1])
    # Only what gives the terminal back: no word of a child that nobody waited for.
    assert "oop" not in after and "Error" not in after and not any(line.isalpha() for line in after.split())


@pytest.mark.parametrize("keys", ["q?", "q,M?", "?qq,", "q4", "q2?", "qclear; M\n"])
def test_what_is_typed_ahead_when_leaving_changes_nothing(runs_dir: Path, tmp_path: Path, keys: str) -> None:
    dashboard = Dashboard(runs_dir, tmp_path)
    dashboard.wait_for("Environment")
    shown = dashboard.leave(keys)
    assert dashboard.process.returncode == 0 and "Traceback" not in shown


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Tmux]:
    """A shell with job control in tmux."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    terminal = Tmux(tmp_path / "tmux")
    environ = [f"XDG_CONFIG_HOME={tmp_path}", f"PATH={os.environ['PATH']}", "PS1=ready>", "TERM=screen-256color"]
    terminal.start(["env", "-i", "LANG=C.UTF-8", *environ, "bash", "--norc", "--noprofile", "-i"], Path.cwd())
    terminal.wait_for("ready>")
    yield terminal
    terminal.close()


def test_the_dashboard_is_suspended_and_comes_back(shell: Tmux, runs_dir: Path) -> None:
    shell.press(f"{sys.executable} -m motrix_tui --runs-dir {runs_dir}", "Enter")
    shell.wait_for("1 Launch", "Environment")
    shell.press("Z")
    assert "1 Launch" not in shell.wait_for("Stopped")
    # The shell's terminal is a shell's: what is typed is shown, and lines are edited.
    shell.press("stty -a | grep -o ' icanon\\| echo ' | wc -l", "Enter")
    shell.wait_for("\n2\n")
    shell.press("clear", "Enter")
    shell.press("fg", "Enter")
    shell.wait_for("1 Launch", "Environment")
    shell.press("3")
    shell.wait_for("pendulum", "finished")
    shell.press("q")
    assert "pendulum" not in shell.wait_for("ready>fg")


@pytest.mark.parametrize(
    ("environ", "words"),
    [({"TERM": "dumb"}, "cannot place its cursor"), ({"TERM": "dumb", "LC_ALL": "C"}, "motrix-tui --run")],
    ids=["dumb", "dumb in C"],
)
def test_a_terminal_on_which_nothing_can_be_drawn_is_refused(
    runs_dir: Path, tmp_path: Path, environ: dict[str, str], words: str
) -> None:
    dashboard = Dashboard(runs_dir, tmp_path, environ=environ)
    assert words in dashboard.leave("")
    assert dashboard.process.returncode == 2


def test_without_colours_and_unicode_no_colour_and_no_unicode_is_sent(runs_dir: Path, tmp_path: Path) -> None:
    dashboard = Dashboard(runs_dir, tmp_path, environ={"NO_COLOR": "1", "LC_ALL": "C"})
    shown = dashboard.wait_for("Environment") + dashboard.leave("q").encode()
    assert shown.isascii() and b"38;2;" not in shown and b"48;2;" not in shown
