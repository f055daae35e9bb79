"""When a run's policy is evaluated, and which checkpoint is therefore its best.

What is evaluated is kept: an update that is evaluated also writes a checkpoint, whatever the score. So which
checkpoints there are depends on the configuration alone, and a run that was killed and resumed writes the same ones.
The score is part of the checkpoint, so a kill between the two records cannot lose it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from motrix_core.errors import MotrixError
from motrix_core.learn.evaluation import TRAINING_STREAM, Task, evaluate
from motrix_core.learn.policy import NumpyPolicy
from motrix_core.runs import checkpoints

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig
    from motrix_core.learn.backend import Trainer
    from motrix_core.learn.session import TrainSession

SHARE = 0.03
"""Env steps that evaluations may take, of those that training takes, where their interval is left open."""


def evaluation_interval(config: RunConfig) -> int:
    """Updates between two evaluations; 0 for none at all.

    Left open, it is what costs `SHARE` of training's env steps if no episode ends early, rounded to whole checkpoint
    intervals, so that evaluations need no checkpoints of their own.

    Raises:
        UnknownName: there is no such environment.
    """
    chosen = config.train.eval_every_updates
    if chosen is not None:
        return chosen
    ppo = config.ppo
    steps = config.train.eval_episodes * Task.of(config).max_episode_steps
    wanted = steps / (SHARE * ppo.rollouts * ppo.num_envs)
    between_checkpoints = -(-ppo.check_point_interval // ppo.rollouts)
    return max(1, round(wanted / between_checkpoints)) * between_checkpoints


class Evaluations:
    """The evaluations of `session`, made by the process that writes the run's files.

    Attributes:
        interval: updates between two of them; 0 for none but those that are asked for.
    """

    def __init__(self, session: TrainSession) -> None:
        self._session = session
        self._scored: tuple[int, float] | None = None
        self.interval = evaluation_interval(session.config)

    @property
    def due(self) -> bool:
        """Whether the policy of this moment is to be evaluated: every `interval` updates, and at the end."""
        session = self._session
        wanted = self.interval > 0 and session.update > 0 and session.world.writes
        return wanted and (session.update % self.interval == 0 or session.finished)

    @property
    def score(self) -> float | None:
        """The mean return of the policy of this moment, if it was evaluated. Part of a checkpoint."""
        return self._scored[1] if self._scored and self._scored[0] == self._session.update else None

    def resume(self, trainer: Trainer, meta: Mapping[str, Any]) -> None:
        """Go on from a checkpoint with this `meta`: make up for what a kill or a stop kept from being done there."""
        score = meta.get("evaluation")
        if isinstance(score, float):
            self._scored = (self._session.update, score)
        elif self.due:
            self.try_evaluate(trainer)
        self.keep_best()

    def evaluate(self, trainer: Trainer) -> None:
        """Score the policy of this moment and tell it by an `evaluation` event.

        Raises:
            MotrixError: the environment cannot be made or breaks, or the policy is spoiled.
        """
        session = self._session
        # NumPy for every backend: the score is then the one that `motrix eval` gives, on any machine without either.
        policy = NumpyPolicy.from_arrays(trainer.capture().arrays)
        scores = evaluate(
            policy,
            Task.of(session.config),
            episodes=session.config.train.eval_episodes,
            seed=session.seed,
            stream=TRAINING_STREAM,
        )
        self._scored = (session.update, scores.mean)
        session.write_evaluation(scores.metrics())

    def try_evaluate(self, trainer: Trainer) -> None:
        """`evaluate`, but training goes on without it if it fails; a warning says why."""
        try:
            self.evaluate(trainer)
        except MotrixError as error:
            self._session.warn(f"the policy of update {self._session.update} could not be evaluated: {error}")

    def keep_best(self) -> None:
        """Record the checkpoint of this moment as the run's best if it scored higher than the best so far.

        Of equal scores the older stays: it needed less training. Raises CheckpointError if the disk does not take it.
        """
        session, score = self._session, self.score
        if score is None:
            return
        best = checkpoints.best_score(session.run)
        if best is None or score > best:
            checkpoints.set_best(session.run, session.checkpoint_of_now(), score)
            # The one that was the best until now may be old enough to go.
            checkpoints.prune(session.run, keep_last=session.config.train.keep_checkpoints)
