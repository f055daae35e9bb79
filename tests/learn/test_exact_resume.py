"""A run that is stopped and resumed ends with the bits of one that never was, in every environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from learn_doubles import events_of
from short_trainings import assert_same_bits, saved, train_until

from motrix_core.config.schema import PPOCfg, RunConfig, TrainCfg
from motrix_core.envs.catalog import BUILTIN
from motrix_core.runs.layout import Run, create_run
from motrix_core.sim.loader import is_installed

ROLLOUT = 8
EPISODE_STEPS = 5
ENVS = 4


def _cases() -> list[pytest.ParameterSet]:
    """Every environment on every simulator with PyTorch; with JAX on one of them, alternating."""
    cases = []
    for index, spec in enumerate(BUILTIN):
        sims = spec.sims or ("none",)
        for sim in sims:
            backends = ("torch", "jax") if sim == sims[index % len(sims)] else ("torch",)
            absent = pytest.mark.skipif(sim != "none" and not is_installed(sim), reason=f"{sim} is not installed")
            names = [(spec.name, sim, backend) for backend in backends]
            cases += [pytest.param(*name, id="-".join(name), marks=absent) for name in names]
    return cases


def _run(folder: Path, env: str, sim: str, backend: str) -> Run:
    ctrl_dt_s = next(spec.ctrl_dt_s for spec in BUILTIN if spec.name == env)
    config = RunConfig(
        env=env,
        backend=backend,
        sim=sim,
        ppo=PPOCfg(
            seed=5,
            num_envs=ENVS,
            rollouts=ROLLOUT,
            mini_batches=2,
            learning_epochs=1,
            max_env_steps=3 * ROLLOUT * ENVS,
            policy_hidden_layer_sizes=(4,),
            value_hidden_layer_sizes=(4,),
            share_policy_value_features=False,
        ),
        train=TrainCfg(engine="fused", device="cpu", threads=1, tensorboard=False, eval_every_updates=0),
        # No multiple of the rollout, so that episodes are under way when the run is stopped.
        env_options={"episode_s": EPISODE_STEPS * ctrl_dt_s},
    )
    return create_run(config, folder, extra={})


@pytest.mark.parametrize(("env", "sim", "backend"), _cases())
def test_one_and_one_update_are_two(env: str, sim: str, backend: str, tmp_path: Path) -> None:
    # The whole run writes no checkpoint where the other is stopped: saving is no part of what is learned.
    whole, halves = (_run(tmp_path / name, env, sim, backend) for name in ("whole", "halves"))
    train_until(whole, 2)
    train_until(halves, 1)
    train_until(halves, 2)
    assert [event["env_steps"] for event in events_of(whole, "checkpoint")] == [2 * ROLLOUT * ENVS]
    found = saved(halves)
    assert {name.split(".")[1] for name in found if name.startswith("env.")} == {"state", "episode", "generator"}
    assert found["env.episode.length"].any(), "unfinished episodes are part of what has to be restored"
    assert_same_bits(found, saved(whole))
