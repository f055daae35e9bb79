"""The ways in which Gymnasium's vector environments begin new episodes, as one.

Each of the classes tells what a step led to *before* any reset, so that the observation which an episode ended in is
known, and then begins new episodes in the environments that ended. https://farama.org/Vector-Autoreset-Mode describes
the three modes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.adapters.async_worker import told_once
from motrix_core.envs.adapters.spaces import Observations
from motrix_core.envs.base import BoolArray, FloatArray
from motrix_core.envs.blame import place_of_code
from motrix_core.errors import EnvironmentFailed

FEWER_WORKERS = "use fewer with --num-envs, or --set env.vector=sync; signal 9 can mean that memory ran out"
OWN_EXIT = "look in it for what ends a process, such as os._exit"
SPACE_MEND = "let observation_space say what reset() and step() return"
_ENDING_S = 10.0


@dataclass
class Stepped:
    """What a step led to. `obs`, (num_envs, size) float32, is from before any reset; `info` is the environment's."""

    obs: FloatArray
    reward: FloatArray
    terminated: BoolArray
    truncated: BoolArray
    info: dict[str, Any]


class VectorMode(Protocol):
    """One way."""

    def begin(self, seed: int) -> FloatArray:
        """Begin new episodes everywhere, with generators seeded from `seed` on; their observations."""
        ...

    def step(self, actions: NDArray) -> Stepped:
        """Step every environment."""
        ...

    def restart(self, rows: NDArray[np.intp]) -> FloatArray:
        """Begin new episodes in `rows`, which have just ended; their observations, (len(rows), size).

        Raises `EnvironmentFailed` where an environment would have to be reset that resets itself only when it ends.
        """
        ...


class _Mode:
    def __init__(self, vector: Any, observations: Observations, name: str) -> None:
        self._vector, self._observations, self._name = vector, observations, name
        self._quiet = told_once if getattr(vector, "processes", ()) else nullcontext

    def begin(self, seed: int) -> FloatArray:
        obs, _ = self._answer(self._vector.reset, seed=seed)
        return self._observations.batch(obs)

    def _answer(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What `call` returns.

        Raises `EnvironmentFailed` if a worker process has died meanwhile, or an observation has another shape than the
        environment's space says.
        """
        try:
            with self._quiet():
                return call(*args, **kwargs)
        except ValueError as error:
            wrong = _wrong_shape(self._vector)
            if wrong is None:
                raise
            raise EnvironmentFailed(f"{self._name} {wrong}", mend=SPACE_MEND) from error
        except (EOFError, ConnectionError) as error:
            ends = _ends_of_workers(self._vector)
            if not ends:
                raise
            raise EnvironmentFailed(
                f"a worker process of {self._name} has ended: {', '.join(_end(name, code) for name, code in ends)}",
                mend=FEWER_WORKERS if any(code < 0 for _, code in ends) else OWN_EXIT,
            ) from error

    def _step(self, actions: NDArray) -> Stepped:
        obs, reward, terminated, truncated, info = self._answer(self._vector.step, actions)
        return Stepped(
            self._observations.batch(obs),
            np.array(reward, np.float32).reshape(-1),
            np.array(terminated, np.bool_).reshape(-1),
            np.array(truncated, np.bool_).reshape(-1),
            info,
        )

    def _refuse(self, rows: NDArray[np.intp], ended: BoolArray) -> None:
        alive = rows[~ended[rows]]
        if alive.size:
            raise EnvironmentFailed(
                f"{self._name} gave a number that is not finite in environment {alive[0]}, which resets itself only "
                "when its episode ends",
                mend="use --set env.vector=sync, where it can be reset alone",
            )


class MaskedReset(_Mode):
    """Autoreset is off: we reset what ended."""

    def step(self, actions: NDArray) -> Stepped:
        return self._step(actions)

    def restart(self, rows: NDArray[np.intp]) -> FloatArray:
        mask = np.zeros(self._vector.num_envs, np.bool_)
        mask[rows] = True
        obs, _ = self._answer(self._vector.reset, options={"reset_mask": mask})
        return self._observations.batch(obs)[rows]


class SameStep(_Mode):
    """The step that ends an episode returns the next one's first observation, and the last one in its info."""

    def step(self, actions: NDArray) -> Stepped:
        stepped = self._step(actions)
        self._ended = stepped.terminated | stepped.truncated
        self._first = stepped.obs
        rows = np.flatnonzero(self._ended)
        if rows.size:
            final = stepped.info.get("final_obs")
            if final is None:
                raise EnvironmentFailed(
                    f"{self._name} ended an episode without info['final_obs'], which its autoreset mode SAME_STEP needs"
                )
            stepped.obs = stepped.obs.copy()
            for row in rows:
                stepped.obs[row] = self._observations.row(_of_row(final, int(row)))
        return stepped

    def restart(self, rows: NDArray[np.intp]) -> FloatArray:
        self._refuse(rows, self._ended)
        return self._first[rows]


class NextStep(_Mode):
    """The step after the one that ends an episode ignores the action and returns the next episode's first observation.

    That step is no step of the task. An end is told with it instead of before, so that the episode has one step more,
    in its last state, with reward 0 whatever the action is: returns are the task's, the observation that the episode
    ended in is right, and no value is carried from one episode into the next.
    """

    def begin(self, seed: int) -> FloatArray:
        self._terminated = np.zeros(self._vector.num_envs, np.bool_)
        self._truncated = self._terminated.copy()
        self._obs = super().begin(seed)
        return self._obs

    def step(self, actions: NDArray) -> Stepped:
        stepped = self._step(actions)
        ended = self._terminated | self._truncated
        told = Stepped(
            np.where(ended[:, None], self._obs, stepped.obs),
            np.where(ended, np.float32(0.0), stepped.reward),
            self._terminated,
            self._truncated,
            stepped.info,
        )
        self._ended = ended
        self._obs, self._terminated, self._truncated = stepped.obs, stepped.terminated, stepped.truncated
        return told

    def restart(self, rows: NDArray[np.intp]) -> FloatArray:
        self._refuse(rows, self._ended)
        return self._obs[rows]


def mode_of(vector: Any, observations: Observations, name: str) -> VectorMode:
    """The way of `vector`, by what its metadata say. Raises `EnvironmentFailed` if they say nothing."""
    said = vector.metadata.get("autoreset_mode")
    modes = {"Disabled": MaskedReset, "SameStep": SameStep, "NextStep": NextStep}
    made = modes.get(getattr(said, "value", said))
    if made is None:
        raise EnvironmentFailed(
            f"{name} does not say how it begins new episodes: its metadata have autoreset_mode={said!r}",
            mend="let metadata['autoreset_mode'] be one of gymnasium.vector.AutoresetMode",
        )
    return made(vector, observations, name)


def close_vector(vector: Any) -> None:
    """Close `vector`, also where its worker processes cannot answer any longer."""
    workers = getattr(vector, "processes", ())
    if all(worker.is_alive() for worker in workers):
        vector.close()
        return
    for worker in workers:
        worker.kill()
        worker.join()
    vector.closed = True


def _ends_of_workers(vector: Any) -> list[tuple[str, int]]:
    """Name and exit code of worker processes of `vector` that have ended, as none is meant to before it is closed."""
    workers = getattr(vector, "processes", ())
    if not workers:
        return []
    # A process closes its pipes, and what is its sentinel, a moment before its exit code can be asked for.
    ended = wait([worker.sentinel for worker in workers], _ENDING_S)
    for worker in workers:
        if worker.sentinel in ended:
            worker.join()
    return [(worker.name, worker.exitcode) for worker in workers if worker.exitcode is not None]


def _end(name: str, code: int) -> str:
    return f"{name} by signal {-code}" if code < 0 else f"{name} with exit code {code}"


def _wrong_shape(vector: Any) -> str | None:
    """What is wrong with an observation that cannot be laid beside the others; None if it is not its shape."""
    shape = vector.single_observation_space.shape
    # Where Gymnasium steps one environment after the other, it keeps what each of them gave here.
    for env, obs in zip(getattr(vector, "envs", ()), getattr(vector, "_env_obs", ()), strict=False):
        if shape is not None and obs is not None and np.shape(obs) != shape:
            kind = type(env.unwrapped)
            return (
                f"gave an observation of shape {np.shape(obs)}, its observation space says {shape}: "
                f"{place_of_code(kind) or f'class {kind.__name__}'}"
            )
    return None


def _of_row(values: Any, row: int) -> Any:
    if isinstance(values, dict):
        return {key: _of_row(part, row) for key, part in values.items()}
    if isinstance(values, tuple):
        return tuple(_of_row(part, row) for part in values)
    return values[row]
