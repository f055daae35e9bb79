"""The command line: every command, for people and for scripts.

stdout is data, stderr is narration. Exit codes: 0 done, 2 wrong usage or configuration, 3 training failed, 4 no usable
backend, 130 interrupted. `motrix-tui --run ARGS` and `motrix run ARGS` are this one code path.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from motrix_core import __version__
from motrix_core.errors import MotrixError, UnknownName

# One module per command in motrix_core/commands, each with add_parser(subparsers) and run(args) -> exit code.
COMMANDS = (
    "run",
    "devices",
    "envs",
    "config",
    "runs",
    "eval",
    "view",
    "play",
    "export",
    "convert",
    "demos",
    "bench",
    "doctor",
)


class Parser(argparse.ArgumentParser):
    """argparse, but wrong usage reads like every other error of ours."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}; {self.prog} --help explains\n")


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="motrix",
        description="Train robot policies with PPO on JAX or PyTorch. The dashboard is motrix-tui.",
        epilog="motrix COMMAND --help explains a command.",
    )
    parser.add_argument("--version", action="version", version=f"motrix-tui {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for name in COMMANDS:
        importlib.import_module(f"motrix_core.commands.{name}").add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. `argv` is without the program's name."""
    _open_what_was_closed()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words and not words[0].startswith("-") and words[0] not in COMMANDS:
            raise UnknownName("command", words[0], COMMANDS, listing="motrix --help")
        parser = build_parser()
        args = parser.parse_args(words)
        if args.command is None:
            parser.print_help()
            return 0
        module = importlib.import_module(f"motrix_core.commands.{args.command}")
        return int(module.run(args))
    except MotrixError as error:
        _say(f"motrix: error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away (say `| head`): not our error, but nothing more can be said on stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _open_what_was_closed() -> None:
    """Let nobody read what is written to a stdout or stderr that was closed (`2>&-`), where Python has None."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            nobody = os.open(os.devnull, os.O_WRONLY)
            if nobody != number:
                os.dup2(nobody, number)
                os.close(nobody)
            setattr(sys, name, os.fdopen(number, "w"))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
