"""`motrix doctor`: it finds what is wrong, says what mends it, and its exit code says how bad it is."""

from __future__ import annotations

import importlib
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from motrix_core.cli import main
from motrix_core.config.schema import RunConfig
from motrix_core.hardware.verdict import Probe
from motrix_core.process.lost import CAUSE
from motrix_core.runs.identity import Identity, own_identity
from motrix_core.runs.layout import create_run
from motrix_core.runs.state import write_state

GOOD = {
    name: Probe(name, title, "1.0", "ok", True, ("cpu",))
    for name, title in (("jax", "JAX"), ("torch", "PyTorch"), ("motrixsim", "MotrixSim"), ("mujoco", "MuJoCo"))
}


def broken(name: str, **fields: object) -> dict[str, Probe]:
    known = {"name": name, "title": name, "version": None, "status": "not-installed", "usable": False}
    return {name: Probe(**{**known, "cause": f"{name} is away", "mend": f"install {name}", **fields})}  # type: ignore[arg-type]


def examine(
    probes: dict[str, Probe],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *options: str,
) -> tuple[int, dict[str, dict[str, str]]]:
    # The package has a function of the module's name, so a dotted path would not find the module.
    module = importlib.import_module("motrix_core.hardware.probe")
    monkeypatch.setattr(module, "probe_all", lambda names: {**GOOD, **probes})
    code = main(["doctor", "--json", "--runs-dir", str(folder), *options])
    return code, {finding["what"]: finding for finding in json.loads(capsys.readouterr().out)}


def test_a_good_installation_has_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = examine({}, tmp_path / "runs", monkeypatch, capsys)
    assert code == 0
    assert {finding["level"] for finding in found.values()} <= {"ok", "note"}
    assert not (tmp_path / "runs").exists()


def test_a_backend_that_is_not_needed_is_a_note_and_none_at_all_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = examine(broken("torch"), tmp_path, monkeypatch, capsys)
    assert (code, found["torch"]["level"], found["torch"]["mend"]) == (0, "note", "install torch")
    code, found = examine(broken("torch") | broken("jax"), tmp_path, monkeypatch, capsys)
    assert (code, found["jax"]["level"]) == (4, "problem")


def test_what_is_installed_and_does_not_work_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = examine(broken("torch", version="2.0", status="import-failed"), tmp_path, monkeypatch, capsys)
    assert (code, found["torch"]["level"], found["torch"]["detail"]) == (3, "problem", "torch is away")


def test_a_gpu_that_cannot_be_used_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    probes = broken("jax", version="1.0", status="no-driver", usable=True, cause="no driver", mend="install one")
    code, found = examine(probes, tmp_path, monkeypatch, capsys)
    assert (code, found["jax"]["level"], found["jax"]["mend"]) == (0, "note", "install one")


def test_a_file_in_the_way_of_the_runs_folder_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    code, found = examine({}, tmp_path / "file" / "runs", monkeypatch, capsys)
    assert (code, found["runs folder"]["level"]) == (3, "problem")


def test_a_full_disk_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("motrix_core.commands.doctor._LOW_DISK_BYTES", 1 << 62)
    code, found = examine({}, tmp_path, monkeypatch, capsys)
    assert (code, found["runs folder"]["level"]) == (3, "problem")


def test_a_run_that_lost_its_supervisor_is_named_with_the_command_that_continues_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = create_run(RunConfig(env="pendulum", backend="torch", sim="none"), tmp_path, extra={})
    write_state(run.paths.state, run.state().change(status="running", supervisor=Identity(pid=2, create_time=0.5)))
    code, found = examine({}, tmp_path, monkeypatch, capsys)
    assert (code, found["lost runs"]["level"]) == (0, "note")
    assert found["lost runs"]["mend"].startswith(
        f"motrix run --resume {run.id} continues it; motrix doctor --mark-lost"
    )


def test_a_damaged_run_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = create_run(RunConfig(env="pendulum", backend="torch", sim="none"), tmp_path, extra={})
    run.paths.state.write_text("{")
    code, found = examine({}, tmp_path, monkeypatch, capsys)
    assert (code, found["runs"]["level"]) == (0, "note")
    assert run.id in found["runs"]["detail"]


def test_lost_runs_are_recorded_as_over_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = create_run(RunConfig(env="pendulum", backend="torch", sim="none"), tmp_path, extra={})
    write_state(run.paths.state, run.state().change(status="running", supervisor=Identity(pid=2, create_time=0.5)))
    code, found = examine({}, tmp_path, monkeypatch, capsys, "--mark-lost")
    assert (code, found["lost runs"]["level"]) == (0, "ok")
    assert (run.state().status, run.state().cause) == ("crashed", CAUSE)
    code, found = examine({}, tmp_path, monkeypatch, capsys, "--mark-lost")
    assert "lost runs" not in found and found["runs"]["level"] == "ok"


def test_a_trainer_without_a_supervisor_is_a_problem_and_not_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = create_run(RunConfig(env="pendulum", backend="torch", sim="none"), tmp_path, extra={})
    gone, here = Identity(pid=2, create_time=0.5), own_identity()
    write_state(run.paths.state, run.state().change(status="running", supervisor=gone, trainer=here))
    code, found = examine({}, tmp_path, monkeypatch, capsys, "--mark-lost")
    assert (code, found["orphaned runs"]["level"]) == (3, "problem")
    commands = f"motrix runs stop {run.id}, then motrix run --resume {run.id}: a new supervisor"
    assert found["orphaned runs"]["mend"].startswith(commands)
    assert run.state().status == "running"


@pytest.mark.parametrize(("host", "said"), [(None, "this clock was set back"), ("elsewhere", "60 min ahead of this")])
def test_a_clock_that_does_not_agree_is_a_note(
    host: str | None,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = create_run(RunConfig(env="pendulum", backend="torch", sim="none"), tmp_path, extra={})
    state = run.state()
    write_state(run.paths.state, replace(state, updated_at=time.time() + 3600, host=host or state.host))
    code, found = examine({}, tmp_path, monkeypatch, capsys)
    assert (code, found["clock"]["level"]) == (0, "note")
    assert said in found["clock"]["detail"] and run.id in found["clock"]["detail"]


def test_a_disk_with_a_clock_of_its_own_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = time.time
    monkeypatch.setattr("motrix_core.commands.doctor_runs.time.time", lambda: real() - 100)
    _, found = examine({}, tmp_path, monkeypatch, capsys)
    assert found["clock"]["detail"] == f"the disk of {tmp_path} says 100 s more than this machine"


@pytest.mark.parametrize(
    ("environ", "able", "said"),
    [
        ({"TERM": "dumb"}, (False, False), "the terminal TERM=dumb cannot place its cursor"),
        ({"LC_ALL": "C"}, (True, True), "has no Unicode"),
        ({"TERM": "linux"}, (True, True), "has no Unicode"),
        ({"TERM": "vt220"}, (False, True), "TERM=vt220 has no colours"),
        ({"COLUMNS": "50", "LINES": "15"}, (True, True), "50×15 is small"),
    ],
    ids=["no cursor", "no UTF-8", "no braille", "no colours", "small"],
)
def test_what_a_terminal_lacks_is_a_note_with_the_way_out(
    environ: dict[str, str],
    able: tuple[bool, bool],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pretend_terminal(environ, able, monkeypatch)
    code, found = examine({}, tmp_path, monkeypatch, capsys)
    notes = [finding for finding in found.values() if finding["what"] == "terminal" and finding["level"] == "note"]
    assert (code, [said in finding["detail"] for finding in notes]) == (0, [True])
    assert notes[0]["mend"]


def test_a_terminal_that_can_show_everything_is_told_with_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend_terminal({"NO_COLOR": "1"}, (True, True), monkeypatch)
    _, found = examine({}, tmp_path, monkeypatch, capsys)
    assert (found["terminal"]["level"], found["terminal"]["detail"]) == ("ok", "UTF-8, 120×40")


def pretend_terminal(environ: dict[str, str], able: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output is a terminal; of `able`, the first says whether it has colours, the second places its cursor."""
    good = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "COLUMNS": "120", "LINES": "40"}
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {**good, **environ}.items():
        monkeypatch.setenv(name, value)
    # What the real one can do depends on the first name that the process asked for.
    monkeypatch.setattr("motrix_core.terminal._capabilities", lambda name: able)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
