"""Which packages a backend or simulator needs, and what to type when one is missing.

Read from package metadata, so that nothing is imported. Bounds repeat pyproject.toml's, where a version
outside them breaks training rather than merely being untested; a test keeps the two equal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata


@dataclass(frozen=True)
class Requirement:
    """A distribution, with the versions `minimum` ≤ version < `below` that work, where that is known."""

    distribution: str
    minimum: tuple[int, ...] | None = None
    below: tuple[int, ...] | None = None

    def problem(self) -> str | None:
        """Why the installed distribution does not meet the requirement, or None when it does."""
        version = installed_version(self.distribution)
        if version is None:
            return f"{self.distribution} is not installed"
        release = _release(version)
        if self.minimum and self.below and release and not self.minimum <= release < self.below:
            wanted = f">={_dotted(self.minimum)},<{_dotted(self.below)}"
            return f"{self.distribution} {version} is installed, but {wanted} is needed"
        return None


@dataclass(frozen=True)
class Target:
    """Something that can be probed: a training backend or a simulator."""

    name: str
    title: str
    kind: str
    """ "backend" or "simulator"."""
    distribution: str
    needs: tuple[Requirement, ...]
    extra: str
    reinstall: str
    """The distributions to install again when importing fails."""

    @property
    def install(self) -> str:
        """The command that installs everything that the target needs."""
        return f"pip install 'motrix-tui[{self.extra}]'"


_SKRL = Requirement("skrl", (2, 1), (2, 2))
_TRAINING = (_SKRL, Requirement("gymnasium"), Requirement("safetensors"), Requirement("tensorboard"))

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target(
            "jax",
            "JAX",
            "backend",
            "jax",
            (Requirement("jaxlib"), Requirement("flax"), Requirement("optax"), *_TRAINING),
            "skrl-jax",
            "jax jaxlib flax",
        ),
        Target("torch", "PyTorch", "backend", "torch", _TRAINING, "skrl-torch", "torch"),
        Target(
            "motrixsim",
            "MotrixSim",
            "simulator",
            "motrixsim",
            (Requirement("gymnasium"),),
            "motrixsim",
            "motrixsim",
        ),
        Target("mujoco", "MuJoCo", "simulator", "mujoco", (Requirement("gymnasium"),), "mujoco", "mujoco"),
    )
}
BACKENDS = tuple(name for name, target in TARGETS.items() if target.kind == "backend")
SIMULATORS = tuple(name for name, target in TARGETS.items() if target.kind == "simulator")


def installed_version(distribution: str) -> str | None:
    """The installed version by package metadata; "unknown" for damaged metadata; None when not installed."""
    try:
        found: str | None = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
    except KeyError:  # Python 3.14's answer to metadata without a Version field, where others return None
        found = None
    return found or "unknown"


def missing(target: Target) -> tuple[str, ...]:
    """What keeps `target` from being used, by package metadata alone; empty when nothing is missing."""
    return tuple(problem for need in target.needs if (problem := need.problem()))


def jax_cuda_plugin() -> str | None:
    """Name and version of JAX's installed CUDA plugin, or None."""
    for generation in ("cuda13", "cuda12"):
        distribution = f"jax-{generation}-plugin"
        if version := installed_version(distribution):
            return f"{distribution} {version}"
    return None


def _release(version: str) -> tuple[int, ...]:
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def _dotted(release: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in release)
