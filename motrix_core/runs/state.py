"""What a run is doing: `state.json`, replaced as a whole at every change."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from motrix_core.errors import RunsFolderError
from motrix_core.runs.files import overwrite_file, read_json_object, replace_file, replace_from_reserve
from motrix_core.runs.identity import Identity, boot_id, host_name

LIVE_STATUSES = ("starting", "running", "paused", "stopping")
FINAL_STATUSES = ("finished", "stopped", "failed", "crashed")
LOST = "lost"
STATUSES = (*LIVE_STATUSES, *FINAL_STATUSES)

# A run folder is made shortly before its supervisor; older than this without one, nothing will come.
_START_LIMIT_S = 60.0
# A supervisor on another host cannot be asked for its processes; it refreshes its state every two seconds.
_REMOTE_SILENCE_S = 120.0


@dataclass(frozen=True)
class Segment:
    """One trainer process, so one backend. Times in Unix seconds; `elapsed_s` by a clock that nobody can set.

    `backend` and `max_env_steps` are what this segment trains with, whatever config.json says; a `max_env_steps` of
    None is config.json's. The requests to it begin after byte `control_offset` of control.jsonl.
    """

    index: int
    backend: str
    started_at: float
    max_env_steps: int | None = None
    control_offset: int = 0
    trainer: Identity | None = None
    ended_at: float | None = None
    elapsed_s: float = 0.0
    status: str = "running"
    exit_code: int | None = None
    cause: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "trainer": self.trainer.to_json() if self.trainer else None}

    @classmethod
    def from_json(cls, value: Any) -> Segment:
        if not isinstance(value, dict):
            raise ValueError(f"a segment must be an object, not {value!r:.80}")
        return cls(
            index=_integer(value, "index"),
            backend=_text(value, "backend"),
            started_at=_number(value, "started_at"),
            # Runs that were made before a segment could differ from config.json have neither.
            max_env_steps=_integer(value, "max_env_steps") if value.get("max_env_steps") is not None else None,
            control_offset=max(0, _integer(value, "control_offset")) if "control_offset" in value else 0,
            trainer=_identity(value, "trainer"),
            ended_at=_number(value, "ended_at") if value.get("ended_at") is not None else None,
            elapsed_s=_number(value, "elapsed_s"),
            status=_text(value, "status"),
            exit_code=_integer(value, "exit_code") if value.get("exit_code") is not None else None,
            cause=_text(value, "cause") if value.get("cause") is not None else None,
        )


@dataclass(frozen=True)
class RunState:
    """The content of `state.json`.

    `resources` is the last sample of the process tree: `time` (Unix seconds), `cpu_percent` (100 is one core),
    `memory_bytes`, `processes`, `gpus`. `exit_code` is the last trainer's, negative for the signal that ended it.
    """

    status: str = "starting"
    boot_id: str = field(default_factory=boot_id)
    host: str = field(default_factory=host_name)
    supervisor: Identity | None = None
    trainer: Identity | None = None
    segments: tuple[Segment, ...] = ()
    cause: str | None = None
    exit_code: int | None = None
    resources: dict[str, Any] = field(default_factory=dict)
    updated_at: float = field(default_factory=time.time)

    @property
    def segment(self) -> Segment | None:
        """The newest segment."""
        return self.segments[-1] if self.segments else None

    @property
    def is_final(self) -> bool:
        return self.status in FINAL_STATUSES

    @property
    def elapsed_s(self) -> float:
        """Seconds that trainers have run, pauses between segments left out."""
        return sum(segment.elapsed_s for segment in self.segments)

    @property
    def is_here(self) -> bool:
        """Whether the run's processes belong to this machine, so that they can be looked at and signalled."""
        return self.host == host_name()

    def is_process_alive(self, process: Identity | None) -> bool:
        """Whether `process`, one of this state's, runs. Never true for another host's or an earlier boot's."""
        return process is not None and self.is_here and self.boot_id == boot_id() and process.is_alive()

    @property
    def shown_status(self) -> str:
        """`status`, or "lost" if the run is not over but nothing supervises it."""
        if self.is_final:
            return self.status
        if not self.is_here:
            return LOST if time.time() - self.updated_at > _REMOTE_SILENCE_S else self.status
        if self.supervisor is None:
            starting = self.boot_id == boot_id() and abs(time.time() - self.updated_at) < _START_LIMIT_S
            return self.status if starting else LOST
        return self.status if self.is_process_alive(self.supervisor) else LOST

    @property
    def is_live(self) -> bool:
        return self.shown_status in LIVE_STATUSES

    def change(self, **changes: Any) -> RunState:
        return replace(self, updated_at=time.time(), **changes)

    def to_json(self) -> dict[str, Any]:
        return {
            **self.__dict__,
            "format": 1,
            "supervisor": self.supervisor.to_json() if self.supervisor else None,
            "trainer": self.trainer.to_json() if self.trainer else None,
            "segments": [segment.to_json() for segment in self.segments],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> RunState:
        """Raises ValueError if `value` is not what `to_json` gives."""
        status = _text(value, "status")
        if status not in STATUSES:
            raise ValueError(f"status={status!r:.80} must be one of {', '.join(STATUSES)}")
        segments, resources = value.get("segments"), value.get("resources")
        if not isinstance(segments, list) or not isinstance(resources, dict):
            raise ValueError("segments must be a list and resources an object")
        return cls(
            status=status,
            boot_id=_text(value, "boot_id"),
            host=_text(value, "host"),
            supervisor=_identity(value, "supervisor"),
            trainer=_identity(value, "trainer"),
            segments=tuple(Segment.from_json(segment) for segment in segments),
            cause=_text(value, "cause") if value.get("cause") is not None else None,
            exit_code=_integer(value, "exit_code") if value.get("exit_code") is not None else None,
            resources=resources,
            updated_at=_number(value, "updated_at"),
        )


def read_state(path: Path) -> RunState:
    """Raises RunsFolderError, naming the file and what is wrong with it."""
    try:
        return RunState.from_json(read_json_object(path))
    except FileNotFoundError:
        raise RunsFolderError(f"{path} is missing", mend="the folder is not a complete run") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RunsFolderError(
            f"{path} cannot be used: {reason}", mend="the run's events.jsonl and checkpoints are not affected"
        ) from error


def write_state(path: Path, state: RunState, *, sync: bool = True, reserve: Path | None = None) -> None:
    """Raises OSError if the disk does not take it.

    With a `reserve` everything is tried: the room that it holds back, then the file that is there.
    """
    data = json.dumps(state.to_json(), indent=1, allow_nan=False).encode() + b"\n"
    try:
        replace_file(path, data, sync=sync)
    except OSError:
        if reserve is None:
            raise
        try:
            replace_from_reserve(reserve, path, data)
        except OSError:
            overwrite_file(path, data)


def _identity(value: dict[str, Any], key: str) -> Identity | None:
    return None if value.get(key) is None else Identity.from_json(value[key])


def _text(value: dict[str, Any], key: str) -> str:
    item = value.get(key)
    if not isinstance(item, str):
        raise ValueError(f"{key} must be text, not {item!r:.80}")
    return item


def _integer(value: dict[str, Any], key: str) -> int:
    item = value.get(key)
    if type(item) is not int or abs(item) > 2**53:
        raise ValueError(f"{key} must be a whole number, not {item!r:.80}")
    return item


def _number(value: dict[str, Any], key: str) -> float:
    item = value.get(key)
    if isinstance(item, bool) or not isinstance(item, (int, float)) or abs(item) > 2**53 or math.isnan(item):
        raise ValueError(f"{key} must be a number, not {item!r:.80}")
    return float(item)
