from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from motrix_core.envs import catalog as catalog_module
from motrix_core.envs.catalog import BUILTIN, catalog
from motrix_core.envs.registry import find_spec, make
from motrix_core.errors import EnvironmentFailed

HEAVY = ("jax", "flax", "torch", "skrl", "motrixsim", "mujoco", "gymnasium", "numpy")
Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Pretends that these entry points, name=value, are those of installed plugins."""

    def pretend(**points: str) -> None:
        group = catalog_module.ENTRY_POINT_GROUP
        found = [importlib.metadata.EntryPoint(name, value, group) for name, value in points.items()]
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: found)

    return pretend


def test_the_catalog_has_the_demos_with_the_sizes_of_the_facts_page() -> None:
    sizes = {name: (spec.obs_dim, spec.act_dim, spec.act_low, spec.act_high) for name, spec in catalog().items()}
    assert sizes["cartpole"] == (4, 1, -3.0, 3.0)
    for name in ("dm-stander", "dm-walker", "dm-runner"):
        assert sizes[name] == (22, 6, -1.0, 1.0)
    assert sizes["pendulum"] == (3, 1, -2.0, 2.0)
    assert sizes["dm-cheetah"] == (17, 6, -1.0, 1.0)
    for name in ("dm-hopper-stand", "dm-hopper-hop"):
        assert sizes[name] == (15, 4, -1.0, 1.0)
    assert sizes["dm-reacher"] == (10, 2, -1.0, 1.0)
    assert sizes["bounce_ball"] == (25, 6, -1.0, 1.0)
    steps = {name: spec.max_episode_steps for name, spec in catalog().items()}
    assert (steps["cartpole"], steps["dm-walker"], steps["pendulum"]) == (1000, 1000, 200)


def test_every_environment_says_what_it_is_and_when_it_is_learned() -> None:
    for spec in BUILTIN:
        assert spec.title
        assert spec.description.endswith(".")
        assert spec.success
        # MotrixLab's cheetah makes two and a half simulation steps in a control step: two and three in turns.
        assert 2.0 * spec.ctrl_dt_s / spec.sim_dt_s == pytest.approx(round(2.0 * spec.ctrl_dt_s / spec.sim_dt_s))


def test_listing_the_catalog_imports_neither_a_simulator_nor_numpy() -> None:
    program = (
        "import sys\n"
        "from motrix_core.envs.catalog import catalog\n"
        "assert 'cartpole' in catalog()\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(', '.join(loaded) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_plugins_add_their_environments(install: Install) -> None:
    install(b_many="plugin_module:SEVERAL", a_one="plugin_module:ONE")
    names = list(catalog())
    assert names[len(BUILTIN) :] == ["my-pendulum", "first", "second"]
    env = make("my-pendulum", num_envs=2, seed=0)
    assert env.init_state().obs.shape == (2, 3)
    assert env.spec.name == "my-pendulum"


def test_a_plugin_that_breaks_in_the_middle_of_its_list_takes_nothing_down(install: Install) -> None:
    install(late="plugin_module:RAISING", other="plugin_module:ONE")
    specs = catalog()
    assert specs["late"].error == "RuntimeError: half a list"
    assert specs["my-pendulum"].error is None


def test_a_broken_plugin_is_listed_with_its_error_and_takes_nothing_down(install: Install) -> None:
    install(broken="plugin_that_is_not_there:SPEC", wrong="plugin_module:NOT_A_SPEC", fine="plugin_module:ONE")
    specs = catalog()
    assert "my-pendulum" in specs
    assert specs["broken"].error is not None
    assert "plugin_that_is_not_there" in specs["broken"].error
    assert specs["wrong"].error == "plugin_module:NOT_A_SPEC gives int, not an EnvSpec"
    with pytest.raises(EnvironmentFailed, match=r"'broken' .*plugin_that_is_not_there"):
        find_spec("broken")


def test_a_plugin_that_exits_when_it_is_imported_is_broken_too(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugin_that_exits.py").write_text("raise SystemExit('no licence')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    install(exits="plugin_that_exits:SPEC")
    assert catalog()["exits"].error == "SystemExit: no licence"


def test_a_plugin_cannot_take_a_name_that_is_taken(install: Install) -> None:
    install(taken="plugin_module:TAKEN")
    specs = catalog()
    assert specs["cartpole"].origin == "motrix-tui"
    refused = specs["cartpole@plugin_module:TAKEN"]
    assert refused.error == "'cartpole' is already taken by motrix-tui"


def test_a_broken_plugin_of_a_name_that_is_taken_says_why_it_is_broken(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugin_that_breaks.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    install(cartpole="plugin_that_breaks:SPEC")
    (refused,) = (spec for name, spec in catalog().items() if name.startswith("cartpole@"))
    assert refused.error is not None and "no_such_library" in refused.error


def test_a_plugin_whose_class_is_in_a_broken_module_names_its_line(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "plugin_split.py"
    module.write_text("\nclass Split(undefined_name):\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = replace(find_spec("pendulum"), name="split", entry="plugin_split:Split")
    monkeypatch.setattr("plugin_module.SPLIT", spec, raising=False)
    install(split="plugin_module:SPLIT")
    with pytest.raises(EnvironmentFailed, match=rf"{module}, line 2: NameError"):
        make("split", num_envs=1, seed=0)


def test_a_plugin_whose_class_is_missing_says_where_it_was_looked_for(install: Install) -> None:
    install(a="plugin_module:WITHOUT_CLASS")
    with pytest.raises(EnvironmentFailed, match="plugin_module:Missing"):
        make("no-class", num_envs=1, seed=0)
