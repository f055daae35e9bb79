"""CPU and memory limits of this process: affinity and control groups (cgroup v1 and v2).

On a shared server or in a container the machine's own figures are not what a training gets. A limit of a
control group holds for everything below it, so the tightest one on the way up to the mount point counts.
Formats: proc(5), cgroups(7) and the kernel's admin-guide/cgroup-v1 and cgroup-v2.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Version 1 writes "no limit" as the largest page-aligned number; nothing that a machine has comes near it.
_V1_UNLIMITED_BYTES = 1 << 60


@dataclass(frozen=True)
class MemoryLimit:
    """The lowest memory limit: `limit_bytes`, and `used_bytes` of it that cannot be reclaimed."""

    limit_bytes: int
    used_bytes: int


def affinity_cpus() -> int | None:
    """Logical CPUs that this process may run on; None where the platform has no affinity."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return len(os.sched_getaffinity(0))


def cpu_quota(proc: Path = Path("/proc/self")) -> float | None:
    """CPUs' worth of time per period that the control groups grant (say 1.5), or None without a quota."""
    quotas = []
    for version, folder in _group_folders(proc, "cpu"):
        if version == 2:
            words = (_read(folder / "cpu.max") or "").split()
        else:
            words = [_read(folder / "cpu.cfs_quota_us") or "", _read(folder / "cpu.cfs_period_us") or ""]
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]) > 0:
            quotas.append(int(words[0]) / int(words[1]))
    return min((quota for quota in quotas if quota > 0), default=None)


def memory_limit(proc: Path = Path("/proc/self")) -> MemoryLimit | None:
    """The lowest memory limit of the control groups, or None without one."""
    limits = []
    for version, folder in _group_folders(proc, "memory"):
        if version == 2:
            names = ("memory.max", "memory.current", "inactive_file")
        else:
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        limit = _number(folder / names[0])
        if limit is None or limit >= _V1_UNLIMITED_BYTES:
            continue
        used = _number(folder / names[1]) or 0
        limits.append(MemoryLimit(limit, max(0, used - _statistic(folder / "memory.stat", names[2]))))
    # The tightest group is the one with the least room left, which need not be the one with the lowest limit.
    return min(limits, key=lambda limit: limit.limit_bytes - limit.used_bytes, default=None)


def usable_cpus(logical: int, proc: Path = Path("/proc/self")) -> tuple[float, str | None]:
    """CPUs that this process gets out of the machine's `logical` ones, and what limits it (None: nothing)."""
    usable, limited_by = float(logical), None
    affinity = affinity_cpus()
    if affinity is not None and affinity < usable:
        usable, limited_by = float(affinity), "CPU affinity"
    quota = cpu_quota(proc)
    if quota is not None and quota < usable:
        usable, limited_by = quota, "cgroup CPU quota"
    return usable, limited_by


def _group_folders(proc: Path, controller: str) -> Iterator[tuple[int, Path]]:
    """(cgroup version, folder) from this process's group for `controller` up to the mount point."""
    groups = _groups(_read(proc / "cgroup") or "")
    for version, controllers, root, mount in _mounts(_read(proc / "mountinfo") or ""):
        if version == 1 and controller not in controllers:
            continue
        group = groups.get("" if version == 2 else controller)
        if group is None:
            continue
        # In a container the mount shows only the subtree at `root`; a group outside it is limited by its top.
        below_root = root != "/" and f"{group}/".startswith(f"{root}/")
        inside = group[len(root) :] if below_root else group
        folder = mount / inside.strip("/")
        if ".." in folder.parts or not folder.is_dir():
            folder = mount
        while True:
            yield version, folder
            if folder == mount:
                break
            folder = folder.parent


def _groups(text: str) -> dict[str, str]:
    """Controller → group path from /proc/self/cgroup; version 2's single hierarchy is under ""."""
    groups = {}
    for line in text.splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            for controller in parts[1].split(","):
                groups[controller] = parts[2]
    return groups


def _mounts(text: str) -> Iterator[tuple[int, tuple[str, ...], str, Path]]:
    """(version, controllers, root, mount point) of each cgroup mount in /proc/self/mountinfo."""
    for line in text.splitlines():
        before, separator, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if not separator or len(fields) < 5 or len(kind) < 3:
            continue
        root, mount = fields[3], Path(fields[4].replace("\\040", " "))
        if kind[0] == "cgroup2":
            yield 2, (), root, mount
        elif kind[0] == "cgroup":
            yield 1, tuple(kind[2].split(",")), root, mount


def _read(path: Path) -> str | None:
    """A kernel file's text, or None where the kernel does not offer it or forbids reading it."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _number(path: Path) -> int | None:
    text = _read(path)
    return int(text) if text and text.isdigit() else None


def _statistic(path: Path, name: str) -> int:
    for line in (_read(path) or "").splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == name and words[1].isdigit():
            return int(words[1])
    return 0
