"""What `motrix view` and `motrix play` do once it is known what is played: on a terminal, in a window, as a film."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from motrix_core.envs.source import GYMNASIUM
from motrix_core.errors import UsageError
from motrix_core.play.cast import Cast
from motrix_core.terminal import has_unicode, places_cursor
from motrix_core.view.canvas import ASCII, BRAILLE, Charset
from motrix_core.view.window import Window, check_window

if TYPE_CHECKING:
    from motrix_core.learn.evaluation import Task

_OPENING_LIMIT_S = 60.0


def check_can_watch(args: argparse.Namespace, env: str, sim: str) -> None:
    """Raise `UsageError`, with the mend, for what this terminal or machine cannot show; before anything is made."""
    if args.video is not None:
        from motrix_core.play.video import check_can_record

        check_can_record(Path(args.video), env)
    if args.window:
        check_window(env, sim, flag="--window")
    elif args.frames is None and args.video is None and not _has_terminal():
        raise UsageError(
            "this draws on a terminal, and stdin or stdout is not one",
            mend="add --frames 1 to print one picture, or --video FILE.gif to record",
        )
    elif args.frames is None and args.video is None and not places_cursor(os.environ):
        raise UsageError(
            f"the terminal TERM={os.environ.get('TERM')} cannot place its cursor, so nothing can be drawn on it",
            mend="add --frames 1 to print one picture; or, if it can after all, export TERM=xterm-256color",
        )


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def watch_cast(args: argparse.Namespace, cast: Cast, task: Task) -> None:
    """Show or record `cast`, which is closed afterwards. Raises `UsageError` if it cannot be drawn."""
    from motrix_core.play.player import Player

    player = Player(cast)
    try:
        if args.video is not None:
            from motrix_core.play.video import record

            record(player, task, Path(args.video), episodes=args.episodes or 1, speed=args.speed, say=_say)
        else:
            _watch(args, player, task)
    finally:
        player.close()


def _watch(args: argparse.Namespace, player: object, task: Task) -> None:
    from motrix_core.play.live import Live, print_frames, watch
    from motrix_core.play.player import Player
    from motrix_core.view.scene import Scene

    assert isinstance(player, Player)
    scene = Scene(player.cast.env, view=args.view)
    if not scene.can_draw:
        raise _undrawable(task)
    charset = _charset()
    if args.frames is not None:
        columns, rows = shutil.get_terminal_size((80, 24))
        print_frames(player, scene, args.frames, (columns, max(rows - 1, 1)), charset, sys.stdout)
        return
    window = _open(task) if args.window else None
    try:
        live = Live(player, scene, speed=args.speed, episodes=args.episodes, window=window)
        if _has_terminal():
            watch(live, charset)
        else:
            live.run_unseen()
    finally:
        if window is not None:
            window.close()


def _charset() -> Charset:
    environ = dict(os.environ)
    if not sys.stdout.isatty():
        # What a file or a pipe can hold does not depend on the terminal.
        environ.pop("TERM", None)
    return BRAILLE if has_unicode(environ, sys.stdout.encoding) else ASCII


def _undrawable(task: Task) -> UsageError:
    if task.env.startswith(GYMNASIUM):
        return UsageError(
            f"{task.env} cannot be drawn: of Gymnasium's environments only those on MuJoCo can be, and none of a "
            "vector_entry_point"
        )
    return UsageError(
        f"{task.env} cannot be drawn: it has neither a model of MuJoCo or MotrixSim nor a sketch()",
        mend="give its class a method sketch(rows), as docs/seeing.md explains",
    )


def _open(task: Task) -> Window:
    _say("opening the window …")
    window = Window(task.env, task.sim, task.options, task.source)
    if not window.wait_until_open(_OPENING_LIMIT_S):
        reason = window.ended or f"it did not open within {_OPENING_LIMIT_S:g} s"
        window.close()
        raise UsageError(f"the window cannot be opened: {reason}", mend="leave out --window")
    return window


def _say(text: str) -> None:
    from motrix_core.runs.text import plain

    sys.stderr.write(plain(text) + os.linesep)
