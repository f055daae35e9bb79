"""What a run was made with: package versions and the git commit of the user's folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_PACKAGES = (
    "motrix-tui",
    "numpy",
    "skrl",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "torch",
    "motrixsim",
    "mujoco",
    "gymnasium",
    "safetensors",
)
_GIT_LIMIT_S = 2.0


def package_versions() -> dict[str, str]:
    """Installed versions of what training depends on, by package; none of them is imported."""
    # Whoever only looks at runs need not wait for it.
    from importlib import metadata

    versions = {"python": ".".join(str(part) for part in sys.version_info[:3])}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def git_state(folder: Path) -> dict[str, Any] | None:
    """`{"commit": hash, "dirty": bool or None if git took too long}`; None where there is no repository or no git.

    Remotes are left out on purpose: their addresses may hold a password.
    """
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit.strip(), "dirty": None if changes is None else bool(changes.strip())}


def _git(folder: Path, *words: str) -> str | None:
    # Neither locks nor a repository's own monitor program: looking must not change or start anything.
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", *words]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_GIT_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
