"""`motrix-tui`: the dashboard, or with `--run` a training without a screen."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from motrix_core import __version__
from motrix_core.commands.own_env import add_source_flags, source_of
from motrix_core.errors import MotrixError, UnknownName, UsageError

if TYPE_CHECKING:
    from motrix_core.envs.source import EnvSource
    from motrix_core.terminal import Terminal

DESCRIPTION = "Pick, launch and watch PPO training without leaving the terminal."
EPILOG = """\
without a screen:
  motrix-tui --run --env cartpole     trains, the same as: motrix run --env cartpole
every other command is in `motrix --help`.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `argv` (`sys.argv[1:]` by default) and return the exit code: 0, 2 for wrong usage, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "--run" in arguments:
        from motrix_core.cli import main as run_command_line

        arguments.remove("--run")
        return run_command_line(["run", *arguments])
    options = _parser().parse_args(arguments)
    try:
        return _served(options) if options.serve else _dashboard(options)
    except MotrixError as error:
        sys.stderr.write(f"motrix-tui: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    finally:
        gc.enable()


def _served(options: argparse.Namespace) -> int:
    from motrix_tui.serve import serve

    chosen = {
        "--runs-dir": options.runs_dir,
        "--open": options.open,
        "--theme": options.theme,
        "--env": options.env,
        "--env-module": options.env_module,
        "--env-path": options.env_path,
    }
    arguments = [part for flag, value in chosen.items() if value is not None for part in (flag, value)]
    serve(arguments, host=options.host, port=options.port, token=os.environ.get("MOTRIX_SERVE_TOKEN") or None)
    return 0


def _dashboard(options: argparse.Namespace) -> int:
    if options.theme is not None:
        from motrix_tui.themes import THEME_NAMES

        if options.theme not in THEME_NAMES:
            raise UnknownName("theme", options.theme, THEME_NAMES)
    terminal = _terminal()
    # Until the first place is shown: next to nothing of what is imported and made is garbage, and looking for it takes
    # an eighth of that time.
    gc.disable()
    from motrix_tui.app import MotrixApp
    from motrix_tui.core import Core
    from motrix_tui.settings import Settings, default_path
    from motrix_tui.terminal import end_with_terminal

    core = Core(options.runs_dir, source=_source(options), env=options.env)
    opened = None
    if options.open is not None:
        from motrix_core.runs.layout import find_run

        opened = find_run(core.runs_dir, options.open)
    end_with_terminal(sys.stdin.fileno())
    app = MotrixApp(core, Settings.load(default_path()), theme=options.theme, opened=opened, terminal=terminal)
    app.run()
    return app.return_code or 0


def _source(options: argparse.Namespace) -> EnvSource | None:
    """Where environments come from besides the catalog. Raises UsageError for what is not there.

    What is wrong inside of it is shown in its place in Launch.
    """
    if options.env_module is None and options.env_path is None:
        if options.env is not None and not options.env.startswith("gym:"):
            from motrix_core.envs.registry import find_spec

            find_spec(options.env)
        return None
    from motrix_core.envs.registry import check_source

    source = source_of(options)
    check_source(source)
    return source


def _terminal() -> Terminal:
    """What the dashboard is drawn on. Raises UsageError for what is none, or one that nothing can be drawn on."""
    from motrix_core.terminal import Terminal, find_terminal

    if "TEXTUAL_DRIVER" in os.environ:
        # A browser's dashboard has no terminal: textual-serve is at the other end of its pipes.
        return Terminal(colours="NO_COLOR" not in os.environ)
    # Textual draws on standard error: sent to a file, the terminal would stay black.
    streams = {"input": sys.stdin, "output": sys.stdout, "error": sys.stderr}
    elsewhere = [name for name, stream in streams.items() if stream is None or not stream.isatty()]
    if elsewhere:
        *others, last = elsewhere
        streams_named = f"{', '.join(others)} and {last} go" if others else f"{last} goes"
        raise UsageError(
            f"the dashboard needs a terminal, and standard {streams_named} elsewhere",
            mend="train without a screen: motrix-tui --run --env cartpole",
        )
    return find_terminal(os.environ, getattr(sys.stderr, "encoding", None))


class _Parser(argparse.ArgumentParser):
    """Points a person who types a subcommand to the program that has it."""

    def error(self, message: str) -> None:  # type: ignore[override]
        sys.stderr.write(
            f"motrix-tui: {message}; `motrix-tui` opens the dashboard, `motrix-tui --run …` trains, "
            "every other command is in `motrix --help`\n"
        )
        raise SystemExit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="motrix-tui",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--runs-dir", metavar="DIR", help="where runs are kept (default: $MOTRIX_RUNS_DIR, else ./runs)"
    )
    parser.add_argument("--open", metavar="RUN", help="begin with this run: its id, a part of it, its folder, or last")
    parser.add_argument("--env", metavar="NAME", help="begin with this environment; gym:ID is one of Gymnasium's")
    add_source_flags(parser)
    parser.add_argument("--theme", metavar="NAME", help="night, ember, paper (light) or clear (colour-blind-safe)")
    parser.add_argument("--serve", action="store_true", help="in a browser instead of here; needs motrix-tui[serve]")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="with --serve: the address to serve on (default: %(default)s); any but this machine's own needs "
        "MOTRIX_SERVE_TOKEN, a secret of 16 letters and digits or more",
    )
    parser.add_argument("--port", type=int, default=8000, help="with --serve (default: %(default)s)")
    parser.add_argument("--version", action="version", version=f"motrix-tui {__version__}")
    return parser


def program() -> NoReturn:
    """`main`, and the end of the process with its exit code."""
    code = main()
    others = [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
    if any(thread.daemon for thread in others):
        # A daemon thread that is in the middle of an import or of somebody's C code, as soon after the start, crashes
        # an interpreter that is taken down around it (signal 11). So the rest is left to the operating system.
        for thread in others:
            if not thread.daemon:
                thread.join()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    program()
