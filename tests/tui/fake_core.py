"""A machine that is the same everywhere: fixed hardware, packages, probes and environments; a real form and store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import Any

from textual.pilot import Pilot

from motrix_core.envs.catalog import BUILTIN
from motrix_core.envs.source import EnvSource
from motrix_core.envs.spec import EnvSpec
from motrix_core.hardware import Cpu, Inventory, Memory, Probe
from motrix_core.runs.layout import Run
from motrix_tui.core import Core, Usage

GIB = 2**30
ENVIRONMENTS = ("cartpole", "dm-stander", "dm-walker", "dm-runner", "pendulum")
VERSIONS = {"jax": "0.10.2", "flax": "0.12.8", "torch": "2.13.0", "skrl": "2.1.1", "motrixsim": "0.10.1"}


def make_probe(name: str, **changes: Any) -> Probe:
    """A probe of `name` that works on the CPU, but for `changes`."""
    values: dict[str, Any] = {"status": "ok", "usable": True, "devices": ("cpu:0",), "version": VERSIONS.get(name)}
    return Probe(name=name, title=name, **{**values, **changes})


MISSING = {
    "status": "not-installed",
    "usable": False,
    "version": None,
    "devices": (),
    "cause": "MuJoCo is not installed",
    "mend": "pip install 'motrix-tui[mujoco]'",
}


class FakeCore(Core):
    """`probes` answer at once, or after `gate` was set if there is one. `launched` collects what was started."""

    def __init__(
        self,
        runs_dir: Path,
        *,
        probes: Mapping[str, Probe] | None = None,
        gate: Event | None = None,
        source: EnvSource | None = None,
        env: str | None = None,
    ) -> None:
        super().__init__(runs_dir, source=source, env=env)
        self.probes = dict(probes or {})
        self.gate = gate
        self.launched: list[Run] = []
        self.stopped: list[Run] = []
        self.launch_error: Exception | None = None
        self.workers_started = 0

    def inventory(self) -> Inventory:
        return Inventory(
            cpu=Cpu("AMD EPYC 7763", 8, 4, 8.0, None),
            memory=Memory(24 * GIB, 21 * GIB, 24 * GIB, None),
            gpus=(),
            gpu_reason="no usable NVIDIA driver",
            packages={**dict.fromkeys(("jaxlib", "mujoco", "textual")), **VERSIONS},
            python="3.11.9",
            platform="Linux",
        )

    def probe_all(self, on_result: Callable[[Probe], None]) -> Mapping[str, Probe]:
        if self.gate is not None:
            self.gate.wait(30)
        defaults = {
            "jax": make_probe("jax"),
            "torch": make_probe("torch"),
            "motrixsim": make_probe("motrixsim"),
            "mujoco": make_probe("mujoco", **MISSING),
        }
        answers = {**defaults, **self.probes}
        for probe in answers.values():
            on_result(probe)
        return answers

    def usage(self) -> Usage:
        return Usage(cpu_percent=62.0, memory_used=3 * GIB, memory_total=24 * GIB, gpu_percent=None)

    def catalog(self) -> Mapping[str, EnvSpec]:
        return {spec.name: spec for spec in BUILTIN if spec.name in ENVIRONMENTS}

    def launch(self, run: Run) -> None:
        if self.launch_error is not None:
            raise self.launch_error
        self.launched.append(run)

    def start_worker(self) -> None:
        self.workers_started += 1

    def request_stop(self, run: Run) -> None:
        self.stopped.append(run)


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until every thread has answered and what it said is on the screen."""
    while not pilot.app.screen_stack[0].query("#launch"):
        await pilot.pause()
    # What one answer starts (the first listing of the runs starts reading their numbers) is waited for too.
    for _ in range(2):
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
    await pilot.pause()
