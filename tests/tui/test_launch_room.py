"""What Launch shows where there is little room: the form's title and the command line."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from screens import text

from motrix_tui.launch.command_bar import CommandBar, command_lines
from motrix_tui.launch.form import FormPanel, headline

Open = Callable[..., Any]


@pytest.mark.parametrize(
    ("width", "title"),
    [
        (80, "PPO · anymal_c_navigation_flat · PyTorch · MotrixSim · 2 changed"),
        (60, "PPO · anymal_c_navigation… · PyTorch · MotrixSim · 2 changed"),
        (42, "anymal_… · PyTorch · MotrixSim · 2 changed"),
        (40, "anymal_c_navigati… · PyTorch · MotrixSim"),
        (30, "anymal_… · PyTorch · MotrixSim"),
        (20, "anymal_c_navigation…"),
        (0, ""),
    ],
)
def test_a_long_environment_s_name_is_shortened_before_the_simulator_goes(width: int, title: str) -> None:
    assert headline("anymal_c_navigation_flat", "PyTorch", "MotrixSim", "2 changed", width) == title


def test_a_command_is_broken_between_flags_and_goes_on_as_in_a_shell() -> None:
    words = ["motrix-tui", "--run", "--env", "go1-stairs-terrain-walk", "--sim", "mujoco", "--set", "ppo.seed=a b"]
    lines = command_lines(words, 50)
    assert lines == [
        "motrix-tui --run --env go1-stairs-terrain-walk \\",
        "    --sim mujoco --set 'ppo.seed=a b'",
    ]
    told = subprocess.check_output(["sh", "-c", "printf '%s|' " + "\n".join(lines)], text=True)
    assert told == "|".join([*words, ""])
    assert command_lines(words, 200) == [shlex.join(words)]


@given(st.lists(st.sampled_from(["--a", "--set", "x=1", "-0.5", "a b", "é'"]), min_size=1), st.integers(20, 60))
def test_a_broken_command_has_all_its_words(words: list[str], width: int) -> None:
    assert "\n".join(command_lines(words, width)).replace(" \\\n    ", " ") == shlex.join(words)


async def test_the_launch_button_stands_behind_the_end_of_a_long_command(opened: Open) -> None:
    async with opened(size=(80, 24)) as pilot:
        bar, button = pilot.app.query_one(CommandBar), pilot.app.query_one("#launch-button")
        assert button.region.y == bar.region.y and bar.region.height == 1
        pilot.app.query_one(FormPanel).show_field("ppo.seed")
        await pilot.press("b", "enter", "ctrl+u", *"1234567890", "enter")
        while bar.region.height == 1:
            await pilot.pause()
        assert button.region.y == bar.region.bottom - 1
        first, second = (line.rstrip() for line in text(pilot.app).splitlines()[bar.region.y : bar.region.bottom])
        assert first == " $ motrix-tui --run --env cartpole --backend torch \\"
        assert second.startswith("     --seed 1234567890  ") and second.endswith("Launch ▶ ^r")
