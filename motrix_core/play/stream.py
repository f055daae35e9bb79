"""A player for the dashboard: `python -m motrix_core.play.stream`, which the Play place starts and listens to.

stdin has one JSON object a line. The first says what is played: `run` (its folder) and `checkpoint` (best, last, a
number of env steps, or null), `num_envs`, `seed`, `width`, `height`, and `ascii`. Every later one says what to do, by
its `do`: `pause`, `step`, `next`, `speed` (`factor`), `view`, `size` (`width`, `height`), `checkpoint` (`which`).
stdin's end is ours.

stdout has one JSON object a line: `ready`, then `frame` after `frame`, no more than `FRAMES_PER_S` of them and none
while nothing changes, and `error` for what cannot be done; after an error there is nothing to see until another
checkpoint is chosen.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from motrix_core.errors import MotrixError

if TYPE_CHECKING:
    from motrix_core.play.player import Pace, Player
    from motrix_core.runs.layout import Run
    from motrix_core.view.scene import Scene

FRAMES_PER_S = 15
_FRAME_S = 1 / FRAMES_PER_S
_IDLE_S = 0.5
_RETURNS = 20


class Stream:
    """Plays what `wanted`, the first line, asks for, and writes to `out` what there is to see."""

    def __init__(self, wanted: dict[str, Any], out: TextIO) -> None:
        from motrix_core.runs.layout import Run

        self._out = out
        self._wanted = wanted
        self._run: Run = Run.open(Path(wanted["run"]))
        self._player: Player | None = None
        self._scene: Scene | None = None
        self._pace: Pace | None = None
        self._changed = True
        self._checkpoint: str | None = None

    def open(self, which: str | None) -> None:
        """Play the checkpoint `which`. What goes wrong is written as an `error`."""
        self.close()
        try:
            self._or_say(lambda: self._open(which))
        except OSError as error:
            self._say(type="error", message=str(error))

    def _open(self, which: str | None) -> None:
        from motrix_core.commands.export import choose_checkpoint
        from motrix_core.play.cast import policy_cast
        from motrix_core.play.player import Pace, Player
        from motrix_core.runs.checkpoints import list_checkpoints
        from motrix_core.view.scene import Scene

        checkpoint = choose_checkpoint(self._run, which)
        wanted = self._wanted
        cast = policy_cast(self._run, checkpoint, num_envs=wanted.get("num_envs", 1), seed=wanted.get("seed", 0))
        self._player, self._scene = Player(cast), Scene(cast.env)
        speed = self._pace.speed if self._pace is not None else 1.0
        self._pace = Pace(self._player.step_s, speed=speed)
        self._checkpoint, self._changed = checkpoint.path.name, True
        listed = [
            {"name": info.path.name, "env_steps": info.env_steps, "best": info.best}
            for info in list_checkpoints(self._run)
        ]
        drawable = self._scene.can_draw
        self._say(type="ready", title=cast.title, checkpoint=self._checkpoint, checkpoints=listed, drawable=drawable)

    def obey(self, command: dict[str, Any]) -> None:
        """Do what `command` says; while nothing is played only `size` and `checkpoint` mean anything."""
        what = command.get("do")
        if what == "size":
            self._wanted |= {"width": int(command["width"]), "height": int(command["height"])}
        elif what == "checkpoint":
            self.open(command.get("which"))
        elif self._player is not None and self._pace is not None and self._scene is not None:
            if what == "pause":
                self._pace.toggle()
            elif what == "step":
                self._pace.paused = True
                self._step()
            elif what == "speed":
                self._pace.change_speed(float(command["factor"]))
            elif what == "next":
                self._or_say(self._player.next_episode)
            elif what == "view":
                self._scene.view = "top" if self._scene.view == "side" else "side"
        self._changed = True

    def advance(self, now: float) -> None:
        """Make the steps that are due at the time `now`, as many as fit into a frame, and write the frame."""
        if self._player is None or self._pace is None:
            return
        deadline = time.monotonic() + _FRAME_S
        for _ in range(self._pace.due(now)):
            if self._player is None or time.monotonic() > deadline:
                break
            self._step()
        if self._changed:
            self._write_frame()

    def _step(self) -> None:
        if self._player is None:
            return
        self._or_say(self._player.step)
        self._changed = True

    def _or_say(self, act: Callable[[], None]) -> None:
        """Do `act`. If it cannot be done there is nothing to see any more, and an `error` says why."""
        try:
            act()
        except MotrixError as error:
            self.close()
            self._say(type="error", message=str(error))

    def _write_frame(self) -> None:
        player, scene, pace = self._player, self._scene, self._pace
        if player is None or scene is None or pace is None:
            return
        self._changed = False
        self._or_say(lambda: self._say_frame(player, scene, pace))

    def _say_frame(self, player: Player, scene: Scene, pace: Pace) -> None:
        from motrix_core.view.canvas import ASCII, BRAILLE

        wanted = self._wanted
        size = max(int(wanted["width"]), 1), max(int(wanted["height"]), 1)
        captions = player.captions() if player.num_envs > 1 else []
        charset = ASCII if wanted.get("ascii") else BRAILLE
        score = player.score
        self._say(
            type="frame",
            lines=scene.picture(range(player.num_envs), *size, captions, charset),
            total=score.total,
            steps=score.steps,
            episodes=score.episodes,
            returns=list(score.finished)[-_RETURNS:],
            terms=score.terms,
            actions=score.actions,
            paused=pace.paused,
            speed=pace.speed,
            view=scene.view,
        )

    def _say(self, **message: Any) -> None:
        self._out.write(json.dumps(message, ensure_ascii=False, separators=(",", ":")) + "\n")
        self._out.flush()

    def close(self) -> None:
        """Let go of the environment."""
        if self._player is not None:
            self._player.close()
        self._player = self._scene = None

    @property
    def is_busy(self) -> bool:
        """Whether the next frame will come by itself."""
        return self._player is not None and self._pace is not None and not self._pace.paused


def main() -> int:
    """Returns the process's exit code: 0, also when the dashboard has gone away."""
    # Ctrl-C in the dashboard's terminal is not for us, and drawing must not take the cores from a training.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Simulators print to stdout; the dashboard would take it for ours.
    os.dup2(2, 1)
    commands = _Lines(0)
    try:
        first = commands.first()
        if first is None:
            return 0
        try:
            stream = Stream(first, out)
        except MotrixError as error:
            out.write(json.dumps({"type": "error", "message": str(error)}) + "\n")
            out.flush()
            return 0
        stream.open(first.get("checkpoint"))
        _serve(stream, commands)
        stream.close()
    except BrokenPipeError:
        # The dashboard has gone; what is left in the buffer cannot be said to anybody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    return 0


def _serve(stream: Stream, commands: _Lines) -> None:
    while not commands.over:
        started = time.monotonic()
        stream.advance(started)
        left_s = _FRAME_S - (time.monotonic() - started) if stream.is_busy else _IDLE_S
        for command in commands.take(max(left_s, 0.0)):
            stream.obey(command)


class _Lines:
    """JSON objects, one a line, from the pipe `descriptor`. `over` once it has ended."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = b""
        self.over = False

    def take(self, timeout_s: float) -> list[dict[str, Any]]:
        """What has come, after waiting up to `timeout_s` for anything."""
        if select.select([self._descriptor], [], [], timeout_s)[0]:
            chunk = os.read(self._descriptor, 1 << 16)
            self.over = not chunk
            self._buffer += chunk
        *lines, self._buffer = self._buffer.split(b"\n")
        return [json.loads(line) for line in lines if line.strip()]

    def first(self) -> dict[str, Any] | None:
        """The first object, None if there is none before the end. Nobody sends a second before it is answered."""
        while not self.over:
            found = self.take(60.0)
            if found:
                return found[0]
        return None


if __name__ == "__main__":
    sys.exit(main())
