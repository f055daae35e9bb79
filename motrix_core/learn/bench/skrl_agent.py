"""skrl's own agent for the benchmarks: the project's networks and hyperparameters, everything else unchanged."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

from motrix_core.config.schema import PPOCfg
from motrix_core.learn.spec import Arrays, ModelSpec


def skrl(backend: str, module: str, name: str) -> Any:
    """`name` of skrl's `module`, in which {} stands for the backend."""
    return getattr(importlib.import_module(f"skrl.{module.format(backend)}"), name)


def skrl_agent(
    backend: str, spec: ModelSpec, ppo: PPOCfg, spaces: dict[str, Any], parameters: Arrays | None = None
) -> Any:
    """skrl's PPO agent for `spaces` (observation_space, action_space, device), beginning with `parameters` if given."""
    models_of = importlib.import_module(f"motrix_core.learn.{backend}.models")
    trainer = importlib.import_module(f"motrix_core.learn.{backend}.trainer")
    models = models_of.build_models(spec, spaces)
    if parameters is not None:
        models_of.set_parameters(models, spec, parameters)
    cfg = trainer.agent_cfg(ppo, SimpleNamespace(**spaces))
    # In place of ours, which also remember what they were given.
    cfg.learning_rate_scheduler = skrl(backend, "resources.schedulers.{}", "KLAdaptiveLR")
    cfg.value_preprocessor = skrl(backend, "resources.preprocessors.{}", "RunningStandardScaler")
    memory = skrl(backend, "memories.{}", "RandomMemory")(
        memory_size=ppo.rollouts, num_envs=ppo.num_envs, device=spaces["device"]
    )
    return skrl(backend, "agents.{}.ppo", "PPO")(models=models, memory=memory, cfg=cfg, **spaces)
