"""The runs folder: `<env>/<YYYYMMDD-HHMMSS>-<backend>-<4 hex>/`, and how a run in it is made, found and listed."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motrix_core.errors import RunNotFound, RunsFolderError
from motrix_core.runs.files import FOLDER_MODE, make_folder, read_json_object, reserve_room, write_synced
from motrix_core.runs.provenance import git_state, package_versions
from motrix_core.runs.state import LOST, RunState, read_state, write_state
from motrix_core.runs.text import plain

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_RUN_ID = re.compile(r"(\d{8}-\d{6})-([a-z]+)-([0-9a-f]{4})")
_RESERVED = ("format", "id", "created_at", "config", "packages", "git", "environment")
_SHOWN_CANDIDATES = 8
_SEED = "ppo.seed"
DRAWN = "drawn"
"""The source of a seed that nobody named, among config.json's `sources`."""


@dataclass(frozen=True)
class RunPaths:
    """Where the parts of the run in `folder` are."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.json"

    @property
    def state(self) -> Path:
        return self.folder / "state.json"

    @property
    def events(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def control(self) -> Path:
        return self.folder / "control.jsonl"

    @property
    def console(self) -> Path:
        return self.folder / "console.log"

    @property
    def reserve(self) -> Path:
        return self.folder / ".reserve"

    @property
    def tensorboard(self) -> Path:
        return self.folder / "tb"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"


@dataclass(frozen=True)
class Run:
    """A run's folder, `path`, which is absolute."""

    path: Path

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Run:
        """The run in `folder`. Raises RunNotFound if that is not a run's folder."""
        path = Path(folder).absolute()
        if not (path / "config.json").is_file():
            raise RunNotFound(f"{path} is not a run: it has no config.json", mend="motrix runs list shows the runs")
        return cls(path.resolve())

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def env(self) -> str:
        return self.path.parent.name

    @property
    def backend(self) -> str:
        """The backend that the run was started with, from its id; "?" in a folder that was renamed."""
        match = _RUN_ID.fullmatch(self.id)
        return match[2] if match else "?"

    @property
    def paths(self) -> RunPaths:
        return RunPaths(self.path)

    def record(self) -> dict[str, Any]:
        """All of config.json: `config`, `packages`, `git`, `created_at`, and what was given as `extra`."""
        try:
            record = read_json_object(self.paths.config)
            if not isinstance(record.get("config"), dict):
                raise ValueError("has no object called config")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise RunsFolderError(f"{self.paths.config} cannot be used: {reason}") from error
        return record

    @property
    def has_drawn_seed(self) -> bool:
        """Whether the seed was drawn when the run was made. Raises RunsFolderError as `record` does."""
        sources = self.record().get("sources")
        return isinstance(sources, dict) and sources.get(_SEED) == DRAWN

    def config(self) -> RunConfig:
        """The validated configuration. Raises RunsFolderError if the file is damaged or no longer valid."""
        return _validated(self.record()["config"], self.paths.config)

    def current_config(self) -> RunConfig:
        """The configuration of the newest segment: config.json's, with the backend and the budget that a resume or a
        switch has changed since. Raises RunsFolderError as `config` and `state` do."""
        config, segment = self.config(), self.state().segment
        if segment is None:
            return config
        values = config.model_dump()
        values["backend"] = segment.backend
        if segment.max_env_steps is not None:
            values["ppo"]["max_env_steps"] = segment.max_env_steps
        return _validated(values, self.paths.state)

    def state(self) -> RunState:
        """Raises RunsFolderError if state.json is missing or damaged."""
        state = read_state(self.paths.state)
        # A supervisor that ends between our reading and our looking for it has written a final state by then.
        return read_state(self.paths.state) if state.shown_status == LOST else state


def _validated(values: dict[str, Any], path: Path) -> RunConfig:
    from pydantic import ValidationError

    from motrix_core.config.schema import RunConfig

    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunsFolderError(
            plain(f"{path} cannot be used: {where}: {first['msg']}", limit=400),
            mend="it was changed by hand, or written by another version",
        ) from error


@dataclass(frozen=True)
class RunSummary:
    """A run as it stands in a list. `problem` says what could not be read; then `state` is None."""

    run: Run
    created_at: float
    state: RunState | None
    problem: str | None = None

    @property
    def status(self) -> str:
        return self.state.shown_status if self.state else "unreadable"


def free_run_id(parent: Path, backend: str, created_at: float) -> str:
    """An id for a run that `backend` begins at `created_at`, Unix seconds, that nothing in `parent` has."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(created_at))
    while (parent / (id := f"{stamp}-{backend}-{secrets.token_hex(2)}")).exists():
        pass
    return id


def create_run(config: RunConfig, runs_dir: Path, *, extra: dict[str, Any], id: str | None = None) -> Run:
    """Make the folder of a new run, with config.json and state.json, at one stroke.

    `config` names the backend that was chosen, not "auto"; a seed that it leaves open is drawn, and recorded as if it
    had been given. `extra` (JSON values) is added to config.json. `id` is one that `free_run_id` gave; None takes a new
    one. Raises RunsFolderError if the folder cannot be made, or is there already; then nothing is left behind.
    """
    from motrix_core.config.setting import folder_name
    from motrix_core.envs.digest import digest_of
    from motrix_core.envs.source import EnvSource

    name = folder_name(config.env)
    if not _NAME.fullmatch(name):
        raise RunsFolderError(
            f"environment name {config.env!r} cannot name a folder",
            mend="use letters, digits, '.', '_', '+' and '-', beginning with a letter or digit",
        )
    if config.backend == "auto":
        raise ValueError("create_run needs the backend that was chosen, not 'auto'")
    if clash := set(extra) & set(_RESERVED):
        raise ValueError(f"extra must not contain {', '.join(sorted(clash))}")
    if config.ppo.seed is None:
        config = config.model_copy(update={"ppo": config.ppo.model_copy(update={"seed": secrets.randbits(32)})})
        extra = {**extra, "sources": {**extra.get("sources", {}), _SEED: DRAWN}}
    created_at = time.time()
    record = {
        "format": 1,
        "created_at": created_at,
        "config": config.model_dump(mode="json"),
        "packages": package_versions(),
        "git": git_state(Path.cwd()),
        "environment": {"sha256": digest_of(EnvSource.of(config))},
        **extra,
    }
    parent = Path(runs_dir).absolute() / name
    made: list[Path] = []
    try:
        made = make_folder(parent)
        return _place(parent.resolve(), id or free_run_id(parent, config.backend, created_at), record)
    except OSError as error:
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()
        raise RunsFolderError(
            f"runs folder {runs_dir} cannot be written: {error.strerror or error}",
            mend="choose another with --runs-dir DIR or MOTRIX_RUNS_DIR",
        ) from error


def _place(parent: Path, id: str, record: dict[str, Any]) -> Run:
    # Filled under a hidden name and then renamed, so that nobody ever sees, or is left with, half a run.
    temporary = parent / f".new-{secrets.token_hex(8)}"
    temporary.mkdir(mode=FOLDER_MODE)
    try:
        paths = RunPaths(temporary)
        paths.checkpoints.mkdir(mode=FOLDER_MODE)
        write_synced(paths.events, b"")
        write_synced(paths.control, b"")
        write_state(paths.state, RunState())
        # From the beginning: a disk that is full when the run is started then still takes why it was not.
        reserve_room(paths.reserve)
        text = json.dumps({"format": 1, "id": id, **record}, indent=1, default=str)
        write_synced(paths.config, text.encode() + b"\n")
        # Fails where a run of this id is already: no folder with something in it is ever replaced.
        temporary.rename(parent / id)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return Run(parent / id)


def iter_runs(runs_dir: Path) -> Iterator[Run]:
    """Every folder below `runs_dir` that has the shape of a run, damaged or not, in no order.

    Raises RunsFolderError if `runs_dir` cannot be read; a missing one has no runs.
    """
    try:
        envs = [entry for entry in os.scandir(runs_dir) if _is_candidate(entry)]
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunsFolderError(
            f"runs folder {runs_dir} cannot be read: {error.strerror or error}",
            mend="choose another with --runs-dir DIR or MOTRIX_RUNS_DIR",
        ) from error
    root = Path(runs_dir).resolve()
    for env in envs:
        try:
            entries = [entry for entry in os.scandir(env.path) if _is_candidate(entry)]
        except OSError:
            # Somebody else's folder in a shared place, or one that was removed meanwhile: not a run of ours.
            continue
        for entry in entries:
            path = root / env.name / entry.name
            if _RUN_ID.fullmatch(entry.name) or (path / "config.json").is_file():
                yield Run(path)


def _is_candidate(entry: os.DirEntry[str]) -> bool:
    try:
        # Following links could lead outside of the runs folder.
        return not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def summarise(run: Run) -> RunSummary:
    """`run` as it stands in a list, whatever is wrong with it."""
    problem, state = None, None
    try:
        created_at = float(run.record()["created_at"])
        state = run.state()
    except RunsFolderError as error:
        problem = error.message
        created_at = _time_in_id(run)
    except (KeyError, TypeError, ValueError, OverflowError):
        problem = f"{run.paths.config} cannot be used: created_at must be a number"
        created_at = _time_in_id(run)
    return RunSummary(run, created_at, state, problem)


def _time_in_id(run: Run) -> float:
    match = _RUN_ID.fullmatch(run.id)
    try:
        return time.mktime(time.strptime(match[1], "%Y%m%d-%H%M%S")) if match else 0.0
    except (ValueError, OverflowError):
        return 0.0


def list_runs(runs_dir: Path) -> list[RunSummary]:
    """Every run below `runs_dir`, newest first; damaged ones too, each with its `problem`."""
    summaries = [summarise(run) for run in iter_runs(runs_dir)]
    return sorted(summaries, key=lambda summary: (summary.created_at, summary.run.id), reverse=True)


def remove_run(run: Run) -> None:
    """Delete `run` with all that is in its folder. Whether it is over is for the caller to know.

    Raises RunsFolderError if that fails; the run is then no longer listed, and its remains are hidden beside it.
    """
    hidden = run.path.with_name(f".deleted-{run.id}-{secrets.token_hex(4)}")
    try:
        # Renamed first, so that a run that is half deleted is never taken for a whole one.
        run.path.rename(hidden)
        shutil.rmtree(hidden)
    except OSError as error:
        raise RunsFolderError(f"{run.path} cannot be deleted: {error.strerror or error}") from error


def find_run(runs_dir: Path, token: str) -> Run:
    """The run that `token` means: a run's folder, its id or an unambiguous part of it, or "last".

    Raises RunNotFound, which lists the candidates if there are several.
    """
    if token == "last":
        runs = list_runs(runs_dir)
        if not runs:
            raise RunNotFound(f"there is no run in {runs_dir}", mend="motrix run --env cartpole makes one")
        return runs[0].run
    folder = Path(token)
    if token and folder.is_dir() and (folder / "config.json").is_file():
        return Run.open(folder)
    if not _NAME.fullmatch(token):
        raise RunNotFound(
            f"{token!r} is neither a run's folder nor a part of a run's id",
            mend="motrix runs list shows the ids; 'last' is the newest run",
        )
    runs = list(iter_runs(runs_dir))
    # The nearest kind of match decides: an id that was typed out is meant, even if it is also a part of another.
    kinds: tuple[Callable[[Run], bool], ...] = (
        lambda run: run.id == token,
        lambda run: run.id.startswith(token) or run.id.endswith(token),
        lambda run: token in run.id,
    )
    for matches in kinds:
        found = [run for run in runs if matches(run)]
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(token, found)
    raise RunNotFound(
        f"no run in {runs_dir} has {token!r} in its id",
        mend="motrix runs list shows the ids; 'last' is the newest run",
    )


def _ambiguous(token: str, found: list[Run]) -> RunNotFound:
    shown = sorted((f"{run.env}/{run.id}" for run in found), reverse=True)
    more = f" and {len(shown) - _SHOWN_CANDIDATES} more" if len(shown) > _SHOWN_CANDIDATES else ""
    listed = plain(", ".join(shown[:_SHOWN_CANDIDATES])) + more
    return RunNotFound(f"{token!r} matches {len(found)} runs: {listed}", mend="type more of the id")
