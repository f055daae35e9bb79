"""Environments that a person brings to the dashboard: listed, configured, launched; or what is wrong with them said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_core import FakeCore, settle
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from motrix_core.brought.look import look
from motrix_core.commands.own_env import TEMPLATE
from motrix_core.config.schema import RunConfig
from motrix_core.envs.adapters.module_file import module_name
from motrix_core.envs.source import CATALOG, EnvSource
from motrix_core.errors import EnvironmentFailed
from motrix_core.runs.layout import create_run
from motrix_tui.__main__ import main
from motrix_tui.app import MotrixApp
from motrix_tui.core import Core
from motrix_tui.launch.command_bar import CommandBar
from motrix_tui.launch.field_row import FieldRow
from motrix_tui.launch.machine import Machine
from motrix_tui.launch.pane import LaunchPane
from motrix_tui.launch.values import FormValues
from motrix_tui.settings import Settings

Open = Callable[..., Any]
TEXT = TEMPLATE.read_text()
ROOT = Path(__file__).parents[2]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., EnvSource]:
    """Writes the template to mine.py, with texts of it replaced, and gives it as a source."""

    def _write(changes: dict[str, str] | None = None) -> EnvSource:
        text = TEXT
        for old, new in (changes or {}).items():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "mine.py").write_text(text)
        return EnvSource(module=str(tmp_path / "mine.py"))

    return _write


@pytest.fixture
def open_with(runs_dir: Path, opened: Open) -> Open:
    """`async with open_with(source=…, env=…) as pilot`: the dashboard, and what was brought to it read."""

    def _open(**named: Any) -> Any:
        return opened(MotrixApp(FakeCore(runs_dir, **named), Settings.load(runs_dir / "none.toml")))

    return _open


def core_of(pilot: Pilot[Any]) -> FakeCore:
    return pilot.app.core  # type: ignore[attr-defined]


def names(pilot: Pilot[Any]) -> list[str | None]:
    return [option.id for option in pilot.app.query_one("#environment-list", OptionList).options]


def about(pilot: Pilot[Any]) -> str:
    return str(pilot.app.query_one("#about Static", Static).content)


def bar(pilot: Pilot[Any]) -> CommandBar:
    return pilot.app.query_one(CommandBar)


async def test_a_file_is_picked_first_and_trains_with_its_own_hyperparameters(write: Any, open_with: Open) -> None:
    source = write()
    async with open_with(source=source) as pilot:
        assert names(pilot)[:2] == ["my-env", "cartpole"]
        assert "Cart on a rail" in about(pilot) and "3 observations" in about(pilot)
        assert bar(pilot).text == f"motrix-tui --run --env my-env --backend jax --env-module {source.module}"
        row = next(row for row in pilot.app.query(FieldRow) if row.field.path == "ppo.num_envs")
        assert row.text == "256" and not row.changed
        pilot.app.query_one(LaunchPane).on_field_row_edited(FieldRow.Edited("ppo.num_envs", "128", True))
        assert bar(pilot).text.endswith(f"--env-module {source.module} --num-envs 128")
        await pilot.press("ctrl+r")
        await settle(pilot)
        run = core_of(pilot).launched[0]
        assert run.config().env_module == source.module and run.config().ppo.learning_epochs == 4
        assert (run.config().ppo.num_envs, run.config().sim) == (128, "none")
    assert source.module is not None and module_name(source.module) not in sys.modules


async def test_a_name_that_we_have_too_is_the_files(write: Any, open_with: Open) -> None:
    async with open_with(source=write({'"my-env"': '"cartpole"'})) as pilot:
        assert names(pilot).count("cartpole") == 1 and names(pilot)[0] == "cartpole"
        assert "Cart on a rail" in about(pilot)
        assert "--env-module" in bar(pilot).text
        pilot.app.query_one("#environment-list", OptionList).highlighted = 1
        await pilot.pause()
        assert "--env-module" not in bar(pilot).text


async def test_a_broken_file_is_shown_in_its_place_with_file_and_line_until_it_is_mended(
    write: Any, open_with: Open
) -> None:
    source = write({"STEP_S = 0.05": "STEP_S = 1 / 0"})
    place = f"{source.module}, line {1 + TEXT[: TEXT.index('STEP_S = 0.05')].count(chr(10))}"
    async with open_with(source=source) as pilot:
        assert names(pilot)[:2] == ["mine.py", "cartpole"]
        assert f"{place}: ZeroDivisionError" in about(pilot)
        assert place in bar(pilot).problem and bar(pilot).text == ""
        # Nor does the form take anything.
        pilot.app.query_one(LaunchPane).on_field_row_edited(FieldRow.Edited("ppo.num_envs", "64", True))
        assert place in bar(pilot).problem and bar(pilot).text == ""
        await pilot.press("ctrl+r")
        await settle(pilot)
        assert core_of(pilot).launched == [] and core_of(pilot).list_runs() == []
        write()
        await pilot.press("o")
        await settle(pilot)
        assert names(pilot)[:2] == ["my-env", "cartpole"]
        assert bar(pilot).problem == "" and "--env my-env" in bar(pilot).text
        write({"max_env_steps: int = 1_000_000": "max_env_steps: int = 2_000_000"})
        await pilot.press("o")
        await settle(pilot)
        row = next(row for row in pilot.app.query(FieldRow) if row.field.path == "ppo.max_env_steps")
        assert row.text == "2 000 000"


async def test_an_environment_that_fails_in_its_first_step_is_not_launched(write: Any, open_with: Open) -> None:
    source = write({"self.action = actions[:, 0].copy()": "self.action = actions[:, 0].copy() / 0; 1 / 0"})
    async with open_with(source=source) as pilot:
        await pilot.press("ctrl+r")
        await settle(pilot)
        assert f"{source.module}, line" in bar(pilot).problem and "not launched" in bar(pilot).problem
        await pilot.press("a")
        await settle(pilot)
        assert any(f"{source.module}, line" in note.message for note in pilot.app._notifications)
        assert core_of(pilot).launched == [] and core_of(pilot).workers_started == 0
        assert core_of(pilot).list_runs() == []


async def test_a_wrong_option_of_an_environment_of_ours_is_not_launched(open_with: Open) -> None:
    async with open_with() as pilot:
        pilot.app.query_one(LaunchPane)._take(FormValues("cartpole", None, None, {"env_options.nosuch": "1"}))
        await pilot.pause()
        await pilot.press("ctrl+r")
        await settle(pilot)
        assert "env.nosuch=1 is not an option of cartpole; it has env.episode_s" in bar(pilot).problem
        assert core_of(pilot).launched == [] and core_of(pilot).list_runs() == []


async def test_an_environment_of_gymnasium_is_listed_under_its_id(open_with: Open) -> None:
    async with open_with(env="gym:CartPole-v1") as pilot:
        assert names(pilot)[:2] == ["gym:CartPole-v1", "cartpole"]
        assert bar(pilot).text == "motrix-tui --run --env gym:CartPole-v1 --backend jax"
        assert "2 discrete" in about(pilot)


async def test_an_id_that_gymnasium_does_not_know_is_answered_with_the_nearest(open_with: Open) -> None:
    async with open_with(env="gym:CartPol-v1") as pilot:
        assert "did you mean gym:CartPole-v1" in about(pilot)
        assert bar(pilot).text == ""


async def test_the_named_environment_of_the_catalog_is_where_it_begins(open_with: Open) -> None:
    async with open_with(env="pendulum") as pilot:
        assert "--env pendulum" in bar(pilot).text
        await pilot.press("o")
        assert any("nothing to read again" in note.message for note in pilot.app._notifications)


async def test_a_configuration_for_another_file_is_refused_with_the_command_that_opens_it(
    write: Any, open_with: Open, tmp_path: Path
) -> None:
    source = write()
    async with open_with(source=source) as pilot:
        pane = pilot.app.query_one(LaunchPane)
        with pytest.raises(Exception, match=r"motrix-tui --env-module /else/where.py --env my-env has it"):
            pane._take(FormValues("my-env", None, None, {"env_module": "/else/where.py"}))
        with pytest.raises(Exception, match=r"--env-module /else/where.py --env cartpole has it"):
            pane._take(FormValues("cartpole", None, None, {"env_module": "/else/where.py"}))
        with pytest.raises(Exception, match=r"motrix-tui --env gym:CartPole-v1 has it"):
            pane._take(FormValues("gym:CartPole-v1", None, None, {}))
        # A run's own config.json names the file with its path; this one is the same.
        path = create_run(RunConfig(env="my-env", backend="jax", env_module=source.module), tmp_path, extra={})
        pane._take(core_of(pilot).read_config(path.paths.config))
        await pilot.pause()
        assert f"--env-module {source.module}" in bar(pilot).text and "env_module" not in pane._state.changes


def test_a_run_whose_file_is_gone_or_broken_is_not_continued(tmp_path: Path, write: Any) -> None:
    core, source = Core(tmp_path / "runs"), write({"STEP_S = 0.05": "STEP_S = = 1"})
    run = create_run(RunConfig(env="my-env", backend="torch", env_module=source.module), core.runs_dir, extra={})
    with pytest.raises(EnvironmentFailed, match=r"mine\.py, line \d+: SyntaxError"):
        core.resume(run)
    (tmp_path / "mine.py").unlink()
    with pytest.raises(EnvironmentFailed, match=r"environment file .*mine\.py does not exist"):
        core.resume(run)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import os; print('said'); os._exit(7)", "ended the process that looked at it: exit code 7"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("import threading; threading.Event().wait()", "was not ready after 4 s"),
    ],
)
def test_a_file_that_takes_its_process_with_it_or_hangs_is_an_entry_that_says_so(
    tmp_path: Path, code: str, error: str
) -> None:
    (tmp_path / "mine.py").write_text(code)
    found = look(EnvSource(module=str(tmp_path / "mine.py")), None, timeout_s=4.0 if "wait" in code else 60.0)
    assert list(found.specs) == ["mine.py"]
    assert error in str(found.specs["mine.py"].error)


def test_what_a_file_prints_is_not_taken_for_an_answer(write: Any) -> None:
    found = look(write({"STEP_S = 0.05": "STEP_S = 0.05\nprint('{}')\nprint('[1]', flush=True)"}), None)
    assert found.specs["my-env"].error is None


def test_hyperparameters_for_one_backend_are_an_error_on_the_other(write: Any) -> None:
    found = look(write({'@rlcfg("my-env")': '@rlcfg("my-env", backend="torch")'}), None)
    own = found.default_ppo("my-env", "torch")
    assert own is not None and own.num_envs == 256
    with pytest.raises(Exception, match="my-env"):
        found.default_ppo("my-env", "jax")


def test_nothing_that_a_file_imports_reaches_the_dashboard(write: Any, tmp_path: Path) -> None:
    source = write({"import numpy as np": "import gymnasium, mujoco, numpy as np"})
    program = (
        "import sys\n"
        "from motrix_core.envs.source import EnvSource\n"
        "from motrix_core.errors import MotrixError\n"
        "from motrix_tui.core import Core\n"
        f"core = Core({str(tmp_path / 'runs')!r}, source=EnvSource(module={source.module!r}))\n"
        "core.own.read()\n"
        "assert core.environments()['my-env'].error is None\n"
        "config, problems = core.validate('my-env', 'jax', 'none', {})\n"
        "core.command_line(config)\n"
        "core.create_run(config, {})\n"
        "wrong = config.model_copy(update={'env': 'cartpole', 'env_module': None, 'env_options': {'nosuch': 1}})\n"
        "try:\n"
        "    core.enqueue(wrong, {})\n"
        "except MotrixError as error:\n"
        "    assert 'env.nosuch=1 is not an option of cartpole' in str(error)\n"
        "else:\n"
        "    raise AssertionError('it waits its turn')\n"
        "assert 'motrix_core.envs.tasks.cartpole' not in sys.modules\n"
        "heavy = ('jax', 'torch', 'skrl', 'flax', 'mujoco', 'motrixsim', 'gymnasium')\n"
        "assert not [name for name in heavy if name in sys.modules]\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--env-module", "nowhere.py"], "nowhere.py does not exist"),
        (["--env-path", "nowhere"], "nowhere does not exist"),
        (["--env", "cartpool"], "did you mean cartpole"),
    ],
)
def test_what_is_not_there_is_told_before_the_dashboard_opens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    # A browser's dashboard needs no terminal, and neither does this.
    monkeypatch.setenv("TEXTUAL_DRIVER", "none")
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_a_dashboard_in_a_browser_is_given_the_same_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[list[str]] = []
    monkeypatch.setattr("motrix_tui.serve.serve", lambda arguments, **_: served.append(arguments))
    assert main(["--serve", "--env-module", "mine.py", "--env", "my-env"]) == 0
    assert served == [["--env", "my-env", "--env-module", "mine.py"]]


def test_without_anything_brought_nothing_is_read(tmp_path: Path) -> None:
    own = Core(tmp_path).own
    assert not own.any and own.specs == {} and own.source_of("cartpole") == CATALOG


def test_a_simulator_that_was_chosen_before_an_environment_changed_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = Machine(FakeCore(tmp_path))
    machine.wanted_sim["cartpole"] = "mujoco"
    spec = FakeCore(tmp_path).catalog()["cartpole"]
    assert machine.asked_sim(spec) == "mujoco"
    now = replace(spec, sims=("motrixsim",))
    assert machine.asked_sim(now) == "auto" and machine.sim(now) == "motrixsim" and machine.next_sim(now) is None
    monkeypatch.setenv("MOTRIX_SIM", "motrixsim")
    assert machine.asked_sim(now) == "motrixsim" and machine.asked_sim(spec) == "mujoco"
