"""Trains with skrl's PPO on PyTorch: the `stock` engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from skrl.agents.torch.ppo import PPO_CFG
from skrl.memories.torch import RandomMemory
from skrl.resources.preprocessors.torch import RunningStandardScaler
from skrl.trainers.torch import SequentialTrainer

from motrix_core.config.schema import PPOCfg, RunConfig
from motrix_core.errors import BackendUnusable
from motrix_core.learn.algorithm import PPOHyperparameters
from motrix_core.learn.backend import StopTraining, adjustment_arrays, adjustments
from motrix_core.learn.choices import likeliest_choices
from motrix_core.learn.plain_log import plain_log
from motrix_core.learn.session import TrainSession
from motrix_core.learn.spec import SCALERS, AgentState, Arrays, adam_arrays, init_parameters, model_spec, scaler_arrays
from motrix_core.learn.torch.agent import RecordingKLAdaptiveLR, StockPPO, ValueScaler
from motrix_core.learn.torch.models import build_models, get_parameters, named_parameters, set_parameters
from motrix_core.learn.torch.wrap_np import SkrlNpWrapper, wrap_env

plain_log()


def build_trainer(config: RunConfig, env: Any, session: TrainSession) -> Trainer:
    """The trainer of `config` on `env`.

    Raises:
        BackendUnusable: the device asked for is not there.
        EnvironmentFailed: the environment's spaces are not one-dimensional boxes.
    """
    return Trainer(config, env, session)


class Trainer:
    """skrl's agent and trainer; see `motrix_core.learn.backend.Trainer`."""

    def __init__(self, config: RunConfig, env: Any, session: TrainSession) -> None:
        if config.train.threads:
            torch.set_num_threads(config.train.threads)
        self._device = choose_device(config.train.device)
        self.device = str(self._device)
        seed_backend(session.seed)
        self._session = session
        self._wrapper = wrap_env(env, device=self._device, clock=session.clock)
        spaces = {
            "observation_space": self._wrapper.observation_space,
            "action_space": self._wrapper.action_space,
            "device": self._device,
        }
        self.spec = model_spec(config.ppo, spaces["observation_space"], spaces["action_space"])
        self._models = build_models(self.spec, spaces)
        set_parameters(self._models, self.spec, init_parameters(self.spec, session.rng))
        ppo = config.ppo
        self._hyper = PPOHyperparameters.of(ppo)
        self._agent = StockPPO(
            session=session,
            wrapper=self._wrapper,
            models=self._models,
            memory=RandomMemory(memory_size=ppo.rollouts, num_envs=ppo.num_envs, device=self._device),
            cfg=agent_cfg(ppo, self._wrapper),
            **spaces,
        )
        self._loop = SequentialTrainer(env=self._wrapper, agents=self._agent, cfg=loop_cfg())

    def train(self) -> None:
        self._loop.cfg.timesteps = self._session.remaining_batched_steps
        try:
            self._loop.train()
        except StopTraining:
            pass

    def capture(self) -> AgentState:
        optimizer = self._agent.optimizer
        m, v, step = {}, {}, 0
        for name, parameter in named_parameters(self._models).items():
            moments = optimizer.state.get(parameter, {})
            zeros = torch.zeros_like(parameter)
            m[name] = moments.get("exp_avg", zeros).cpu().numpy().copy()
            v[name] = moments.get("exp_avg_sq", zeros).cpu().numpy().copy()
            step = int(moments.get("step", 0))
        arrays = {**get_parameters(self._models, self.spec), **adam_arrays(m, v, step)}
        for name, scaler in self._scalers().items():
            arrays |= scaler_arrays(
                name, scaler.running_mean.cpu(), scaler.running_variance.cpu(), scaler.current_count.cpu()
            )
        return AgentState({**arrays, **adjustment_arrays(self._hyper), **self._rng_arrays()}, self._agent.learning_rate)

    def restore(self, state: AgentState) -> None:
        state.check(self.spec)
        arrays = state.arrays
        set_parameters(self._models, self.spec, arrays)
        for name, parameter in named_parameters(self._models).items():
            self._agent.optimizer.state[parameter] = {
                "step": torch.tensor(float(arrays["adam.step"])),
                "exp_avg": torch.tensor(arrays[f"adam.m.{name}"], device=self._device),
                "exp_avg_sq": torch.tensor(arrays[f"adam.v.{name}"], device=self._device),
            }
        for name, scaler in self._scalers().items():
            scaler.running_mean.copy_(torch.tensor(arrays[f"scaler.{name}.mean"]))
            scaler.running_variance.copy_(torch.tensor(arrays[f"scaler.{name}.variance"]))
            scaler.current_count.copy_(torch.tensor(arrays[f"scaler.{name}.count"]))
        self._agent.learning_rate = state.learning_rate
        self._restore_rng(arrays)
        self.adjust(**adjustments(arrays))

    def adjust(self, **changes: float) -> None:
        self._hyper = self._hyper.adjusted(**changes)
        self._agent.cfg.entropy_loss_scale = self._hyper.entropy_loss_scale
        self._agent.cfg.ratio_clip = self._hyper.ratio_clip
        if "learning_rate" in changes:
            self._agent.learning_rate = changes["learning_rate"]

    def mean_actions(self, observations: np.ndarray) -> np.ndarray:
        """What the policy does without noise: (N, obs_dim) float32 → (N, act_dim) float32."""
        with torch.no_grad():
            scaled = self._agent._observation_preprocessor(self._wrapper.to_device(observations))
            _, outputs = self._models["policy"].act({"observations": scaled}, role="policy")
        if self.spec.discrete:
            return likeliest_choices(outputs["net_output"].cpu().numpy())
        return outputs["mean_actions"].cpu().numpy()

    def _scalers(self) -> dict[str, RunningStandardScaler]:
        agent = self._agent
        return dict(zip(SCALERS, (agent._observation_preprocessor, agent._value_preprocessor), strict=True))

    def _rng_arrays(self) -> Arrays:
        arrays = {"rng.torch.cpu": torch.get_rng_state().numpy().copy()}
        if self._device.type == "cuda":
            arrays["rng.torch.cuda"] = torch.cuda.get_rng_state(self._device).numpy().copy()
        return arrays

    def _restore_rng(self, arrays: Arrays) -> None:
        if "rng.torch.cpu" in arrays:
            torch.set_rng_state(torch.tensor(arrays["rng.torch.cpu"]))
        if "rng.torch.cuda" in arrays and self._device.type == "cuda":
            torch.cuda.set_rng_state(torch.tensor(arrays["rng.torch.cuda"]), self._device)


def choose_device(wanted: str) -> torch.device:
    """The device for "auto", "cpu" or "gpu". Raises BackendUnusable if there is no GPU but one was asked for."""
    available = torch.cuda.is_available()
    if wanted == "gpu" and not available:
        raise BackendUnusable("torch", "train.device=gpu, but PyTorch finds no CUDA GPU", mend="use train.device=auto")
    return torch.device("cuda:0" if available and wanted != "cpu" else "cpu")


def seed_backend(seed: int) -> None:
    """Seed what skrl draws from on this backend: action noise and mini-batch order."""
    torch.manual_seed(seed)


def agent_cfg(ppo: PPOCfg, wrapper: SkrlNpWrapper) -> PPO_CFG:
    """skrl's configuration for ours. Its own writing of files is off."""
    scale = ppo.rewards_shaper_scale
    return PPO_CFG(
        rollouts=ppo.rollouts,
        learning_epochs=ppo.learning_epochs,
        mini_batches=ppo.mini_batches,
        discount_factor=ppo.discount_factor,
        gae_lambda=ppo.lambda_param,
        learning_rate=ppo.learning_rate,
        learning_rate_scheduler=RecordingKLAdaptiveLR,
        learning_rate_scheduler_kwargs={"kl_threshold": ppo.learning_rate_scheduler_kl_threshold},
        observation_preprocessor=RunningStandardScaler,
        observation_preprocessor_kwargs={"size": wrapper.observation_space, "device": wrapper.device},
        value_preprocessor=ValueScaler,
        value_preprocessor_kwargs={"size": 1, "device": wrapper.device},
        grad_norm_clip=ppo.grad_norm_clip,
        ratio_clip=ppo.ratio_clip,
        value_clip=ppo.value_clip if ppo.clip_predicted_values else 0.0,
        entropy_loss_scale=ppo.entropy_loss_scale,
        value_loss_scale=ppo.value_loss_scale,
        kl_threshold=ppo.kl_threshold,
        time_limit_bootstrap=ppo.time_limit_bootstrap,
        rewards_shaper=None if scale == 1.0 else lambda rewards, *_: rewards * scale,
        experiment={"write_interval": 0, "checkpoint_interval": 0},
    )


def loop_cfg() -> dict[str, Any]:
    """skrl's trainer without screen, progress bar and its own closing of the environment."""
    return {"timesteps": 0, "headless": True, "disable_progressbar": True, "close_environment_at_exit": False}
