"""A player in the terminal: keys, time and pictures; or plain pictures, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from motrix_core.play.player import Pace, Player
from motrix_core.play.terminal import Terminal
from motrix_core.runs.text import plain
from motrix_core.view.canvas import Charset
from motrix_core.view.scene import MOST_ROWS, Scene
from motrix_core.view.window import Window

FRAME_S = 1 / 30
KEYS = "space pause  . step  +/- speed  n next episode  v view  q quit"
_QUIT = ("q", "\x1b", "")


class Live:
    """What is on the screen while a player plays. It ends with `q`, or after `episodes` episodes."""

    def __init__(
        self,
        player: Player,
        scene: Scene,
        *,
        speed: float = 1.0,
        episodes: int | None = None,
        window: Window | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.player, self.scene = player, scene
        self.pace = Pace(player.step_s, speed=speed)
        self.over = False
        self._episodes, self._window, self._clock = episodes, window, clock
        self._rows = range(min(player.num_envs, MOST_ROWS))

    def press(self, keys: str) -> None:
        """Do what `keys` mean, one after the other."""
        if keys in _QUIT:
            self.over = True
            return
        for key in keys:
            if key == "q":
                self.over = True
            elif key == " ":
                self.pace.toggle()
            elif key == ".":
                self.pace.paused = True
                self._step()
            elif key in "+=":
                self.pace.change_speed(2.0)
            elif key in "-_":
                self.pace.change_speed(0.5)
            elif key == "n":
                self.player.next_episode()
            elif key == "v":
                self.scene.view = "top" if self.scene.view == "side" else "side"

    def advance(self) -> None:
        """Make the steps that are due, or as many as fit into the time of a frame."""
        now = self._clock()
        for _ in range(self.pace.due(now)):
            if self.over or self._clock() - now > FRAME_S:
                break
            self._step()
        if self._window is not None and self._window.due():
            self._window.show(self.player.cast.env.physics.dof_pos[0])

    def run_unseen(self) -> None:
        """Play for the window alone, where there is no terminal, until it is closed or the episodes are over."""
        while not self.over and self._window is not None and self._window.ended is None:
            started = self._clock()
            self.advance()
            time.sleep(max(FRAME_S - (self._clock() - started), 0.0))

    def _step(self) -> None:
        self.player.step()
        if self._episodes is not None and self.player.score.episodes >= self._episodes:
            self.over = True

    def lines(self, width: int, height: int, charset: Charset) -> list[str]:
        """The whole screen."""
        head = [plain(self._status(), limit=width)]
        foot = [plain(KEYS, limit=width)] if height > 4 else []
        room = max(height - len(head) - len(foot), 1)
        picture = self.scene.picture(self._rows, width, room, self.player.captions(), charset)
        return [charset.spell(line) for line in [*head, *picture, *foot][:height]]

    def _status(self) -> str:
        score = self.player.score
        mean = (
            f"mean of {len(score.finished)} {sum(score.finished) / len(score.finished):.4g}" if score.finished else ""
        )
        state = "paused" if self.pace.paused else f"{self.pace.speed:g}×"
        more = (
            f"{self.player.num_envs - len(self._rows)} more not shown" if len(self._rows) < self.player.num_envs else ""
        )
        window = f"window: {self._window.ended}" if self._window is not None and self._window.ended else ""
        parts = [self.player.cast.title, state, f"{score.episodes} episodes", mean, more, window]
        return "  ".join(part for part in parts if part)


def watch(live: Live, charset: Charset) -> None:
    """Show `live` in the terminal until it is over."""
    with Terminal() as terminal:
        while not live.over:
            started = time.monotonic()
            live.advance()
            if not terminal.is_behind:
                terminal.draw(live.lines(*terminal.size, charset))
            key = terminal.key(FRAME_S - (time.monotonic() - started))
            if key is not None:
                live.press(key)


def print_frames(
    player: Player, scene: Scene, count: int, size: tuple[int, int], charset: Charset, out: TextIO
) -> None:
    """Write `count` pictures, as far apart as those of a live view, with an empty line between them.

    Always the same for the same player, whatever the machine's speed.
    """
    steps = max(round(FRAME_S / player.step_s), 1)
    rows = range(min(player.num_envs, MOST_ROWS))
    for index in range(count):
        if index:
            out.write("\n")
            for _ in range(steps):
                player.step()
        lines = scene.picture(rows, *size, player.captions(), charset)
        out.write("\n".join(charset.spell(line).rstrip() for line in lines) + "\n")
        out.flush()
