"""A new run that starts from the networks of another one's checkpoint, or of an imported agent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from motrix_core.errors import CheckpointError
from motrix_core.learn.spec import SCALERS, AgentState, Arrays, ModelSpec, required_shapes
from motrix_core.runs import checkpoints

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig
    from motrix_core.envs.spec import EnvSpec

_PARTS = ("mean", "variance", "count")


def networks_of(config: RunConfig, env: EnvSpec) -> ModelSpec:
    """Sizes of the networks that a run of `config` in `env` trains, without making the environment."""
    return ModelSpec(
        obs_dim=env.obs_dim,
        act_dim=env.act_dim,
        policy_hidden=tuple(config.ppo.policy_hidden_layer_sizes),
        value_hidden=tuple(config.ppo.value_hidden_layer_sizes),
        shared=config.ppo.share_policy_value_features,
        n_actions=env.n_actions,
    )


def read_weights(folder: Path, spec: ModelSpec) -> Arrays:
    """Parameters and scalers of the checkpoint in `folder`, for networks of `spec`. The environment may be another one.

    Raises:
        CheckpointError: the checkpoint is not whole, or its networks have other sizes.
    """
    found = checkpoints.load(folder)
    agent = found.arrays.get("agent", {})
    scalers = [f"scaler.{scaler}.{part}" for scaler in SCALERS for part in _PARTS]
    shapes = {name: shape for name, shape in required_shapes(spec).items() if name in (*spec.shapes(), *scalers)}
    wrong = [
        f"{name} is {agent[name].shape}, and this run needs {shape}"
        if name in agent
        else f"it has no {name}, and this run needs one of {shape}"
        for name, shape in shapes.items()
        if name not in agent or agent[name].shape != shape
    ]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise CheckpointError(f"no run can start from {folder}: {wrong[0]}{more}", mend=_mend(found.meta, spec))
    return {name: agent[name] for name in shapes}


def with_weights(state: AgentState, weights: Arrays) -> AgentState:
    """`state`, which nothing has been learned from yet, with other parameters and scalers; Adam stays at rest."""
    return AgentState({**state.arrays, **weights}, state.learning_rate)


def _mend(meta: dict[str, object], spec: ModelSpec) -> str:
    model = meta.get("model")
    sizes = ("obs_dim", "act_dim", "n_actions")
    if not isinstance(model, dict) or any(model.get(name) != getattr(spec, name) for name in sizes):
        return "use a checkpoint of an environment with the same observations and actions"
    try:
        policy, value = ("-".join(str(int(size)) for size in model[name]) for name in ("policy_hidden", "value_hidden"))
        shared = "true" if model["shared"] else "false"
    except (KeyError, TypeError, ValueError):
        return "use another checkpoint"
    return (
        f"add --set ppo.policy_hidden_layer_sizes={policy} --set ppo.value_hidden_layer_sizes={value} "
        f"--set ppo.share_policy_value_features={shared}"
    )
