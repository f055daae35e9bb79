from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from fake_core import FakeCore, make_probe, settle
from textual import events
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList, Static

from motrix_core.errors import TrainingFailed
from motrix_tui.app import MotrixApp
from motrix_tui.launch.command_bar import CommandBar
from motrix_tui.launch.environments import EnvironmentList
from motrix_tui.launch.field_row import FieldRow
from motrix_tui.launch.form import FieldList, FormPanel
from motrix_tui.launch.hardware import CandidateList
from motrix_tui.settings import Settings
from motrix_tui.shell.reader import Fitted

Open = Callable[..., Any]


def command(pilot: Pilot[Any]) -> str:
    return pilot.app.query_one(CommandBar).text


def row(pilot: Pilot[Any], path: str) -> FieldRow:
    return next(row for row in pilot.app.query(FieldRow) if row.field.path == path)


def text_of(pilot: Pilot[Any], selector: str) -> str:
    return str(pilot.app.query_one(selector, Static).content)


async def edit(pilot: Pilot[Any], path: str, text: str, end: str = "enter") -> None:
    """Type `text` into the field at `path`, as a person does, and press `end`."""
    pilot.app.query_one(FormPanel).show_field(path)
    await pilot.pause()
    await pilot.press("enter", "ctrl+u", *text, end)
    await pilot.pause()


async def test_the_machine_is_listed_before_any_probe_answers(core: FakeCore, opened: Open) -> None:
    core.gate = Event()
    app = MotrixApp(core, Settings.load(core.runs_dir / "none.toml"))
    async with app.run_test(size=(120, 40)) as pilot:
        while not any(item.version for listed in app.query(CandidateList) for item in listed.candidates):
            await pilot.pause()
        candidates = app.query_one(CandidateList).candidates
        assert "AMD EPYC 7763" in text_of(pilot, "#inventory")
        assert [item.probe for item in candidates] == [None] * 4
        assert "0.10.2" in app.query_one(CandidateList).render().plain
        core.gate.set()
        await settle(pilot)
        assert all(item.probe is not None for item in app.query_one(CandidateList).candidates)


async def test_the_machine_is_told_in_full_where_its_panel_was_hidden_at_first(opened: Open) -> None:
    async with opened(size=(80, 24)) as pilot:
        await pilot.press("m")
        await pilot.pause()
        await pilot.pause()
        assert "8 cores · AMD EPYC 7763" in text_of(pilot, "#inventory")


async def test_an_unusable_simulator_stays_listed_with_cause_and_mend(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("m", "j", "j", "j")
        await pilot.pause()
        assert "MuJoCo" in pilot.app.query_one(CandidateList).render().plain
        detail = text_of(pilot, "#detail")
        assert "MuJoCo is not installed" in detail and "pip install 'motrix-tui[mujoco]'" in detail


async def test_an_environment_without_simulator_says_that_none_is_needed(opened: Open) -> None:
    async with opened() as pilot:
        environments = pilot.app.query_one(EnvironmentList)
        environments.highlighted = environments.get_option_index("pendulum")
        await pilot.pause()
        listed = pilot.app.query_one(CandidateList).render().plain.splitlines()
        assert [line.split() for line in listed[4:]] == [["MotrixSim", "not", "needed"], ["MuJoCo", "not", "needed"]]
        await pilot.press("m", "j", "j")
        await pilot.pause()
        assert text_of(pilot, "#detail").endswith("; this environment needs no simulator")


async def test_the_detail_is_about_the_chosen_backend_until_the_list_has_the_focus(
    runs_dir: Path, opened: Open
) -> None:
    probes = {
        "jax": make_probe("jax", devices=("cpu:0",)),
        "torch": make_probe("torch", devices=("cpu", "cuda:0 NVIDIA H200")),
    }
    core = FakeCore(runs_dir, probes=probes)
    async with opened(MotrixApp(core, Settings.load(runs_dir / "none.toml"))) as pilot:
        assert text_of(pilot, "#detail") == "JAX on cpu:0"
        await pilot.press("b")
        await pilot.pause()
        assert text_of(pilot, "#detail") == "PyTorch on cpu, cuda:0 NVIDIA H200"
        await pilot.press("m")
        await pilot.pause()
        assert text_of(pilot, "#detail") == "JAX on cpu:0"
        await pilot.press("e")
        await pilot.pause()
        assert text_of(pilot, "#detail").startswith("PyTorch on")


async def test_b_switches_the_backend_and_the_form_follows_its_defaults(opened: Open) -> None:
    async with opened() as pilot:
        pilot.app.query_one(EnvironmentList).highlighted = 2
        await pilot.pause()
        assert "--env dm-walker --backend jax" in command(pilot)
        assert row(pilot, "ppo.mini_batches").text == "4"
        await edit(pilot, "ppo.num_envs", "1024")
        await pilot.press("b")
        await pilot.pause()
        assert "--backend torch" in command(pilot)
        assert row(pilot, "ppo.mini_batches").text == "32"
        assert row(pilot, "ppo.num_envs").text == "1024" and row(pilot, "ppo.num_envs").changed


async def test_b_says_why_when_the_other_backend_cannot_be_used(runs_dir: Path, opened: Open) -> None:
    broken = make_probe(
        "torch", status="import-failed", usable=False, cause="libcudart is missing", mend="reinstall it"
    )
    core = FakeCore(runs_dir, probes={"torch": broken})
    async with opened(MotrixApp(core, Settings.load(runs_dir / "none.toml"))) as pilot:
        await pilot.press("b")
        await pilot.pause()
        assert "--backend jax" in command(pilot)
        assert any("libcudart is missing; reinstall it" in note.message for note in pilot.app._notifications)


async def test_automatic_selection_takes_the_backend_that_has_the_gpu(runs_dir: Path, opened: Open) -> None:
    core = FakeCore(runs_dir, probes={"torch": make_probe("torch", gpu=True, devices=("cuda:0",))})
    async with opened(MotrixApp(core, Settings.load(runs_dir / "none.toml"))) as pilot:
        assert "--backend torch" in command(pilot)


async def test_the_environment_variable_chooses_the_backend(
    monkeypatch: pytest.MonkeyPatch, runs_dir: Path, opened: Open
) -> None:
    monkeypatch.setenv("MOTRIX_BACKEND", "torch")
    async with opened(MotrixApp(FakeCore(runs_dir), Settings.load(runs_dir / "none.toml"))) as pilot:
        assert "--backend torch" in command(pilot)


async def test_an_unknown_backend_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch, opened: Open) -> None:
    monkeypatch.setenv("MOTRIX_BACKEND", "jaxx")
    async with opened() as pilot:
        wanted = "MOTRIX_BACKEND='jaxx' is not one of auto, jax, torch"
        assert any(wanted in note.message for note in pilot.app._notifications)
        assert "--backend jax" in command(pilot)


async def test_s_switches_to_the_other_usable_simulator(runs_dir: Path, opened: Open) -> None:
    core = FakeCore(runs_dir, probes={"mujoco": make_probe("mujoco", version="4.0.0")})
    async with opened(MotrixApp(core, Settings.load(runs_dir / "none.toml"))) as pilot:
        assert "--sim" not in command(pilot)
        await pilot.press("s")
        await pilot.pause()
        assert "--sim mujoco" in command(pilot)
        assert str(pilot.app.query_one("#form").border_title) == "PPO · cartpole · JAX · MuJoCo"
        await pilot.press("s")
        await pilot.pause()
        # Back at what is taken by itself, which the command leaves to the machine again.
        assert "--sim" not in command(pilot)
        assert str(pilot.app.query_one("#form").border_title) == "PPO · cartpole · JAX · MotrixSim"


async def test_s_comes_back_to_what_motrix_sim_asks_for(
    runs_dir: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTRIX_SIM", "mujoco")
    core = FakeCore(runs_dir, probes={"mujoco": make_probe("mujoco", version="4.0.0")})
    async with opened(MotrixApp(core, Settings.load(runs_dir / "none.toml"))) as pilot:
        for wanted in ("--sim mujoco", "--sim motrixsim", "--sim mujoco"):
            assert wanted in command(pilot)
            await pilot.press("s")
            await pilot.pause()


async def test_the_simulator_is_in_the_title_where_there_is_room_for_it(runs_dir: Path, opened: Open) -> None:
    core = FakeCore(runs_dir)
    app = MotrixApp(core, Settings.load(runs_dir / "none.toml"))
    async with opened(app) as pilot:
        form = pilot.app.query_one("#form")
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert str(form.border_title) == "PPO · cartpole · JAX · MotrixSim"
        await pilot.resize_terminal(60, 20)
        await pilot.press("f")
        await pilot.pause()
        assert str(form.border_title) == "PPO · cartpole · JAX · MotrixSim"
        await pilot.resize_terminal(30, 20)
        await pilot.pause()
        assert str(form.border_title) == "cartpole · JAX · Motrix…"


async def test_s_says_when_there_is_no_other_simulator(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("s")
        await pilot.pause()
        assert any("no other" in note.message for note in pilot.app._notifications)


async def test_the_filter_narrows_the_list_by_letters_of_the_name(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("slash", "r", "u", "n", "enter")
        await pilot.pause()
        names = [option.id for option in pilot.app.query_one(OptionList).options]
        assert names[0] == "dm-runner" and "cartpole" not in names
        assert "--env dm-runner" in command(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert pilot.app.query_one(OptionList).option_count == 5


async def test_a_filter_without_a_match_says_so_and_keeps_the_choice(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("slash", *"zzz")
        await pilot.pause()
        assert "nothing matches" in str(pilot.app.query_one(OptionList).get_option_at_index(0).prompt)
        assert "--env cartpole" in command(pilot)


async def test_the_highlighted_environment_is_described(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("j")
        await pilot.pause()
        assert "Get up from a random pose" in text_of(pilot, "#about Static")
        assert "22 observations → 6 actions" in text_of(pilot, "#about Static")


async def test_discrete_actions_are_counted_in_the_list_and_in_the_description(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fake_core.ENVIRONMENTS", ("acrobot",))
    async with opened() as pilot:
        line = str(pilot.app.query_one(OptionList).get_option_at_index(0).prompt)
        assert line.split() == ["acrobot", "6", "→", "3", "discrete"]
        assert "6 observations → 3 discrete actions" in text_of(pilot, "#about Static")


async def test_letters_and_digits_are_text_while_a_field_is_edited(opened: Open) -> None:
    async with opened() as pilot:
        await edit(pilot, "ppo.max_env_steps", "2M")
        assert pilot.app.place == "launch"
        assert row(pilot, "ppo.max_env_steps").text == "2M"
        assert "--max-env-steps 2000000" in command(pilot)


async def test_errors_stand_under_their_field_with_the_mend_and_no_command_remains(opened: Open) -> None:
    async with opened() as pilot:
        await edit(pilot, "ppo.mini_batches", "3")
        errors = row(pilot, "ppo.mini_batches").errors
        assert len(errors) == 1 and "must divide" in errors[0] and "try" in errors[0]
        assert "must divide" in row(pilot, "ppo.mini_batches").render().plain
        assert command(pilot) == ""
        assert pilot.app.query_one("#launch-button", Button).disabled
        assert "1 error" in str(pilot.app.query_one(FormPanel).border_subtitle)


async def test_derived_numbers_follow_what_is_typed(opened: Open) -> None:
    async with opened() as pilot:
        assert "65 536 samples/update" in str(pilot.app.query_one(FormPanel).border_subtitle)
        await edit(pilot, "ppo.num_envs", "1024")
        assert "32 768 samples/update" in str(pilot.app.query_one(FormPanel).border_subtitle)


async def test_escape_leaves_a_field_as_it_was(opened: Open) -> None:
    async with opened() as pilot:
        await edit(pilot, "ppo.num_envs", "77", end="escape")
        assert row(pilot, "ppo.num_envs").text == "2048" and not row(pilot, "ppo.num_envs").changed
        assert not row(pilot, "ppo.num_envs").is_editing
        assert pilot.app.query_one(FieldList).has_focus


async def test_what_is_typed_right_after_enter_goes_into_the_field(opened: Open) -> None:
    async with opened() as pilot:
        pilot.app.query_one(FormPanel).show_field("ppo.num_envs")
        await pilot.pause()
        await pilot.press("enter", *"3072")
        await pilot.pause()
        assert pilot.app.place == "launch" and row(pilot, "ppo.num_envs").text == "3072"


async def test_keys_that_arrive_at_once_act_in_their_order(opened: Open) -> None:
    async with opened() as pilot:
        pilot.app.query_one(FormPanel).show_field("ppo.num_envs")
        await pilot.press("enter", "end")
        for key in ("ctrl+u", "5", "1", "3", "backspace", "2", "enter"):
            pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await pilot.pause()
        assert row(pilot, "ppo.num_envs").text == "512" and not row(pilot, "ppo.num_envs").is_editing


async def test_an_old_blur_does_not_close_the_next_edit_of_the_same_field(opened: Open) -> None:
    async with opened() as pilot:
        await edit(pilot, "ppo.num_envs", "1024")
        field = row(pilot, "ppo.num_envs")
        field.edit()
        pilot.app.query_one("#ppo-num_envs Input", Input).post_message(events.Blur())
        await pilot.pause()
        await pilot.press("5", "1", "2", "enter")
        assert field.text == "512" and not field.is_editing


async def test_an_edit_goes_on_when_the_terminals_window_was_left_meanwhile(opened: Open) -> None:
    async with opened() as pilot:
        pilot.app.query_one(FormPanel).show_field("ppo.num_envs")
        await pilot.press("enter", "ctrl+u", "5")
        pilot.app.post_message(events.AppBlur())
        await pilot.pause()
        pilot.app.post_message(events.AppFocus())
        await pilot.pause()
        await pilot.press("1", "2", "enter")
        assert row(pilot, "ppo.num_envs").text == "512"
        assert isinstance(pilot.app.focused, FieldList)


async def test_tab_takes_the_value_and_edits_the_next_field(opened: Open) -> None:
    async with opened() as pilot:
        await edit(pilot, "ppo.num_envs", "1024", end="tab")
        assert row(pilot, "ppo.num_envs").text == "1024"
        assert row(pilot, "ppo.max_env_steps").is_editing


async def test_undo_takes_back_the_whole_edit(opened: Open) -> None:
    async with opened() as pilot:
        await edit(pilot, "ppo.num_envs", "1024")
        await pilot.press("ctrl+z")
        await pilot.pause()
        assert row(pilot, "ppo.num_envs").text == "2048"


async def test_reset_gives_the_field_its_default_and_reset_all_every_field(opened: Open) -> None:
    async with opened() as pilot:
        await edit(pilot, "ppo.num_envs", "1024")
        await edit(pilot, "ppo.rollouts", "16")
        await pilot.press("r")
        await pilot.pause()
        assert not row(pilot, "ppo.rollouts").changed and row(pilot, "ppo.num_envs").changed
        await pilot.press("R")
        await pilot.pause()
        assert not row(pilot, "ppo.num_envs").changed


async def test_switches_and_choices_step_without_typing(opened: Open) -> None:
    async with opened() as pilot:
        form = pilot.app.query_one(FormPanel)
        form.show_field("train.device")
        await pilot.pause()
        await pilot.press("right")
        await pilot.pause()
        assert row(pilot, "train.device").text == "cpu"
        await pilot.press("left")
        await pilot.pause()
        assert not row(pilot, "train.device").changed
        form.show_field("train.tensorboard")
        await pilot.pause()
        await pilot.press("space")
        await pilot.pause()
        assert "train.tensorboard=false" in command(pilot)


async def test_brackets_step_through_the_forms_tabs(opened: Open) -> None:
    async with opened() as pilot:
        form = pilot.app.query_one(FormPanel)
        await pilot.press("right_square_bracket")
        assert form.group == "Rollout"
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert form.group == "Run"


async def test_the_focused_fields_help_and_bounds_are_shown(opened: Open) -> None:
    async with opened() as pilot:
        pilot.app.query_one(FormPanel).show_field("ppo.learning_rate")
        await pilot.pause()
        shown = text_of(pilot, "#field-help Static")
        assert "ppo.learning_rate" in shown and "from 1e-9 to 1" in shown and "Adam" in shown


async def test_all_of_a_long_help_can_be_read_on_a_low_terminal(opened: Open) -> None:
    async with opened(size=(80, 24)) as pilot:
        form = pilot.app.query_one(FormPanel)
        rows = {field.field.path: field.field.help for field in pilot.app.query(FieldRow)}
        longest = max(rows, key=lambda path: len(rows[path]))
        form.show_field(longest)
        await pilot.pause()
        await pilot.pause()
        box = pilot.app.query_one("#field-help", VerticalScroll)
        assert box.max_scroll_y > 0 and box.show_vertical_scrollbar
        await pilot.press("question_mark")
        await pilot.pause()
        shown = " ".join(pilot.app.screen.query_one(Fitted).render().plain.split())
        assert longest in shown and " ".join(rows[longest].split()) in shown


async def test_y_copies_the_command(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("y")
        assert pilot.app.clipboard == "motrix-tui --run --env cartpole --backend jax"


async def test_launch_creates_the_run_starts_it_and_opens_it_in_monitor(core: FakeCore, opened: Open) -> None:
    async with opened() as pilot:
        await edit(pilot, "ppo.num_envs", "1024")
        await pilot.press("ctrl+r")
        await settle(pilot)
        assert len(core.launched) == 1
        run = core.launched[0]
        assert run.config().ppo.num_envs == 1024
        assert (run.config().backend, run.config().sim) == ("jax", "motrixsim")
        assert run.record()["sources"] == {"ppo.num_envs": "form", "ppo.seed": "drawn"}
        assert pilot.app.place == "monitor"
        assert pilot.app.query_one("#monitor").run == run


async def test_launch_is_impossible_with_errors_and_goes_to_the_first(core: FakeCore, opened: Open) -> None:
    async with opened() as pilot:
        await edit(pilot, "ppo.mini_batches", "3")
        await pilot.press("e", "ctrl+r")
        await settle(pilot)
        assert core.launched == [] and not core.runs_dir.exists()
        assert any("nothing was launched" in note.message for note in pilot.app._notifications)
        current = pilot.app.query_one(FieldList).row
        assert current is not None and current.field.path == "ppo.mini_batches"


async def test_an_unwritable_runs_folder_is_said_in_place(core: FakeCore, opened: Open) -> None:
    core.runs_dir.write_text("not a folder")
    async with opened() as pilot:
        await pilot.press("ctrl+r")
        await settle(pilot)
        problem = pilot.app.query_one(CommandBar).problem
        assert "not launched" in problem and str(core.runs_dir) in problem and "--runs-dir" in problem
        assert pilot.app.place == "launch" and not pilot.app.query_one(CommandBar).busy


async def test_a_supervisor_that_does_not_start_is_said_in_place(core: FakeCore, opened: Open) -> None:
    core.launch_error = TrainingFailed("the supervisor ended at once: \x1b[31mno space[/]")
    async with opened() as pilot:
        await pilot.press("ctrl+r")
        await settle(pilot)
        problem = pilot.app.query_one(CommandBar).problem
        assert "no space[/]" in problem and "\x1b" not in problem


async def test_an_unusable_backend_is_not_launched(runs_dir: Path, opened: Open) -> None:
    broken = {
        name: make_probe(name, status="import-failed", usable=False, cause=f"{name} is broken", mend="reinstall")
        for name in ("jax", "torch")
    }
    core = FakeCore(runs_dir, probes=broken)
    async with opened(MotrixApp(core, Settings.load(runs_dir / "none.toml"))) as pilot:
        await pilot.press("ctrl+r")
        await settle(pilot)
        assert core.launched == []
        assert "jax is broken; reinstall" in pilot.app.query_one(CommandBar).problem


async def test_a_click_edits_a_field_and_a_click_on_a_tab_shows_it(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.click("#groups", offset=(14, 0))
        await pilot.pause()
        assert pilot.app.query_one(FormPanel).group == "Rollout"
        await pilot.click("#ppo-rollouts", offset=(34, 0))
        await pilot.pause()
        assert row(pilot, "ppo.rollouts").is_editing


@pytest.mark.parametrize(
    ("width", "shown"),
    [(120, {"machine", "environments", "form"}), (80, {"environments", "form"}), (60, {"environments"})],
)
async def test_narrow_terminals_show_fewer_panels_at_once(opened: Open, width: int, shown: set[str]) -> None:
    async with opened(size=(width, 24)) as pilot:
        assert {
            name for name in ("machine", "environments", "form") if pilot.app.query_one(f"#{name}").display
        } == shown


@pytest.mark.parametrize("width", [80, 60, 40])
async def test_every_panel_can_be_reached_in_a_narrow_terminal(opened: Open, width: int) -> None:
    async with opened(size=(width, 20)) as pilot:
        for key, panel in (("m", "#machine"), ("f", "#form"), ("e", "#environments")):
            await pilot.press(key)
            await pilot.pause()
            assert pilot.app.query_one(panel).display
            assert pilot.app.query_one(panel) in pilot.app.focused.ancestors_with_self


async def test_typing_in_the_filter_does_not_run_actions(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("slash", "b", "q", "1")
        await pilot.pause()
        assert pilot.app.query_one("#environment-filter", Input).value == "bq1"
        assert pilot.app.is_running
