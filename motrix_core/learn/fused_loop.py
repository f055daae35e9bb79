"""How the fused engine takes the place of skrl's own acting, recording and updating, the same on both backends.

skrl's loop, agent and wrapper stay; between them go NumPy arrays, because that is what environments give and what an
engine takes: a step then costs one copy each way, made by the engine. Every random number comes from the session's
generator, in one order on both backends: initial weights, the first reset, then noise and resets of each step, then the
mini-batch order of each update.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from motrix_core.learn.algorithm import PPOHyperparameters, UpdateMetrics, draw_permutations
from motrix_core.learn.backend import StopTraining, UpdateReport, adjustment_arrays, adjustments
from motrix_core.learn.choices import draw_noise
from motrix_core.learn.rollout import Rollout, RolloutBatch
from motrix_core.learn.spec import AgentState, ModelSpec, initial_state, model_spec
from motrix_core.learn.stepping import Stepper, Transition

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig
    from motrix_core.learn.session import TrainSession

MOST_THREADS = 8
"""For a user who leaves it open: more threads get smaller pieces of a mini-batch, which Python hands out in turn."""


class Copies(Protocol):
    """How an engine takes arrays to its device and back, on either backend."""

    def take_s(self) -> float:
        """Seconds that copies took since the last call."""
        ...


class Engine(Protocol):
    """What `FusedPPO` is on either backend; see there."""

    spec: ModelSpec
    hyper: PPOHyperparameters
    copies: Copies

    def act(self, obs: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...
    def act_deterministic(self, obs: np.ndarray) -> np.ndarray: ...
    def update(self, rollout: RolloutBatch, permutations: np.ndarray | None = None) -> UpdateMetrics: ...
    def adjust(self, **changes: float) -> None: ...
    def state(self) -> AgentState: ...
    def load_state(self, state: AgentState) -> None: ...


class Wrapper(Protocol):
    """An environment wrapper that remembers the NumPy side of its last step."""

    @property
    def transition(self) -> Transition: ...


class NumpyStepping:
    """Makes a backend's `SkrlNpWrapper`, inherited after this, pass arrays on as they are."""

    _stepper: Stepper

    def reset(self) -> tuple[np.ndarray, dict[str, Any]]:
        """(num_envs, obs_dim) float32. Environments reset themselves, so only the first call begins episodes."""
        return self._stepper.reset()

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Observation (num_envs, obs_dim) and reward (num_envs,), float32; terminated and truncated (num_envs,) bool;
        info. Raises EnvironmentFailed.
        """
        # A copy, because an environment may write into what it is given, and these actions are yet to be recorded.
        transition = self._stepper.step(actions.copy())
        return transition.obs, transition.reward, transition.terminated, transition.truncated, transition.info


class FusedLearning:
    """Makes a backend's skrl PPO, inherited after this, act, record and update by a fused engine.

    skrl's models, memory, preprocessors and optimiser stay empty: the engine has its own.
    """

    def __init__(
        self, *, session: TrainSession, wrapper: Wrapper, engine: Engine, recorded: Rollout, **options: Any
    ) -> None:
        super().__init__(models={}, **options)
        self.engine = engine
        self._session, self._wrapper, self._recorded = session, wrapper, recorded
        self._log_prob = self._next_obs = np.empty(0, np.float32)
        self._metrics: UpdateMetrics | None = None

    def init(self, *, trainer_cfg: Any = None) -> None:
        """Nothing: skrl prepares its models, memory and files here."""

    def act(self, observations: np.ndarray, states: None, **step: int) -> tuple[np.ndarray, dict[str, Any]]:
        """Sampled actions, (num_envs, act_dim) float32, for observations (num_envs, obs_dim) float32."""
        with self._phase("inference"):
            spec = self.engine.spec
            noise = draw_noise(self._session.rng, len(observations), spec.act_dim, spec.discrete)
            actions, self._log_prob = self.engine.act(observations, noise)
        return actions, {"log_prob": self._log_prob}

    def record_transition(
        self, *, observations: np.ndarray, actions: np.ndarray, next_observations: np.ndarray, **rest: Any
    ) -> None:
        """Keep one batched step for the next update, and count it."""
        transition = self._wrapper.transition
        self._session.record_step(transition)
        with self._session.clock.phase("inference"):
            self._recorded.record(
                observations,
                actions,
                self._log_prob,
                transition.reward,
                transition.terminated,
                transition.truncated,
                transition.final_obs,
            )
        self._next_obs = next_observations

    def post_interaction(self, *, timestep: int, timesteps: int) -> None:
        """Update and report after the last step of a rollout."""
        if not self._recorded.full:
            return
        self.update(timestep=timestep, timesteps=timesteps)
        assert self._metrics is not None
        self._session.end_update(update_report(self._metrics))
        if self._session.should_stop:
            raise StopTraining

    def update(self, *, timestep: int, timesteps: int) -> None:
        """Learn from the recorded rollout."""
        with self._phase("update"):
            batch = self._recorded.finish(self._next_obs)
            order = draw_permutations(self._session.rng, self.engine.hyper.learning_epochs, batch.samples)
            self._metrics = self.engine.update(batch, order)

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        """Time the body as phase `name`, but for the copies in it."""
        clock = self._session.clock
        with clock.phase(name):
            yield
        seconds = self.engine.copies.take_s()
        clock.add(name, -seconds)
        clock.add("transfer", seconds)

    def track_data(self, tag: str, value: float) -> None:
        """Nothing: the session keeps the statistics."""


class FusedTrainer:
    """`motrix_core.learn.backend.Trainer` by a fused engine. A backend's subclass makes the engine and the loop.

    Args:
        config: the run's configuration.
        session: what the training belongs to; the initial weights are drawn from its generator.
        wrapper: the environment, with gymnasium's spaces.
    """

    device: str
    _engine: Engine
    _loop: Any
    """skrl's SequentialTrainer."""

    def __init__(self, config: RunConfig, session: TrainSession, wrapper: Any) -> None:
        ppo = config.ppo
        self._session = session
        self.spec: ModelSpec = model_spec(ppo, wrapper.observation_space, wrapper.action_space)
        self._hyper = PPOHyperparameters.of(ppo)
        self._first = initial_state(self.spec, session.rng, ppo.learning_rate)
        self._recorded = Rollout(ppo.rollouts, ppo.num_envs, self.spec.obs_dim, self.spec.act_dim)

    def train(self) -> None:
        self._loop.cfg.timesteps = self._session.remaining_batched_steps
        try:
            self._loop.train()
        except StopTraining:
            pass

    def capture(self) -> AgentState:
        state = self._engine.state()
        return AgentState({**state.arrays, **adjustment_arrays(self._engine.hyper)}, state.learning_rate)

    def restore(self, state: AgentState) -> None:
        self._engine.load_state(state)
        self._engine.adjust(**adjustments(state.arrays))

    def adjust(self, **changes: float) -> None:
        self._engine.adjust(**changes)

    def mean_actions(self, observations: np.ndarray) -> np.ndarray:
        return self._engine.act_deterministic(np.asarray(observations, np.float32))


def update_report(metrics: UpdateMetrics) -> UpdateReport:
    """An engine's metrics as every engine reports them."""
    # Early stopping may refuse every step; losses and gradient are then unknown, which is no failure.
    stepped = metrics.steps > 0
    return UpdateReport(
        loss_policy=metrics.policy_loss if stepped else None,
        loss_value=metrics.value_loss if stepped else None,
        loss_entropy=metrics.entropy_loss if stepped else None,
        kl=metrics.kl,
        clip_fraction=metrics.clip_fraction,
        std=metrics.std,
        entropy=metrics.entropy,
        explained_variance=metrics.explained_variance,
        learning_rate=metrics.learning_rate,
        grad_norm=metrics.grad_norm if stepped else None,
    )


def agent_options(ppo: Any, wrapper: Any) -> Mapping[str, Any]:
    """What skrl's PPO is still told: the spaces, and to write no files of its own."""
    return {
        "observation_space": wrapper.observation_space,
        "action_space": wrapper.action_space,
        "device": wrapper.device,
        "cfg": {"rollouts": ppo.rollouts, "experiment": {"write_interval": 0, "checkpoint_interval": 0}},
    }


def cpu_threads(wanted: int) -> int:
    """`wanted`, or, for 0, as many as this process may use, but no more than `MOST_THREADS`."""
    if wanted:
        return wanted
    affinity = getattr(os, "sched_getaffinity", None)
    return min(len(affinity(0)) if affinity else os.cpu_count() or 1, MOST_THREADS)
