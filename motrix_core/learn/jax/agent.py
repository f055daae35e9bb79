"""skrl's PPO, reporting to a session. Its update is skrl's own, untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from skrl.agents.jax.ppo import PPO
from skrl.models.jax import CategoricalMixin
from skrl.resources.preprocessors.jax import RunningStandardScaler
from skrl.resources.schedulers.jax import KLAdaptiveLR

from motrix_core.learn.backend import StopTraining, UpdateReport, gaussian_entropy
from motrix_core.learn.jax.models import get_draws, set_draws

if TYPE_CHECKING:
    from motrix_core.learn.jax.wrap_np import SkrlNpWrapper
    from motrix_core.learn.session import TrainSession


class RecordingKLAdaptiveLR:
    """skrl's scheduler, which also remembers the KL divergences it was given; a threshold of 0 never adapts.

    skrl recognises it by "KLAdaptive" in its name.

    Attributes:
        kls: the mean KL divergence of each epoch since the list was cleared.
    """

    def __init__(self, *, kl_threshold: float) -> None:
        self.kls: list[float] = []
        self._schedule = KLAdaptiveLR(kl_threshold=kl_threshold) if kl_threshold > 0 else None

    def __call__(self, count: int, *, lr: float, kl: float) -> float:
        self.kls.append(float(kl))
        return self._schedule(count, lr=lr, kl=kl) if self._schedule is not None else lr


@jax.jit
def _explained_variance(values: jax.Array, returns: jax.Array) -> jax.Array:
    return 1.0 - (returns - values).var() / returns.var()


class ValueScaler(RunningStandardScaler):
    """skrl's scaler, which also tells how well the values explained the returns.

    skrl's update trains it on the rollout's values and then on the returns, both unscaled; nowhere else are they
    at hand together.

    Attributes:
        explained_variance: of the last update, a scalar on the device.
    """

    _values: jax.Array | None = None
    explained_variance: jax.Array | None = None

    def __call__(self, x: jax.Array, *, train: bool = False, **options: Any) -> jax.Array:
        if train and self._values is None:
            self._values = x
        elif train:
            self.explained_variance = _explained_variance(self._values, x)
            self._values = None
        return super().__call__(x, train=train, **options)


class StockPPO(PPO):
    """skrl's PPO between an environment wrapper and a session."""

    def __init__(self, *, session: TrainSession, wrapper: SkrlNpWrapper, **options: Any) -> None:
        super().__init__(**options)
        self._session, self._wrapper = session, wrapper
        self._tracked: dict[str, float] = {}

    def act(self, observations: jax.Array, states: None, **step: int) -> tuple[jax.Array, dict[str, Any]]:
        with self._session.clock.phase("inference"):
            actions, outputs = super().act(observations, states, **step)
            self._wrapper.wait(actions)
        return actions, outputs

    def record_transition(
        self,
        *,
        observations: jax.Array,
        next_observations: jax.Array,
        terminated: jax.Array,
        truncated: jax.Array,
        **rest: Any,
    ) -> None:
        transition = self._wrapper.transition
        self._session.record_step(transition)
        if transition.final_obs is not None:
            # skrl takes the value of a truncated episode from here. Rows that go on are the same in both.
            next_observations = self._wrapper.to_device(transition.final_obs)
            if not self.cfg.time_limit_bootstrap:
                # Without this, skrl's advantages run on across the reset into the next episode.
                terminated = terminated | truncated
        with self._session.clock.phase("inference"):
            super().record_transition(
                observations=observations,
                next_observations=next_observations,
                terminated=terminated,
                truncated=truncated,
                **rest,
            )

    def post_interaction(self, *, timestep: int, timesteps: int) -> None:
        rollout_ends = (self._rollout + 1) % self.cfg.rollouts == 0
        _, draws = get_draws(self.policy)
        with self._session.clock.phase("update"):
            super().post_interaction(timestep=timestep, timesteps=timesteps)
            if rollout_ends:
                self._wrapper.wait(self.value.state_dict.params)
        # Compiling the update draws a number that nothing uses; a resumed run compiles once more, but must go on alike.
        set_draws(self.policy, None, draws)
        if rollout_ends:
            self._session.end_update(self._report())
            if self._session.should_stop:
                raise StopTraining

    def track_data(self, tag: str, value: float) -> None:
        # skrl would keep every value until its own writer, which is off, takes them.
        self._tracked[tag] = value

    def _report(self) -> UpdateReport:
        kls, self.policy_scheduler.kls = self.policy_scheduler.kls, []
        self.value_scheduler.kls.clear()
        std, entropy = self._spread()
        explained = self._value_preprocessor.explained_variance
        return UpdateReport(
            loss_policy=self._tracked["Loss / Policy loss"],
            loss_value=self._tracked["Loss / Value loss"],
            loss_entropy=self._tracked.pop("Loss / Entropy loss", 0.0),
            kl=sum(kls) / len(kls),
            clip_fraction=None,
            std=std,
            entropy=entropy,
            explained_variance=None if explained is None else explained.item(),
            learning_rate=self.learning_rate,
            grad_norm=None,
        )

    def _spread(self) -> tuple[float | None, float]:
        """The policy's standard deviation, if it has one, and its entropy; of a categorical policy that of the last
        mini-batch, because it depends on observations.
        """
        spread = self._tracked["Policy / Standard deviation"]
        if isinstance(self.policy, CategoricalMixin):
            return None, spread
        parameters = self.policy.state_dict.params["params"]
        log_std = parameters["policy_log_std" if self.policy is self.value else "log_std"]
        return spread, gaussian_entropy(np.asarray(log_std))

    @property
    def learning_rate(self) -> float:
        """Adam's current step size, the same for skrl's two optimisers."""
        return self.policy_learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self.policy_learning_rate = self.value_learning_rate = value
