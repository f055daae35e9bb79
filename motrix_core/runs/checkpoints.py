"""Checkpoints: folders `step_<env steps>` that are whole and verified, or not listed.

A checkpoint holds one safetensors file for every group of arrays ("agent", "env"), `meta.json`, and `COMMIT`, which
names each file with its size and SHA-256 and is written last. Reading one never executes anything from it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motrix_core.errors import CheckpointError, MissingExtra
from motrix_core.runs.events import encode
from motrix_core.runs.files import (
    FILE_MODE,
    FOLDER_MODE,
    read_json_object,
    read_regular,
    replace_file,
    sync_folder,
    write_synced,
)

if TYPE_CHECKING:
    import numpy as np

    from motrix_core.runs.layout import Run

COMMIT = "COMMIT"
_PIN = "PINNED"
_BEST = "best.json"
_FOLDER = re.compile(r"step_(\d{1,18})")
_REPLACED = re.compile(r"\.(step_\d{1,18})\.[0-9a-f]{8}\.old")
_FILE = re.compile(r"[a-z][a-z0-9_]{0,40}\.(?:safetensors|json)")
_MAX_FILE = 64 << 30


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory: `arrays[group][name]`, each a NumPy array, and `meta`."""

    path: Path
    env_steps: int
    arrays: dict[str, dict[str, np.ndarray]]
    meta: dict[str, Any]


@dataclass(frozen=True)
class CheckpointInfo:
    """A committed checkpoint as it stands in a list; its files have not been looked at."""

    path: Path
    env_steps: int
    bytes: int
    pinned: bool
    best: bool


def save(folder: Path, env_steps: int, arrays: Mapping[str, Mapping[str, np.ndarray]], meta: Mapping[str, Any]) -> Path:
    """Write the checkpoint `folder/step_<env_steps>` and return its path once it is on the disk.

    `arrays` maps a group ("agent", "env") to its arrays by name, of any shape and any plain dtype. `meta` holds JSON
    values. `folder` is made if its parent is there. A checkpoint of the same step is replaced. One process at a time
    may save into `folder`. Raises CheckpointError; then the checkpoints that were there still are, and nothing new is
    listed.
    """
    folder = Path(folder)
    final = folder / f"step_{int(env_steps)}"
    mark = f".{final.name}.{secrets.token_hex(4)}"
    temporary, replaced = folder / f"{mark}.tmp", folder / f"{mark}.old"
    try:
        # Not its parents: a run that was deleted while it was trained must not come back as a heap of checkpoints.
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        _clear_remains(folder)
        temporary.mkdir(mode=FOLDER_MODE)
        files = _write_files(temporary, arrays, meta)
        sync_folder(temporary)
        if os.path.lexists(final):
            # A folder cannot be replaced at one stroke; the one that is in the way stays readable until here.
            final.rename(replaced)
        temporary.rename(final)
        sync_folder(folder)
        commit = {"format": 1, "env_steps": int(env_steps), "files": files}
        replace_file(final / COMMIT, json.dumps(commit, indent=1).encode() + b"\n")
        _clear_remains(folder)
    except OSError as error:
        _put_back(replaced, final)
        raise CheckpointError(
            f"checkpoint {final} cannot be written: {error.strerror or error}",
            mend="free space there, or check who owns the folder",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return final


def recover(run: Run) -> None:
    """Put a checkpoint back that a killed save was about to replace by one of the same step, and had not yet replaced.

    Only while nothing saves into the run. Raises CheckpointError if its checkpoints cannot be listed.
    """
    folder = run.paths.checkpoints
    for entry in _entries(folder):
        match = _REPLACED.fullmatch(entry.name)
        if match and entry.is_dir(follow_symlinks=False):
            _put_back(Path(entry.path), folder / match[1])


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CheckpointError(f"checkpoints in {folder} cannot be listed: {error.strerror or error}") from error


def _put_back(replaced: Path, final: Path) -> None:
    if os.path.lexists(final / COMMIT) or not os.path.lexists(replaced):
        return
    with suppress(OSError):
        if final.exists():
            shutil.rmtree(final)
        replaced.rename(final)


def _write_files(
    folder: Path, arrays: Mapping[str, Mapping[str, np.ndarray]], meta: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    contents: dict[str, bytes] = {}
    for group, named in arrays.items():
        name = f"{group}.safetensors"
        if not _FILE.fullmatch(name):
            raise ValueError(f"group of arrays {group!r} must be a short lower-case word")
        contents[name] = _safetensors().save(_contiguous(named))
    contents["meta.json"] = encode(meta)
    files = {}
    for name, data in contents.items():
        write_synced(folder / name, data)
        files[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return files


def _contiguous(named: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    import numpy as np

    return {name: np.ascontiguousarray(array).reshape(np.shape(array)) for name, array in named.items()}


def _safetensors() -> Any:
    # Only saving and loading need it: the light base lists, verifies and prunes without.
    try:
        import safetensors.numpy
    except ImportError as error:
        raise MissingExtra("safetensors", "skrl-torch") from error
    return safetensors.numpy


def _clear_remains(folder: Path) -> None:
    # What a killed save left: half a checkpoint, or the one that it was about to replace.
    for entry in os.scandir(folder):
        hidden = entry.name.startswith(".step_") and entry.name.endswith((".tmp", ".old"))
        torn = _FOLDER.fullmatch(entry.name) and not os.path.lexists(Path(entry.path) / COMMIT)
        if (hidden or torn) and entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)


def load(path: Path) -> Checkpoint:
    """The checkpoint in folder `path`, verified against its COMMIT. Raises CheckpointError or MissingExtra."""
    path = Path(path)
    contents = _verified(path)
    arrays = {}
    for name, data in contents.items():
        if name.endswith(".safetensors"):
            try:
                arrays[name.removesuffix(".safetensors")] = _safetensors().load(data)
            except MissingExtra:
                raise
            except Exception as error:
                # safetensors raises several types of its own; all of them mean that the content is not valid.
                raise _unusable(path, f"{name} is not a valid safetensors file: {error}") from error
    return Checkpoint(path, _steps(path), arrays, _meta(path, contents))


def read_meta(path: Path) -> dict[str, Any]:
    """The metadata of the checkpoint in folder `path`, which is verified. Raises CheckpointError."""
    return _meta(Path(path), _verified(Path(path)))


def _meta(path: Path, contents: Mapping[str, bytes]) -> dict[str, Any]:
    try:
        meta = json.loads(contents["meta.json"])
    except (KeyError, ValueError, RecursionError) as error:
        raise _unusable(path, f"meta.json is missing or not valid: {error}") from error
    if not isinstance(meta, dict):
        raise _unusable(path, "meta.json holds no object")
    return meta


def verify(path: Path) -> None:
    """Raises CheckpointError unless every file of the checkpoint is there, as long and as it was written."""
    _verified(Path(path))


def _verified(path: Path) -> dict[str, bytes]:
    contents = {}
    for name, (size, digest) in _commit(path).items():
        try:
            status = os.lstat(path / name)
            if status.st_size != size:
                raise _unusable(path, f"{name} is {status.st_size} bytes long, but {size} were written")
            data = read_regular(path / name, max_bytes=size)
        except OSError as error:
            raise _unusable(path, f"{name}: {error.strerror or error}") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise _unusable(path, f"{name} is damaged: its SHA-256 is not the one in {COMMIT}")
        contents[name] = data
    return contents


def _commit(path: Path) -> dict[str, tuple[int, str]]:
    """The files that COMMIT names, each with size and digest; nothing in it is believed before it is checked."""
    if path.is_symlink() or not path.is_dir():
        raise _unusable(path, "it is not a folder")
    try:
        commit = read_json_object(path / COMMIT, max_bytes=1 << 20)
    except FileNotFoundError:
        raise _unusable(path, f"it has no {COMMIT}, so it was never finished") from None
    except (OSError, ValueError) as error:
        raise _unusable(path, f"{COMMIT}: {error}") from error
    files, found = commit.get("files"), {}
    if commit.get("env_steps") != _steps(path) or not isinstance(files, dict):
        raise _unusable(path, f"{COMMIT} is not that of {path.name}")
    for name, entry in files.items():
        size, digest = (entry.get("bytes"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
        valid = type(size) is int and 0 <= size <= _MAX_FILE and isinstance(digest, str)
        if not _FILE.fullmatch(name) or not valid:
            raise _unusable(path, f"{COMMIT} names the file {name!r:.80}, which no checkpoint has")
        found[name] = (size, digest)
    return found


def _steps(path: Path) -> int:
    match = _FOLDER.fullmatch(path.name)
    if match is None:
        raise _unusable(path, "its name is not step_<env steps>")
    return int(match[1])


def _unusable(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(f"checkpoint {path} cannot be used: {reason}", mend="use another checkpoint of the run")


def list_checkpoints(run: Run) -> list[CheckpointInfo]:
    """The committed checkpoints of `run`, oldest first. Links and anything unfinished are passed over."""
    entries = [entry for entry in _entries(run.paths.checkpoints) if _FOLDER.fullmatch(entry.name)]
    best = best_checkpoint(run)
    found = []
    for entry in entries:
        path = Path(entry.path)
        if not entry.is_dir(follow_symlinks=False) or not (path / COMMIT).is_file():
            continue
        try:
            size = sum(item.stat(follow_symlinks=False).st_size for item in os.scandir(path))
        except FileNotFoundError:
            # Pruned while we looked.
            continue
        found.append(CheckpointInfo(path, _steps(path), size, (path / _PIN).exists(), path.name == best))
    return sorted(found, key=lambda info: info.env_steps)


def newest_valid(run: Run) -> CheckpointInfo | None:
    """The checkpoint of `run` with the most steps that verifies; None if there is none."""
    for info in reversed(list_checkpoints(run)):
        try:
            verify(info.path)
        except CheckpointError:
            continue
        return info
    return None


def unusable(run: Run, *, after: int = -1) -> list[tuple[Path, CheckpointError]]:
    """The checkpoints of `run` with more than `after` env steps that do not verify, and why; unfinished ones too."""
    names = [entry.name for entry in _entries(run.paths.checkpoints) if _FOLDER.fullmatch(entry.name)]
    found = []
    for path in sorted((run.paths.checkpoints / name for name in names), key=_steps):
        if _steps(path) > after:
            try:
                verify(path)
            except CheckpointError as error:
                found.append((path, error))
    return found


def pin(path: Path, pinned: bool = True) -> None:
    """Keep the checkpoint in `path` for ever, or no longer. Raises CheckpointError if it is not one."""
    _commit(Path(path))
    marker = Path(path) / _PIN
    try:
        if pinned:
            os.close(os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE))
        else:
            marker.unlink(missing_ok=True)
    except OSError as error:
        raise CheckpointError(f"{marker} cannot be written: {error.strerror or error}") from error


def set_best(run: Run, path: Path, score: float) -> None:
    """Record that `path` is the checkpoint of `run` that evaluated best, with `score`."""
    _commit(Path(path))
    record = {"checkpoint": Path(path).name, "score": score}
    try:
        replace_file(run.paths.checkpoints / _BEST, encode(record))
    except OSError as error:
        raise CheckpointError(f"{_BEST} of run {run.id} cannot be written: {error.strerror or error}") from error


def best_checkpoint(run: Run) -> str | None:
    """The name of the checkpoint that evaluated best, if one is recorded; whether it still exists is not checked."""
    name = _best_record(run).get("checkpoint")
    return name if isinstance(name, str) and _FOLDER.fullmatch(name) else None


def best_score(run: Run) -> float | None:
    """The score of the checkpoint that evaluated best; None if there is none that verifies."""
    name, score = best_checkpoint(run), _best_record(run).get("score")
    if name is None or not isinstance(score, float):
        return None
    try:
        verify(run.paths.checkpoints / name)
    except CheckpointError:
        return None
    return score


def _best_record(run: Run) -> dict[str, Any]:
    try:
        return read_json_object(run.paths.checkpoints / _BEST, max_bytes=1 << 16)
    except (OSError, ValueError):
        return {}


def prune(run: Run, *, keep_last: int = 3) -> list[Path]:
    """Delete all checkpoints of `run` but the last `keep_last`, the best and the pinned; returns the deleted ones.

    Raises CheckpointError if one cannot be deleted, ValueError if `keep_last` is below 1.
    """
    if keep_last < 1:
        raise ValueError(f"keep_last={keep_last} must be at least 1")
    deleted = []
    for info in list_checkpoints(run)[:-keep_last]:
        if info.pinned or info.best:
            continue
        try:
            # Without its COMMIT it is no longer listed, so a kill in the middle leaves nothing that looks whole.
            (info.path / COMMIT).unlink()
            shutil.rmtree(info.path)
        except OSError as error:
            raise CheckpointError(f"checkpoint {info.path} cannot be deleted: {error.strerror or error}") from error
        deleted.append(info.path)
    return deleted
