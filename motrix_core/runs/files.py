"""Small files: private, atomic, and read without following what somebody else put there."""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any

FOLDER_MODE = 0o700
FILE_MODE = 0o600
# For the state that says how a run ended, with room for some hundred segments.
_RESERVE_BYTES = 64 << 10
GIVEN_MODE = 0o666
"""Of files that somebody asked for by name, to give away, as other programs make them."""
PRIVATE = 0o077
"""The umask that gives these modes to what other libraries write."""


def make_folder(path: Path) -> list[Path]:
    """Make `path` and its missing parents, readable by the owner only. Returns those it made, outermost first."""
    made: list[Path] = []
    for folder in [*reversed(path.parents), path]:
        try:
            folder.mkdir(mode=FOLDER_MODE)
        except FileExistsError:
            if not folder.is_dir():
                raise NotADirectoryError(20, "is not a folder", str(folder)) from None
            continue
        except OSError:
            # A parent that cannot be written, such as /home, is no obstacle if it is there.
            if folder.is_dir():
                continue
            raise
        made.append(folder)
    return made


def write_synced(path: Path, data: bytes) -> None:
    """Create `path`, which must not exist, with `data`, and return when it is on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes, *, sync: bool = True, mode: int = FILE_MODE) -> None:
    """Replace `path` by a file with `data`: a reader sees the old one or the new one, never a part.

    `mode` is that of the new file, less what the umask takes away.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sync:
        sync_folder(path.parent)


def reserve_room(path: Path) -> None:
    """Make `path` a file that holds 64 KiB of the disk back, for `replace_from_reserve`. Raises OSError."""
    # Readable too: where a file system cannot hold room back, as NFS before 4.2, libc reads what is there and writes.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        os.posix_fallocate(descriptor, 0, _RESERVE_BYTES)
    finally:
        os.close(descriptor)


def replace_from_reserve(reserve: Path, path: Path, data: bytes) -> None:
    """As `replace_file`, in the room that `reserve` holds: this works on a full disk, once. Raises OSError."""
    descriptor = os.open(reserve, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _write_whole(descriptor, data)
        os.ftruncate(descriptor, len(data))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    reserve.replace(path)
    sync_folder(path.parent)


def overwrite_file(path: Path, data: bytes) -> None:
    """Write `data` into the file `path`, where no other can be put in its place. Raises OSError.

    This works in a folder that has become read-only and on a disk that takes no new file. Blanks make up for what was
    longer before, so that it is one call, and a reader sees the old content or the new one.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _write_whole(descriptor, data.ljust(os.fstat(descriptor).st_size))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_whole(descriptor: int, data: bytes) -> None:
    written = os.pwrite(descriptor, data, 0)
    if written < len(data):
        raise OSError(errno.ENOSPC, f"only {written} of {len(data)} bytes fitted")


def read_regular(path: Path, *, max_bytes: int) -> bytes:
    """The content of a regular file. A symlink, a device, a pipe or too long a file raises OSError."""
    # Without O_NONBLOCK, opening a pipe that somebody put there would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(22, "is not a regular file", str(path))
        if status.st_size > max_bytes:
            raise OSError(27, f"is {status.st_size} bytes long, more than the {max_bytes} allowed", str(path))
        return file.read(max_bytes)


def read_json_object(path: Path, *, max_bytes: int = 4 << 20) -> dict[str, Any]:
    """The JSON object in `path`; OSError if it cannot be read, ValueError if it holds anything else."""
    data = read_regular(path, max_bytes=max_bytes)
    try:
        value = json.loads(data.decode("utf-8"))
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"holds a JSON {type(value).__name__}, not an object")
    return value
