"""A run that is stopped and resumed ends with the bits of one that never was, in every environment."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from learn_doubles import events_of
from short_trainings import assert_same_bits, saved, train_until

from motrix_core.config.schema import PPOCfg, RunConfig, TrainCfg
from motrix_core.envs.catalog import BUILTIN
from motrix_core.errors import CheckpointError
from motrix_core.learn.session import TrainSession
from motrix_core.learn.stepping import Transition
from motrix_core.learn.world import World
from motrix_core.runs.layout import Run, create_run
from motrix_core.runs.series import RunSeries
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


def _run(folder: Path, env: str, sim: str, backend: str, **ppo: int) -> Run:
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
            **ppo,
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


class _Killed(BaseException):
    """Ends a training as SIGKILL does: nothing catches it, nothing is written any more."""


def _train_until_killed(run: Run, batched_steps: int) -> None:
    """Train `run` and kill it when it has made `batched_steps` more."""
    session = TrainSession(run, run.config(), world=World(), stop=threading.Event())
    # The supervisor's part: by it readers know that env steps may go back.
    session.write("segment_started", {"backend": run.backend})
    record_step, left = session.record_step, iter(range(batched_steps))

    def count(transition: Transition) -> None:
        if next(left, None) is None:
            raise _Killed
        record_step(transition)

    session.record_step = count
    with pytest.raises(_Killed):
        session.train()


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_run_that_is_killed_again_and_again_ends_like_one_that_never_was(backend: str, tmp_path: Path) -> None:
    whole, killed = (
        _run(tmp_path / name, "pendulum", "none", backend, check_point_interval=2 * ROLLOUT) for name in ("a", "b")
    )
    train_until(whole, 3)
    # In the first rollout, between the first update and the first checkpoint, right after that, and after the second
    # trainer's first update.
    for batched_steps in (ROLLOUT // 2, ROLLOUT + 1, 2 * ROLLOUT, ROLLOUT - 1):
        _train_until_killed(killed, batched_steps)
    assert [event["env_steps"] for event in events_of(killed, "checkpoint")] == [2 * ROLLOUT * ENVS]
    train_until(killed, 3)
    assert_same_bits(saved(killed), saved(whole))
    assert len(events_of(killed, "metrics")) > len(events_of(whole, "metrics"))
    # Whoever reads the events sees the curve of one training.
    series, expected = (RunSeries() for _ in range(2))
    series.extend(events_of(killed))
    expected.extend(events_of(whole))
    for name in ("loss/value", "policy/entropy", "return/mean"):
        for found, wanted in zip(series.xy(name), expected.xy(name), strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_a_damaged_checkpoint_is_passed_over_and_said(tmp_path: Path) -> None:
    whole, damaged = (
        _run(tmp_path / name, "pendulum", "none", "torch", check_point_interval=ROLLOUT) for name in ("a", "b")
    )
    train_until(whole, 3)
    train_until(damaged, 2)
    weights = damaged.paths.checkpoints / f"step_{2 * ROLLOUT * ENVS}" / "agent.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    train_until(damaged, 3)
    assert_same_bits(saved(damaged), saved(whole))
    (warning,) = events_of(damaged, "warning")
    assert warning["env_steps"] == ROLLOUT * ENVS
    assert "agent.safetensors is" in warning["data"]["message"]
    assert warning["data"]["message"].endswith(f"training goes on from step_{ROLLOUT * ENVS}")


def test_a_run_without_a_whole_checkpoint_does_not_begin_again_unasked(tmp_path: Path) -> None:
    run = _run(tmp_path, "pendulum", "none", "torch")
    train_until(run, 1)
    (run.paths.checkpoints / f"step_{ROLLOUT * ENVS}" / "env.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"env\.safetensors: No such file"):
        train_until(run, 2)
