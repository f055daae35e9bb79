"""`motrix devices`, as people and scripts see it."""

from __future__ import annotations

import argparse
import io
import json

import pytest
from rich.console import Console

from motrix_core.commands import devices
from motrix_core.hardware import inventory, probe_all
from motrix_core.hardware.report import Report, print_report
from motrix_core.hardware.requirements import BACKENDS, SIMULATORS, TARGETS


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    devices.add_parser(parser.add_subparsers())
    return devices.run(parser.parse_args(["devices", *words]))


@pytest.fixture
def machine(only_fakes, no_gpu):
    """JAX is absent, PyTorch hostile, one simulator broken, the other absent."""
    only_fakes.torch(before=r"raise ImportError('[bold]\x1b[31mno libfoo')")
    only_fakes.package("mujoco", "import os; os.abort()")
    return only_fakes


def test_json_is_one_document_with_everything(machine, capfd) -> None:
    assert run("--json") == 4
    captured = capfd.readouterr()
    document = json.loads(captured.out)
    assert captured.err == ""
    assert set(document) == {"hardware", "backends", "simulators", "selection"}
    assert (tuple(document["backends"]), tuple(document["simulators"])) == (BACKENDS, SIMULATORS)
    keys = {"name", "title", "version", "status", "usable", "devices", "gpu", "cause", "mend", "note", "elapsed_s"}
    probes = {**document["backends"], **document["simulators"]}
    assert all(set(found) == keys for found in probes.values())
    assert {name: found["status"] for name, found in probes.items()} == {
        "jax": "not-installed",
        "torch": "import-failed",
        "motrixsim": "not-installed",
        "mujoco": "killed",
    }
    assert all(found["cause"] and found["mend"] for found in probes.values())


def test_json_has_the_same_keys_with_and_without_a_choice(machine, capfd) -> None:
    run("--json")
    none = json.loads(capfd.readouterr().out)["selection"]
    assert none["backend"]["error"].startswith("neither JAX nor PyTorch is available")
    assert none["backend"]["backend"] is None
    machine.jax()
    assert run("--json") == 0
    some = json.loads(capfd.readouterr().out)["selection"]
    assert (some["backend"]["backend"], some["backend"]["error"]) == ("jax", None)
    assert set(none["backend"]) == set(some["backend"]) == set(some["simulator"])


def test_people_see_cause_and_mend_of_everything_that_does_not_work(machine, capfd) -> None:
    assert run() == 4
    shown = capfd.readouterr().out
    assert "\x1b" not in shown
    assert "ImportError: [bold] [31mno libfoo" in shown, "text of a package was taken for markup"
    for line in (
        "pip install 'motrix-tui[skrl-jax]'",
        "killed by SIGABRT while importing it",
        "neither JAX nor PyTorch is available",
        "none: no usable NVIDIA driver (NVML Shared Library Not Found)",
        "MuJoCo, MotrixSim not installed, which is installed, but unusable: killed by SIGABRT",
    ):
        assert line in shown


def test_people_see_which_one_is_taken_and_why(only_fakes, no_gpu, capfd) -> None:
    only_fakes.jax()
    assert run() == 0
    lines = [line.strip() for line in capfd.readouterr().out.splitlines()]
    assert any(line.startswith("● JAX") for line in lines)
    assert "backend   JAX on CPU, no GPU found" in lines
    assert "mend      pip install 'motrix-tui[motrixsim]'" in lines


def test_every_gpu_is_shown(only_fakes, one_gpu, capfd) -> None:
    only_fakes.torch(cuda="12.8", available="return True")
    assert run() == 0
    shown = capfd.readouterr().out
    assert "Fake GPU 9000, 24.0 GiB, 1.0 GiB used, 37 % busy, driver 470.82.01" in shown
    assert "PyTorch on GPU (cuda:0 Fake GPU 9000)" in shown


def test_a_terminal_without_unicode_gets_plain_letters(only_fakes, no_gpu) -> None:
    only_fakes.jax()
    only_fakes.torch(before="raise ImportError('π')")
    written = io.BytesIO()
    console = Console(file=io.TextIOWrapper(written, encoding="ascii", write_through=True))
    print_report(console, Report.of(inventory(), probe_all(TARGETS)))
    lines = [line.strip() for line in written.getvalue().decode("ascii").splitlines()]
    assert any(line.startswith("* JAX") for line in lines)
    assert any(line.startswith("x PyTorch") for line in lines)
    assert "cause ImportError: ?" in lines


def test_a_person_at_a_terminal_sees_what_is_being_tried(machine, monkeypatch, capfd) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich's way to take a stream for a terminal
    monkeypatch.setenv("TERM", "xterm")
    run("--json")
    captured = capfd.readouterr()
    assert "trying " in captured.err
    json.loads(captured.out)
