"""Environments in a file of the user's: found, made, trained with their own hyperparameters; and what goes wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from motrix_core.commands.own_env import TEMPLATE as TEMPLATE_FILE
from motrix_core.commands.own_env import only_name, try_out
from motrix_core.config import ConfigSources, PPOCfg
from motrix_core.config.form import command_line
from motrix_core.envs.adapters.module_file import module_name
from motrix_core.envs.registry import find_spec, make, names_of
from motrix_core.envs.source import EnvSource
from motrix_core.errors import ConfigError, EnvironmentFailed, UnknownName, UsageError
from motrix_core.sim.loader import is_installed

TEMPLATE = TEMPLATE_FILE.read_text()

POINT_MODEL = """
<mujoco>
  <option timestep="0.01"/>
  <worldbody><body><joint name="x" type="slide" axis="1 0 0"/><geom size="0.1"/></body></worldbody>
  <actuator><motor name="x" joint="x"/></actuator>
</mujoco>
"""
POINT = """
import numpy as np

from motrix_core.envs.base import Outcome
from motrix_core.envs.sim_env import SimEnv
from motrix_core.envs.spec import EnvSpec

SPEC = EnvSpec("point", "Point", "", 2, 1, -1.0, 1.0, ("mujoco",), 1.0, 0.01, 0.01, "", None, "Point")


class Point(SimEnv):
    model = "point.xml"

    def observe(self):
        return np.concatenate([self.physics.dof_pos, self.physics.dof_vel], axis=1)

    def update_state(self):
        obs = self.observe()
        return Outcome(obs, -np.abs(obs[:, 0]), np.zeros(self.num_envs, bool))

    def reset(self, rows):
        start = np.zeros((len(rows), 1), np.float32)
        self.place(rows, start, start)
        return np.zeros((len(rows), 2), np.float32)
"""


FOREIGN = """
from motrix_core.envs.spec import EnvSpec

SPEC = EnvSpec("foreign", "Foreign", "", 2, 1, -1.0, 1.0, (), 1.0, 0.1, 0.1, "", None, "Foreign")


class NpEnv:
    pass


class Foreign(NpEnv):
    def __init__(self, spec, *, num_envs, rng, sim, gain=1.0):
        self.gain = gain
"""


@pytest.fixture
def write(tmp_path: Path):
    """Writes a file of environments and gives its source; `changes` are texts of the template and their new ones."""

    def _write(changes: dict[str, str] | None = None, *, text: str = TEMPLATE, name: str = "mine.py") -> EnvSource:
        for old, new in (changes or {}).items():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / name).write_text(text)
        return EnvSource(module=str(tmp_path / name))

    return _write


def line_of(source: EnvSource, text: str) -> int:
    assert source.module is not None
    lines = Path(source.module).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_an_environment_of_a_file_is_made_by_its_name(write) -> None:
    source = write()
    assert names_of(source) == ["my-env"]
    assert only_name(source) == "my-env"
    spec = find_spec("my-env", source)
    assert spec.origin == source.module
    env = make("my-env", num_envs=3, seed=0, source=source, options={"mass_kg": 4.0})
    assert env.init_state().obs.shape == (3, 3)
    assert env.mass_kg == 4.0  # pyright: ignore[reportAttributeAccessIssue]


def test_a_name_that_we_have_too_is_the_files_where_the_file_is_named(write) -> None:
    source = write({'"my-env"': '"cartpole"'})
    assert find_spec("cartpole", source).obs_dim == 3
    assert find_spec("cartpole").obs_dim == 4
    assert find_spec("pendulum", source).origin == "motrix-tui"


def test_two_files_may_call_their_environments_alike(write) -> None:
    light = write({"max_env_steps: int = 1_000_000": "max_env_steps: int = 1_000"}, name="light.py")
    heavy = write({"max_env_steps: int = 1_000_000": "max_env_steps: int = 2_000"}, name="heavy.py")
    steps = [
        ConfigSources(flags={"env_module": source.module}).build("my-env", "jax").config.ppo.max_env_steps
        for source in (light, heavy)
    ]
    assert steps == [1000, 2000]


def test_a_file_without_hyperparameters_gets_the_usual_ones(write) -> None:
    begin, end = TEMPLATE.index("# What training begins"), TEMPLATE.index("class MyEnv(NpEnv)")
    source = write(text=TEMPLATE[:begin] + TEMPLATE[end:])
    config = ConfigSources(flags={"env_module": source.module}).build("my-env", "jax").config
    assert config.ppo == PPOCfg()


def test_the_file_may_import_its_neighbours(write, tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_mine.py").write_text("STEP_S = 0.05\n")
    source = write({"STEP_S = 0.05": "from neighbour_of_mine import STEP_S"})
    assert find_spec("my-env", source).ctrl_dt_s == 0.05


def test_the_command_line_names_the_file_and_every_hyperparameter(write) -> None:
    source = write()
    config = ConfigSources(flags={"env_module": source.module}, sets=["ppo.seed=1"]).build("my-env", "jax").config
    argv = command_line(config)
    assert argv[argv.index("--env-module") + 1] == source.module
    assert "ppo.learning_epochs=4" in argv


def test_a_path_in_a_file_is_seen_from_that_file_and_a_flags_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "mine.toml").write_text('env_module = "my_env.py"\n')
    monkeypatch.chdir(tmp_path)
    from_file = ConfigSources(file=Path("settings/mine.toml"))
    assert from_file.source == EnvSource(module=str(tmp_path / "settings" / "my_env.py"))
    assert ConfigSources(sets=["env_module=my_env.py"]).source == EnvSource(module=str(tmp_path / "my_env.py"))
    assert ConfigSources(flags={"env_path": "lab"}).source == EnvSource(path=str(tmp_path / "lab"))


def test_a_file_and_a_folder_at_once_are_refused(write) -> None:
    flags = {"env_module": write().module, "env_path": "/lab"}
    with pytest.raises(ConfigError, match="cannot be combined with env_module"):
        ConfigSources(flags=flags).build("cartpole", "jax")


@pytest.mark.parametrize("path", ["nothing.py", "folder", "text.txt"])
def test_what_is_no_python_file_is_refused_by_its_path(tmp_path: Path, path: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").touch()
    with pytest.raises(UsageError, match=rf"{path} (is not a Python file|does not exist)"):
        find_spec("my-env", EnvSource(module=str(tmp_path / path)))


def test_an_unknown_name_is_answered_with_the_files_own(write) -> None:
    with pytest.raises(UnknownName, match="did you mean my-env"):
        find_spec("my-emv", write())


def test_an_unknown_name_like_none_is_answered_with_the_files_own_first(write) -> None:
    with pytest.raises(UnknownName, match=r"known: my-env, cartpole, "):
        find_spec("qqqq", write())


def test_two_environments_of_one_name_are_refused(write) -> None:
    source = write(text=TEMPLATE + "\nimport dataclasses\n\nOTHER = dataclasses.replace(SPEC, episode_s=2.0)\n")
    with pytest.raises(EnvironmentFailed, match=r"mine\.py has two EnvSpecs of the name 'my-env'; give each a name"):
        names_of(source)
    # One that is named twice is one.
    assert names_of(write(text=TEMPLATE + "\nSPECS = [SPEC]\n", name="twice.py")) == ["my-env"]


@pytest.mark.parametrize(
    ("line", "own"),
    [
        ("from arm import SPEC as ARM", ["my-env"]),
        ("from arm import SPECS", ["my-env"]),
        # With its class it is an environment of this file too.
        ("from arm import SPEC as ARM, MyEnv as Arm", ["arm", "my-env"]),
    ],
)
def test_an_environment_that_another_file_has_is_that_files(write, line: str, own: list[str]) -> None:
    arm = TEMPLATE.replace('@rlcfg("my-env")', "").replace('"my-env"', '"arm"').replace('entry="MyEnv"', 'entry="Arm"')
    write(text=arm.replace("class MyEnv", "class Arm") + "\nMyEnv = Arm\nSPECS = [SPEC]\n", name="arm.py")
    source = write({"import numpy as np": f"import numpy as np\n\n{line}"})
    try:
        assert names_of(source) == own
    finally:
        del sys.modules["arm"]


def test_an_entry_that_is_not_there_is_still_told(write) -> None:
    write({'@rlcfg("my-env")': "", '"my-env"': '"arm"'}, name="arm.py")
    source = write({"import numpy as np": "import numpy as np\n\nimport arm", 'entry="MyEnv"': 'entry="Mine"'})
    try:
        with pytest.raises(EnvironmentFailed, match="entry='Mine', which is not there"):
            names_of(source)
    finally:
        del sys.modules["arm"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("STEP_S = 1 / 0", "ZeroDivisionError: division by zero"),
        ("STEP_S = = 1", "SyntaxError: invalid syntax"),
        ("import package_that_is_not_there", "ModuleNotFoundError: No module named 'package_that_is_not_there'"),
        ("raise SystemExit(1)", "SystemExit: 1"),
    ],
)
def test_a_file_that_raises_is_one_error_with_file_and_line(write, wrong: str, message: str) -> None:
    source = write({"STEP_S = 0.05": wrong})
    with pytest.raises(EnvironmentFailed) as caught:
        find_spec("my-env", source)
    assert f"{source.module}, line {line_of(source, wrong)}: {message}" in str(caught.value)


def test_wrong_hyperparameters_are_told_with_the_line_that_registers_them(write) -> None:
    source = write({"mini_batches: int = 8": "mini_batches: int = 7"})
    with pytest.raises(EnvironmentFailed) as caught:
        find_spec("my-env", source)
    assert f"{source.module}, line {line_of(source, '@rlcfg')}" in str(caught.value)
    assert "must divide rollouts*num_envs=8192" in str(caught.value)


def test_two_classes_for_one_environment_are_told_once_and_by_their_names(write) -> None:
    source = write(text=TEMPLATE + '\n\n@rlcfg("my-env")\nclass Second(MyEnvPPO):\n    pass\n')
    with pytest.raises(EnvironmentFailed) as caught:
        find_spec("my-env", source)
    assert str(caught.value).endswith(
        "UsageError: @rlcfg('my-env') of Second is taken by MyEnvPPO; remove one of the two"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("mini_batches: int = -1", "ppo.mini_batches=-1 must be a whole number from 1 to"),
        ("mini_batch: int = 8", "ppo.mini_batch=8 is not a known setting; did you mean ppo.mini_batches?"),
        ('mini_batches: str = "8"', "ppo.mini_batches='8': "),
        ("mini_batches = 8", "Field 'mini_batches' defined on a base class was overridden by a non-annotated"),
        ("mini_batch = 8", "A non-annotated attribute was detected: `mini_batch = 8`"),
    ],
)
def test_a_mistake_in_the_hyperparameters_is_one_line_of_what_to_write(write, line: str, message: str) -> None:
    source = write({"mini_batches: int = 8": line})
    with pytest.raises(EnvironmentFailed) as caught:
        find_spec("my-env", source)
    said = str(caught.value)
    assert message in said and f"{source.module}, line " in said
    assert len(said.splitlines()) == 1
    assert "pydantic.dev" not in said and module_name(str(source.module)) not in said


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({'entry="MyEnv"': 'entry="Mine"'}, "entry='Mine', which is not there"),
        ({'entry="MyEnv"': 'entry="STEP_S"'}, "is no class derived from NpEnv"),
        ({"SPEC = EnvSpec(": "(lambda: EnvSpec)()("}, "no EnvSpec of its own at its top level"),
    ],
)
def test_a_file_whose_environment_cannot_be_found_says_so(write, changes: dict[str, str], message: str) -> None:
    with pytest.raises(EnvironmentFailed, match=message):
        find_spec("my-env", write(changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"obs_dim=3": "obs_dim=4"}, r"reset\(\) gave shape \(2, 3\) for 2 environments, but \(2, 4\) is needed"),
        (
            {'reward=terms["near"] + terms["effort"]': 'reward=terms["near"][:, None]'},
            r"update_state\(\) gave reward of shape \(2, 1\), but \(2,\) is needed",
        ),
        ({"> RAIL_M,": "- RAIL_M,"}, r"terminated of float32, but bool is needed"),
        ({"terminated=np.abs(self.position) > RAIL_M": "terminated=False"}, "terminated of bool, but"),
        ({'{"distance_m": distance}': '{"distance_m": 1.0}'}, r"metrics\['distance_m'\] of float, but \(2,\)"),
        (
            {'"effort": -0.01 * self.action**2': '"effort": self.action[:1]'},
            r"reward_terms\['effort'\] of shape \(1,\)",
        ),
    ],
)
def test_what_has_a_wrong_shape_is_told_before_a_run_is_made(write, changes: dict[str, str], message: str) -> None:
    source = write(changes)
    with pytest.raises(EnvironmentFailed, match=message):
        try_out(find_spec("my-env", source), "none", {}, source)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"obs_dim=3": "obs_dim=0"}, "has obs_dim=0, which must be a whole number of 1 or more"),
        ({"act_dim=1": "act_dim=1.0"}, "has act_dim=1.0, which must be a whole number"),
        ({"act_low=-1.0": "act_low=1.0"}, "has act_low=1.0, which must be below act_high=1"),
        ({"ctrl_dt_s=STEP_S": "ctrl_dt_s=0.0"}, "has sim_dt_s=0.05, which must be above 0 and at most ctrl_dt_s=0"),
        ({"episode_s=5.0": "episode_s=float('inf')"}, "has episode_s=inf, which must be finite"),
        ({"sims=()": "sims=('mujoco')"}, "has sims='mujoco', which must be a tuple"),
        ({"sims=()": "sims=None"}, "has sims=None, which must be a tuple"),
        ({"episode_s=5.0": "episode_s='5'"}, "has episode_s='5', which must be a number"),
        ({'name="my-env"': "name=5"}, "has name=5, which must be a text"),
        ({'name="my-env"': 'name="../../evil env"'}, "has name='../../evil env', which must be an environment's name"),
        ({'title="Cart on a rail"': "title=None"}, "has title=None, which must be a text"),
        ({'entry="MyEnv"': "entry=dict"}, "has entry=<class 'dict'>, which must be a text"),
        ({"success_return=80.0": "success_return='high'"}, "has success_return='high', which must be a finite number"),
        ({"success_return=80.0": "success_return=float('nan')"}, "has success_return=nan, which must be a finite"),
        ({"act_dim=1": "act_dim=1, n_actions='2'"}, "has n_actions='2', but a choice needs at least 2"),
    ],
)
def test_a_spec_that_nothing_can_be_made_of_is_told_with_its_line(write, changes: dict[str, str], message: str) -> None:
    source = write(changes)
    with pytest.raises(EnvironmentFailed) as caught:
        find_spec("my-env", source)
    assert message in str(caught.value)
    assert f"{source.module}, line {line_of(source, 'SPEC = EnvSpec(')}" in str(caught.value)


@pytest.mark.skipif(not is_installed("mujoco"), reason="MuJoCo is not installed")
def test_the_model_of_a_file_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "point.xml").write_text(POINT_MODEL)
    (tmp_path / "point.py").write_text(POINT)
    source = EnvSource(module=str(tmp_path / "point.py"))
    env = make("point", num_envs=2, seed=0, source=source)
    env.init_state()
    state = env.step(np.ones((2, 1), np.float32))
    env.close()
    assert (state.obs[:, 1] > 0).all()


@pytest.mark.parametrize(
    "sim",
    [
        pytest.param(name, marks=pytest.mark.skipif(not is_installed(name), reason=f"{name} is not installed"))
        for name in ("motrixsim", "mujoco")
    ],
)
def test_another_time_step_than_the_models_is_told_as_it_is_written(write, tmp_path: Path, sim: str) -> None:
    (tmp_path / "point.xml").write_text(POINT_MODEL)
    source = write({'("mujoco",), 1.0, 0.01, 0.01': f'("{sim}",), 1.0, 0.01, 0.005'}, text=POINT)
    with pytest.raises(EnvironmentFailed, match=r"has a time step of 0\.01 s, but point needs 0\.005 s$"):
        make("point", num_envs=2, seed=0, source=source)


@pytest.mark.skipif(not is_installed("mujoco"), reason="MuJoCo is not installed")
def test_a_task_on_a_simulator_that_names_no_model_is_told_how(write) -> None:
    source = write({'    model = "point.xml"\n': ""}, text=POINT)
    with pytest.raises(EnvironmentFailed, match=r'Point names no model; give the class model = "FILE\.xml"'):
        make("point", num_envs=2, seed=0, source=source)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"return Outcome(": "made = Outcome("},
            "gave a NoneType, but an Outcome is needed; end it with return Outcome",
        ),
        ({"reward_terms=terms": 'reward_terms={3: terms["near"]}'}, "gave reward_terms with the keys [3], but"),
        ({'{"distance_m": distance}': "None"}, "gave metrics with a NoneType, but a dictionary"),
        ({'{"distance_m": distance}': '{"x": np.full(len(distance), "a")}'}, "metrics['x'] of <U1, but numbers are"),
        ({"reward_terms=terms": 'reward_terms={"x": 1j * distance}'}, "reward_terms['x'] of complex64, but numbers"),
        ({'reward=terms["near"]': 'reward=1j + terms["near"]'}, "gave reward of complex64, but numbers are needed"),
        ({"obs=self.observations()": "obs=self.observations().astype(str)"}, "gave obs of <U32, but numbers"),
    ],
)
def test_what_is_no_number_is_told_with_the_line_of_its_method(write, changes: dict[str, str], message: str) -> None:
    source = write(changes)
    with pytest.raises(EnvironmentFailed) as caught:
        try_out(find_spec("my-env", source), "none", {}, source)
    assert message in str(caught.value)
    assert f"{source.module}, line {line_of(source, 'def update_state')}: my-env: update_state() " in str(caught.value)


def test_numbers_of_any_kind_are_taken(write) -> None:
    source = write({"obs=self.observations()": "obs=self.observations().astype(int)"})
    try_out(find_spec("my-env", source), "none", {}, source)


@pytest.mark.parametrize(
    ("changes", "place", "message"),
    [
        (
            {"super().__init__(spec, num_envs=num_envs, rng=rng, sim=sim, episode_s=episode_s)": "self.num_envs = 1"},
            "def __init__",
            "MyEnv.__init__ leaves out its base class's; let it begin with super().__init__(",
        ),
        ({"        num_envs: int,\n": "", "num_envs=num_envs": "num_envs=2"}, "class MyEnv(", "argument 'num_envs'"),
        ({"def physics_step": "def physics_stepp"}, "class MyEnv(", "abstract method"),
    ],
)
def test_a_class_that_cannot_be_made_is_told_with_its_line(
    write, changes: dict[str, str], place: str, message: str
) -> None:
    source = write(changes)
    with pytest.raises(EnvironmentFailed) as caught:
        try_out(find_spec("my-env", source), "none", {}, source)
    assert "environment 'my-env' cannot be made: " in str(caught.value) and message in str(caught.value)
    assert f"{source.module}, line {line_of(source, place)}" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "place", "message"),
    [
        ({'state["target"]': 'state["targett"]'}, 'state["targett"]', "failed in set_state"),
        ({'return {"position": self.position': 'return {"position": self.positon'}, "positon", "failed in get_state"),
        (
            {'return {"position": self.position.copy()': 'return {"position": "here"'},
            "def get_task_state",
            "get_task_state() gave 'position' of str, but an array of numbers",
        ),
    ],
)
def test_a_state_that_cannot_be_saved_is_told_before_a_run_is_made(
    write, changes: dict[str, str], place: str, message: str
) -> None:
    source = write(changes)
    with pytest.raises(EnvironmentFailed) as caught:
        try_out(find_spec("my-env", source), "none", {}, source)
    assert message in str(caught.value)
    assert f"{source.module}, line {line_of(source, place)}" in str(caught.value)


def test_an_environment_without_a_finite_number_is_refused_before_a_run_is_made(write) -> None:
    source = write({'reward=terms["near"]': 'reward=np.nan * terms["near"]'})
    with pytest.raises(EnvironmentFailed, match="environment my-env gave an observation or reward that is not finite"):
        try_out(find_spec("my-env", source), "none", {}, source)


def test_one_world_of_two_that_diverges_is_no_reason_to_refuse(write) -> None:
    source = write({'reward=terms["near"]': 'reward=np.array([np.nan, 1.0], np.float32) * terms["near"]'})
    try_out(find_spec("my-env", source), "none", {}, source)


@pytest.mark.parametrize("where", ["self.mass_kg = mass_kg", "self.action = actions[:, 0].copy()"])
def test_an_environment_that_raises_is_told_with_its_line(write, where: str) -> None:
    source = write({where: f"{where}; 1 / 0"})
    with pytest.raises(EnvironmentFailed) as caught:
        try_out(find_spec("my-env", source), "none", {}, source)
    assert f"{source.module}, line {line_of(source, '; 1 / 0')}: ZeroDivisionError" in str(caught.value)


def test_what_is_written_against_another_base_class_need_not_know_our_question_about_options(write) -> None:
    source = write(text=FOREIGN)
    assert make("foreign", num_envs=1, seed=0, options={"gain": 3.0}, source=source).gain == 3.0  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r"env\.gian=3 is not an option of foreign; did you mean env\.gain"):
        make("foreign", num_envs=1, seed=0, options={"gian": 3}, source=source)
