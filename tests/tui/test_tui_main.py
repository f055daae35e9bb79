from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from motrix_core import __version__
from motrix_tui.__main__ import main

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "motrix_tui", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, stdin=subprocess.DEVNULL)


def test_without_a_terminal_it_says_what_to_type_instead() -> None:
    done = run()
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr and "motrix-tui --run --env cartpole" in done.stderr
    assert done.stdout == "" and "Traceback" not in done.stderr


def on_a_terminal(*words: str) -> subprocess.CompletedProcess[str]:
    """`motrix-tui WORDS` on a terminal, but for its standard error, which is kept."""
    ours, theirs = pty.openpty()
    try:
        return subprocess.run(
            [sys.executable, "-m", "motrix_tui", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_terminal_whose_standard_error_goes_elsewhere_is_not_left_black() -> None:
    done = on_a_terminal()
    assert done.returncode == 2 and "standard error goes elsewhere" in done.stderr


@pytest.mark.parametrize("hangs", [True, False])
def test_a_thread_that_still_works_is_not_taken_down_with_the_interpreter(hangs: bool) -> None:
    program = (
        "import atexit, sys, threading\n"
        "import motrix_tui.__main__ as program\n"
        "atexit.register(print, 'taken down')\n"
        "def main():\n"
        f"    threading.Thread(target=threading.Event().wait, daemon=True).start() if {hangs} else None\n"
        "    threading.Thread(target=sys.stdout.write, args=['joined\\n']).start()\n"
        "    sys.stdout.write('said\\n')\n"
        "    return 3\n"
        "program.main = main\n"
        "program.program()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 3 and not done.stderr
    assert sorted(done.stdout.split("\n")) == sorted(["", "said", "joined", *([] if hangs else ["taken down"])])


def test_without_a_terminal_all_that_goes_elsewhere_is_named() -> None:
    done = subprocess.run([sys.executable, "-m", "motrix_tui"], input="", capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2 and "standard input, output and error go elsewhere" in done.stderr


def test_run_is_handed_to_the_command_line_without_textual() -> None:
    program = (
        "import sys\n"
        "from motrix_tui.__main__ import main\n"
        "import motrix_core.cli\n"
        "motrix_core.cli.main = lambda argv: print(argv, 'textual' in sys.modules) or 7\n"
        "sys.exit(main(['--run', '--env', 'cartpole']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 7, done.stderr
    assert done.stdout.strip() == "['run', '--env', 'cartpole'] False"


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["--version"])
    assert exit.value.code == 0
    assert capsys.readouterr().out == f"motrix-tui {__version__}\n"


def test_help_names_the_way_without_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["--help"])
    assert exit.value.code == 0
    assert "motrix-tui --run --env cartpole" in capsys.readouterr().out


def test_a_subcommand_points_to_the_program_that_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["devices"])
    assert exit.value.code == 2
    assert "motrix --help" in capsys.readouterr().err


def test_an_unknown_theme_suggests_the_nearest_and_ends_with_2() -> None:
    done = on_a_terminal("--theme", "papr")
    assert done.returncode == 2
    assert "papr" in done.stderr and "did you mean paper?" in done.stderr
