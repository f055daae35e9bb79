"""The baseline: the same training by plain skrl, without run folder, events, checkpoints and supervisor.

python -m benchmarks.plain_skrl ENV BACKEND UPDATES SEED prints one JSON object: the seconds at which each update ended.
Environment, wrapper, networks and hyperparameters are the project's own; agent, memory, scalers, schedule and loop are
skrl's, unchanged and silent.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any

import numpy as np

from motrix_core.config.registry import default_rl_cfg
from motrix_core.envs.catalog import catalog
from motrix_core.envs.registry import make
from motrix_core.learn.spec import init_parameters, model_spec


def skrl(backend: str, module: str, name: str) -> Any:
    return getattr(importlib.import_module(module.format(backend)), name)


def plain(env_name: str, backend: str, updates: int, seed: int) -> list[float]:
    ppo = default_rl_cfg(env_name, "skrl", backend)
    rng = np.random.Generator(np.random.Philox(seed))
    sims = catalog()[env_name].sims
    env = make(env_name, num_envs=ppo.num_envs, sim=sims[0] if sims else "none", rng=rng)
    ours = {
        name: importlib.import_module(f"motrix_core.learn.{backend}.{name}")
        for name in ("models", "wrap_np", "trainer")
    }
    ours["trainer"].seed_backend(seed)
    wrapped = ours["wrap_np"].wrap_env(env, device=ours["trainer"].choose_device("auto"))
    spaces = {
        "observation_space": wrapped.observation_space,
        "action_space": wrapped.action_space,
        "device": wrapped.device,
    }
    spec = model_spec(ppo, wrapped.observation_space, wrapped.action_space)
    models = ours["models"].build_models(spec, spaces)
    ours["models"].set_parameters(models, spec, init_parameters(spec, rng))
    cfg = ours["trainer"].agent_cfg(ppo, wrapped)
    cfg.learning_rate_scheduler = skrl(backend, "skrl.resources.schedulers.{}", "KLAdaptiveLR")
    cfg.value_preprocessor = skrl(backend, "skrl.resources.preprocessors.{}", "RunningStandardScaler")
    memory = skrl(backend, "skrl.memories.{}", "RandomMemory")(
        memory_size=ppo.rollouts, num_envs=ppo.num_envs, device=wrapped.device
    )
    agent = skrl(backend, "skrl.agents.{}.ppo", "PPO")(models=models, memory=memory, cfg=cfg, **spaces)
    ended: list[float] = []
    update = agent.update

    def timed(**step: int) -> None:
        update(**step)
        ended.append(time.perf_counter())

    agent.update = timed
    loop = {"timesteps": updates * ppo.rollouts, "headless": True, "disable_progressbar": True}
    skrl(backend, "skrl.trainers.{}", "SequentialTrainer")(env=wrapped, agents=agent, cfg=loop).train()
    return ended


if __name__ == "__main__":
    print(json.dumps(plain(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
