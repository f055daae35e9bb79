"""Draws the clips of `clips.npz`: `python -m motrix_core.view.make_clips [ENV …]`, all of them without a name.

Nothing is learned for it. Actions are sine waves; of a batch of environments, each with waves of its own, the one that
does best is drawn, which looks livelier than trembling at random.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from motrix_core.view.clips import FILE, HEIGHT, WIDTH

if TYPE_CHECKING:
    from motrix_core.envs.spec import EnvSpec
    from motrix_core.view.scene import Scene

FRAMES = 48
FRAME_S = 0.1
"""An environment's own time between two pictures, where it is not more."""
CANDIDATES = 256
_SEED = 5
_PICTURES_OF_AN_EPISODE = 100
_BLANK, _FIRST = ord(" "), 0x2800


class Waves:
    """Actions of `CANDIDATES` environments of `spec`, each number a sine wave of its own pace, reach and phase."""

    def __init__(self, spec: EnvSpec) -> None:
        rng = np.random.default_rng(_SEED)
        shape = (CANDIDATES, spec.act_dim)
        self._spec = spec
        # Joints that move at one pace look like a gait, and at several like a fit.
        self._hertz = rng.uniform(0.4, 2.0, (CANDIDATES, 1)) * FRAME_S / _picture_s(spec)
        self._phases = rng.uniform(0.0, 2.0 * np.pi, shape)
        self._reach = rng.uniform(0.2, 1.0, shape)
        self._offsets = rng.uniform(-0.3, 0.3, shape)

    def at(self, seconds: float) -> NDArray[np.float32]:
        """The actions at this moment, (CANDIDATES, act_dim)."""
        waves = self._offsets + self._reach * np.sin(2.0 * np.pi * self._hertz * seconds + self._phases)
        share = (np.clip(waves, -1.0, 1.0) + 1.0) / 2.0
        actions = self._spec.act_low + share * (self._spec.act_high - self._spec.act_low)
        if self._spec.n_actions is not None:
            actions = np.rint(actions)
        return actions.astype(np.float32)


def record(spec: EnvSpec) -> NDArray[np.uint8]:
    """The pictures of a clip of `spec`, as `Clip.codes`."""
    from motrix_core.envs.registry import make
    from motrix_core.view.scene import Scene

    env = make(spec.name, num_envs=CANDIDATES, sim=spec.sims[0] if spec.sims else "none", seed=_SEED)
    try:
        scene, waves = Scene(env), Waves(spec)
        env.init_state()
        start = env.get_state()
        row = int(np.argmax(_merits(env, spec, waves)))
        # Drawn twice: the first time tells the scene how far the body reaches, which then holds from the beginning.
        env.set_state(start)
        _pictures(env, spec, scene, waves, row)
        env.set_state(start)
        return np.stack(_pictures(env, spec, scene, waves, row))
    finally:
        env.close()


def _merits(env: Any, spec: EnvSpec, waves: Waves) -> NDArray[np.float64]:
    """How much each environment earns while a clip lasts; where no simulator is needed, how much it moves: those tasks
    reward what takes longer."""
    merits, before = np.zeros(CANDIDATES), None
    for step in range(_steps(spec, FRAMES - 1).stop):
        state = env.step(waves.at(step * spec.ctrl_dt_s))
        if spec.sims:
            merits += state.reward
        elif before is not None:
            merits += np.abs(state.obs - before).sum(axis=1)
        before = state.obs
    return merits


def _pictures(env: Any, spec: EnvSpec, scene: Scene, waves: Waves, row: int) -> list[NDArray[np.uint8]]:
    pictures = []
    for index in range(FRAMES):
        pictures.append(_codes(scene.picture([row], WIDTH, HEIGHT)))
        for step in _steps(spec, index):
            env.step(waves.at(step * spec.ctrl_dt_s))
    return pictures


def _steps(spec: EnvSpec, index: int) -> range:
    """The control steps between the picture `index` and the next."""
    every_s = _picture_s(spec)
    return range(round(index * every_s / spec.ctrl_dt_s), round((index + 1) * every_s / spec.ctrl_dt_s))


def _picture_s(spec: EnvSpec) -> float:
    """The environment's own time between two pictures: more where an episode is long and nothing in it is quick."""
    return FRAME_S if spec.sims else max(FRAME_S, spec.episode_s / _PICTURES_OF_AN_EPISODE)


def _codes(lines: Sequence[str]) -> NDArray[np.uint8]:
    points = [[ord(character) for character in line] for line in lines]
    return np.array([[0 if point == _BLANK else point - _FIRST for point in row] for row in points], np.uint8)


def main(names: Sequence[str]) -> int:
    """Draw the clips of `names`, or of every environment of the catalog, and write them beside the others."""
    from motrix_core.envs.catalog import BUILTIN
    from motrix_core.envs.registry import find_spec

    specs = [find_spec(name) for name in names] or list(BUILTIN)
    clips: dict[str, NDArray[np.uint8]] = {}
    if names and FILE.exists():
        with np.load(FILE, allow_pickle=False) as before:
            clips = {name: before[name] for name in before.files}
    for spec in specs:
        sys.stderr.write(f"{spec.name}\n")
        clips[spec.name] = record(spec)
    np.savez_compressed(FILE, **{name: clips[name] for name in sorted(clips)})  # type: ignore[arg-type]
    sys.stderr.write(f"{FILE}: {FILE.stat().st_size / 1024:.0f} KiB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
