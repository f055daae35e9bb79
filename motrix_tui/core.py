"""The rooms of `motrix_core` as the dashboard sees them.

Every import of a room happens inside a method, so that the first frame waits for none of them, and every screen gets
its data from one object, so that tests give it a machine of their own. Methods that touch the disk, NVML or a child
process block; call them from a worker thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motrix_core.config.form import Derived, FormField
    from motrix_core.config.schema import RunConfig
    from motrix_core.envs.spec import EnvSpec
    from motrix_core.errors import Problem
    from motrix_core.hardware import Inventory, Probe
    from motrix_core.runs.layout import Run, RunSummary

PROBES = ("jax", "torch", "motrixsim", "mujoco")


@dataclass(frozen=True)
class Usage:
    """The machine's load. Sizes in bytes; `gpu_percent` is the mean over all GPUs, None where there is none."""

    cpu_percent: float
    memory_used: int
    memory_total: int
    gpu_percent: float | None


class Core:
    """The light rooms, with the runs folder that this dashboard looks at."""

    def __init__(self, runs_dir: str | Path | None) -> None:
        self._runs_dir = runs_dir
        self._has_gpus = True

    @property
    def runs_dir(self) -> Path:
        """The runs folder, absolute; raises RunsFolderError for what cannot be a folder's path."""
        from motrix_core.config.sources import runs_dir

        return runs_dir(self._runs_dir, os.environ)

    def inventory(self) -> Inventory:
        from motrix_core.hardware import inventory

        return inventory()

    def probe_all(self, on_result: Callable[[Probe], None]) -> Mapping[str, Probe]:
        """Probe every backend and simulator; `on_result` is called from this thread as each one answers."""
        from motrix_core.hardware import probe_all

        return probe_all(PROBES, on_result=on_result)

    def preferred_backend(self, probes: Mapping[str, Probe]) -> str | None:
        """The automatic choice among finished `probes`, None if no backend can train."""
        from motrix_core.hardware.select import supports_of

        choice = supports_of(probes).preferred()
        return choice[0] if choice else None

    def usage(self) -> Usage:
        import psutil

        from motrix_core.hardware.inventory import read_gpus, read_memory

        if self._has_gpus:
            rates = [gpu.utilisation for gpu in read_gpus()[0] if gpu.utilisation is not None]
            # A driver that is not there now will not be there in two seconds; asking costs a library search each time.
            self._has_gpus = bool(rates)
        else:
            rates = []
        memory = read_memory()
        return Usage(
            cpu_percent=psutil.cpu_percent(),
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
            gpu_percent=sum(rates) / len(rates) if rates else None,
        )

    def catalog(self) -> Mapping[str, EnvSpec]:
        from motrix_core.envs.catalog import catalog

        return catalog()

    def form_fields(self) -> Sequence[FormField]:
        from motrix_core.config.form import form_fields

        return form_fields()

    def validate(
        self, env: str, backend: str, sim: str, texts: Mapping[str, str]
    ) -> tuple[RunConfig | None, list[Problem]]:
        from motrix_core.config.form import validate_form

        return validate_form(env, backend, sim, texts)

    def parse(self, field: FormField, text: str) -> Any:
        """The value that `text` means; raises ValueError."""
        from motrix_core.config.form import parse_value

        return parse_value(field, text)

    def default_texts(self, env: str, backend: str) -> dict[str, str]:
        """Path → text of every field, as `env` and `backend` have it when nothing is changed."""
        from motrix_core.config.form import default_values, field_at, format_value

        values = default_values(env, backend)
        return {path: format_value(field_at(path), value, display=True) for path, value in values.items()}

    def derived(self, config: RunConfig) -> Derived:
        from motrix_core.config.form import derived

        return derived(config)

    def command_line(self, config: RunConfig) -> list[str]:
        from motrix_core.config.form import command_line

        return command_line(config)

    def create_run(self, config: RunConfig, extra: dict[str, Any]) -> Run:
        from motrix_core.runs.layout import create_run

        return create_run(config, self.runs_dir, extra=extra)

    def launch(self, run: Run) -> None:
        from motrix_core.process.launch import launch

        launch(run)

    def list_runs(self) -> list[RunSummary]:
        from motrix_core.runs.layout import list_runs

        return list_runs(self.runs_dir)

    def request_stop(self, run: Run, *, kill: bool = False) -> None:
        from motrix_core.process import request_stop

        request_stop(run, kill=kill)

    def plain(self, text: Any) -> str:
        """`text` from a file or another process without control sequences."""
        from motrix_core.runs.text import plain

        return plain(str(text))
