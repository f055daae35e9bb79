"""The main faults once more, on real trainers of both backends; in the short version each of the two once."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
from faults_support import FULL
from process_support import events, eventually

from motrix_core.config.schema import PPOCfg, RunConfig, TrainCfg
from motrix_core.process.control import wait
from motrix_core.process.identity import send_signal
from motrix_core.process.launch import launch
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import Run, create_run

KILLED = [("torch", "trainer"), ("jax", "supervisor")]
if FULL:
    KILLED += [("jax", "trainer"), ("torch", "supervisor")]
LIMIT_S = 300.0
UPDATES = 200


def tiny_run(folder: Path, backend: str) -> Run:
    ppo = PPOCfg(
        seed=5,
        num_envs=4,
        rollouts=8,
        mini_batches=2,
        learning_epochs=1,
        max_env_steps=UPDATES * 32,
        check_point_interval=16,
        policy_hidden_layer_sizes=(4,),
        value_hidden_layer_sizes=(4,),
    )
    train = TrainCfg(device="cpu", threads=1, eval_every_updates=0)
    return create_run(RunConfig(env="pendulum", backend=backend, sim="none", ppo=ppo, train=train), folder, extra={})


@pytest.mark.real
@pytest.mark.parametrize(("backend", "victim"), KILLED)
def test_a_real_run_that_was_killed_ends_with_the_bits_of_one_that_was_not(
    backend: str, victim: str, tmp_path: Path
) -> None:
    whole, killed = (tiny_run(tmp_path / name, backend) for name in ("whole", "killed"))
    launch(whole)
    assert wait(whole, LIMIT_S).status == "finished"
    launch(killed)
    eventually(lambda: events(killed, "checkpoint"), "saved")
    state = killed.state()
    process = state.trainer if victim == "trainer" else state.supervisor
    assert process is not None and state.trainer is not None
    assert send_signal(process, state.boot_id, signal.SIGKILL)
    trainer = state.trainer
    eventually(lambda: not killed.state().is_live and not trainer.is_alive(), "over")
    assert killed.state().shown_status == ("crashed" if victim == "trainer" else "lost")
    launch(killed)
    assert wait(killed, LIMIT_S).status == "finished"
    found, expected = (checkpoints.load(run.paths.checkpoints / f"step_{UPDATES * 32}") for run in (killed, whole))
    for group, arrays in expected.arrays.items():
        assert arrays.keys() == found.arrays[group].keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(found.arrays[group][name], array, err_msg=f"{group}.{name}")
