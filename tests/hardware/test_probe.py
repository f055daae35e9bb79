"""Probes of installations that are broken in every way that users meet."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from motrix_core.errors import UnknownName
from motrix_core.hardware import Probe, probe, probe_all, probe_child, verdict
from motrix_core.hardware.requirements import TARGETS

HANG = """
import os, subprocess, sys
program = "import os; os.open({fifo!r}, os.O_WRONLY); print(flush=True); os.read(os.pipe()[0], 1)"
subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE).stdout.readline()
end, other = os.pipe()
os.read(end, 1)
"""

pytestmark = pytest.mark.usefixtures("no_gpu")


class Witness:
    """A FIFO that the hanging package's own child holds open: end of file shows that the child is gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self.reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        # A second writer, since a FIFO that nobody ever opened for writing has no end of file.
        self.writer = os.open(path, os.O_WRONLY)

    def assert_alone(self) -> None:
        os.close(self.writer)
        poller = select.poll()
        poller.register(self.reader, select.POLLHUP)
        assert poller.poll(20_000), "a process that the probe started is still running"


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    witness = Witness(tmp_path / "witness")
    yield witness
    os.close(witness.reader)


def test_a_working_torch_is_usable_on_the_cpu(installation) -> None:
    installation.torch()
    found = probe("torch")
    assert found == Probe("torch", "PyTorch", "2.13.0+fake", "ok", True, ("cpu",), elapsed_s=found.elapsed_s)
    assert found.elapsed_s > 0


def test_a_working_jax_is_usable_on_the_cpu(installation) -> None:
    installation.jax()
    found = probe("jax")
    assert (found.status, found.usable, found.gpu, found.devices) == ("ok", True, False, ("cpu:0 fake",))


def test_a_gpu_that_computes_is_reported(installation, one_gpu) -> None:
    installation.torch(cuda="12.8", available="return True")
    installation.jax(platform="gpu")
    found = probe_all(["torch", "jax"])
    assert found["torch"].gpu and found["torch"].devices == ("cuda:0 Fake GPU 9000",)
    assert found["jax"].gpu and found["jax"].devices == ("gpu:0 fake",)
    assert all(one.status == "ok" and one.cause is one.note is None for one in found.values())


@pytest.mark.parametrize("name", TARGETS)
def test_an_absent_package_is_known_without_starting_a_child(name, only_fakes) -> None:
    found = probe(name, python="/nonexistent/python")
    assert (found.status, found.usable, found.version) == ("not-installed", False, None)
    assert found.mend == f"pip install 'motrix-tui[{TARGETS[name].extra}]'"


@pytest.mark.parametrize("absent", ["skrl", "safetensors", "gymnasium"])
def test_torch_without_what_training_needs_beside_it_is_incomplete(only_fakes, absent) -> None:
    only_fakes.torch()
    only_fakes.without(absent)
    found = probe("torch")
    assert (found.status, found.usable, found.cause) == ("incomplete", False, f"{absent} is not installed")
    assert found.mend == "pip install 'motrix-tui[skrl-torch]'"


@pytest.mark.parametrize("version", ["1.4.3", "2.0.0", "2.2.0", "2.10"])
def test_an_skrl_that_training_does_not_know_is_refused(installation, version) -> None:
    installation.jax()
    installation.metadata("skrl", version)
    found = probe("jax")
    assert (found.status, found.usable) == ("incomplete", False)
    assert found.cause == f"skrl {version} is installed, but >=2.1,<2.2 is needed"


@pytest.mark.parametrize("version", ["2.1.0", "2.1.1", "2.1", "2.1.2.dev0"])
def test_every_skrl_within_the_bounds_is_taken(installation, version) -> None:
    installation.jax()
    installation.metadata("skrl", version)
    assert probe("jax").status == "ok"


def test_a_failing_import_is_told_by_its_last_line(installation) -> None:
    installation.torch(before='raise ImportError("libcudnn.so.9: cannot open shared object file")')
    found = probe("torch")
    assert (found.status, found.usable) == ("import-failed", False)
    assert found.cause == "ImportError: libcudnn.so.9: cannot open shared object file"
    assert found.mend == "pip install --force-reinstall torch"


def test_a_flax_that_does_not_fit_jax_fails_the_import(installation) -> None:
    installation.jax()
    (installation.folder / "flax" / "__init__.py").write_text("import jax\njax.no_such_thing")
    found = probe("jax")
    assert found.status == "import-failed"
    assert found.cause == "AttributeError: module 'jax' has no attribute 'no_such_thing'"


def test_a_source_file_that_is_damaged_is_told_as_such(installation) -> None:
    installation.package("torch", "def broken(:\n")
    found = probe("torch")
    assert found.status == "import-failed"
    assert found.cause is not None and found.cause.startswith("SyntaxError")


def test_an_import_that_needs_the_driver_says_so(installation) -> None:
    installation.torch(before='raise OSError("libcuda.so.1: cannot open shared object file")')
    found = probe("torch")
    assert (found.status, found.usable) == ("no-driver", False)
    assert found.mend is not None and "NVIDIA driver" in found.mend


@pytest.mark.parametrize(
    ("ending", "cause"),
    [
        ("import os; os._exit(0)", "ended with exit code 0 while importing it, without an error"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_an_import_that_ends_the_process_is_a_failed_import(installation, ending, cause) -> None:
    installation.torch(before=ending)
    found = probe("torch")
    assert (found.status, found.usable, found.cause) == ("import-failed", False, cause)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT", "SIGILL"])
def test_a_package_that_is_killed_is_told_with_the_signal(installation, name) -> None:
    installation.torch(before=f"import os, signal; os.kill(os.getpid(), signal.{name})")
    found = probe("torch")
    assert (found.status, found.usable) == ("killed", False)
    assert found.cause == f"killed by {name} while importing it"
    assert found.mend is not None and (("memory" in found.mend) == (name == "SIGKILL"))


def test_a_package_that_crashes_on_the_device_is_told_with_the_stage(installation) -> None:
    crash = "def tensor(*args, **kwargs):\n    import os, signal\n    os.kill(os.getpid(), signal.SIGSEGV)"
    installation.torch(after=crash)
    assert probe("torch").cause == "killed by SIGSEGV while computing"


def test_a_package_that_hangs_is_killed_with_all_that_it_started(installation, witness) -> None:
    installation.torch(before=HANG.format(fifo=str(witness.path)))
    found = probe("torch", timeout_s=4)
    assert (found.status, found.usable) == ("timeout", False)
    assert found.cause == "no answer within 4 s while importing it"
    assert found.mend is not None and "try again" in found.mend
    witness.assert_alone()


def test_a_wrong_matrix_product_is_a_failed_device(installation) -> None:
    installation.torch(after="Tensor.__matmul__ = lambda self, other: self")
    found = probe("torch")
    assert (found.status, found.usable, found.gpu) == ("device-failed", False, False)
    assert found.cause is not None and found.cause.startswith("WrongResult: ")
    assert "of 1024 elements of a matrix product are wrong" in found.cause


def test_a_product_of_the_wrong_shape_is_a_failed_device(installation) -> None:
    installation.jax(after="Array.tolist = lambda self: [[1.0]]")
    assert probe("jax").status == "device-failed"


def test_nan_is_not_taken_for_a_right_result(installation) -> None:
    installation.jax(after="Array.tolist = lambda self: [[float('nan')] * 32] * 32")
    assert probe("jax").cause == "WrongResult: 1024 of 1024 elements of a matrix product are wrong"


def test_a_gpu_without_memory_left_names_the_way_to_the_cpu(installation, one_gpu) -> None:
    full = "def tensor(*args, **kwargs):\n    raise RuntimeError('CUDA error: out of memory\\nmore lines')"
    installation.torch(cuda="12.8", available="return True", after=full)
    found = probe("torch")
    assert (found.status, found.cause) == ("device-failed", "RuntimeError: CUDA error: out of memory")
    assert found.mend is not None and "CUDA_VISIBLE_DEVICES=-1" in found.mend


def test_a_cuda_build_without_a_driver_trains_on_the_cpu_and_says_why(installation) -> None:
    installation.torch(cuda="12.8", available="warnings.warn('no driver'); return False")
    found = probe("torch")
    assert (found.status, found.usable, found.gpu) == ("no-driver", True, False)
    assert found.cause == "a CUDA 12.8 build is installed, but no NVIDIA driver with a GPU was found"
    assert found.note == "usable on the CPU only"
    assert found.mend is not None and "nvidia-smi" in found.mend


def test_a_driver_that_is_too_old_is_told_in_the_package_own_words(installation, one_gpu) -> None:
    installation.torch(cuda="12.8", available="warnings.warn('driver is too old'); return False")
    found = probe("torch")
    assert (found.status, found.usable, found.cause) == ("no-driver", True, "driver is too old")
    assert found.mend is not None and "470.82.01" in found.mend


def test_a_jax_cuda_plugin_without_a_gpu_is_noted(only_fakes) -> None:
    only_fakes.jax()
    only_fakes.metadata("jax-cuda12-plugin", "0.10.2")
    found = probe("jax")
    assert (found.status, found.usable, found.note) == ("no-driver", True, "usable on the CPU only")
    assert found.cause is not None and found.cause.startswith("jax-cuda12-plugin 0.10.2 is installed, but no ")


def test_a_cpu_build_beside_a_gpu_names_the_extra_that_uses_it(only_fakes, one_gpu) -> None:
    only_fakes.jax()
    found = probe("jax")
    assert (found.status, found.usable, found.cause) == ("ok", True, None)
    assert found.note is not None and "pip install 'motrix-tui[skrl-jax-cuda]'" in found.note


def test_a_gpu_that_the_user_hides_is_no_fault(installation, one_gpu, monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    installation.torch(cuda="12.8")
    found = probe("torch")
    assert (found.status, found.cause) == ("ok", None)
    assert found.note == "CUDA_VISIBLE_DEVICES='-1' hides the GPU"


def test_a_platform_that_jax_cannot_give_points_to_the_variable_that_asks_for_it(installation, monkeypatch) -> None:
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    installation.jax(after="def devices():\n    raise RuntimeError(\"Unknown backend: 'cuda'\")")
    found = probe("jax")
    assert (found.status, found.cause) == ("device-failed", "RuntimeError: Unknown backend: 'cuda'")
    assert found.mend == "unset JAX_PLATFORMS (it is 'cuda')"


def test_anything_that_a_package_prints_does_no_harm(installation) -> None:
    noise = r"""
import os, sys
os.write(1, b"\xff\xfe no line end")
print('{"motrix_probe": 1, "result": "not a mapping"}')
print('{"motrix_probe": torn')
print('{"motrix_probe": 1, "stage": 3}')
sys.stderr.write("x" * 100_000)
sys.stdout = sys.stderr = open(os.devnull, "w")
"""
    installation.torch(before=noise, after="os.write(1, b'{')")
    assert probe("torch").status == "ok"


def test_a_package_that_crashes_while_it_is_torn_down_is_usable(installation) -> None:
    installation.torch(after="import atexit, os\natexit.register(os.abort)")
    assert probe("torch").status == "ok"


def test_control_sequences_and_endless_messages_never_reach_the_terminal(installation) -> None:
    installation.torch(before=r"raise ImportError('\x1b[2J\x07\x9b31m' + 'y' * 5000)")
    found = probe("torch")
    assert found.cause is not None and found.cause.isprintable() and len(found.cause) <= 300


def test_the_child_claims_little_memory_on_a_gpu(installation) -> None:
    installation.jax(
        before='import os\nassert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false", "would claim the GPU"'
    )
    assert probe("jax").status == "ok"


def test_a_python_that_does_not_exist_is_a_result_and_no_exception(installation) -> None:
    installation.torch()
    found = probe("torch", python="/nonexistent/python")
    assert (found.status, found.usable) == ("not-started", False)
    assert found.cause is not None and "/nonexistent/python" in found.cause


def test_a_python_that_cannot_run_the_probe_is_told_with_its_last_words(installation, tmp_path) -> None:
    installation.torch()
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho cannot run here >&2\nexit 7\n")
    python.chmod(0o700)
    found = probe("torch", python=str(python))
    assert (found.status, found.cause) == ("not-started", "the probe could not start: cannot run here")


def test_files_of_the_working_directory_are_not_what_the_probe_imports(installation, tmp_path, monkeypatch) -> None:
    installation.torch()
    for name in ("json", "platform", "torch"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name} of the working directory')\n")
    monkeypatch.chdir(tmp_path)
    assert probe("torch").status == "ok"


def test_a_process_that_outlives_its_kill_points_to_the_driver() -> None:
    outcome = verdict.Outcome(stage="devices", unkillable=True, timeout_s=30.0)
    found = verdict.judge(TARGETS["torch"], "2.13.0", outcome, ())
    assert (found.status, found.usable) == ("timeout", False)
    assert found.cause == (
        "no answer within 30 s while listing devices; the process cannot be killed, it hangs in a driver"
    )


def test_an_unknown_name_suggests_the_nearest(installation) -> None:
    with pytest.raises(UnknownName, match="did you mean torch"):
        probe("pytorch")


def test_results_come_as_they_are_ready_and_return_in_the_order_asked_for(installation, tmp_path) -> None:
    # torch waits for what jax's result makes the test do, so jax must be told first.
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    installation.torch(before=f"open({str(gate)!r}).read()")
    installation.jax()
    told = []

    def on_result(found: Probe) -> None:
        told.append(found.name)
        if found.name == "jax":
            gate.write_text("go")

    assert list(probe_all(["torch", "jax", "torch"], on_result)) == ["torch", "jax"]
    assert told == ["jax", "torch"]
    assert probe_all([]) == {}


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_leaving_early_leaves_no_child_behind(installation, tmp_path, witness, error) -> None:
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    hang = HANG.format(fifo=str(witness.path)).replace("end, other", f"open({str(ready)!r}, 'w').close()\nend, other")
    installation.torch(before=hang)
    installation.jax(before=f"open({str(ready)!r}).read()")  # so that torch hangs by the time jax is told

    def on_result(found: Probe) -> None:
        raise error

    with pytest.raises(error):
        probe_all(["torch", "jax"], on_result, timeout_s=300)
    witness.assert_alone()


def test_a_probe_whose_parent_is_gone_ends_itself(installation) -> None:
    installation.torch(before="import os\nos.read(os.pipe()[0], 1)")
    child = Path(probe_child.__file__)
    # The limit is that of the parent, and the child adds 5 s; so this is one second.
    done = subprocess.run(
        [sys.executable, "-c", f"import runpy; runpy.run_path({str(child)!r}, run_name='__main__')", "torch", "-4"],
        stdout=subprocess.DEVNULL,
    )
    assert done.returncode == -signal.SIGALRM


def test_every_probe_is_json(installation, only_fakes) -> None:
    only_fakes.torch(before="raise ImportError('no')")
    for found in probe_all(TARGETS).values():
        assert json.loads(json.dumps(found.to_json()))["status"] == found.status


@pytest.mark.parametrize("velocity", [0.0, 9.81, float("nan"), -0.2])
def test_a_ball_that_does_not_fall_right_is_a_wrong_result(velocity) -> None:
    with pytest.raises(probe_child.WrongResult):
        probe_child.check_fall(velocity)


@pytest.mark.parametrize("name", ["motrixsim", "mujoco"])
def test_a_simulator_that_cannot_be_imported_is_told_with_cause_and_mend(installation, name) -> None:
    installation.package(name, "raise ImportError('GLIBC_2.38 not found')")
    found = probe(name)
    assert (found.status, found.cause) == ("import-failed", "ImportError: GLIBC_2.38 not found")
    assert found.mend == f"pip install --force-reinstall {name}"


@pytest.mark.real
@pytest.mark.parametrize("name", TARGETS)
def test_the_real_installation_is_usable_where_it_is_complete(name) -> None:
    found = probe(name, timeout_s=300)
    if found.status in ("not-installed", "incomplete"):
        pytest.skip(f"{name}: {found.cause}")
    assert found.usable and found.devices, found
    assert found.version
