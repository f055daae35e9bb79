from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_core import FakeCore, settle
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from motrix_core.config.form import parse_toml
from motrix_core.errors import ConfigError
from motrix_core.runs.layout import Run
from motrix_tui.app import MotrixApp
from motrix_tui.launch.command_bar import CommandBar
from motrix_tui.launch.draft import Draft
from motrix_tui.launch.environments import EnvironmentPanel
from motrix_tui.launch.field_row import FieldRow
from motrix_tui.launch.pane import LaunchPane
from motrix_tui.launch.presets_dialog import PresetsDialog
from motrix_tui.launch.values import Presets, form_values
from motrix_tui.runs_table.pane import RunsPane
from motrix_tui.settings import Settings
from motrix_tui.shell.dialogs import Question
from motrix_tui.shell.prompt import Prompt

Open = Callable[..., Any]


def command(pilot: Pilot[Any]) -> str:
    return pilot.app.query_one(CommandBar).text


def messages(pilot: Pilot[Any]) -> str:
    return "\n".join(note.message for note in pilot.app._notifications)


def change(pilot: Pilot[Any], path: str, text: str) -> None:
    pilot.app.query_one(LaunchPane).on_field_row_edited(FieldRow.Edited(path, text, True))


async def wait_for(pilot: Pilot[Any], screen: type) -> Any:
    while not isinstance(pilot.app.screen, screen):
        await pilot.pause()
    return pilot.app.screen


async def wait_for_main(pilot: Pilot[Any]) -> None:
    while len(pilot.app.screen_stack) > 1:
        await pilot.pause()
    await settle(pilot)


def test_a_file_gives_texts_as_one_would_type_them() -> None:
    text = 'env = "dm-walker"\nbackend = "torch"\n[ppo]\nnum_envs = 65536\nlearning_rate = 0.0003\n'
    text += "policy_hidden_layer_sizes = [64, 32]\n[env_options]\npush_speed = 1.0\n"
    found = form_values(parse_toml(text, "f"))
    assert (found.env, found.backend, found.sim) == ("dm-walker", "torch", None)
    assert dict(found.texts) == {
        "ppo.num_envs": "65 536",
        "ppo.learning_rate": "3e-4",
        "ppo.policy_hidden_layer_sizes": "64-32",
        "env_options.push_speed": "1.0",
    }


def test_a_value_that_is_not_valid_is_kept_for_the_form_to_show() -> None:
    assert dict(form_values({"ppo.num_envs": -1, "ppo.policy_hidden_layer_sizes": [0, 4]}).texts) == {
        "ppo.num_envs": "-1",
        "ppo.policy_hidden_layer_sizes": "0-4",
    }


def test_unknown_settings_of_a_file_are_all_named() -> None:
    with pytest.raises(ConfigError) as caught:
        form_values({"ppo.lr": 1, "colour": "red"})
    assert "ppo.lr" in str(caught.value) and "colour" in str(caught.value)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 64, "end.", "a\nb"])
def test_a_presets_name_is_a_files_name(name: str) -> None:
    assert Presets.problem(name) is not None


async def test_a_preset_is_saved_taken_in_a_later_session_and_deleted(
    core: FakeCore, tmp_path: Path, opened: Open
) -> None:
    async with opened() as pilot:
        change(pilot, "ppo.num_envs", "1024")
        await pilot.press("b", "p")
        await wait_for(pilot, PresetsDialog)
        await pilot.press("s")
        prompt = await wait_for(pilot, Prompt)
        prompt.query_one(Input).value = "a/b"
        await pilot.press("enter")
        assert "letters" in str(prompt.query_one("#problem", Static).content)
        prompt.query_one(Input).value = "small one"
        await pilot.press("enter")
        dialog = await wait_for(pilot, PresetsDialog)
        assert dialog.query_one(OptionList).option_count == 1
    assert (tmp_path / "presets" / "small one.toml").is_file()
    (tmp_path / "launch.json").unlink()
    async with opened(MotrixApp(core, Settings.load(tmp_path / "settings.toml"))) as pilot:
        assert "--num-envs" not in command(pilot) and "--backend jax" in command(pilot)
        await pilot.press("p")
        await wait_for(pilot, PresetsDialog)
        await pilot.press("enter")
        await wait_for_main(pilot)
        assert "--backend torch" in command(pilot) and "--num-envs 1024" in command(pilot)
        await pilot.press("ctrl+z")
        assert "--num-envs" not in command(pilot)
        await pilot.press("p")
        await wait_for(pilot, PresetsDialog)
        await pilot.press("d")
        await wait_for(pilot, Question)
        await pilot.press("d")
        await wait_for(pilot, PresetsDialog)
    assert not (tmp_path / "presets" / "small one.toml").exists()


async def test_a_damaged_preset_is_listed_with_what_is_wrong_and_leaves_the_form_alone(
    tmp_path: Path, opened: Open
) -> None:
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "broken.toml").write_text("env = ")
    async with opened() as pilot:
        before = command(pilot)
        await pilot.press("p")
        dialog = await wait_for(pilot, PresetsDialog)
        assert "line 1" in str(dialog.query_one(OptionList).get_option_at_index(0).prompt)
        await pilot.press("enter")
        await wait_for_main(pilot)
        assert "broken.toml, line 1" in messages(pilot) and command(pilot) == before


async def test_what_is_exported_imports_as_the_same_command(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "mine.toml"
    async with opened() as pilot:
        change(pilot, "ppo.learning_rate", "3e-4")
        wanted = command(pilot)
        await pilot.press("w")
        prompt = await wait_for(pilot, Prompt)
        prompt.query_one(Input).value = str(path)
        await pilot.press("enter")
        await wait_for_main(pilot)
        assert parse_toml(path.read_text(), "mine")["ppo.learning_rate"] == 3e-4
        await pilot.press("R")
        assert command(pilot) != wanted
        await pilot.press("i")
        prompt = await wait_for(pilot, Prompt)
        prompt.query_one(Input).value = str(path)
        await pilot.press("enter")
        await wait_for_main(pilot)
        assert command(pilot) == wanted


async def test_an_import_chooses_the_environment_and_shows_errors_under_their_fields(
    tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "walker.toml"
    path.write_text('env = "dm-walker"\n[ppo]\nmini_batches = 0\n[env_options]\nx = 1\n')
    async with opened() as pilot:
        await pilot.press("i")
        prompt = await wait_for(pilot, Prompt)
        prompt.query_one(Input).value = str(tmp_path / "none.toml")
        await pilot.press("enter")
        assert "does not exist" in str(prompt.query_one("#problem", Static).content)
        prompt.query_one(Input).value = str(path)
        await pilot.press("enter")
        await wait_for_main(pilot)
        row = next(row for row in pilot.app.query(FieldRow) if row.field.path == "ppo.mini_batches")
        assert row.text == "0" and row.errors
        assert "dm-walker" in str(pilot.app.query_one("#form").border_title)
        assert "env_options.x = 1" in str(pilot.app.query_one("#form-beside", Static).content)


async def test_what_is_typed_right_after_ctrl_u_stays(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("w")
        prompt = await wait_for(pilot, Prompt)
        while pilot.app.focused not in prompt.query(Input):
            await pilot.pause()
        for key in ("ctrl+u", "a", "b", "left", "c", "end", "."):
            pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await pilot.pause()
        assert prompt.query_one(Input).value == "acb."


async def test_a_file_for_an_environment_that_is_not_in_the_list_is_refused(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "other.toml"
    path.write_text('env = "unheard-of"\n')
    async with opened() as pilot:
        before = command(pilot)
        await pilot.press("i")
        prompt = await wait_for(pilot, Prompt)
        prompt.query_one(Input).value = str(path)
        await pilot.press("enter")
        await wait_for_main(pilot)
        assert "unheard-of" in messages(pilot) and command(pilot) == before


CHANGED = {"ppo.num_envs": "1024", "ppo.learning_rate": "3e-4", "ppo.seed": "7"}


async def test_a_run_is_cloned_into_the_form_with_its_seed_and_undone_in_one_step(
    make_run: Callable[..., Run], opened: Open
) -> None:
    make_run("dm-walker", "torch", settings=CHANGED)
    async with opened() as pilot:
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("n")
        await settle(pilot)
        assert pilot.app.place == "launch"  # type: ignore[attr-defined]
        cloned = command(pilot)
        for word in ("--env dm-walker", "--backend torch", "--num-envs 1024", "ppo.learning_rate=3e-4", "--seed 7"):
            assert word in cloned
        await pilot.press("ctrl+z")
        assert "--env dm-walker" in command(pilot) and "--num-envs" not in command(pilot)


async def test_a_run_is_cloned_also_where_launch_was_never_open(
    core: FakeCore, tmp_path: Path, make_run: Callable[..., Run]
) -> None:
    run = make_run("dm-walker", settings=CHANGED)
    app = MotrixApp(core, Settings.load(tmp_path / "settings.toml"), opened=run)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        while not app.query("#monitor"):
            await pilot.pause()
        assert not app.query(LaunchPane)
        await pilot.press("3")
        while not (app.query(RunsPane) and app.query_one(RunsPane).rows):
            await pilot.pause()
        await pilot.press("n")
        while "taken" not in messages(pilot):
            await pilot.pause()
        await settle(pilot)
        assert "--env dm-walker" in command(pilot) and "--num-envs 1024" in command(pilot)


async def test_a_resize_that_comes_before_the_chosen_environment_is_told_keeps_it(opened: Open) -> None:
    async with opened() as pilot:
        panel = pilot.app.query_one(EnvironmentPanel)
        assert "--env cartpole" in command(pilot)
        panel.choose("dm-walker")
        panel.on_resize(events.Resize(panel.size, panel.size))
        await settle(pilot)
        assert "--env dm-walker" in command(pilot)


async def test_a_run_whose_settings_cannot_be_read_leaves_the_form_alone(
    make_run: Callable[..., Run], opened: Open
) -> None:
    run = make_run("dm-walker")
    run.paths.config.write_text("{")
    async with opened() as pilot:
        before = command(pilot)
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("n")
        await settle(pilot)
        assert "config.json" in messages(pilot) and command(pilot) == before


async def test_unlaunched_changes_survive_a_restart(core: FakeCore, tmp_path: Path, opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("down")
        await pilot.pause()
        change(pilot, "ppo.num_envs", "1024")
        await pilot.press("b")
        await pilot.pause()
        wanted = command(pilot)
    async with opened(MotrixApp(core, Settings.load(tmp_path / "settings.toml"))) as pilot:
        assert command(pilot) == wanted and "--num-envs 1024" in wanted and "--backend torch" in wanted


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"changes": {"cartpole": {"ppo.gone": "1", "ppo.seed": 3}}, "env": 1}']
)
async def test_a_draft_that_is_damaged_or_of_another_version_does_no_harm(
    tmp_path: Path, opened: Open, content: str
) -> None:
    (tmp_path / "launch.json").write_text(content)
    async with opened() as pilot:
        assert command(pilot).endswith("--env cartpole --backend jax")
        assert ("launch.json" in messages(pilot)) == (len(content) < 3)


def test_a_draft_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    draft = Draft("cartpole", "torch", {"cartpole": "mujoco"}, {"cartpole": {"ppo.seed": "x"}})
    draft.save(tmp_path / "new" / "launch.json")
    assert Draft.load(tmp_path / "new" / "launch.json") == draft
