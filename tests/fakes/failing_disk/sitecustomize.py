"""Makes a disk fail in every Python process that has this folder on its PYTHONPATH.

MOTRIX_FAILING_DISK names an error, a folder and a file, with colons between. As soon as the file is there, what would
write below the folder raises the error. EDQUOT stands for a quota: only what needs more room fails. The others fail
whatever is written, EROFS and EIO for instance.
"""

from __future__ import annotations

import errno
import os
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR


def _fail_below(code: int, folder: str, trigger: str) -> None:
    quota = code == errno.EDQUOT
    write, pwrite, open_ = os.write, os.pwrite, os.open
    changes: dict[str, Any] = {name: getattr(os, name) for name in ("rename", "replace", "unlink", "rmdir")}

    def path_of(descriptor: int) -> str:
        # Whatever pathlib has taken from os before the changes below would stay as it was, so it is not used here.
        return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115

    def check(path: object) -> None:
        if os.fspath(path).startswith(folder) and os.access(trigger, os.F_OK):  # type: ignore[arg-type]
            raise OSError(code, os.strerror(code), str(path))

    def opened(path: Any, flags: int, *args: Any, **options: Any) -> int:
        if quota and os.path.lexists(path):
            return open_(path, flags, *args, **options)
        if flags & (_WRITES | os.O_CREAT) and not options.get("dir_fd"):
            check(path)
        return open_(path, flags, *args, **options)

    def written(descriptor: int, data: bytes) -> int:
        check(path_of(descriptor))
        return write(descriptor, data)

    def written_at(descriptor: int, data: bytes, offset: int) -> int:
        if not quota or offset + len(data) > os.fstat(descriptor).st_size:
            check(path_of(descriptor))
        return pwrite(descriptor, data, offset)

    def checked(act: Any) -> Any:
        def change(path: Any, *args: Any, **options: Any) -> Any:
            check(path)
            return act(path, *args, **options)

        return change

    os.open, os.write, os.pwrite = opened, written, written_at  # type: ignore[assignment]
    os.mkdir = checked(os.mkdir)
    if not quota:
        for name, act in changes.items():
            setattr(os, name, checked(act))


if _wanted := os.environ.get("MOTRIX_FAILING_DISK"):
    _error, _folder, _trigger = _wanted.split(":")
    _fail_below(getattr(errno, _error), _folder, _trigger)
