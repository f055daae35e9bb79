"""Agents that skrl itself has written, with networks as other projects name them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Box

OBS_DIM, ACT_DIM = 3, 2


def _options(**more: Any) -> dict[str, Any]:
    return {
        "observation_space": Box(-np.inf, np.inf, (OBS_DIM,), np.float32),
        "action_space": Box(-1, 1, (ACT_DIM,), np.float32),
        "device": "cpu",
        **more,
    }


def save_torch(path: Path, *, shared: bool, scaler_name: str = "observation_preprocessor") -> np.ndarray:
    """Write a torch agent of `nn.Sequential` networks to `path`; returns its mean actions for `observations()`."""
    import torch
    from skrl.agents.torch.ppo import PPO, PPO_CFG
    from skrl.models.torch import DeterministicMixin, GaussianMixin, Model
    from skrl.resources.preprocessors.torch import RunningStandardScaler
    from torch import nn

    class Shared(GaussianMixin, DeterministicMixin, Model):
        def __init__(self, **options: Any) -> None:
            Model.__init__(self, **options)
            GaussianMixin.__init__(self)
            DeterministicMixin.__init__(self)
            self.net = nn.Sequential(nn.Linear(OBS_DIM, 6), nn.ELU(), nn.Linear(6, 4), nn.ELU())
            self.mean_layer, self.value_layer = nn.Linear(4, ACT_DIM), nn.Linear(4, 1)
            self.log_std_parameter = nn.Parameter(torch.full((ACT_DIM,), -0.5))

        def compute(self, inputs: dict[str, Any], role: str = "") -> tuple[Any, dict[str, Any]]:
            x = self.net(inputs["observations"])
            return (
                (self.mean_layer(x), {"log_std": self.log_std_parameter})
                if role == "policy"
                else (
                    self.value_layer(x),
                    {},
                )
            )

    class Policy(GaussianMixin, Model):
        def __init__(self, **options: Any) -> None:
            Model.__init__(self, **options)
            GaussianMixin.__init__(self)
            self.net = nn.Sequential(nn.Linear(OBS_DIM, 6), nn.ELU(), nn.Linear(6, ACT_DIM))
            self.log_std_parameter = nn.Parameter(torch.full((ACT_DIM,), -0.5))

        def compute(self, inputs: dict[str, Any], role: str = "") -> tuple[Any, dict[str, Any]]:
            return self.net(inputs["observations"]), {"log_std": self.log_std_parameter}

    class Value(DeterministicMixin, Model):
        def __init__(self, **options: Any) -> None:
            Model.__init__(self, **options)
            DeterministicMixin.__init__(self)
            self.net = nn.Sequential(nn.Linear(OBS_DIM, 5), nn.ELU(), nn.Linear(5, 1))

        def compute(self, inputs: dict[str, Any], role: str = "") -> tuple[Any, dict[str, Any]]:
            return self.net(inputs["observations"]), {}

    torch.manual_seed(3)
    both = Shared(**_options()) if shared else None
    models = {"policy": both, "value": both} if both else {"policy": Policy(**_options()), "value": Value(**_options())}
    scalers = dict.fromkeys(("observation_preprocessor", "value_preprocessor"), RunningStandardScaler)
    kwargs = {
        "observation_preprocessor_kwargs": {"size": OBS_DIM, "device": "cpu"},
        "value_preprocessor_kwargs": {"size": 1, "device": "cpu"},
    }
    cfg = PPO_CFG(learning_rate=2e-3, experiment={"write_interval": 0, "checkpoint_interval": 0}, **scalers, **kwargs)
    agent = PPO(models=models, memory=None, cfg=cfg, **_options())
    obs = torch.tensor(observations())
    agent._observation_preprocessor(obs * 2 + 1, train=True)
    for _ in range(3):
        scaled = {"observations": agent._observation_preprocessor(obs)}
        losses = [model.compute(scaled, role=role)[0].square().mean() for role, model in models.items()]
        agent.optimizer.zero_grad()
        (sum(losses) + models["policy"].log_std_parameter.sum()).backward()
        agent.optimizer.step()
    # skrl 1.4 knew one scaler of observations, by another name.
    agent.checkpoint_modules[scaler_name] = agent.checkpoint_modules.pop("observation_preprocessor")
    agent.save(str(path))
    with torch.no_grad():
        mean, _ = models["policy"].compute({"observations": agent._observation_preprocessor(obs)}, role="policy")
    return mean.numpy()


def save_jax(path: Path) -> np.ndarray:
    """Write a JAX agent of Flax's unnamed layers to `path`; returns its mean actions for `observations()`."""
    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    from skrl.agents.jax.ppo import PPO, PPO_CFG
    from skrl.models.jax import DeterministicMixin, GaussianMixin, Model
    from skrl.resources.preprocessors.jax import RunningStandardScaler

    class Policy(GaussianMixin, Model):
        def __init__(self, **options: Any) -> None:
            Model.__init__(self, **options)
            GaussianMixin.__init__(self)

        @nn.compact
        def __call__(self, inputs: dict[str, Any], role: str = "") -> tuple[Any, dict[str, Any]]:
            x = nn.elu(nn.Dense(6)(inputs["observations"]))
            log_std = self.param("log_std_parameter", lambda _: jnp.full(ACT_DIM, -0.5))
            return nn.Dense(ACT_DIM)(x), {"log_std": log_std}

    class Value(DeterministicMixin, Model):
        def __init__(self, **options: Any) -> None:
            Model.__init__(self, **options)
            DeterministicMixin.__init__(self)

        @nn.compact
        def __call__(self, inputs: dict[str, Any], role: str = "") -> tuple[Any, dict[str, Any]]:
            x = nn.elu(nn.Dense(5)(inputs["observations"]))
            return nn.Dense(1)(x), {}

    device = jax.devices("cpu")[0]
    models = {"policy": Policy(**_options(device=device)), "value": Value(**_options(device=device))}
    obs = jnp.asarray(observations())
    for role, model in models.items():
        model.init_state_dict({"observations": obs}, role=role)
    cfg = PPO_CFG(
        learning_rate=2e-3,
        observation_preprocessor=RunningStandardScaler,
        observation_preprocessor_kwargs={"size": OBS_DIM, "device": device},
        value_preprocessor=RunningStandardScaler,
        value_preprocessor_kwargs={"size": 1, "device": device},
        experiment={"write_interval": 0, "checkpoint_interval": 0},
    )
    agent = PPO(models=models, memory=None, cfg=cfg, **_options(device=device))
    agent._observation_preprocessor(obs * 2 + 1, train=True)
    agent.save(str(path))
    policy = models["policy"]
    scaled = {"observations": agent._observation_preprocessor(obs)}
    return np.asarray(policy.apply(policy.state_dict.params, scaled, "policy")[0])


def observations() -> np.ndarray:
    return np.random.default_rng(2).normal(0, 2, (16, OBS_DIM)).astype(np.float32)
