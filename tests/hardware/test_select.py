"""MotrixLab's order, and no silent fallback from what was asked for."""

from __future__ import annotations

import itertools
import re
import sys
from pathlib import Path

import pytest

from motrix_core.errors import (
    BackendUnusable,
    MissingExtra,
    NoUsableBackend,
    SimulatorUnusable,
    UnknownName,
    UsageError,
)
from motrix_core.hardware import DeviceSupports, Probe, check_sim, get_device_supports, select_backend, select_sim
from motrix_core.hardware.requirements import TARGETS, installed_version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TITLES = {"jax": "JAX", "torch": "PyTorch", "motrixsim": "MotrixSim", "mujoco": "MuJoCo"}


def working(name: str, gpu: bool = False) -> Probe:
    devices = ("cuda:0 H200",) if gpu else ("cpu",)
    return Probe(name, TITLES[name], "1.0", "ok", True, devices, gpu)


def broken(name: str, status: str = "import-failed", cause: str = "ImportError: no") -> Probe:
    return Probe(name, TITLES[name], "1.0", status, False, cause=cause, mend=f"mend {name}")  # type: ignore[arg-type]


class Machine:
    """Answers for probes, and remembers what was asked."""

    def __init__(self, *probes: Probe) -> None:
        self.probes = {found.name: found for found in probes}
        self.asked: list[str] = []

    def __call__(self, name: str) -> Probe:
        self.asked.append(name)
        return self.probes[name]


def expected(torch: bool, torch_gpu: bool, jax: bool, jax_gpu: bool) -> tuple[str, str] | None:
    order = [(jax_gpu and jax, "jax", "gpu"), (torch_gpu and torch, "torch", "gpu"), (jax, "jax", "cpu")]
    order.append((torch, "torch", "cpu"))
    return next(((backend, device) for possible, backend, device in order if possible), None)


@pytest.mark.parametrize("supports", itertools.product([False, True], repeat=4))
def test_the_order_is_jax_gpu_torch_gpu_jax_cpu_torch_cpu(supports) -> None:
    assert DeviceSupports(*supports).preferred() == expected(*supports)


@pytest.mark.parametrize("supports", itertools.product([False, True], repeat=4))
def test_the_automatic_choice_follows_that_order_on_a_machine_with_a_gpu(supports) -> None:
    torch, torch_gpu, jax, jax_gpu = supports
    machine = Machine(
        working("torch", torch_gpu) if torch else broken("torch"),
        working("jax", jax_gpu) if jax else broken("jax"),
    )
    assert get_device_supports(machine) == DeviceSupports(torch, torch and torch_gpu, jax, jax and jax_gpu)
    wanted = expected(*supports)
    if wanted is None:
        with pytest.raises(NoUsableBackend):
            select_backend("auto", machine, gpu_in_reach=True)
    else:
        chosen = select_backend("auto", machine, gpu_in_reach=True)
        assert (chosen.backend, chosen.device) == wanted


def test_without_a_gpu_torch_is_not_probed_when_jax_works() -> None:
    machine = Machine(working("jax"), working("torch"))
    chosen = select_backend("auto", machine, gpu_in_reach=False)
    assert (chosen.backend, chosen.device, machine.asked) == ("jax", "cpu", ["jax"])
    assert chosen.reason == "automatic: JAX on CPU, no GPU found"
    assert list(chosen.probes) == ["jax"]


def test_without_a_gpu_torch_is_taken_when_jax_does_not_work() -> None:
    machine = Machine(broken("jax", "not-installed", "not installed"), working("torch"))
    chosen = select_backend("auto", machine, gpu_in_reach=False)
    assert (chosen.backend, chosen.device) == ("torch", "cpu")
    assert chosen.reason == "automatic: PyTorch on CPU, no GPU found, JAX unusable: not installed"


def test_the_reason_says_why_a_better_backend_was_not_taken() -> None:
    chosen = select_backend("auto", Machine(working("jax"), working("torch", gpu=True)), gpu_in_reach=True)
    assert chosen.reason == "automatic: PyTorch on GPU (cuda:0 H200), JAX finds no GPU"
    chosen = select_backend("auto", Machine(working("jax"), working("torch")), gpu_in_reach=True)
    assert chosen.reason == "automatic: JAX on CPU, no backend can use the GPU"


def test_without_any_backend_the_error_has_both_install_commands() -> None:
    absent = [broken(name, "not-installed", "not installed") for name in ("jax", "torch")]
    with pytest.raises(NoUsableBackend) as caught:
        select_backend("auto", Machine(*absent), gpu_in_reach=False)
    assert caught.value.message == "neither JAX nor PyTorch is available"
    assert caught.value.mend == "pip install 'motrix-tui[skrl-jax]' or pip install 'motrix-tui[skrl-torch]'"
    assert caught.value.exit_code == 4


def test_a_backend_that_is_installed_and_broken_is_named_in_that_error() -> None:
    machine = Machine(broken("jax", "timeout", "no answer"), broken("torch", "not-installed", "not installed"))
    with pytest.raises(NoUsableBackend) as caught:
        select_backend("auto", machine, gpu_in_reach=False)
    assert caught.value.message == "neither JAX nor PyTorch is available (JAX: no answer; mend jax)"


@pytest.mark.parametrize("name", ["jax", "torch"])
def test_a_backend_asked_for_by_name_is_probed_alone(name) -> None:
    machine = Machine(working(name))
    chosen = select_backend(name, machine)
    assert (chosen.backend, machine.asked) == (name, [name])
    assert chosen.reason == f"asked for: {TITLES[name]} on CPU"


def test_a_backend_asked_for_and_unusable_is_an_error_and_no_fallback() -> None:
    machine = Machine(broken("torch"), working("jax"))
    with pytest.raises(BackendUnusable) as caught:
        select_backend("torch", machine)
    assert (caught.value.cause, caught.value.mend, caught.value.exit_code) == ("ImportError: no", "mend torch", 4)
    assert machine.asked == ["torch"]


def test_an_unknown_backend_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean torch"):
        select_backend("pytorch", Machine())


def test_probes_of_real_children_decide_when_no_answers_are_given(installation, no_gpu) -> None:
    installation.jax(before="raise ImportError('broken')")
    installation.torch()
    chosen = select_backend("auto", gpu_in_reach=False)
    assert (chosen.backend, list(chosen.probes)) == ("torch", ["jax", "torch"])
    assert "JAX unusable: ImportError: broken" in chosen.reason


def test_both_children_run_when_a_gpu_is_in_reach(installation, one_gpu) -> None:
    installation.jax()
    installation.torch(cuda="12.8", available="return True")
    chosen = select_backend("auto")
    assert (chosen.backend, chosen.device) == ("torch", "gpu")


BOTH = ("mujoco", "motrixsim")


def test_an_environment_without_physics_needs_no_simulator(only_fakes) -> None:
    assert select_sim("auto", ()).backend == "none"
    assert select_sim("none", ()).backend == "none"


def test_motrixsim_comes_first_then_mujoco(only_fakes) -> None:
    only_fakes.metadata("mujoco", "4.0.0")
    chosen = select_sim("auto", BOTH)
    assert (chosen.backend, chosen.reason) == ("mujoco", "automatic: MuJoCo, MotrixSim not installed")
    only_fakes.metadata("motrixsim", "0.10.1")
    chosen = select_sim("auto", BOTH)
    assert (chosen.backend, chosen.reason) == ("motrixsim", "automatic: MotrixSim")
    assert select_sim("auto", ("mujoco",)).backend == "mujoco"
    assert select_sim("mujoco", BOTH).reason == "asked for: MuJoCo"


@pytest.mark.parametrize(
    ("requested", "sims", "extra"),
    [("auto", BOTH, "motrixsim"), ("auto", ("mujoco",), "mujoco"), ("mujoco", BOTH, "mujoco")],
)
def test_a_simulator_that_is_not_installed_names_its_extra(only_fakes, requested, sims, extra) -> None:
    with pytest.raises(MissingExtra) as caught:
        select_sim(requested, sims)
    assert caught.value.mend == f"pip install 'motrix-tui[{extra}]'"


@pytest.mark.parametrize(
    ("requested", "sims", "message"),
    [
        ("mujoco", ("motrixsim",), "runs on motrixsim and cannot use MuJoCo"),
        ("mujoco", (), "needs no simulator and cannot use MuJoCo"),
        ("none", BOTH, "cannot run without a simulator"),
        ("auto", ("bullet",), "runs on bullet only"),
    ],
)
def test_a_simulator_that_the_environment_does_not_run_on_is_wrong_usage(requested, sims, message) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        select_sim(requested, sims)
    assert caught.value.exit_code == 2
    assert caught.value.mend


def test_a_simulator_is_probed_beside_the_backend_and_has_no_part_in_its_choice() -> None:
    machine = Machine(working("jax"), broken("motrixsim"))
    chosen = select_backend("auto", machine, gpu_in_reach=False, beside=("motrixsim",))
    assert (chosen.backend, list(chosen.probes)) == ("jax", ["jax", "motrixsim"])
    assert list(select_backend("jax", machine, beside=("motrixsim",)).probes) == ["jax", "motrixsim"]
    machine = Machine(broken("jax"), broken("torch"), broken("motrixsim"))
    with pytest.raises(NoUsableBackend) as caught:
        select_backend("auto", machine, gpu_in_reach=False, beside=("motrixsim",))
    assert "mend jax" in caught.value.message and "motrixsim" not in caught.value.message


def test_a_simulator_that_works_is_accepted_without_asking_for_others() -> None:
    machine = Machine()
    check_sim(working("mujoco"), BOTH, machine)
    assert machine.asked == []


@pytest.mark.parametrize(
    ("other", "sims", "mend"),
    [
        (working("mujoco"), BOTH, "mend motrixsim, or use --sim mujoco, which works"),
        (broken("mujoco"), BOTH, "mend motrixsim"),
        (working("mujoco"), ("motrixsim",), "mend motrixsim"),
    ],
)
def test_a_broken_simulator_is_an_error_that_names_one_that_works(only_fakes, other, sims, mend) -> None:
    only_fakes.metadata("mujoco", "4.0.0")
    with pytest.raises(SimulatorUnusable) as caught:
        check_sim(broken("motrixsim"), sims, Machine(other))
    assert (caught.value.message, caught.value.mend) == ("simulator motrixsim cannot be used: ImportError: no", mend)
    assert caught.value.exit_code == 4


def test_a_simulator_that_is_not_installed_is_not_asked_for_a_way_out(only_fakes) -> None:
    machine = Machine(working("mujoco"))
    with pytest.raises(SimulatorUnusable):
        check_sim(broken("motrixsim"), BOTH, machine)
    assert machine.asked == []


def test_an_unknown_simulator_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean mujoco"):
        select_sim("mojoco", BOTH)


@pytest.mark.parametrize("target", TARGETS.values(), ids=str)
def test_what_a_target_needs_is_what_its_extra_installs(target) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    installs = {}
    for line in project["optional-dependencies"][target.extra]:
        match = re.match(r"([\w-]+)(.*)", line)
        assert match is not None
        installs[match[1]] = match[2]
    assert target.distribution in installs
    implied = {"jaxlib"}  # by jax
    assert {need.distribution for need in target.needs} - implied == set(installs) - {target.distribution}
    for need in target.needs:
        if need.minimum and need.below:
            bounds = ">={}.{},<{}.{}".format(*need.minimum, *need.below)
            assert installs[need.distribution] == bounds


def test_damaged_metadata_is_an_unknown_version_and_no_crash(only_fakes) -> None:
    only_fakes.metadata("torch", "2.0")
    (only_fakes.folder / "torch-2.0.dist-info" / "METADATA").write_text("Name: torch\n")
    assert installed_version("torch") == "unknown"
    assert installed_version("no-such-distribution") is None
