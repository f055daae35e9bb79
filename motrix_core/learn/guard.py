"""Keeps NaN and infinity out of a run's weights and checkpoints.

Whatever is not finite ends the update or the rollout that it appears in. The first time in a trainer process, training
goes back to the last checkpoint, none of which ever holds such a number, and goes on from there with half the learning
rate; the second time it fails. An environment that mends itself by ending an episode is only told of, unless all do so
at every step of a rollout: then there is nothing to learn from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from motrix_core.errors import NonFinite, NonFiniteEnv, TrainingFailed
from motrix_core.learn.stepping import NONFINITE_MEND

if TYPE_CHECKING:
    from motrix_core.learn.backend import Trainer, UpdateReport
    from motrix_core.learn.spec import AgentState
    from motrix_core.learn.stepping import Transition

MEND = "try a smaller ppo.learning_rate, or look at the size of the rewards"
_SHOWN = 3
_FEWEST_BROKEN_STEPS = 8
"""A rollout may be a single step of a single environment, and an episode that diverges now and then is no end."""
_LEAST_LEARNING_RATE = 1e-9
"""The smallest that the configuration allows."""


class Guard:
    """Watches a training for numbers that are not finite.

    Args:
        rollouts: batched steps between two updates.
        warn: tells the user what does not end training.

    Attributes:
        problem: why training went back, or None while it has not. Not the exception, whose traceback would keep the
            old environments and networks in memory.
    """

    def __init__(self, rollouts: int, warn: Callable[[str], None]) -> None:
        self.problem: str | None = None
        self._warn, self._warned = warn, False
        self._most_broken_steps = max(rollouts, _FEWEST_BROKEN_STEPS)
        self._broken_steps = 0
        # What the steppers gave away is theirs no longer, so that keeping a rollout costs no copies.
        self._seen: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=rollouts)

    def watch(self, transition: Transition) -> None:
        """Remember a batched step, in case its update fails; warn, once, where an environment mended itself.

        Raises NonFiniteEnv if all of them did for a whole rollout.
        """
        self._seen.append((transition.obs, transition.reward))
        mended = _mended(transition)
        if mended is not None and not self._warned and np.any(mended):
            self._warned = True
            self._warn(
                f"physics or actions were not finite in {_environments(np.flatnonzero(mended))}: the episode was ended "
                "there with a reward of 0; metric/nonfinite shows how often that happens"
            )
        self._broken_steps = self._broken_steps + 1 if broken_everywhere(transition) else 0
        if self._broken_steps >= self._most_broken_steps:
            raise NonFiniteEnv(
                f"physics or actions were not finite in every environment at {self._broken_steps} batched steps in a "
                "row, so there was nothing to learn from",
                mend=NONFINITE_MEND,
            )

    def check_update(self, report: UpdateReport, trainer: Trainer | None, update: int) -> None:
        """Raises NonFinite, naming tensors and the environment to suspect, if an update is spoiled."""
        broken = report.broken()
        if broken is None:
            return
        spoiled = spoiled_arrays(trainer.capture()) if trainer is not None else []
        also = f"; so {'is' if len(spoiled) == 1 else 'are'} {_listed(spoiled)}" if spoiled else ""
        raise NonFinite(f"{broken} is not a finite number after update {update}{also}{self._suspects()}", mend=MEND)

    def check_error(self, error: Exception, trainer: Trainer, update: int) -> None:
        """Raises NonFinite if `error`, from within update `update`, comes of spoiled weights.

        PyTorch's distributions raise ValueError where their parameters are NaN.
        """
        spoiled = spoiled_arrays(trainer.capture())
        if spoiled:
            raise NonFinite(
                f"{_listed(spoiled)} turned into something else than finite numbers in update {update}"
                f"{self._suspects()}",
                mend=MEND,
            ) from error

    def go_back(self, problem: NonFinite) -> None:
        """Take note of `problem`, the first one.

        Raises:
            TrainingFailed: it is the second one.
        """
        if self.problem is not None:
            raise TrainingFailed(
                f"{problem.message}. Training had already gone back to its last checkpoint once, with half the "
                f"learning rate, because {self.problem}",
                mend=problem.mend,
            ) from problem
        self.problem = problem.message
        self._seen.clear()
        self._broken_steps = 0

    def restart(self, trainer: Trainer, env_steps: int, undone: Sequence[str] = ()) -> Mapping[str, object]:
        """Halve the learning rate of `trainer`, which goes on from `env_steps`. Returns the data of the warning.

        `undone` are the settings that somebody changed since then: they are as they were there.
        """
        rate = trainer.capture().learning_rate
        halved = max(rate / 2.0, _LEAST_LEARNING_RATE)
        trainer.adjust(learning_rate=halved)
        also = f"; {', '.join(undone)} as set since then no longer counts" if undone else ""
        where = f"the checkpoint step_{env_steps}" if env_steps else "the beginning, as there is no checkpoint yet,"
        return {
            "level": "warning",
            "message": f"{self.problem}. Training goes back to {where} and on with a learning rate of "
            f"{halved:.3g} instead of {rate:.3g}{also}; the next time it fails",
            "back_to": env_steps,
            # By this a trainer that resumes from the same checkpoint knows what to go on with.
            "learning_rate": halved,
        }

    def _suspects(self) -> str:
        """Where in the rollout the largest numbers came from: a loss overflows because its inputs are large."""
        if not self._seen:
            return ""
        found = []
        for what, column in (("reward", 1), ("observation", 0)):
            values = np.abs(np.stack([step[column] for step in self._seen]))
            place = np.unravel_index(int(values.argmax()), values.shape)
            found.append(f"largest {what} {values[place]:.3g} in environment {place[1]} at step {place[0] + 1}")
        return f" (of its rollout: {', '.join(found)})"


def broken_everywhere(transition: Transition) -> bool:
    """Whether every environment had to mend itself in a step, because its numbers were not finite."""
    mended = _mended(transition)
    return mended is not None and bool(np.all(mended))


def _mended(transition: Transition) -> np.ndarray | None:
    return (transition.info.get("metrics") or {}).get("nonfinite")


def spoiled_arrays(state: AgentState) -> list[str]:
    """Names of the arrays of `state` that hold NaN or infinity, in their order."""
    return [name for name, array in state.arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]


def require_finite(state: AgentState) -> None:
    """Raise NonFinite, naming tensors, unless all of `state` may be kept in a checkpoint."""
    spoiled = spoiled_arrays(state)
    if spoiled:
        raise NonFinite(f"no checkpoint is written of this state: {_listed(spoiled)} not finite", mend=MEND)


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _environments(rows: np.ndarray) -> str:
    shown = _listed([str(row) for row in rows])
    return f"environment{'s' if len(rows) > 1 else ''} {shown}"
