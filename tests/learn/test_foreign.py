"""skrl's own agent files: every number arrives, and what cannot be known is told."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign_agents import ACT_DIM, OBS_DIM, observations, save_jax, save_torch

from motrix_core.errors import CheckpointError, MissingExtra
from motrix_core.learn.foreign import read_agent
from motrix_core.learn.policy import NumpyPolicy
from motrix_core.learn.session import TrainSession
from motrix_core.learn.spec import AgentState, ModelSpec
from motrix_core.learn.world import World
from motrix_core.runs.layout import Run

SUFFIX = {"torch": ".pt", "jax": ".pickle"}


def trained_agent(backend: str, run: Run, path: Path) -> AgentState:
    """Train the run's agent and let skrl write it to `path`; returns the state that our trainer sees."""
    session = TrainSession(run, run.config(), world=World(), stop=threading.Event())
    session.train()
    session.close()
    trainer: Any = session._trainer
    trainer._agent.save(str(path))
    return trainer.capture()


@pytest.mark.parametrize("shared", [True, False])
def test_an_agent_that_skrl_wrote_arrives_number_by_number(
    backend: str, shared: bool, make_run: Callable[..., Run], tmp_path: Path
) -> None:
    path = tmp_path / f"agent_3{SUFFIX[backend]}"
    expected = trained_agent(backend, make_run(backend, share_policy_value_features=shared), path)
    agent = read_agent(path)
    assert agent.backend == backend
    assert agent.spec == ModelSpec(3, 1, (8, 8), (8, 8), shared)
    AgentState(agent.arrays, 1.0).check(agent.spec)
    saved_by_skrl = ("policy.", "value.", "trunk.", "scaler.") + (("adam.",) if backend == "torch" else ())
    compared = [name for name in expected.arrays if name.startswith(saved_by_skrl)]
    assert len(compared) > 10
    for name in compared:
        np.testing.assert_array_equal(agent.arrays[name], expected.arrays[name], err_msg=name)
    if backend == "torch":
        assert agent.arrays["adam.step"] > 0
        assert agent.learning_rate == expected.learning_rate
    else:
        # skrl's JAX agents save the optimizer that they began with, and no learning rate.
        assert agent.arrays["adam.step"] == 0
        assert agent.learning_rate is None
        assert any("Adam starts anew" in note for note in agent.notes)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("scaler", ["observation_preprocessor", "state_preprocessor"])
def test_sequential_networks_of_other_projects_act_as_before(shared: bool, scaler: str, tmp_path: Path) -> None:
    path = tmp_path / "best_agent.pt"
    actions = save_torch(path, shared=shared, scaler_name=scaler)
    agent = read_agent(path)
    hidden = ((6, 4), (6, 4)) if shared else ((6,), (5,))
    assert agent.spec == ModelSpec(OBS_DIM, ACT_DIM, *hidden, shared)
    np.testing.assert_allclose(NumpyPolicy.from_arrays(agent.arrays).mean_actions(observations()), actions, atol=1e-6)
    assert agent.learning_rate == 2e-3
    assert agent.arrays["adam.step"] == 3
    assert all(np.abs(agent.arrays[f"adam.m.{name}"]).max() > 0 for name in ("policy.log_std", "value.out.weight"))


def test_unnamed_flax_layers_act_as_before(tmp_path: Path) -> None:
    actions = save_jax(tmp_path / "agent.pickle")
    agent = read_agent(tmp_path / "agent.pickle")
    assert agent.spec == ModelSpec(OBS_DIM, ACT_DIM, (6,), (5,), False)
    np.testing.assert_allclose(NumpyPolicy.from_arrays(agent.arrays).mean_actions(observations()), actions, atol=1e-6)
    np.testing.assert_array_equal(agent.arrays["policy.log_std"], np.full(ACT_DIM, -0.5, np.float32))


def test_a_policy_without_a_deviation_chooses_among_its_outputs(tmp_path: Path) -> None:
    policy = {name: array for name, array in modules()["policy"].items() if name != "log_std_parameter"}
    agent = read_agent(saved(tmp_path / "a.pt", modules(policy=policy)))
    assert agent.spec == ModelSpec(3, 1, (4,), (4,), False, n_actions=2)
    AgentState(agent.arrays, 1.0).check(agent.spec)
    assert "its 2 outputs are taken for logits" in " | ".join(agent.notes)


def modules(**changes: Any) -> dict[str, Any]:
    """What is in a torch agent's file, for tests that change some of it. None takes a module away."""
    import torch

    linear = {"net.0.weight": torch.ones(4, 3), "net.0.bias": torch.zeros(4)}
    scaler = {"running_mean": torch.zeros(3).double(), "running_variance": torch.ones(3).double()}
    whole: dict[str, Any] = {
        "policy": {
            "log_std_parameter": torch.zeros(2),
            **linear,
            "net.2.weight": torch.ones(2, 4),
            "net.2.bias": torch.zeros(2),
        },
        "value": {**linear, "net.2.weight": torch.ones(1, 4), "net.2.bias": torch.zeros(1)},
        "observation_preprocessor": {**scaler, "current_count": torch.tensor(9.0)},
        **changes,
    }
    return {name: module for name, module in whole.items() if module is not None}


def saved(path: Path, content: Any) -> Path:
    import torch

    torch.save(content, path)
    return path


def test_what_the_file_lacks_is_assumed_and_told(tmp_path: Path) -> None:
    agent = read_agent(saved(tmp_path / "a.pt", modules(observation_preprocessor=None, extra={"a": 1})))
    AgentState(agent.arrays, 1.0).check(agent.spec)
    told = " | ".join(agent.notes)
    for part in (
        "ELU is assumed",
        "left out: extra",
        "no optimizer",
        "no scaler of observations",
        "no scaler of values",
    ):
        assert part in told


def wrong_networks() -> list[tuple[str, dict[str, Any], str]]:
    torch = pytest.importorskip("torch")
    good = modules()
    policy, value = good["policy"], good["value"]
    scaler = good["observation_preprocessor"]
    return [
        ("a convolution", {"policy": {**policy, "net.0.weight": torch.ones(4, 3, 1)}}, "not linear"),
        ("an unknown layer", {"policy": {**policy, "norm.weight": torch.ones(4)}}, "norm.weight"),
        ("two stacks", {"value": {**value, "other.0.weight": torch.ones(1)}}, "other.0.weight"),
        ("no log_std and a single output", {"policy": value}, "policy is not built"),
        ("no bias", {"value": {"net.0.weight": torch.ones(1, 3), "net.2.weight": torch.ones(1, 1)}}, "net.0.weight"),
        ("no network", {"value": {"net.2.weight": torch.ones(1, 3)}}, "value is not built"),
        ("layers that do not meet", {"policy": {**policy, "net.2.weight": torch.ones(2, 5)}}, "policy.mean.weight"),
        ("a value of other inputs", {"value": {**value, "net.0.weight": torch.ones(4, 7)}}, "value.layers.0.weight"),
        ("NaN", {"policy": {**policy, "net.0.bias": torch.full((4,), torch.nan)}}, "finite"),
        ("whole numbers", {"policy": {**policy, "net.0.bias": torch.ones(4, dtype=torch.int64)}}, "finite"),
        ("no policy", {"policy": None}, "no module 'policy'.*value"),
        ("a scaler of another size", {"observation_preprocessor": {**scaler, "running_mean": torch.ones(4)}}, "for 3"),
        ("negative variance", {"observation_preprocessor": {**scaler, "running_variance": -torch.ones(3)}}, "no data"),
        ("a scaler that is a tensor", {"observation_preprocessor": torch.ones(5)}, "for 3 numbers"),
        (
            "a foreign optimizer",
            {"optimizer": {"state": {}, "param_groups": [{"lr": 1.0, "params": [0]}]}},
            "optimizer",
        ),
        (
            "a rate that is none",
            {"optimizer": {"state": {}, "param_groups": [{"lr": float("nan"), "params": list(range(9))}]}},
            "learning rate",
        ),
        (
            "an optimizer without moments",
            {"optimizer": {"state": {0: {"step": 1}}, "param_groups": [{"lr": 1.0, "params": list(range(9))}]}},
            "optimizer",
        ),
    ]


@pytest.mark.parametrize(
    ("changes", "said"), [case[1:] for case in wrong_networks()], ids=[c[0] for c in wrong_networks()]
)
def test_agents_that_cannot_be_held_are_refused_by_what_was_found(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = saved(tmp_path / "a.pt", modules(**changes))
    with pytest.raises(CheckpointError, match=rf"a\.pt cannot be used: .*{said}") as refused:
        read_agent(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [[1, 2], {}, {"policy": 3}, "text"])
def test_files_that_hold_something_else_say_what(content: Any, tmp_path: Path) -> None:
    (tmp_path / "a.pickle").write_bytes(pickle.dumps(content))
    for path in (saved(tmp_path / "a.pt", content), tmp_path / "a.pickle"):
        with pytest.raises(CheckpointError, match=r"not the modules of a skrl agent|no module 'policy'"):
            read_agent(path)


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.pt"):
        with pytest.raises(CheckpointError, match="cannot be read"):
            read_agent(path)


def test_jax_agents_need_msgpack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.pickle").write_bytes(pickle.dumps({"policy": b"\x80"}))
    monkeypatch.setitem(sys.modules, "msgpack", None)
    with pytest.raises(MissingExtra, match="msgpack"):
        read_agent(tmp_path / "a.pickle")


def test_reading_needs_neither_torch_nor_jax(tmp_path: Path) -> None:
    save_torch(tmp_path / "a.pt", shared=True)
    save_jax(tmp_path / "a.pickle")
    program = (
        "import sys\nfrom pathlib import Path\nfrom motrix_core.learn.foreign import read_agent\n"
        "for name in ('a.pt', 'a.pickle'):\n"
        "    read_agent(Path(sys.argv[1]) / name)\n"
        "assert not {'torch', 'jax', 'flax', 'skrl'} & set(sys.modules)\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=root)
