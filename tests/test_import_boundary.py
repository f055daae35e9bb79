"""The light rooms stay light: importing them imports no learning library and no simulator."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("jax", "jaxlib", "flax", "optax", "torch", "skrl", "motrixsim", "mujoco", "gymnasium", "tensorboard")
LEARNING = ("jax", "jaxlib", "flax", "optax", "torch", "skrl")


def modules(*folders: str) -> list[str]:
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return [name for name in found if not name.endswith(("__main__", "probe_child"))]


LIGHT = [
    name
    for name in modules("motrix_core", "motrix_tui")
    if not name.startswith(("motrix_core.learn", "motrix_core.sim", "motrix_core.envs.tasks"))
]


def test_the_list_of_light_modules_is_not_empty() -> None:
    assert {"motrix_core.cli", "motrix_core.config.schema", "motrix_tui.app"} <= set(LIGHT)


def test_importing_every_light_module_imports_nothing_heavy() -> None:
    program = (
        "import importlib, sys\n"
        f"for name in {LIGHT!r}:\n"
        "    importlib.import_module(name)\n"
        f"    heavy = [h for h in {HEAVY!r} if h in sys.modules]\n"
        "    assert not heavy, f'{name} imports {heavy}'\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_only_the_learning_room_and_the_probes_name_a_learning_library() -> None:
    """An import inside a function would pass the test above and still load torch into the dashboard."""
    offenders = []
    for name in modules("motrix_core", "motrix_tui"):
        if name.startswith("motrix_core.learn") or ".probe" in name:
            continue
        path = ROOT / Path(*name.split("."))
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        for node in ast.walk(ast.parse(source.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            offenders += [f"{name}:{node.lineno} {n}" for n in names if n.split(".")[0] in LEARNING]
    assert not offenders


@pytest.mark.parametrize("name", ["motrix_core.process.supervisor"])
def test_the_supervisor_needs_only_the_standard_library_and_psutil(name: str) -> None:
    """It lives as long as the training: it must cost next to nothing."""
    program = f"import sys, {name}\nprint([n for n in ('numpy', 'pydantic', 'rich', 'textual') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
