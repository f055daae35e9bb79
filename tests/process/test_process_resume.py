"""Which runs can be continued, and what is said about the others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motrix_core.config.schema import PPOCfg, RunConfig
from motrix_core.errors import BackendUnusable, RunStateError, SimulatorUnusable
from motrix_core.hardware import select
from motrix_core.hardware.probe import Probe
from motrix_core.process.resume import Continuation, check_backend, plan_resume
from motrix_core.runs import checkpoints
from motrix_core.runs.events import EventWriter
from motrix_core.runs.identity import own_identity
from motrix_core.runs.layout import Run, create_run
from motrix_core.runs.state import RunState, Segment, write_state

MODEL = {"policy_hidden": [8], "value_hidden": [8], "shared": True}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A finished run of 3 updates of 64 samples."""
    ppo = PPOCfg(
        num_envs=8,
        rollouts=8,
        mini_batches=2,
        max_env_steps=192,
        policy_hidden_layer_sizes=(8,),
        value_hidden_layer_sizes=(8,),
    )
    made = create_run(RunConfig(env="pendulum", backend="torch", sim="none", ppo=ppo), tmp_path, extra={})
    write_state(made.paths.state, RunState(status="finished", segments=(Segment(0, "torch", 1.0, 192),)))
    return made


@pytest.fixture
def save(run: Run) -> Callable[..., Path]:
    def save_one(env_steps: int, **changes: Any) -> Path:
        meta = {"env": "pendulum", "model": MODEL, **changes}
        return checkpoints.save(run.paths.checkpoints, env_steps, {"agent": {"a": np.zeros(3)}}, meta)

    return save_one


def usable(config: RunConfig, backend: str) -> None:
    pass


def where(planned: Continuation) -> tuple[str, int, int]:
    return planned.backend, planned.max_env_steps, planned.env_steps


def test_a_stopped_run_goes_on_from_its_newest_valid_checkpoint(run: Run, save: Callable[..., Path]) -> None:
    save(64)
    assert plan_resume(run, check=usable) == Continuation("torch", 192, 64, f"run {run.id} goes on from step_64")


def test_what_is_passed_over_is_said(run: Run, save: Callable[..., Path]) -> None:
    save(64)
    damaged, unfinished, kept = save(128), save(192), save(32)
    (damaged / "agent.safetensors").write_bytes(b"damaged")
    (unfinished / "COMMIT").unlink()
    (kept / "meta.json").unlink()
    planned = plan_resume(run, check=usable)
    assert planned.note == f"run {run.id} goes on from step_64, because step_128, step_192 cannot be used"
    assert planned.env_steps == 64


def test_backend_and_budget_are_those_of_the_last_segment_unless_said(run: Run, save: Callable[..., Path]) -> None:
    save(128)
    segments = (Segment(0, "torch", 1.0, 192), Segment(1, "jax", 2.0, 640))
    write_state(run.paths.state, RunState(status="stopped", segments=segments))
    assert where(plan_resume(run, check=usable)) == ("jax", 640, 128)
    assert where(plan_resume(run, backend="torch", max_env_steps=320, check=usable)) == ("torch", 320, 128)


def test_with_a_damaged_state_the_events_know_the_last_segment(run: Run, save: Callable[..., Path]) -> None:
    save(128)
    run.paths.state.write_text("{")
    with EventWriter(run.paths.events) as writer:
        for backend, budget in (("torch", 192), ("jax", 256)):
            data = {"backend": backend, "max_env_steps": budget}
            writer.write("segment_started", env_steps=0, update=0, data=data)
            writer.write("metrics", env_steps=64, update=1, data={})
    assert where(plan_resume(run, check=usable)) == ("jax", 256, 128)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (None, "has reached its budget of 192 env steps; --max-env-steps 256 or more continues it"),
        (150, "--max-env-steps 150: run .* has 192 env steps already; --max-env-steps 256 or more"),
    ],
)
def test_a_run_that_has_reached_its_budget_needs_a_larger_one(
    run: Run, save: Callable[..., Path], asked: int | None, words: str
) -> None:
    save(192)
    with pytest.raises(RunStateError, match=words):
        plan_resume(run, max_env_steps=asked, check=usable)
    assert plan_resume(run, max_env_steps=193, check=usable).max_env_steps == 193


def test_a_budget_within_the_last_whole_update_is_reached(run: Run, save: Callable[..., Path]) -> None:
    # 130 steps were rounded up to 3 updates of 64.
    save(192)
    with pytest.raises(RunStateError, match="has 192 env steps already"):
        plan_resume(run, max_env_steps=130, check=usable)


def test_a_run_that_never_had_a_checkpoint_begins_again(run: Run, save: Callable[..., Path]) -> None:
    begins = Continuation("torch", 192, 0, f"run {run.id} has no checkpoint yet: it begins again, with the same seed")
    assert plan_resume(run, check=usable) == begins
    # A kill while the first one was being written.
    (save(64) / "COMMIT").unlink()
    assert plan_resume(run, check=usable) == begins


def test_a_run_that_has_lost_its_checkpoints_does_not_begin_again(run: Run, save: Callable[..., Path]) -> None:
    again = rf"motrix run --config {run.paths.config} starts it from the beginning"
    (save(64) / "agent.safetensors").unlink()
    with pytest.raises(RunStateError, match=f"has no usable checkpoint: .*agent.safetensors.*; {again}"):
        plan_resume(run, check=usable)
    with EventWriter(run.paths.events) as writer:
        writer.write("checkpoint", env_steps=64, update=1, data={"path": "checkpoints/step_64"})
    shutil.rmtree(run.paths.checkpoints)
    with pytest.raises(RunStateError, match=f"no checkpoint to continue from: .* has lost those .*; {again}"):
        plan_resume(run, check=usable)


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        ({"env": "cartpole"}, "it was saved with env='cartpole', and the run has 'pendulum'"),
        ({"sim": "mujoco"}, "it was saved with sim='mujoco', and the run has 'none'"),
        ({"num_envs": 9}, "it was saved with num_envs=9, and the run has 8"),
        ({"model": {**MODEL, "policy_hidden": [16]}}, r"its networks have policy_hidden=\[16\], and the run's \[8\]"),
        ({"model": None}, "its networks have policy_hidden=None"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(
    run: Run, save: Callable[..., Path], meta: dict[str, Any], words: str
) -> None:
    save(64, **meta)
    with pytest.raises(RunStateError, match=words):
        plan_resume(run, check=usable)


def test_a_run_that_is_going_on_is_not_continued(run: Run, save: Callable[..., Path]) -> None:
    save(64)
    write_state(run.paths.state, RunState(status="paused", supervisor=own_identity()))
    with pytest.raises(RunStateError, match=f"is paused; motrix runs stop {run.id} stops it first"):
        plan_resume(run, check=usable)


def test_a_trainer_that_is_still_ending_is_waited_for(run: Run, save: Callable[..., Path]) -> None:
    save(64)
    write_state(run.paths.state, RunState(status="running", supervisor=None, trainer=own_identity(), updated_at=1.0))
    with pytest.raises(RunStateError, match="still ending; try again in 10 s"):
        plan_resume(run, check=usable)


def test_a_backend_that_cannot_be_used_is_refused_last_and_changes_nothing(run: Run, save: Callable[..., Path]) -> None:
    save(64)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}

    def refuse(config: RunConfig, backend: str) -> None:
        raise BackendUnusable(backend, "it is not installed")

    with pytest.raises(BackendUnusable, match="backend jax cannot be used"):
        plan_resume(run, backend="jax", check=refuse)
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("sim", "probed"), [("mujoco", {"torch", "mujoco"}), ("none", {"torch"})])
def test_the_simulator_is_probed_beside_the_backend(
    run: Run, sim: str, probed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()

    def probe_all(names: Sequence[str]) -> dict[str, Probe]:
        asked.update(names)
        return {
            name: Probe(name, name, "1.0", "broken" if name == sim else "ok", name != sim, cause="its library is gone")
            for name in names
        }

    monkeypatch.setattr(select, "probe_all", probe_all)
    config = run.config().model_copy(update={"sim": sim})
    if sim == "none":
        check_backend(config, "torch")
    else:
        # Another simulator gives other numbers, so none is offered.
        with pytest.raises(SimulatorUnusable, match=r"^simulator mujoco cannot be used: its library is gone$"):
            check_backend(config, "torch")
    assert asked == probed


def test_a_state_without_budget_is_that_of_an_older_version(run: Run, save: Callable[..., Path]) -> None:
    save(64)
    record = json.loads(run.paths.state.read_text())
    for segment in record["segments"]:
        del segment["max_env_steps"], segment["control_offset"]
    run.paths.state.write_text(json.dumps(record))
    assert where(plan_resume(run, check=usable)) == ("torch", 192, 64)
    assert run.current_config() == run.config()
