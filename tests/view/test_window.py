from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from motrix_core.errors import WindowUnusable
from motrix_core.view.window import Window, check_window

RECORDER = """
import json, sys
import numpy as np
header = json.loads(sys.stdin.buffer.readline())
print("open", flush=True)
numbers = np.frombuffer(sys.stdin.buffer.read(), np.float32)
open({report!r}, "w").write(json.dumps([header, numbers.tolist()]))
"""


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


@pytest.fixture
def opened() -> Iterator[Callable[..., Window]]:
    windows: list[Window] = []

    def open_window(program: str) -> Window:
        windows.append(Window("cartpole", "mujoco", {"episode_s": 3.0}, command=python(program)))
        return windows[-1]

    yield open_window
    for window in windows:
        window.close()


def wait_for_end(window: Window) -> str:
    """Show frames until the window's process is gone; says why it is."""
    window._process.wait(30)
    window.show(np.zeros(2, np.float32))
    assert window.ended is not None
    return window.ended


def test_the_window_learns_what_to_show_and_gets_every_position(opened: Callable[..., Window], tmp_path: Path) -> None:
    report = tmp_path / "report"
    window = opened(RECORDER.format(report=str(report)))
    assert window.wait_until_open(30)
    window.show(np.array([1.5, -2.0], np.float32))
    window.show(np.array([0.25, 8.0], np.float32))
    window.close()
    header, numbers = json.loads(report.read_text())
    what = {"env": "cartpole", "sim": "mujoco", "options": {"episode_s": 3.0}, "source": [None, None]}
    assert header == what
    assert numbers == [1.5, -2.0, 0.25, 8.0]


def test_the_next_picture_is_not_due_right_after_one(opened: Callable[..., Window]) -> None:
    window = opened("import sys; sys.stdin.read()")
    assert window.due()
    window.show(np.zeros(2, np.float32))
    assert not window.due()


def test_a_window_that_was_closed_says_so(opened: Callable[..., Window]) -> None:
    assert wait_for_end(opened("import sys; sys.stdin.readline()")) == "it was closed"


def test_a_window_that_failed_gives_its_own_words(opened: Callable[..., Window]) -> None:
    program = "import sys; sys.stdin.readline(); print('no pixel format'); sys.exit(1)"
    assert wait_for_end(opened(program)) == "no pixel format"


def test_a_viewer_that_ended_without_words_is_named_by_its_exit_code(opened: Callable[..., Window]) -> None:
    assert wait_for_end(opened("import os; os._exit(7)")) == "its process ended with exit code 7"


def test_waiting_for_a_window_that_fails_ends_with_the_reason(opened: Callable[..., Window]) -> None:
    window = opened("import sys; print('no screen'); sys.exit(1)")
    assert not window.wait_until_open(30)
    assert window.ended == "no screen"
    assert not window.due()


def test_a_window_that_never_reads_holds_nobody_up(opened: Callable[..., Window]) -> None:
    window = opened("import signal; signal.pause()")
    frame = np.zeros(1000, np.float32)
    for _ in range(100):
        window.show(frame)
    assert window.ended is None


def test_a_program_that_is_not_there_is_a_clear_error() -> None:
    with pytest.raises(WindowUnusable, match="cannot be started"):
        Window("cartpole", "mujoco", {}, command=["/nowhere/mjpython"])


def test_of_several_frames_the_newest_whole_one_is_shown() -> None:
    program = (
        "from motrix_core.view.window_child import Frames\n"
        "frames = Frames(0, 2)\n"
        "first = frames.newest(10); second = frames.newest(10)\n"
        "print(first.tolist(), second, frames.over)"
    )
    sent = np.arange(4, dtype=np.float32).tobytes() + b"\0\0"
    done = subprocess.run(python(program), input=sent, capture_output=True, timeout=60)
    assert done.stdout.decode().strip() == "[2.0, 3.0] None True", done.stderr


def test_without_a_display_a_window_is_refused_with_the_mend() -> None:
    with pytest.raises(WindowUnusable) as caught:
        check_window("cartpole", "mujoco", environ={})
    assert "neither DISPLAY nor WAYLAND_DISPLAY" in caught.value.message
    assert "ssh -X" in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_without_a_simulator_a_window_is_refused_with_the_mend() -> None:
    with pytest.raises(WindowUnusable, match=r"pendulum has no simulator.*leave out --render"):
        check_window("pendulum", "none", environ={"DISPLAY": ":0"})


def test_a_viewer_that_cannot_be_imported_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mujoco").mkdir()
    (tmp_path / "mujoco" / "__init__.py").write_text("")
    (tmp_path / "mujoco" / "viewer.py").write_text("raise ImportError('libGL.so.1 is missing')")
    environ = {"DISPLAY": ":0", "PYTHONPATH": str(tmp_path)}
    with pytest.raises(WindowUnusable, match=r"mujoco cannot be opened: libGL.so.1 is missing"):
        check_window("cartpole", "mujoco", environ=environ)


@pytest.fixture
def display() -> Iterator[str]:
    """A screen that nobody sees."""
    server = shutil.which("Xvfb")
    if server is None:
        pytest.skip("there is no Xvfb, so no display to open a window on")
    argv = [server, "-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield f":{process.stdout.readline().strip()}"
        finally:
            process.terminate()


@pytest.mark.real
def test_mujocos_own_window_opens_and_closes(display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mujoco.viewer")
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.setenv("LIBGL_ALWAYS_SOFTWARE", "1")
    check_window("cartpole", "mujoco")
    window = Window("cartpole", "mujoco", {})
    assert window.wait_until_open(60), window.ended
    window.show(np.array([0.1, 0.2], np.float32))
    assert window.ended is None
    window.close()
    assert window._process.returncode == 0
