"""Trains with our own PPO update inside of skrl's agent and loop on JAX: the `fused` engine."""

from __future__ import annotations

from typing import Any

from skrl.agents.jax.ppo import PPO
from skrl.trainers.jax import SequentialTrainer

from motrix_core.config.schema import RunConfig
from motrix_core.learn.fused_loop import FusedLearning, FusedTrainer, NumpyStepping, agent_options
from motrix_core.learn.jax.fused import FusedPPO
from motrix_core.learn.jax.trainer import choose_device, loop_cfg
from motrix_core.learn.jax.wrap_np import SkrlNpWrapper
from motrix_core.learn.plain_log import plain_log
from motrix_core.learn.session import TrainSession

plain_log()


def build_trainer(config: RunConfig, env: Any, session: TrainSession) -> Trainer:
    """The trainer of `config` on `env`.

    Raises:
        BackendUnusable: the device asked for is not there.
        EnvironmentFailed: the environment's spaces are not one-dimensional boxes.
    """
    return Trainer(config, env, session)


class FusedAgent(FusedLearning, PPO):
    """skrl's PPO between an environment wrapper and a session."""


class NumpyWrapper(NumpyStepping, SkrlNpWrapper):
    """skrl's view of an `NpEnv`, in NumPy."""


class Trainer(FusedTrainer):
    """The fused engine in skrl's agent and trainer; see `motrix_core.learn.backend.Trainer`."""

    def __init__(self, config: RunConfig, env: Any, session: TrainSession) -> None:
        device = choose_device(config.train.device)
        self.device = f"{device.platform}:{device.id}"
        wrapper = NumpyWrapper(env, device=device, clock=session.clock)
        super().__init__(config, session, wrapper)
        self._engine = FusedPPO(self.spec, self._hyper, self._first, device=self.device)
        agent = FusedAgent(
            session=session,
            wrapper=wrapper,
            engine=self._engine,
            recorded=self._recorded,
            **agent_options(config.ppo, wrapper),
        )
        self._loop = SequentialTrainer(env=wrapper, agents=agent, cfg=loop_cfg())
