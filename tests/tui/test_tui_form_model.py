from __future__ import annotations

import pytest
from fake_core import FakeCore

from motrix_tui.launch.model import FormModel


@pytest.fixture
def model(core: FakeCore) -> FormModel:
    model = FormModel(core, core.form_fields())
    model.choose(env="cartpole", backend="jax", sim="auto")
    return model


def test_an_untouched_form_has_the_environments_defaults(model: FormModel) -> None:
    state = model.state()
    assert not state.changes and not state.problems
    assert state.texts["ppo.mini_batches"] == "4"
    assert state.config is not None and state.config.ppo.policy_hidden_layer_sizes == (32, 32)
    assert state.command is not None and "--set" not in state.command


def test_a_change_shows_in_the_command(model: FormModel) -> None:
    model.set("ppo.learning_rate", "3e-4")
    state = model.state()
    assert dict(state.changes) == {"ppo.learning_rate": "3e-4"}
    assert state.command is not None and "ppo.learning_rate=3e-4" in state.command


@pytest.mark.parametrize("text", ["4", " 4 ", "4.0", "0.4e1"])
def test_another_spelling_of_the_default_is_no_change(model: FormModel, text: str) -> None:
    model.set("ppo.mini_batches", text)
    assert not model.changes


def test_all_errors_are_there_at_once(model: FormModel) -> None:
    model.set("ppo.mini_batches", "3")
    model.set("ppo.learning_rate", "fast")
    state = model.state()
    assert set(state.problems) == {"ppo.mini_batches", "ppo.learning_rate"}
    assert state.problem_count == 2
    assert state.config is None and state.command is None and state.derived is None


def test_undo_goes_back_one_edit_and_not_one_letter(model: FormModel) -> None:
    model.set("ppo.num_envs", "1")
    model.set("ppo.num_envs", "10", new_step=False)
    model.set("ppo.num_envs", "1024", new_step=False)
    model.set("ppo.rollouts", "64")
    assert model.undo() and model.changes == {"ppo.num_envs": "1024"}
    assert model.undo() and model.changes == {}
    assert not model.undo()


def test_a_reset_can_be_undone(model: FormModel) -> None:
    model.set("ppo.num_envs", "1024")
    assert model.reset("ppo.num_envs") and not model.changes
    assert not model.reset("ppo.num_envs")
    assert model.undo() and model.changes == {"ppo.num_envs": "1024"}
    assert model.reset_all() and not model.reset_all()
    assert model.undo() and model.changes == {"ppo.num_envs": "1024"}


def test_changes_stay_with_their_environment_and_survive_the_other_backend(model: FormModel) -> None:
    model.set("ppo.num_envs", "1024")
    model.choose(env="pendulum", backend="jax", sim="auto")
    assert not model.changes
    model.choose(env="cartpole", backend="torch", sim="auto")
    state = model.state()
    assert state.texts["ppo.num_envs"] == "1024"
    assert state.config is not None and state.config.backend == "torch"


def test_defaults_follow_the_backend(model: FormModel) -> None:
    model.choose(env="dm-walker", backend="jax", sim="auto")
    on_jax = model.state().texts["ppo.mini_batches"]
    model.choose(env="dm-walker", backend="torch", sim="auto")
    assert (on_jax, model.state().texts["ppo.mini_batches"]) == ("4", "32")
