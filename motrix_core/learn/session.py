"""What a training does besides learning, the same for every backend and engine.

A trainer calls `record_step` after every batched step and `end_update` after every update, and stops when
`finished` or `should_stop`. The session writes the events, keeps the cadence of checkpoints, answers control requests
between rollouts, and owns the run's seed and generator.
"""

from __future__ import annotations

import secrets
import threading
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from motrix_core.config.schema import RunConfig
from motrix_core.envs.registry import make
from motrix_core.envs.source import EnvSource
from motrix_core.errors import NonFinite
from motrix_core.learn import saving
from motrix_core.learn.backend import Trainer, UpdateReport, build_trainer
from motrix_core.learn.best import Evaluations
from motrix_core.learn.clock import PHASES, PhaseClock
from motrix_core.learn.guard import Guard
from motrix_core.learn.initial import read_weights, with_weights
from motrix_core.learn.metrics import EpisodeStatistics, Metrics
from motrix_core.learn.requests import Requests
from motrix_core.learn.spectator import Spectator
from motrix_core.learn.stepping import Transition
from motrix_core.learn.tensorboard import TensorBoardMirror
from motrix_core.learn.world import World
from motrix_core.runs.events import EventType, EventWriter
from motrix_core.runs.layout import Run

if TYPE_CHECKING:
    from collections.abc import Mapping


def _nothing() -> None:
    pass


class TrainSession:
    """One trainer process's part of a run.

    Attributes:
        config: the run's configuration.
        seed: the run's seed, drawn here for a run whose config.json leaves it open, as early ones did.
        rng: one Philox generator for initial weights and everything else that both backends draw alike.
        clock: where the time goes; the trainer and the environment wrapper add to it.
        env_steps, update: the run's totals so far.
        stop: set by a signal handler to stop training after the current rollout.
        requests: what was asked of this trainer while it runs.
        evaluations: the scores of its policy.
        guard: what keeps NaN and infinity out of it.
    """

    def __init__(self, run: Run, config: RunConfig, *, world: World, stop: threading.Event) -> None:
        self.run, self.config, self.world, self.stop = run, config, world, stop
        ppo = config.ppo
        self.seed = world.seed(ppo.seed if ppo.seed is not None else secrets.randbits(32))
        self.rng = np.random.Generator(np.random.Philox(self.seed))
        self.clock = PhaseClock()
        self.env_steps = self.update = 0
        self.samples_per_update = ppo.rollouts * ppo.num_envs
        self._statistics = EpisodeStatistics(ppo.num_envs)
        self._events = EventWriter(run.paths.events) if world.writes else None
        self.requests = Requests(self)
        self.evaluations = Evaluations(self)
        self.guard = Guard(ppo.rollouts, self.warn)
        self._spectator = Spectator(config, self.warn) if config.train.render and world.writes else None
        self._mirror: TensorBoardMirror | None = None
        self._trainer: Trainer | None = None
        self._env: Any = None
        self._told_of_guess = False
        self._saved_at = 0
        self._update_started = perf_counter()

    @property
    def updates(self) -> int:
        """The budget in updates: rounded up, never down to nothing."""
        return -(-self.config.ppo.max_env_steps // self.samples_per_update)

    @property
    def batched_steps(self) -> int:
        """Steps of all environments together so far."""
        return self.update * self.config.ppo.rollouts

    @property
    def remaining_batched_steps(self) -> int:
        """Batched steps to the end of the budget: whole rollouts."""
        return max(self.updates - self.update, 0) * self.config.ppo.rollouts

    @property
    def finished(self) -> bool:
        """Whether the budget is used up."""
        return self.update >= self.updates

    @property
    def should_stop(self) -> bool:
        """Whether somebody asked for an end before the budget is used up."""
        return self.requests.stopping or self.stop.is_set()

    def train(self) -> None:
        """Make environment and trainer and train to the end of the budget, or until somebody asks for an end.

        Raises:
            MotrixError: the environment, the backend or the training failed.
        """
        while not self.should_stop:
            try:
                self._train()
                return
            except NonFinite as problem:
                self.guard.go_back(problem)
                self._start_over()

    def _train(self) -> None:
        env = make(
            self.config.env,
            num_envs=self.config.ppo.num_envs,
            sim=self.config.sim,
            rng=self.rng,
            options=self.config.env_options,
            source=EnvSource.of(self.config),
        )
        try:
            if self._spectator is not None:
                self._spectator.watch(env)
            trainer = build_trainer(self.config, env, self)
            self.begin(trainer, env)
            if not (self.finished or self.should_stop):
                self._learn(trainer)
            self.end()
        finally:
            env.close()

    def _learn(self, trainer: Trainer) -> None:
        try:
            trainer.train()
        except (ValueError, FloatingPointError) as error:
            self.guard.check_error(error, trainer, self.update + 1)
            raise

    def _start_over(self) -> None:
        """Forget all progress, as before the first step; `begin` then continues from the newest checkpoint."""
        self.env_steps = self.update = self._saved_at = 0
        self.rng = np.random.Generator(np.random.Philox(self.seed))
        self._statistics = EpisodeStatistics(self.config.ppo.num_envs)
        self.evaluations = Evaluations(self)
        self.clock.take()

    def begin(self, trainer: Trainer, env: Any) -> None:
        """Take over `trainer` and `env`, and go on from the newest checkpoint, or begin from `init_from`, if any."""
        self._trainer, self._env = trainer, env
        self.requests.begin(trainer)
        if self.world.writes and self.config.train.tensorboard and self._mirror is None:
            self._mirror = TensorBoardMirror(self.run.paths.tensorboard, self.warn)
        meta = saving.restore_newest(self, trainer, env, self._statistics)
        self._saved_at = self.batched_steps
        if meta is None and self.config.init_from is not None:
            trainer.restore(with_weights(trainer.capture(), read_weights(Path(self.config.init_from), trainer.spec)))
            # From here on the run depends on nothing outside of its folder.
            self.save_checkpoint()
        self.requests.take_again()
        if self.guard.problem is not None:
            undone = self.requests.forget_later()
            self.write("warning", self.guard.restart(trainer, self.env_steps, undone))
        if meta is not None:
            self.evaluations.resume(trainer, meta)
        self._update_started = perf_counter()

    def record_step(self, transition: Transition) -> None:
        """Count one batched step."""
        self._statistics.add(transition)
        self.guard.watch(transition)
        if self._spectator is not None:
            self._spectator.look()
        if transition.guessed and not self._told_of_guess:
            self._told_of_guess = True
            self.warn(
                f"{self.config.env} does not report info['final_obs'], so truncated episodes are credited with the "
                "value of the observation before their last"
            )

    def end_update(self, report: UpdateReport) -> None:
        """Count one update: write its metrics, then a checkpoint if one is due, then answer control requests.

        Raises:
            NonFinite: the update produced NaN or infinity.
        """
        self.update += 1
        self.env_steps += self.samples_per_update
        self._write_metrics(report)
        self.guard.check_update(report, self._trainer, self.update)
        # Not only when saving: a run's numbers must not depend on when somebody saves, stops and resumes it. Others'
        # environments may not know how.
        getattr(self._env, "forget", _nothing)()
        self._evaluate_and_save()
        # Neither waiting nor what was asked for is time of the next update.
        self._update_started += self.requests.serve()

    def _evaluate_and_save(self) -> None:
        due = self.evaluations.due
        if due and not self.should_stop and self._trainer is not None:
            started = perf_counter()
            self.evaluations.try_evaluate(self._trainer)
            self._update_started += perf_counter() - started
        if due or self.batched_steps - self._saved_at >= self.config.ppo.check_point_interval:
            self.save_checkpoint()
        self.evaluations.keep_best()

    def evaluate(self) -> None:
        """Evaluate the policy of this moment, and keep it if it is the best so far. Valid between two updates.

        Raises:
            MotrixError: the environment breaks, or the disk does not take the checkpoint.
        """
        if self._trainer is not None and self.world.writes:
            self.evaluations.evaluate(self._trainer)
            self.evaluations.keep_best()

    def end(self) -> None:
        """Write the last checkpoint, unless this state is saved already or nothing has been learned."""
        if self._saved_at != self.batched_steps:
            self.save_checkpoint()

    def save_checkpoint(self) -> None:
        """Write a checkpoint of this moment, and say so. Valid between two updates."""
        if self._events is not None and self._trainer is not None:
            folder = saving.save(self, self._trainer, self._env, self._statistics)
            self.write("checkpoint", {"path": str(folder.relative_to(self.run.path)), "backend": self.config.backend})
        self._saved_at = self.batched_steps

    def checkpoint_of_now(self) -> Path:
        """The folder of the checkpoint of this moment, which is written if it is not there yet."""
        folder = self.run.paths.checkpoints / f"step_{self.env_steps}"
        if self._saved_at != self.batched_steps or not folder.exists():
            self.save_checkpoint()
        return folder

    def write_evaluation(self, metrics: Metrics) -> None:
        """Write an `evaluation` event."""
        self.write("evaluation", metrics)
        if self._mirror is not None:
            self._mirror.write({f"evaluation/{name}": value for name, value in metrics.items()}, self.batched_steps)

    def write(self, type: EventType, data: Mapping[str, Any]) -> None:
        """Write one event at the present step count. Does nothing on ranks other than 0."""
        if self._events is not None:
            self._events.write(type, env_steps=self.env_steps, update=self.update, data=data)

    def warn(self, message: str, **data: Any) -> None:
        """Tell the user about something that is not as it should be, but does not end training."""
        self.write("warning", {"level": "warning", "message": message, **data})

    def close(self) -> None:
        """Close the files, and the window if there is one. The events are on the disk when this returns."""
        if self._spectator is not None:
            self._spectator.close()
        if self._mirror is not None:
            self._mirror.close()
        if self._events is not None:
            self._events.close()

    def _write_metrics(self, report: UpdateReport) -> None:
        now = perf_counter()
        elapsed, self._update_started = now - self._update_started, now
        episodes, step_reward = self._statistics.take()
        seconds = self.clock.take()
        metrics: Metrics = {
            **episodes,
            **report.metrics(),
            "perf/env_steps_per_s": self.samples_per_update / elapsed,
            **{f"time/{phase}_ms": 1000.0 * seconds[phase] for phase in PHASES},
        }
        self.write("metrics", metrics)
        if self._mirror is not None:
            self._mirror.write({**metrics, **step_reward}, self.batched_steps)
