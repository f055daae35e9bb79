from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from motrix_core.config.schema import RunConfig
from motrix_core.runs.layout import create_run

ROOT = Path(__file__).parents[2]

SESSION = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from fake_core import FakeCore, settle
from motrix_tui.app import MotrixApp
from motrix_tui.settings import Settings

async def session():
    folder = Path({folder!r})
    core = FakeCore(folder / "runs")
    app = MotrixApp(core, Settings.load(folder / "settings.toml"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("f", "j", "enter", "ctrl+u", *"1024", "enter", "b", "s", "y", "ctrl+r")
        await settle(pilot)
        assert core.launched and app.place == "monitor"
        for key in ("3", "enter", "1", "question_mark", "escape", "ctrl+p", "escape"):
            await pilot.press(key)
            await pilot.pause()

asyncio.run(session())
heavy = ("jax", "jaxlib", "flax", "optax", "torch", "skrl", "motrixsim", "mujoco", "gymnasium")
print([name for name in heavy if name in sys.modules])
"""


def test_a_session_through_every_place_imports_no_learning_library_and_no_simulator(tmp_path: Path) -> None:
    program = SESSION.format(tests=str(ROOT / "tests" / "tui"), folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_the_first_frame_waits_for_no_place_no_dialog_and_no_room() -> None:
    program = "import sys, motrix_tui.__main__, motrix_tui.app\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.split())
    places = ("launch", "monitor", "runs_table", "compare", "play", "charts")
    later = {"numpy", "pydantic", "psutil", "motrix_core.config", "motrix_core.hardware", "motrix_core.runs.index"}
    later |= {f"motrix_tui.{place}" for place in places}
    later |= {f"motrix_tui.shell.{name}" for name in ("dialogs", "reader", "help_screen", "messages_screen", "jump")}
    assert "motrix_tui.shell.top_bar" in imported and not later & imported


OPENED = """
import sys
from pathlib import Path
from motrix_core.runs.layout import find_run
from motrix_core.runs.location import runs_dir
from motrix_tui.app import MotrixApp
from motrix_tui.core import Core
from motrix_tui.settings import Settings

class Glance(MotrixApp):
    async def _start(self):
        shown = str(self.query_one("#opening").render())
        self.exit((shown, sorted(sys.modules)))

folder = Path({folder!r})
run = find_run(runs_dir(folder, {{}}), "last")
line, imported = Glance(Core(folder), Settings.load(folder / "none.toml"), opened=run).run(headless=True)
print(line)
print(" ".join(imported))
"""


def test_a_run_is_named_before_what_draws_it_is_imported(tmp_path: Path) -> None:
    run = create_run(RunConfig(env="pendulum", backend="jax", sim="none"), tmp_path, extra={})
    program = OPENED.format(folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    line, imported = done.stdout.splitlines()
    assert line == f"● pendulum · JAX · run {run.id[-4:]} · starting"
    waiting = {"numpy", "pydantic", "pydantic_core", "psutil", "motrix_core.config", "motrix_tui.charts.chart"}
    assert "motrix_tui.monitor.opening" in imported.split() and not waiting & set(imported.split())
