"""Where an environment comes from besides the catalog: a file of the user's, or a checkout of MotrixLab-S1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

GYMNASIUM = "gym:"
"""Begins the name of an environment of Gymnasium's: `gym:CartPole-v1`. Such a name needs no source."""


class NamesSource(Protocol):
    """A run's configuration, as far as it names a source."""

    @property
    def env_module(self) -> str | None: ...

    @property
    def env_path(self) -> str | None: ...


@dataclass(frozen=True)
class EnvSource:
    """What is asked for an environment before the catalog is. At most one of the two is given.

    `module` is the path of a Python file with environments, `path` the `motrix_envs/src` of a MotrixLab-S1 checkout;
    both absolute, so that a run finds its environment again whatever folder it is continued from.
    """

    module: str | None = None
    path: str | None = None

    @classmethod
    def of(cls, config: NamesSource) -> EnvSource:
        """The source that a run's configuration names."""
        return cls(config.env_module, config.env_path)

    def __str__(self) -> str:
        return self.module or self.path or "the catalog"


CATALOG = EnvSource()
"""No source besides the catalog."""
