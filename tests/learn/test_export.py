"""ONNX files: what they compute, and when none is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fused_support import ACT_DIM, OBS_DIM, first_state, small_spec

from motrix_core.errors import CheckpointError, MissingExtra, MotrixError
from motrix_core.learn import export
from motrix_core.learn.policy import NumpyPolicy
from motrix_core.learn.spec import Arrays, ModelSpec
from motrix_core.runs.checkpoints import Checkpoint

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

SEPARATE, SHARED = small_spec(False), small_spec(True)
BOUNDS = (-0.25, 0.25)


def agent_arrays(spec: ModelSpec) -> Arrays:
    return first_state(spec).arrays


def checkpoint(arrays: Arrays, backend: str = "torch") -> Checkpoint:
    meta = {"env": "pendulum", "backend": backend, "engine": "stock", "sim": "none", "seed": 3}
    return Checkpoint(Path("step_640"), 640, {"agent": arrays}, meta)


def run_file(path: Path, obs: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return session.run(["actions"], {"observations": obs})[0]


@pytest.mark.parametrize("spec", [SEPARATE, SHARED])
def test_the_file_computes_the_actions_of_both_backends(backend: str, spec: ModelSpec, tmp_path: Path) -> None:
    arrays = agent_arrays(spec)
    done = export.export_onnx(checkpoint(arrays, backend), tmp_path / "policy.onnx", BOUNDS)
    assert set(done.errors) == {"numpy", backend}
    assert max(done.errors.values()) <= 1e-5
    assert done.notes == ()
    obs = np.random.default_rng(1).normal(0, 3, (64, OBS_DIM)).astype(np.float32)
    expected = np.clip(export.backend_outputs(backend, arrays, obs), *BOUNDS)
    np.testing.assert_allclose(run_file(done.path, obs), expected, atol=1e-6)
    # Both a clipped and an unclipped action are among them, or the bounds were not tested.
    assert (np.abs(expected) == 0.25).any() and (np.abs(expected) < 0.25).any()


@pytest.mark.parametrize("spec", [small_spec(False, 3), small_spec(True, 4)])
def test_choices_come_with_their_logits(backend: str, spec: ModelSpec, tmp_path: Path) -> None:
    arrays = agent_arrays(spec)
    done = export.export_onnx(checkpoint(arrays, backend), tmp_path / "policy.onnx", BOUNDS)
    assert set(done.errors) == {"numpy", backend}
    assert max(done.errors.values()) <= 1e-5
    assert (done.compared, done.notes) == ("the probability of a choice", ())
    obs = np.random.default_rng(1).normal(0, 3, (64, OBS_DIM)).astype(np.float32)
    session = onnxruntime.InferenceSession(done.path.read_bytes(), providers=["CPUExecutionProvider"])
    actions, logits = session.run(["actions", "logits"], {"observations": obs})
    assert (actions.dtype, actions.shape, logits.shape) == (np.int64, (64,), (64, spec.n_actions))
    np.testing.assert_allclose(logits, export.backend_outputs(backend, arrays, obs), atol=1e-5)
    np.testing.assert_array_equal(actions[:, None], NumpyPolicy.from_arrays(arrays).mean_actions(obs))
    assert len(np.unique(actions)) > 1
    props = {entry.key: entry.value for entry in onnx.load(done.path).metadata_props}
    assert props["n_actions"] == str(spec.n_actions)
    assert "action_low" not in props


def test_a_graph_that_takes_another_choice_than_the_likeliest_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "likeliest_choices", lambda logits: np.zeros((len(logits), 1), np.float32))
    with pytest.raises(MotrixError, match="those of numpy by up to nan"):
        export.export_onnx(checkpoint(agent_arrays(small_spec(True, 4))), tmp_path / "policy.onnx", None)
    assert not list(tmp_path.iterdir())


def test_both_backends_give_the_same_graph(tmp_path: Path) -> None:
    graphs = []
    for backend in ("torch", "jax"):
        path = export.export_onnx(checkpoint(agent_arrays(SEPARATE), backend), tmp_path / backend, BOUNDS).path
        graphs.append(onnx.load(path).graph.SerializeToString(deterministic=True))
    assert graphs[0] == graphs[1]


def test_any_batch_size_is_taken_and_names_and_origin_are_inside(tmp_path: Path) -> None:
    path = export.export_onnx(checkpoint(agent_arrays(SEPARATE)), tmp_path / "p.onnx", BOUNDS).path
    for rows in (1, 7):
        assert run_file(path, np.zeros((rows, OBS_DIM), np.float32)).shape == (rows, ACT_DIM)
    model = onnx.load(path)
    assert [entry.name for entry in model.graph.input] == ["observations"]
    assert [entry.name for entry in model.graph.output] == ["actions"]
    props = {entry.key: entry.value for entry in model.metadata_props}
    expected = {"env": "pendulum", "env_steps": "640", "backend": "torch", "engine": "stock", "action_low": "-0.25"}
    assert expected.items() <= props.items()


def test_without_known_bounds_actions_are_not_clipped_and_that_is_said(tmp_path: Path) -> None:
    arrays = agent_arrays(SEPARATE)
    arrays["policy.mean.bias"][:] = 40.0
    done = export.export_onnx(checkpoint(arrays), tmp_path / "p.onnx", None)
    assert "not clipped" in done.notes[0]
    obs = np.zeros((2, OBS_DIM), np.float32)
    np.testing.assert_allclose(run_file(done.path, obs), NumpyPolicy.from_arrays(arrays).mean_actions(obs), rtol=1e-6)


def test_the_observations_of_the_check_reach_both_sides_of_the_clip() -> None:
    policy = NumpyPolicy.from_arrays(agent_arrays(SEPARATE))
    obs = export.sample_observations(policy)
    assert obs.shape == (4096, OBS_DIM) and obs.dtype == np.float32
    deviations = np.abs((obs - policy.center) / policy.scale)
    assert (deviations > 1e4).any() and (deviations < 0.1).any()
    assert 0.1 < (deviations > 5).mean() < 0.3
    np.testing.assert_array_equal(obs, export.sample_observations(policy))


def test_a_graph_that_computes_something_else_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policy.onnx"
    path.write_bytes(b"the one before")
    build: Callable[..., Any] = export.build_graph

    def off_by_little(module: Any, policy: NumpyPolicy, *rest: Any) -> Any:
        weight, bias = policy.head
        return build(module, dataclasses.replace(policy, head=(weight, bias + np.float32(3e-5))), *rest)

    monkeypatch.setattr(export, "build_graph", off_by_little)
    with pytest.raises(MotrixError, match=r"was not written.*numpy.*e-05"):
        export.export_onnx(checkpoint(agent_arrays(SEPARATE)), path, None)
    assert path.read_bytes() == b"the one before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_backend_that_computes_something_else_keeps_the_file_from_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "backend_outputs", lambda *_: np.full((export.SAMPLES, ACT_DIM), np.nan, np.float32))
    with pytest.raises(MotrixError, match="those of torch by up to nan"):
        export.export_onnx(checkpoint(agent_arrays(SEPARATE)), tmp_path / "policy.onnx", BOUNDS)
    assert not list(tmp_path.iterdir())


def test_without_its_backend_a_policy_is_checked_against_numpy_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = export.importlib.util.find_spec
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None if name == "jax" else find(name))
    done = export.export_onnx(checkpoint(agent_arrays(SEPARATE), "jax"), tmp_path / "p.onnx", BOUNDS)
    assert set(done.errors) == {"numpy"}
    assert done.notes == ("checked against NumPy only: jax cannot be imported here (jax is not installed)",)


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_a_missing_library_is_named_with_the_extra(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, missing, None)
    with pytest.raises(MissingExtra, match=rf"{missing} is not installed.*motrix-tui\[export\]"):
        export.export_onnx(checkpoint(agent_arrays(SEPARATE)), tmp_path / "p.onnx", BOUNDS)


def test_a_checkpoint_without_a_policy_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"step_640.*policy\.layers\.0\.weight"):
        export.export_onnx(checkpoint({}), tmp_path / "p.onnx", BOUNDS)


@pytest.mark.parametrize("place", ["missing/policy.onnx", "folder"])
def test_a_place_that_cannot_be_written_is_named_and_left_alone(place: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(MotrixError, match=rf"{place} cannot be written.*-o FILE"):
        export.export_onnx(checkpoint(agent_arrays(SEPARATE)), tmp_path / place, BOUNDS)
    assert [entry.name for entry in tmp_path.rglob("*")] == ["folder"]
