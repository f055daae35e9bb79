"""A film of environment 0, drawn off screen by MuJoCo's renderer, whichever simulator steps it.

MuJoCo needs a library that draws without a screen; which one works here is found out by trying, in child processes,
because the first one that is imported decides. mp4 is encoded by the program ffmpeg, gif by Pillow; neither is required
of an installation, so what is missing is named.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from motrix_core.child import code_command
from motrix_core.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    from motrix_core.learn.evaluation import Task
    from motrix_core.play.player import Player

WIDTH, HEIGHT = 640, 480
_FPS = {".mp4": 30, ".gif": 25}  # a gif counts its pictures' durations in hundredths of a second
_BACKENDS = ("egl", "osmesa")
_TRY_LIMIT_S = 60.0
_TRY = """
import mujoco
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='1'/></worldbody></mujoco>")
with mujoco.Renderer(model, 16, 16) as renderer:
    renderer.update_scene(mujoco.MjData(model))
    renderer.render()
"""

Image = NDArray[np.uint8]


def check_can_record(file: Path, env: str) -> None:
    """Raise `UsageError`, with the mend, unless a film of `env` can be written into `file` here.

    Afterwards this process draws by a library that works; call it before MuJoCo is imported.
    """
    if file.suffix not in _FPS:
        raise UsageError(f"--video {file.name} must end in .mp4 or .gif", mend=f"try --video {file.stem or env}.gif")
    if not file.absolute().parent.is_dir():
        raise UsageError(f"--video {file}: the folder {file.absolute().parent} does not exist", mend="make it first")
    if file.suffix == ".mp4":
        ffmpeg()
    elif importlib.util.find_spec("PIL") is None:
        raise UsageError("a .gif needs the package Pillow, which is not installed", mend="pip install pillow")
    if importlib.util.find_spec("mujoco") is None:
        raise MissingExtra("MuJoCo, which draws the film,", "mujoco")
    if "MUJOCO_GL" not in os.environ and sys.platform.startswith("linux"):
        os.environ["MUJOCO_GL"] = _working_backend()


def ffmpeg() -> str:
    """The program that encodes mp4. Raises `UsageError` if there is none."""
    found = shutil.which("ffmpeg")
    if found is None and importlib.util.find_spec("imageio_ffmpeg") is not None:
        import imageio_ffmpeg  # pyright: ignore[reportMissingImports]

        found = imageio_ffmpeg.get_ffmpeg_exe()
    if found is None:
        raise UsageError(
            "a .mp4 needs the program ffmpeg, which is not here",
            mend="install ffmpeg, or pip install imageio-ffmpeg, or record a .gif",
        )
    return found


def _working_backend() -> str:
    causes = []
    for backend in _BACKENDS:
        try:
            done = subprocess.run(
                code_command(_TRY),
                env={**os.environ, "MUJOCO_GL": backend},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TRY_LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            causes.append(f"{backend}: no answer within {_TRY_LIMIT_S:g} s")
            continue
        if done.returncode == 0:
            return backend
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        causes.append(f"{backend}: {said[-1] if said else f'exit code {done.returncode}'}")
    raise UsageError(
        f"this machine cannot draw off screen ({'; '.join(causes)})",
        mend="install the system's libegl1 or libosmesa6, or look with motrix play in the terminal",
    )


def record(player: Player, task: Task, file: Path, *, episodes: int, speed: float, say: Callable[[str], None]) -> None:
    """Record `episodes` episodes of environment 0 into `file`, which appears once it is whole.

    Raises `UsageError` for an environment that MuJoCo cannot draw, or when encoding fails.
    """
    pictures = Pictures(player, task)
    part = file.with_name(f".{file.stem}.part{file.suffix}")
    write = _write_mp4 if file.suffix == ".mp4" else _write_gif
    try:
        count = write(part, pictures.film(episodes, _FPS[file.suffix], speed))
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
        pictures.close()
    say(f"{file}: {count} pictures of {WIDTH}x{HEIGHT}, {count / _FPS[file.suffix]:.1f} s")


class Pictures:
    """MuJoCo's renderer on environment 0 of `player`."""

    def __init__(self, player: Player, task: Task) -> None:
        env = player.cast.env
        if getattr(env, "physics", None) is None or "mujoco" not in env.spec.sims:
            raise UsageError(f"{task.env} has no model that MuJoCo could draw", mend="leave out --video")
        self._player = player
        # The model of an environment on MuJoCo: the other simulator's is none that this renderer knows.
        self._stage = task.make(num_envs=1, seed=0, sim="mujoco") if env.physics.name != "mujoco" else None
        stage: Any = self._stage or env

        from motrix_core.sim.mujoco_film import Film

        self._film = Film(stage.physics.model, WIDTH, HEIGHT)

    def film(self, episodes: int, fps: int, speed: float) -> Iterator[Image]:
        """(HEIGHT, WIDTH, 3) pictures, 1 / `fps` s apart, to the end of environment 0's `episodes`-th episode."""
        player = self._player
        ended, owed_s = 0, 0.0
        while ended < episodes:
            yield self._film.picture(player.cast.env.physics.dof_pos[0])
            owed_s += speed / fps
            while owed_s >= player.step_s and ended < episodes:
                owed_s -= player.step_s
                player.step()
                ended += int(player.steps[0] == 0)

    def close(self) -> None:
        self._film.close()
        if self._stage is not None:
            self._stage.close()


def _write_mp4(file: Path, pictures: Iterator[Image]) -> int:
    argv = [ffmpeg(), "-loglevel", "error", "-y", "-f", "rawvideo", "-pixel_format", "rgb24"]
    argv += ["-video_size", f"{WIDTH}x{HEIGHT}", "-framerate", str(_FPS[".mp4"]), "-i", "-"]
    argv += ["-pix_fmt", "yuv420p", "-f", "mp4", str(file)]
    count = 0
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stderr is not None
        try:
            for picture in pictures:
                process.stdin.write(picture.tobytes())
                count += 1
            process.stdin.close()
        except BrokenPipeError:
            pass  # its exit code, below, says that it went away
        said = process.stderr.read().decode(errors="replace").strip()
    if process.returncode != 0:
        last = said.splitlines()[-1] if said else f"exit code {process.returncode}"
        raise UsageError(f"ffmpeg cannot encode the film: {last}", mend="record a .gif instead")
    return count


def _write_gif(file: Path, pictures: Iterator[Image]) -> int:
    from PIL import Image as Pillow

    count = 0

    def images() -> Iterator[Any]:
        nonlocal count
        for picture in pictures:
            count += 1
            yield Pillow.fromarray(picture)

    frames = images()
    first = next(frames)
    first.save(file, "GIF", save_all=True, append_images=frames, duration=1000 // _FPS[".gif"], loop=0)
    return count
