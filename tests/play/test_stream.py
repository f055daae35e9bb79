from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motrix_core.config.schema import PPOCfg, RunConfig
from motrix_core.envs.tasks.pendulum import Pendulum
from motrix_core.play.stream import Stream
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import Run, create_run


def still_policy() -> dict[str, np.ndarray]:
    """A network for the pendulum that never pushes."""
    return {
        "policy.layers.0.weight": np.zeros((4, 3), np.float32),
        "policy.layers.0.bias": np.zeros(4, np.float32),
        "policy.mean.weight": np.zeros((1, 4), np.float32),
        "policy.mean.bias": np.zeros(1, np.float32),
        "scaler.observation.mean": np.zeros(3),
        "scaler.observation.variance": np.ones(3),
    }


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of the pendulum with two checkpoints."""
    config = RunConfig(env="pendulum", backend="torch", sim="none", ppo=PPOCfg(seed=1))
    made = create_run(config, tmp_path / "runs", extra={})
    for env_steps in (100, 200):
        meta = {"env": "pendulum", "env_steps": env_steps, "update": 1}
        checkpoints.save(made.paths.checkpoints, env_steps, {"agent": still_policy()}, meta)
    return made


@pytest.fixture
def stream_of(run: Run) -> Callable[..., tuple[Stream, Callable[[], list[dict[str, Any]]]]]:
    """`stream_of(**wanted)`: a stream, and what it has said since it was asked last."""

    def make(**wanted: Any) -> tuple[Stream, Callable[[], list[dict[str, Any]]]]:
        out = io.StringIO()

        def said() -> list[dict[str, Any]]:
            messages = [json.loads(line) for line in out.getvalue().splitlines()]
            out.seek(0)
            out.truncate()
            return messages

        return Stream({"run": str(run.path), "width": 40, "height": 10, **wanted}, out), said

    return make


def test_it_says_what_is_played_and_then_shows_it(stream_of: Callable[..., Any]) -> None:
    stream, said = stream_of()
    stream.open(None)
    stream.advance(0.0)
    ready, frame = said()
    assert ready["type"] == "ready" and ready["checkpoint"] == "step_200" and ready["drawable"]
    assert [info["env_steps"] for info in ready["checkpoints"]] == [100, 200]
    assert frame["type"] == "frame" and frame["steps"] == 1
    assert [len(line) for line in frame["lines"]] == [40] * 10
    assert sum(frame["terms"].values()) == pytest.approx(frame["total"], rel=1e-5)
    assert frame["actions"] == [0.0]


def test_a_step_holds_and_pause_goes_on(stream_of: Callable[..., Any]) -> None:
    stream, said = stream_of()
    stream.open(None)
    stream.obey({"do": "step"})
    stream.advance(1.0)
    stream.advance(2.0)
    frames = [message for message in said() if message["type"] == "frame"]
    assert [(frame["steps"], frame["paused"]) for frame in frames] == [(1, True)]
    stream.obey({"do": "pause"})
    stream.advance(2.1)
    assert said()[-1]["paused"] is False


def test_speed_view_and_size_are_as_was_asked(stream_of: Callable[..., Any]) -> None:
    stream, said = stream_of()
    stream.open(None)
    for command in ({"do": "speed", "factor": 2.0}, {"do": "view"}, {"do": "size", "width": 20, "height": 5}):
        stream.obey(command)
    stream.advance(0.0)
    frame = said()[-1]
    assert frame["speed"] == 2.0
    assert [len(line) for line in frame["lines"]] == [20] * 5


def test_another_checkpoint_keeps_the_speed(stream_of: Callable[..., Any]) -> None:
    stream, said = stream_of()
    stream.open(None)
    stream.obey({"do": "speed", "factor": 4.0})
    stream.obey({"do": "checkpoint", "which": "100"})
    stream.advance(0.0)
    messages = said()
    assert [message["checkpoint"] for message in messages if message["type"] == "ready"] == ["step_200", "step_100"]
    assert messages[-1]["speed"] == 4.0


def test_the_next_episode_begins_at_step_0(stream_of: Callable[..., Any]) -> None:
    stream, said = stream_of()
    stream.open(None)
    stream.obey({"do": "step"})
    stream.obey({"do": "next"})
    stream.advance(0.0)
    assert said()[-1]["steps"] == 0


def test_a_damaged_checkpoint_is_an_error_and_another_one_can_be_chosen(
    stream_of: Callable[..., Any], run: Run
) -> None:
    for file in (run.paths.checkpoints / "step_200").glob("*.safetensors"):
        file.write_bytes(b"torn")
    stream, said = stream_of()
    stream.open("200")
    stream.advance(0.0)
    (error,) = said()
    assert error["type"] == "error" and "step_200" in error["message"]
    stream.obey({"do": "checkpoint", "which": "100"})
    assert said()[0]["type"] == "ready"


def test_an_unknown_checkpoint_names_those_that_there_are(stream_of: Callable[..., Any]) -> None:
    stream, said = stream_of()
    stream.open("300")
    (error,) = said()
    assert "100, 200" in error["message"]


def talk(first: str, *more: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "motrix_core.play.stream"]
    return subprocess.run(argv, input="\n".join([first, *more]), capture_output=True, text=True, timeout=120)


def test_the_process_ends_with_its_input_and_its_output_is_lines_of_json(run: Run) -> None:
    done = talk(json.dumps({"run": str(run.path), "checkpoint": "last", "width": 30, "height": 8}) + "\n")
    assert done.returncode == 0, done.stderr
    kinds = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert kinds[0] == "ready"


def test_a_run_that_is_gone_is_an_error_in_words(tmp_path: Path) -> None:
    done = talk(json.dumps({"run": str(tmp_path / "gone"), "width": 30, "height": 8}) + "\n")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["type"] == "error"


def test_nobody_asking_is_a_quiet_end() -> None:
    done = talk("")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("method", ["sketch", "init_state", "step"])
def test_an_environment_that_fails_is_an_error_and_another_checkpoint_can_be_chosen(
    stream_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def fails(*_: Any) -> None:
        raise ValueError("out of rail")

    stream, said = stream_of()
    stream.open("last")
    said()
    with monkeypatch.context() as patch:
        patch.setattr(Pendulum, method, fails)
        stream.obey({"do": "next" if method == "init_state" else "step"})
        stream.advance(0.0)
        (message,) = said()
    assert message["type"] == "error" and "out of rail" in message["message"]
    stream.obey({"do": "next"})
    assert said() == []
    stream.obey({"do": "checkpoint", "which": "100"})
    stream.advance(1.0)
    assert [one["type"] for one in said()] == ["ready", "frame"]
