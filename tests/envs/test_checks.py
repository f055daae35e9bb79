"""`motrix envs check`: every mistake is found by the check that is for it, with what to mend."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from motrix_core.cli import main
from motrix_core.commands import envs, envs_check, waiting
from motrix_core.commands.own_env import TEMPLATE
from motrix_core.envs import checks

TEXT = TEMPLATE.read_text().replace("episode_s=5.0", "episode_s=1.0")
OBSERVE = "return np.stack([self.position, self.velocity, self.target - self.position], axis=1)"


# Called by our own code with an argument too many, so no line of the file is executed.
LATE = {"def physics_step(self)": "def physics_step()"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_SPEED_S", 0.0)


def check(tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str]) -> tuple[int, dict[str, dict]]:
    """The exit code, and the checks by name, of the template with `changes`."""
    text = TEXT
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "mine.py").write_text(text)
    return checked(capsys, "--env-module", str(tmp_path / "mine.py"))


def checked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, dict]]:
    """The exit code, and the checks by name, of `motrix envs check WORDS`."""
    parser = argparse.ArgumentParser()
    envs.add_parser(parser.add_subparsers())
    code = envs.run(parser.parse_args(["envs", "check", *words, "--json"]))
    document = json.loads(capsys.readouterr().out)
    assert document["passed"] == (code == 0)
    return code, {one["name"]: one for one in document["checks"]}


def test_what_is_right_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setattr(checks, "_SPEED_S", 0.01)
    code, found = check(tmp_path, capsys, {})
    assert code == 0
    assert {one["status"] for one in found.values()} == {"ok"}
    assert list(found) == [
        "make",
        "reset",
        "step",
        "memory",
        "bounds",
        "episodes",
        "same seed",
        "other seed",
        "save and restore",
        "drawing",
        "speed",
    ]


def test_a_check_that_could_not_be_made_has_not_passed() -> None:
    made = [checks.Check("make", "ok", ""), checks.Check("episodes", "warn", ""), checks.Check("save", "skip", "")]
    assert envs_check._verdict(made, 0) == "all 2 checks passed, 1 with a warning; 1 could not be made"
    assert envs_check._verdict([*made, checks.Check("speed", "fail", "")], 1) == "1 of 3 checks failed"
    assert envs_check._verdict(made[:1], 0) == "1 check passed"


@pytest.mark.parametrize(
    ("name", "changes", "detail", "mend"),
    [
        ("make", {"self.mass_kg = mass_kg": "raise OSError('no rail')"}, "OSError: no rail", ""),
        ("reset", {"obs_dim=3": "obs_dim=4"}, "reset() gave shape (4, 3) for 4 environments, but (4, 4)", "obs_dim"),
        ("reset", {"return self.observations()[rows]": "return None"}, "reset() gave NoneType for 4", "in rows"),
        ("step", {"self.action = actions[:, 0].copy()": "1 / 0"}, "mine.py, line 84: ZeroDivisionError", "line"),
        ("step", {"return Outcome(": "made = Outcome("}, "line 91: my-env: update_state() gave a NoneType", "end"),
        ("step", LATE, "class MyEnv: TypeError: ", "the class that is named"),
        (
            "memory",
            {OBSERVE: "self.kept = getattr(self, 'kept', np.zeros((self.num_envs, 3), np.float32)); "
             "self.kept += 1; return self.kept"},
            "overwrites the observations",
            ".copy()",
        ),
        ("episodes", {"np.exp(-4.0 * distance)": "np.log(distance - 0.5)"}, "step 1 (reward term near)", "logarithm"),
        (
            "episodes",
            {"self.position[rows] = ": "_ = ", "self.target[rows] = ": "_ = ", "self.velocity[rows] = 0.0": "pass"},
            "each time obs is still what it ended in",
            "reset() begins it",
        ),
        ("same seed", {"self.rng.uniform(-1.0, 1.0, len(rows))": "np.random.random(len(rows))"}, "one seed", "rng"),
        ("save and restore", {"self.target[:] = state": "_ = state"}, "obs differs from step 0", "get_task_state"),
        ("drawing", {"place, x = self": "place, y = self"}, "failed in sketch(): ", ""),
        ("drawing", {"(len(rows), 1, 1)": "(1, 1, 1)"}, "sketch() gave lines[0] as ", "come first"),
        ("drawing", {"Sketch((rail, flag, cart)": "dict(lines=(rail, flag, cart)"}, "gave a dict, but", "Sketch(("),
        ("drawing", {"bounds=(-RAIL_M, RAIL_M": "bounds=(RAIL_M, -RAIL_M"}, "gave the bounds (2.0, -2.0,", "name what"),
    ],
)  # fmt: skip
def test_a_mistake_is_found_by_its_check(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    changes: dict[str, str],
    detail: str,
    mend: str,
) -> None:
    code, found = check(tmp_path, capsys, changes)
    assert code == 3
    assert found[name]["status"] == "fail", found
    assert detail in found[name]["detail"]
    assert mend in found[name]["mend"]


@pytest.mark.parametrize(
    "words",
    [
        # Some episodes begin with the cards that others ended with.
        ("gym:Blackjack-v1",),
        ("pendulum", "--set", "env.episode_s=20"),
    ],
)
def test_what_is_right_ends_its_episodes_as_it_should(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    code, found = checked(capsys, *words)
    assert (code, found["episodes"]["status"]) == (0, "ok"), found


def test_an_environment_that_shows_nothing_is_right_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = check(tmp_path, capsys, {OBSERVE: "return np.ones((self.num_envs, 3), np.float32)"})
    assert (code, found["episodes"]["status"]) == (0, "ok"), found


@pytest.mark.parametrize(
    ("name", "changes", "detail"),
    [
        ("bounds", {"act_low=-1.0": 'act_low=-float("inf")'}, "[-inf, 1]"),
        ("other seed", {"self.rng.uniform(-1.0, 1.0, len(rows))": "0.5"}, "two seeds begin with the same"),
        ("episodes", {OBSERVE: f"return np.float32(1e8) * {OBSERVE[7:]}"}, "observations reach"),
    ],
)
def test_what_may_be_meant_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, changes: dict[str, str], detail: str
) -> None:
    code, found = check(tmp_path, capsys, changes)
    assert code == 0, found
    assert found[name]["status"] == "warn"
    assert detail in found[name]["detail"]


@pytest.mark.parametrize("where", ["STEP_S = 0.05", "self.action = actions[:, 0].copy()"])
def test_what_does_not_return_is_told_with_its_line_while_it_is_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.01)
    (line,) = (number for number, text in enumerate(TEXT.splitlines(), 1) if where in text)
    told = f", which is in {tmp_path / 'mine.py'}, line {line + 3}; Ctrl-C ends it"
    waits = [
        "import sys, time",
        "for _ in range(3000):",
        "    time.sleep(0.01)",
        f"    if {told!r} in sys.stderr.getvalue(): break",
        "else: raise TimeoutError",
    ]
    (indent,) = (text[: text.index(where)] for text in TEXT.splitlines() if where in text)
    _, found = check(tmp_path, capsys, {where: f"\n{indent}".join([where, *waits])})
    assert found["step"]["status"] == "ok", found


@pytest.mark.parametrize(
    ("name", "changes", "detail"),
    [
        ("reset", {OBSERVE: OBSERVE + ".astype(np.float64)"}, "obs: float64"),
        ("step", {'reward=terms["near"]': 'reward=terms["near"].astype(float)'}, "reward: float64"),
    ],
)
def test_what_training_converts_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, changes: dict[str, str], detail: str
) -> None:
    code, found = check(tmp_path, capsys, changes)
    assert code == 0
    assert found[name]["status"] == "warn" and found["speed"]["status"] == "ok"
    assert found[name]["detail"].startswith(detail) and "astype" in found[name]["mend"]


def test_what_an_environment_prints_is_not_in_the_document(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_SPEED_S", 0.01)
    path = tmp_path / "mine.py"
    line = "self.action = actions[:, 0].copy()"
    path.write_text(TEXT.replace(line, f"print('where am I'); import os; os.write(1, b'here'); {line}"))
    code = main(["envs", "check", "--env-module", str(path), "--json"])
    said = capfd.readouterr()
    assert code == 0 and json.loads(said.out)["passed"]
    assert "where am I" in said.err and "here" in said.err
