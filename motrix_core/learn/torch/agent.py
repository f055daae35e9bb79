"""skrl's PPO, reporting to a session. Its update is skrl's own, untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from skrl.agents.torch.ppo import PPO
from skrl.models.torch import CategoricalMixin
from skrl.resources.preprocessors.torch import RunningStandardScaler
from skrl.resources.schedulers.torch import KLAdaptiveLR

from motrix_core.learn.backend import StopTraining, UpdateReport, gaussian_entropy

if TYPE_CHECKING:
    from motrix_core.learn.session import TrainSession
    from motrix_core.learn.torch.wrap_np import SkrlNpWrapper


class RecordingKLAdaptiveLR(KLAdaptiveLR):
    """skrl's scheduler, which also remembers the KL divergences it was given; a threshold of 0 never adapts.

    Attributes:
        kls: the mean KL divergence of each epoch since the list was cleared.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, *, kl_threshold: float) -> None:
        self.kls: list[float] = []
        super().__init__(optimizer, kl_threshold=kl_threshold)

    def step(self, kl: float | None = None, *, epoch: int | None = None) -> None:
        if kl is None:
            return
        self.kls.append(float(kl))
        if self.kl_threshold > 0:
            super().step(kl)


class ValueScaler(RunningStandardScaler):
    """skrl's scaler, which also tells how well the values explained the returns.

    skrl's update trains it on the rollout's values and then on the returns, both unscaled; nowhere else are they
    at hand together.

    Attributes:
        explained_variance: of the last update, a scalar on the device.
    """

    _values: torch.Tensor | None = None
    explained_variance: torch.Tensor | None = None

    def forward(self, x: torch.Tensor, *, train: bool = False, **options: Any) -> torch.Tensor:
        if train and self._values is None:
            # A copy, because skrl scales the values in place.
            self._values = x.clone()
        elif train:
            self.explained_variance = 1.0 - (x - self._values).var(correction=0) / x.var(correction=0)
            self._values = None
        return super().forward(x, train=train, **options)


class StockPPO(PPO):
    """skrl's PPO between an environment wrapper and a session."""

    def __init__(self, *, session: TrainSession, wrapper: SkrlNpWrapper, **options: Any) -> None:
        super().__init__(**options)
        self._session, self._wrapper = session, wrapper
        self._tracked: dict[str, float] = {}

    def act(self, observations: torch.Tensor, states: None, **step: int) -> tuple[torch.Tensor, dict[str, Any]]:
        with self._session.clock.phase("inference"):
            actions, outputs = super().act(observations, states, **step)
            self._wrapper.wait(actions)
        return actions, outputs

    def record_transition(
        self,
        *,
        observations: torch.Tensor,
        next_observations: torch.Tensor,
        terminated: torch.Tensor,
        truncated: torch.Tensor,
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
        with self._session.clock.phase("update"):
            super().post_interaction(timestep=timestep, timesteps=timesteps)
        if rollout_ends:
            self._session.end_update(self._report())
            if self._session.should_stop:
                raise StopTraining

    def track_data(self, tag: str, value: float) -> None:
        # skrl would keep every value until its own writer, which is off, takes them.
        self._tracked[tag] = value

    def _report(self) -> UpdateReport:
        kls, self.scheduler.kls = self.scheduler.kls, []
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
        if isinstance(self.policy, CategoricalMixin):
            return None, self.policy.get_entropy(role="policy").mean().item()
        log_std = self.policy.get_parameter("policy.log_std" if self.policy is self.value else "log_std")
        return self._tracked["Policy / Standard deviation"], gaussian_entropy(log_std.detach().cpu().numpy())

    @property
    def learning_rate(self) -> float:
        """Adam's current step size."""
        return self.optimizer.param_groups[0]["lr"]

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = value
