"""What an installed plugin would bring; the tests point entry points at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from motrix_core.envs.catalog import BUILTIN
from motrix_core.envs.spec import EnvSpec

_PENDULUM = next(spec for spec in BUILTIN if spec.name == "pendulum")

ONE = replace(_PENDULUM, name="my-pendulum", description="[red]A pendulum\x1b[2J of my own[/red].")
SEVERAL = (replace(_PENDULUM, name="first"), replace(_PENDULUM, name="second"))
TAKEN = replace(_PENDULUM, name="cartpole")
WITHOUT_CLASS = replace(_PENDULUM, name="no-class", entry="plugin_module:Missing")
NOT_A_SPEC = 42


class _Raising:
    def __iter__(self) -> Iterator[EnvSpec]:
        yield replace(_PENDULUM, name="before")
        raise RuntimeError("half a list")


RAISING = _Raising()
