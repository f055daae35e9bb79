"""Configuration of a run: schema, default hyperparameters, sources, form."""

from motrix_core.config import defaults as defaults  # registers the default hyperparameters
from motrix_core.config.registry import default_rl_cfg, registered_envs, rlcfg
from motrix_core.config.schema import Backend, BaseRLCfg, PPOCfg, RunConfig, TrainCfg
from motrix_core.config.setting import folder_name
from motrix_core.config.sources import ConfigSources, Effective
from motrix_core.config.validate import config_from

__all__ = [
    "Backend",
    "BaseRLCfg",
    "ConfigSources",
    "Effective",
    "PPOCfg",
    "RunConfig",
    "TrainCfg",
    "config_from",
    "default_rl_cfg",
    "folder_name",
    "registered_envs",
    "rlcfg",
]
