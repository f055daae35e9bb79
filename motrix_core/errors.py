"""The exceptions that users see.

Every error names the thing, the value, the rule and what to type next. The tree:

    MotrixError                 exit code 3
      UsageError                exit code 2   wrong flags or arguments
        UnknownName                           a name that is not in a known list; suggests the nearest
        ConfigError                           one or more configuration problems, all reported at once
        RunsFolderError                       the runs folder cannot be read or written
        RunNotFound                           no run, or several, match what was typed
        RunStateError                         the run is not in a state that allows the request
        CheckpointNotFound                    a run has no checkpoint of that name; a CheckpointError too
        WindowUnusable                        a simulator's window cannot be opened here
      NoUsableBackend           exit code 4   nothing on this machine can train
        BackendUnusable                       the backend asked for cannot be used, with cause and mend
        SimulatorUnusable                     the simulator of the run cannot be used, with cause and mend
        MissingExtra                          an optional dependency is not installed
      EnvironmentFailed         exit code 3   an environment or its simulator broke
      CheckpointError           exit code 3   a checkpoint cannot be read or written
      TrainingFailed            exit code 3   training ended in an error
        NonFinite                             a number that learning cannot go on from
          NonFiniteEnv                        ... that an environment gave, so an EnvironmentFailed too
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class MotrixError(Exception):
    """Base of every error that is meant for the user.

    `mend` is what to type or change next; it is shown after the message.
    """

    exit_code = 3

    def __init__(self, message: str, *, mend: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.message}; {self.mend}" if self.mend else self.message


class UsageError(MotrixError):
    exit_code = 2


class UnknownName(UsageError):
    """A `kind` (say "environment") called `name` does not exist among `known`."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, listing: str | None = None) -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        near = nearest(name, self.known)
        mend = f"did you mean {near}?" if near else f"known: {', '.join(self.known) or 'none'}"
        if listing:
            mend = f"{mend} ({listing} lists them)"
        super().__init__(f"unknown {kind} {name!r}", mend=mend)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a configuration: the field, its value, the rule, the mend."""

    field: str
    value: object
    rule: str
    mend: str | None = None

    def __str__(self) -> str:
        shown = f"{self.field}={self.value}" if self.field else str(self.value)
        return f"{shown} {self.rule}" + (f"; {self.mend}" if self.mend else "")


class ConfigError(UsageError):
    """Every problem of a configuration at once, in `problems`."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class RunsFolderError(UsageError):
    pass


class RunNotFound(UsageError):
    pass


class RunStateError(UsageError):
    pass


class WindowUnusable(UsageError):
    pass


class NoUsableBackend(MotrixError):
    exit_code = 4


class BackendUnusable(NoUsableBackend):
    def __init__(self, backend: str, cause: str, *, mend: str | None = None) -> None:
        self.backend, self.cause = backend, cause
        super().__init__(f"backend {backend} cannot be used: {cause}", mend=mend)


class SimulatorUnusable(NoUsableBackend):
    def __init__(self, simulator: str, cause: str, *, mend: str | None = None) -> None:
        self.simulator, self.cause = simulator, cause
        super().__init__(f"simulator {simulator} cannot be used: {cause}", mend=mend)


class MissingExtra(NoUsableBackend):
    """`what` needs the optional dependencies of `extra`, which are not installed."""

    def __init__(self, what: str, extra: str) -> None:
        self.what, self.extra = what, extra
        super().__init__(f"{what} is not installed", mend=f"pip install 'motrix-tui[{extra}]'")


class EnvironmentFailed(MotrixError):
    pass


class CheckpointError(MotrixError):
    pass


class CheckpointNotFound(UsageError, CheckpointError):
    """What was named is not there, as against one that cannot be used."""


class TrainingFailed(MotrixError):
    pass


class NonFinite(TrainingFailed):
    """NaN or infinity where learning needs a number; says in which tensor."""


class NonFiniteEnv(NonFinite, EnvironmentFailed):
    """NaN or infinity from an environment; says in which of the batch."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that was most likely meant by `name`, or None."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return matches[0] if matches else None
