"""Trains with skrl's PPO on JAX: the `stock` engine."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import optax
from skrl import config as skrl_config
from skrl.agents.jax.ppo import PPO_CFG
from skrl.memories.jax import RandomMemory
from skrl.resources.preprocessors.jax import RunningStandardScaler
from skrl.trainers.jax import SequentialTrainer

from motrix_core.config.schema import PPOCfg, RunConfig
from motrix_core.errors import BackendUnusable
from motrix_core.learn.algorithm import PPOHyperparameters
from motrix_core.learn.backend import StopTraining, adjustment_arrays, adjustments
from motrix_core.learn.choices import likeliest_choices
from motrix_core.learn.jax.agent import RecordingKLAdaptiveLR, StockPPO, ValueScaler
from motrix_core.learn.jax.models import (
    build_models,
    build_tree,
    flax_path,
    get_draws,
    get_leaf,
    get_parameters,
    set_draws,
    set_parameters,
)
from motrix_core.learn.jax.wrap_np import SkrlNpWrapper, wrap_env
from motrix_core.learn.plain_log import plain_log
from motrix_core.learn.session import TrainSession
from motrix_core.learn.spec import SCALERS, AgentState, Arrays, adam_arrays, init_parameters, model_spec, scaler_arrays

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
        self._device = choose_device(config.train.device)
        self.device = f"{self._device.platform}:{self._device.id}"
        skrl_config.jax.device = self._device
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
        moments = {role: {kind: self._moments(role, kind) for kind in ("mu", "nu")} for role in self._models}
        owner = {name: flax_path(name, self.spec)[0] for name in self.spec.shapes()}
        m = {name: moments[role]["mu"][name] for name, role in owner.items()}
        v = {name: moments[role]["nu"][name] for name, role in owner.items()}
        step = int(optax.tree_utils.tree_get(self._agent.policy_optimizer.state, "count"))
        arrays = {**get_parameters(self._models, self.spec), **adam_arrays(m, v, step)}
        if self.spec.shared:
            arrays |= self._second_moments(moments["value"], owner, arrays)
        for name, scaler in self._scalers().items():
            arrays |= scaler_arrays(name, scaler.running_mean, scaler.running_variance, scaler.current_count)
        return AgentState(
            {**arrays, **adjustment_arrays(self._hyper), **self._rng_arrays()}, float(self._agent.learning_rate)
        )

    def restore(self, state: AgentState) -> None:
        state.check(self.spec)
        arrays = state.arrays
        set_parameters(self._models, self.spec, arrays)
        for role in self._models:
            self._set_optimizer(role, arrays)
        for name, scaler in self._scalers().items():
            scaler.running_mean = self._put(arrays[f"scaler.{name}.mean"])
            scaler.running_variance = self._put(arrays[f"scaler.{name}.variance"])
            scaler.current_count = self._put(arrays[f"scaler.{name}.count"].reshape(1))
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
        scaled = self._agent._observation_preprocessor(self._wrapper.to_device(observations))
        _, outputs = self._models["policy"].act({"observations": scaled}, role="policy")
        if self.spec.discrete:
            return likeliest_choices(np.asarray(outputs["net_output"]))
        return np.asarray(outputs["mean_actions"])

    def _scalers(self) -> dict[str, RunningStandardScaler]:
        agent = self._agent
        return dict(zip(SCALERS, (agent._observation_preprocessor, agent._value_preprocessor), strict=True))

    def _rng_arrays(self) -> Arrays:
        (key, draws), (_, keys, position, _, _) = get_draws(self._models["policy"]), np.random.get_state()
        return {
            "rng.jax.key": key,
            "rng.jax.draws": np.asarray(draws, np.int64),
            "rng.numpy.keys": keys.copy(),
            "rng.numpy.position": np.asarray(position, np.int64),
        }

    def _restore_rng(self, arrays: Arrays) -> None:
        if "rng.jax.key" in arrays:
            key = self._put(arrays["rng.jax.key"], np.uint32)
            set_draws(self._models["policy"], key, int(arrays["rng.jax.draws"]))
            np.random.set_state(("MT19937", arrays["rng.numpy.keys"], int(arrays["rng.numpy.position"])))

    def _moments(self, role: str, kind: str) -> Arrays:
        # The live optimiser: skrl's own checkpoint_modules keep the first one, which never changes.
        optimizer = getattr(self._agent, f"{role}_optimizer")
        tree = optax.tree_utils.tree_get(optimizer.state, kind)
        names = [name for name in self.spec.shapes() if self.spec.shared or flax_path(name, self.spec)[0] == role]
        return {name: get_leaf(tree, name, self.spec) for name in names}

    def _second_moments(self, value: dict[str, Arrays], owner: dict[str, str], arrays: Arrays) -> Arrays:
        """The value optimiser's moments of the trunk, where they are not the policy optimiser's."""
        return {
            f"adam.value.{letter}.{name}": value[kind][name]
            for name, role in owner.items()
            for letter, kind in (("m", "mu"), ("v", "nu"))
            if role == "policy"
            and name.startswith("trunk.")
            and not np.array_equal(value[kind][name], arrays[f"adam.{letter}.{name}"])
        }

    def _set_optimizer(self, role: str, arrays: Arrays) -> None:
        trees = {}
        for letter, kind in (("m", "mu"), ("v", "nu")):
            moments = {}
            for name in self.spec.shapes():
                owner = flax_path(name, self.spec)[0]
                if owner == role or name.startswith("trunk."):
                    moments[name] = arrays[f"adam.{letter}.{name}"]
                if role == "value":
                    moments[name] = arrays.get(f"adam.value.{letter}.{name}", moments.get(name))
            known = {name: array for name, array in moments.items() if array is not None}
            trees[kind] = build_tree(known, role, self.spec, self._device)
        optimizer = getattr(self._agent, f"{role}_optimizer")
        count = self._put(arrays["adam.step"], np.int32)
        state = optax.tree_utils.tree_set(optimizer.state, count=count, **trees)
        setattr(self._agent, f"{role}_optimizer", optimizer.replace(state=state))

    def _put(self, array: np.ndarray, dtype: Any = np.float32) -> jax.Array:
        return jax.device_put(np.array(array, dtype), self._device)


def choose_device(wanted: str) -> jax.Device:
    """The device for "auto", "cpu" or "gpu". Raises BackendUnusable if there is no GPU but one was asked for."""
    if wanted == "cpu":
        return jax.devices("cpu")[0]
    default = jax.devices()[0]
    if wanted == "gpu" and default.platform == "cpu":
        raise BackendUnusable("jax", "train.device=gpu, but JAX finds no GPU", mend="use train.device=auto")
    return default


def seed_backend(seed: int) -> None:
    """Seed what skrl draws from on this backend: action noise and mini-batch order."""
    skrl_config.jax.key = seed
    np.random.seed(seed)


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
