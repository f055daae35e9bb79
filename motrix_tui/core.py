"""The rooms of `motrix_core` as the dashboard sees them.

A room is imported when it is first needed, so that the first frame waits for none of them, and every screen gets its
data from one object, so that tests give it a machine of their own. Methods that touch the disk, NVML or a child
process block; call them from a thread (`motrix_tui.threads`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motrix_core.errors import MotrixError, RunStateError
from motrix_tui.own_envs import OwnEnvironments
from motrix_tui.threads import IMPORTING as _IMPORTING

if TYPE_CHECKING:
    from motrix_core.config.form import Derived, FormField
    from motrix_core.config.schema import RunConfig
    from motrix_core.envs.source import EnvSource
    from motrix_core.envs.spec import EnvSpec
    from motrix_core.errors import Problem
    from motrix_core.hardware import Inventory, Probe
    from motrix_core.runs.index import RunIndex
    from motrix_core.runs.layout import Run, RunSummary
    from motrix_core.runs.notes import Notes
    from motrix_core.runs.queue import Queue
    from motrix_core.view.clips import Clip
    from motrix_tui.launch.values import FormValues
    from motrix_tui.play.child import PlayChild

PROBES = ("jax", "torch", "motrixsim", "mujoco")


@dataclass(frozen=True)
class Usage:
    """The machine's load. Sizes in bytes; `gpu_percent` is the mean over all GPUs, None where there is none."""

    cpu_percent: float
    memory_used: int
    memory_total: int
    gpu_percent: float | None


class Core:
    """The light rooms, with the runs folder that this dashboard looks at.

    `source` is where environments come from besides the catalog, `env` the one that was named when it was opened.
    """

    def __init__(self, runs_dir: str | Path | None, *, source: EnvSource | None = None, env: str | None = None) -> None:
        self._runs_dir = runs_dir
        self.own = OwnEnvironments(source, env)
        self._has_gpus = True
        self._index: RunIndex | None = None
        self._listing = threading.Lock()

    @property
    def runs_dir(self) -> Path:
        """The runs folder, absolute; raises RunsFolderError for what cannot be a folder's path."""
        with _IMPORTING:
            from motrix_core.runs.location import runs_dir

        return runs_dir(self._runs_dir, os.environ)

    def inventory(self) -> Inventory:
        with _IMPORTING:
            from motrix_core.hardware import inventory

        return inventory()

    def probe_all(self, on_result: Callable[[Probe], None]) -> Mapping[str, Probe]:
        """Probe every backend and simulator; `on_result` is called as each one answers."""
        with _IMPORTING:
            from motrix_core.hardware import probe_all

        return probe_all(PROBES, on_result=on_result)

    def preferred_backend(self, probes: Mapping[str, Probe]) -> str | None:
        """The automatic choice among finished `probes`, None if no backend can train."""
        with _IMPORTING:
            from motrix_core.hardware.select import supports_of

        choice = supports_of(probes).preferred()
        return choice[0] if choice else None

    def usage(self) -> Usage:
        with _IMPORTING:
            import psutil

            from motrix_core.hardware.inventory import read_gpus, read_memory

        # A driver that is not there now will not be there in two seconds, and asking searches for its library.
        gpus = read_gpus()[0] if self._has_gpus else ()
        self._has_gpus = bool(gpus)
        rates = [gpu.utilisation for gpu in gpus if gpu.utilisation is not None]
        memory = read_memory()
        return Usage(
            cpu_percent=psutil.cpu_percent(),
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
            gpu_percent=sum(rates) / len(rates) if rates else None,
        )

    def catalog(self) -> Mapping[str, EnvSpec]:
        with _IMPORTING:
            from motrix_core.envs.catalog import catalog

        return catalog()

    def environments(self) -> Mapping[str, EnvSpec]:
        """What can be picked: what was brought, as far as it has been read, then the rest of the catalog."""
        brought = self.own.specs
        return {**brought, **{name: spec for name, spec in self.catalog().items() if name not in brought}}

    def _try_out(self, config: RunConfig) -> None:
        """Raises EnvironmentFailed if somebody brought the environment of `config` and it cannot be trained on, or if
        it has not the options that `config` gives it."""
        with _IMPORTING:
            from motrix_core.commands.own_env import OURS

        spec = None if config.env_module or config.env_path else self.catalog().get(config.env)
        # An environment's options are known to its class, which is imported in another process.
        if spec is None or spec.origin != OURS or config.env_options:
            self.own.try_out(config)

    def form_fields(self) -> Sequence[FormField]:
        with _IMPORTING:
            from motrix_core.config.form import form_fields

        return form_fields()

    def validate(
        self, env: str, backend: str, sim: str, texts: Mapping[str, str]
    ) -> tuple[RunConfig | None, list[Problem]]:
        """The configuration that `texts` (by path, the rest being defaults) make, or None and every problem."""
        with _IMPORTING:
            from motrix_core.config.form import validate_form

        return validate_form(env, backend, sim, {**self.own.texts(env), **texts}, self.own.default_ppo)

    def parse(self, field: FormField, text: str) -> Any:
        """The value that `text` means; raises ValueError."""
        with _IMPORTING:
            from motrix_core.config.form import parse_value

        return parse_value(field, text)

    def default_texts(self, env: str, backend: str) -> dict[str, str]:
        """Path → text of every field, as `env` and `backend` have it when nothing is changed."""
        with _IMPORTING:
            from motrix_core.config.form import default_values, field_at, format_value

        values = default_values(env, backend, self.own.default_ppo)
        return {path: format_value(field_at(path), value, display=True) for path, value in values.items()}

    def is_setting(self, path: str) -> bool:
        """Whether `path` is a setting of this version, in the form or beside it."""
        with _IMPORTING:
            from motrix_core.config.keys import is_known

        return is_known(path) and path not in ("env", "backend", "sim")

    def derived(self, config: RunConfig) -> Derived:
        with _IMPORTING:
            from motrix_core.config.form import derived

        return derived(config)

    def command_line(self, config: RunConfig) -> list[str]:
        with _IMPORTING:
            from motrix_core.config.form import command_line
            from motrix_core.envs.source import EnvSource

        is_read = EnvSource.of(config) == self.own.source_of(config.env)
        return command_line(config, self.own.default_ppo if is_read else None)

    def read_config(self, path: Path) -> FormValues:
        """What the configuration file `path` says. Raises UsageError or ConfigError."""
        with _IMPORTING:
            from motrix_tui.launch.values import read_values

        return read_values(path)

    def write_config(self, path: Path, config: RunConfig) -> None:
        """Write `config` as the TOML that `motrix run --config` reads. Raises OSError."""
        with _IMPORTING:
            from motrix_core.config.form import to_toml
            from motrix_core.runs.files import replace_file

        replace_file(path, to_toml(config).encode())

    def create_run(self, config: RunConfig, extra: dict[str, Any]) -> Run:
        with _IMPORTING:
            from motrix_core.runs.layout import create_run
            from motrix_core.view.window import check_window

        if config.train.render:
            check_window(config.env, config.sim)
        self._try_out(config)
        return create_run(config, self.runs_dir, extra=extra)

    def launch(self, run: Run) -> None:
        with _IMPORTING:
            from motrix_core.process.launch import launch

        launch(run)

    def queue(self) -> tuple[Queue, bool]:
        """What waits in the runs folder, and whether somebody works it off. Raises RunsFolderError."""
        with _IMPORTING:
            from motrix_core.process.queue import is_worked_off
            from motrix_core.runs.queue import read_queue

        return read_queue(self.runs_dir), is_worked_off(self.runs_dir)

    def change_queue(self, change: Callable[[Queue], Queue]) -> Queue:
        """Raises RunsFolderError."""
        with _IMPORTING:
            from motrix_core.runs.queue import change_queue

        return change_queue(self.runs_dir, change)

    def enqueue(self, config: RunConfig, extra: dict[str, Any]) -> int:
        """Let `config` wait its turn, see to it that somebody works the queue off, and return how many wait now.

        Raises EnvironmentFailed for an environment that somebody brought and that does not work.
        """
        self._try_out(config)
        record = config.model_dump(mode="json")
        queue = self.change_queue(lambda queue: queue.with_entry(record, extra))
        self.start_worker()
        return len(queue.entries)

    def start_queue(self) -> None:
        """Go on with what waits, also with what could not be started before. Raises RunsFolderError."""
        self.change_queue(lambda queue: queue.retried())
        self.start_worker()

    def start_worker(self) -> None:
        with _IMPORTING:
            from motrix_core.process.queue import start_worker

        start_worker(self.runs_dir)

    def play(self, run: Run, width: int, height: int, *, ascii: bool = False) -> PlayChild:
        """What plays the policy of `run` in pictures of `width` × `height` characters."""
        with _IMPORTING:
            from motrix_tui.play.child import PlayChild

        wanted = {"run": str(run.path), "checkpoint": None, "width": width, "height": height, "ascii": ascii}
        return PlayChild(wanted)

    def clip(self, env: str) -> Clip | None:
        """What the catalog's environment `env` looks like in motion. Raises OSError or ValueError for damaged clips."""
        with _IMPORTING:
            from motrix_core.view.clips import load_clip

        return load_clip(env)

    def list_runs(self) -> list[RunSummary]:
        """Every run, newest first; the second time only what changed is read."""
        with _IMPORTING:
            from motrix_core.runs.index import RunIndex

            if self._index is None or self._index.runs_dir != self.runs_dir:
                self._index = RunIndex(self.runs_dir)
        with self._listing:
            return self._index.refresh()

    def resume(self, run: Run) -> str:
        """Continue `run` from its last checkpoint; returns where that is. Takes seconds: the backend is probed.

        Raises RunStateError, BackendUnusable or what else stands in the way."""
        with _IMPORTING:
            from motrix_core.envs.source import CATALOG, EnvSource
            from motrix_core.process.launch import launch
            from motrix_core.process.resume import plan_resume

        config = run.config()
        if EnvSource.of(config) != CATALOG:
            # A file that is gone or broken is told now, and not by a trainer that fails.
            self._try_out(config)
        plan = plan_resume(run)
        launch(run, backend=plan.backend, max_env_steps=plan.max_env_steps)
        return plan.note

    def notes(self, run: Run) -> Notes:
        with _IMPORTING:
            from motrix_core.runs.notes import read_notes

        return read_notes(run)

    def all_notes(self, runs: Sequence[Run]) -> dict[Path, Notes]:
        """What is written about `runs`, by folder; a damaged file says nothing here, and what is wrong when opened."""
        with _IMPORTING:
            from motrix_core.runs.notes import read_notes

        found = {}
        for run in runs:
            try:
                notes = read_notes(run)
            except MotrixError:
                continue
            if notes.note or notes.tags:
                found[run.path] = notes
        return found

    def all_settings(self, runs: Sequence[Run]) -> dict[Path, Mapping[str, Any]]:
        """The settings of `runs` by path, by folder; a run whose configuration cannot be read has none."""
        with _IMPORTING:
            from motrix_core.config.keys import flatten

        found: dict[Path, Mapping[str, Any]] = {}
        for run in runs:
            try:
                found[run.path] = flatten(run.record()["config"])
            except MotrixError:
                found[run.path] = {}
        return found

    def setting_paths(self, names: Iterable[str]) -> dict[str, str | None]:
        """The paths of the settings that people call `names` (lr, seed, ppo.num_envs); None for one that is none."""
        with _IMPORTING:
            from motrix_core.config.keys import path_of

        return {name: path_of(name) for name in names}

    def write_notes(self, run: Run, note: str, tags: str) -> None:
        """Replace the note and the tags, which spaces or commas separate. Raises RunsFolderError."""
        with _IMPORTING:
            from motrix_core.runs.notes import Notes, tags_in, write_notes

        write_notes(run, Notes(note, tags_in(tags)))

    def request_stop(self, run: Run) -> None:
        with _IMPORTING:
            from motrix_core.process.control import request_stop

        request_stop(run)

    def delete_run(self, run: Run) -> None:
        """Remove the folder of `run` for good. Raises RunStateError while the run is live, RunsFolderError."""
        with _IMPORTING:
            from motrix_core.runs.layout import remove_run

        try:
            state = run.state()
        except MotrixError:
            # Nobody can be training into a run whose state nobody can read; deleting is how one gets rid of it.
            state = None
        if state is not None and (state.is_live or state.is_process_alive(state.trainer)):
            raise RunStateError(f"run {run.id} is live", mend=f"motrix runs stop {run.id} stops it first")
        remove_run(run)
