"""Default hyperparameters of every environment: registered ones, and those that users bring."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from motrix_core.config.registry import default_rl_cfg, registered_envs
from motrix_core.config.schema import PPOCfg
from motrix_core.config.text import shown
from motrix_core.envs.adapters import module_file
from motrix_core.envs.catalog import catalog
from motrix_core.envs.source import CATALOG, GYMNASIUM, EnvSource
from motrix_core.errors import ConfigError, Problem

_log = logging.getLogger(__name__)
_KL_ADAPTIVE = "kl_adaptive"

SOURCE_FIELDS = ("env_module", "env_path")
"""The settings that say where an environment comes from, in the order of `EnvSource`."""

GYMNASIUM_DEFAULTS = PPOCfg(
    num_envs=16,
    max_env_steps=1_000_000,
    check_point_interval=2048,
    policy_hidden_layer_sizes=(64, 64),
    value_hidden_layer_sizes=(64, 64),
    share_policy_value_features=False,
    rollouts=128,
    learning_epochs=10,
    mini_batches=16,
    learning_rate=3e-4,
)
"""Few environments, long rollouts, small networks: an environment of Gymnasium's is stepped in Python, one by one."""


def default_ppo(env: str, backend: str, source: EnvSource = CATALOG) -> PPOCfg:
    """What `env` of `source` starts from on `backend`.

    Its own, registered by `@rlcfg`; else, for an environment that somebody brought, what suits its kind. Reading a
    source executes its code.

    Raises `UnknownName` for an unknown backend or for an environment that nobody knows, `UsageError` for one that has
    hyperparameters, but only for the other backend, and as the source's environments do.
    """
    if source.module is not None and env in module_file.specs_of(source.module):
        module = module_file.module_name(source.module)
        return default_rl_cfg(env, backend=backend, module=module) if env in registered_envs(module) else PPOCfg()
    if source.path is not None:
        from motrix_core.envs.adapters import motrixlab

        if env in motrixlab.names(source.path):
            return _of_motrixlab(motrixlab.rl_values(source.path, env, backend) or {}, env, source.path)
    if env not in registered_envs():
        if env.startswith(GYMNASIUM):
            return GYMNASIUM_DEFAULTS
        # A plugin need not register any.
        if env in catalog():
            return PPOCfg()
    return default_rl_cfg(env, backend=backend)


def is_known_here(env: str) -> bool:
    """Whether `default_ppo` has an answer for `env` of no source."""
    return env in registered_envs() or env.startswith(GYMNASIUM) or env in catalog()


def _of_motrixlab(values: Mapping[str, Any], env: str, path: str) -> PPOCfg:
    """What a MotrixLab-S1 configuration means here: the names are the same, where there is such a setting."""
    kept = {name: value for name, value in values.items() if name in PPOCfg.model_fields}
    schedule = values.get("lr_scheduler_type", _KL_ADAPTIVE)
    if schedule is None:
        kept["learning_rate_scheduler_kl_threshold"] = 0.0
    elif schedule != _KL_ADAPTIVE:
        _log.warning(
            "%s of %s asks for the learning rate schedule %r; here it is KL-adaptive, or constant with "
            "ppo.learning_rate_scheduler_kl_threshold=0",
            env,
            path,
            schedule,
        )
    try:
        return PPOCfg.model_validate(kept)
    except ValidationError as error:
        problems = [
            Problem(".".join(("ppo", *map(str, one["loc"]))), shown(one["input"]), f"{one['msg']} (@rlcfg of {path})")
            for one in error.errors()
        ]
        raise ConfigError(problems) from error
