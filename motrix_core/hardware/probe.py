"""Does a backend or simulator work here? Asked in child processes, since importing takes seconds, and a broken
installation or driver may hang or crash whoever imports it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import IO, Any

from motrix_core.child import code_command
from motrix_core.errors import UnknownName
from motrix_core.hardware import verdict
from motrix_core.hardware.inventory import read_gpus
from motrix_core.hardware.requirements import TARGETS, Target, installed_version, missing
from motrix_core.hardware.verdict import Outcome, Probe, printable

__all__ = ["Probe", "probe", "probe_all"]

TIMEOUT_S = 30.0

# By path, so that the child does not depend on this package; and not as a script, which would put this folder, with
# its select.py, before the standard library.
_PROGRAM = Path(__file__).with_name("probe_child.py")
_LAUNCHER = "import runpy; runpy.run_path(sys.argv[1], run_name='__main__')"

# A process in an uninterruptible system call outlives SIGKILL; longer than this nobody waits for it.
_KILL_WAIT_S = 3.0

# What is read back of a child's output; the stages and the result come last.
_OUTPUT_BYTES = 1 << 20


def probe(name: str, timeout_s: float = TIMEOUT_S, python: str = sys.executable) -> Probe:
    """Whether `name` ("jax", "torch", "motrixsim" or "mujoco") is installed and works.

    The child, and all that it starts, is killed after `timeout_s`. Every failure is a Probe with cause and mend, none
    an exception; only a `name` that is no target at all raises UnknownName.
    """
    return _probe(_target(name), timeout_s, python, _Children())


def probe_all(
    names: Iterable[str],
    on_result: Callable[[Probe], None] | None = None,
    *,
    timeout_s: float = TIMEOUT_S,
    python: str = sys.executable,
) -> dict[str, Probe]:
    """`probe` for all `names` side by side; the result is in the order of `names`.

    `on_result` is called in the calling thread with each Probe when it is ready. An exception, also
    KeyboardInterrupt, kills the children and goes on to the caller.
    """
    targets = [_target(name) for name in dict.fromkeys(names)]
    if not targets:
        return {}
    children = _Children()
    done: dict[str, Probe] = {}
    with ThreadPoolExecutor(len(targets), thread_name_prefix="probe") as pool:
        try:
            futures = [pool.submit(_probe, target, timeout_s, python, children) for target in targets]
            for future in as_completed(futures):
                found = future.result()
                done[found.name] = found
                if on_result is not None:
                    on_result(found)
        except BaseException:
            children.kill_all()
            raise
    return {target.name: done[target.name] for target in targets}


class _Children:
    """The running children of one call, so that leaving the call early leaves none behind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def start(self, command: list[str], environment: dict[str, str], output: IO[bytes]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise OSError("interrupted")
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
            self._running.add(process)
            return process

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running.discard(process)

    def kill_all(self) -> None:
        with self._lock:
            self._closed = True
            for process in self._running:
                _kill_group(process)


def _target(name: str) -> Target:
    if name not in TARGETS:
        raise UnknownName("backend or simulator", name, TARGETS, listing="motrix devices")
    return TARGETS[name]


def _probe(target: Target, timeout_s: float, python: str, children: _Children) -> Probe:
    version = installed_version(target.distribution)
    if version is None:
        return verdict.not_installed(target)
    if problems := missing(target):
        return verdict.incomplete(target, version, problems)
    started = time.monotonic()
    command = code_command(_LAUNCHER, str(_PROGRAM), target.name, str(timeout_s), python=[python])
    try:
        # A file, not a pipe: a process that left the group could keep a pipe open for ever.
        with tempfile.TemporaryFile() as output:
            outcome = _run(command, output, timeout_s, started, children)
    except OSError as error:
        outcome = Outcome(start_error=printable(str(error)), elapsed_s=time.monotonic() - started)
    gpus = read_gpus()[0] if target.kind == "backend" else ()
    return verdict.judge(target, version, outcome, gpus)


def _run(command: list[str], output: IO[bytes], timeout_s: float, started: float, children: _Children) -> Outcome:
    process = children.start(command, _environment(), output)
    exit_code, unkillable = None, False
    try:
        exit_code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        pass  # told by the outcome's missing exit code
    finally:
        if process.poll() is None:
            unkillable = not _kill_group(process)
        children.forget(process)
    elapsed_s = time.monotonic() - started
    stage, result, last_words = _said(output)
    return Outcome(stage, result, exit_code, None, unkillable, last_words, elapsed_s, timeout_s)


def _kill_group(process: subprocess.Popen[bytes]) -> bool:
    """Kills the process and all of its group; False when it is still there after `_KILL_WAIT_S`."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(_KILL_WAIT_S)
    except ProcessLookupError:
        return True
    except subprocess.TimeoutExpired:
        return False
    return True


def _said(output: IO[bytes]) -> tuple[str | None, dict[str, Any] | None, str]:
    """The last stage, the result, and the last other line of a child's output."""
    output.seek(max(0, output.seek(0, os.SEEK_END) - _OUTPUT_BYTES))
    stage: str | None = None
    result: dict[str, Any] | None = None
    last_words = ""
    for line in output.read().decode(errors="replace").splitlines():
        fields = _message(line)
        if fields is None:
            last_words = printable(line) or last_words
        elif isinstance(fields.get("result"), dict):
            result = fields["result"]
        elif isinstance(fields.get("stage"), str):
            stage = fields["stage"]
    return stage, result, last_words


def _message(line: str) -> dict[str, Any] | None:
    if not line.startswith('{"motrix_probe"'):
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None


def _environment() -> dict[str, str]:
    """The user's environment, so that the child finds what a trainer would find, without banners or big claims."""
    return {
        **os.environ,
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "GRPC_VERBOSITY": "ERROR",
        "PYTHONIOENCODING": "utf-8:replace",
    }
