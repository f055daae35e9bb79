"""What an environment has to keep to, tried out: `motrix envs check`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray
from motrix_core.envs.blame import described, named_nonfinite, place_of, place_of_code
from motrix_core.envs.random_state import make_generator
from motrix_core.envs.sketch import sketch_of
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import MotrixError

Status = Literal["ok", "warn", "fail", "skip"]
Make = Callable[[int, int], Any]
"""(num_envs, seed) → an environment of its own."""

NUM_ENVS = 4
_SPEED_ENVS = 256
_SPEED_ENVS_IN_PYTHON = 16
_SPEED_S = 0.5
_LONGEST_S = 10.0
_MOST_STEPS = 3000
_SAME_STEPS = 50
_EXTREME_STEPS = 20
_LARGE = 1e6


@dataclass(frozen=True)
class Check:
    """What came of one check; `mend` says what to change where something is wrong."""

    name: str
    status: Status
    detail: str
    mend: str = ""


class _Wrong(Exception):
    """A check that failed."""

    def __init__(self, detail: str, mend: str = "", status: Status = "fail") -> None:
        super().__init__(detail)
        self.detail, self.mend = detail, mend
        self.status: Status = status


def check_environment(spec: EnvSpec, make: Make) -> Iterator[Check]:
    """Every check in turn. After one that the environment raised in, the others would say nothing, and are left out."""
    checker = _Checker(spec, make)
    for name, look in checker.all().items():
        try:
            told = look()
            checker.warn_of_casts()
            yield Check(name, "ok", told)
        except _Wrong as wrong:
            place = place_of_code(checker.written_as) if wrong.status == "fail" and checker.written_as else None
            yield Check(name, wrong.status, f"{place}: {wrong.detail}" if place else wrong.detail, wrong.mend)
            if wrong.status == "fail" and name in ("make", "reset", "step"):
                break
        except MotrixError as error:
            yield Check(name, "fail", error.message, error.mend or "")
            break
        except Exception as error:
            named = "line" if place_of(error) is not None else "class"
            yield Check(name, "fail", described(error, checker.written_as), f"mend the {named} that is named")
            break
        finally:
            checker.close()


class _Checker:
    def __init__(self, spec: EnvSpec, make: Make) -> None:
        self._spec, self._make = spec, make
        self._rng = make_generator(0)
        self._made: list[Any] = []
        self._cast: list[str] = []

    def all(self) -> dict[str, Callable[[], str]]:
        return {
            "make": self.make,
            "reset": self.reset,
            "step": self.step,
            "memory": self.memory,
            "bounds": self.bounds,
            "episodes": self.episodes,
            "same seed": self.same_seed,
            "other seed": self.other_seed,
            "save and restore": self.save_and_restore,
            "drawing": self.drawing,
            "speed": self.speed,
        }

    def make(self) -> str:
        env = self._new(0)
        for name in ("init_state", "step", "observation_space", "action_space"):
            if not hasattr(env, name):
                raise _Wrong(f"has no {name}", "derive it from motrix_core.envs.base.NpEnv")
        choices = self._spec.n_actions
        acts = f"{choices} choices" if choices else f"{self._spec.act_dim} in {self._bounds()}"
        return f"{self._spec.obs_dim} observations, actions: {acts}"

    def reset(self) -> str:
        obs = self._new(0).init_state().obs
        self._check_array("obs", obs, (NUM_ENVS, self._spec.obs_dim), np.float32)
        return f"obs {obs.shape}, from {obs.min():.3g} to {obs.max():.3g}"

    def step(self) -> str:
        env = self._begun(0)
        state = env.step(self._random(NUM_ENVS))
        self._check_array("obs", state.obs, (NUM_ENVS, self._spec.obs_dim), np.float32)
        self._check_array("reward", state.reward, (NUM_ENVS,), np.float32)
        self._check_array("terminated", state.terminated, (NUM_ENVS,), np.bool_)
        self._check_array("truncated", state.truncated, (NUM_ENVS,), np.bool_)
        names = []
        for group in ("Reward", "metrics"):
            for name, values in state.info.get(group, {}).items():
                self._check_array(f"info[{group!r}][{name!r}]", np.asarray(values), (NUM_ENVS,), None)
                names.append(name)
        return f"shapes and types are right; shows {', '.join(names) or 'nothing besides the reward'}"

    def memory(self) -> str:
        env = self._begun(0)
        first = env.step(self._random(NUM_ENVS))
        kept = first.obs.copy(), first.reward.copy()
        env.step(self._random(NUM_ENVS))
        if not (np.array_equal(first.obs, kept[0]) and np.array_equal(first.reward, kept[1])):
            raise _Wrong(
                "a step overwrites the observations or rewards of the one before",
                "return new arrays: add .copy() where update_state() and reset() return",
            )
        return "every step returns arrays of its own"

    def bounds(self) -> str:
        low, high = self._spec.act_low, self._spec.act_high
        if not (math.isfinite(low) and math.isfinite(high)):
            raise _Wrong(f"actions in {self._bounds()}", "name finite bounds if there are any", "warn")
        for extreme in (low, high):
            env = self._begun(0)
            for _ in range(_EXTREME_STEPS):
                state = env.step(np.full((NUM_ENVS, self._spec.act_dim), extreme, np.float32))
                self._check_finite(state, f"with all actions at {extreme:g}")
        return f"{_EXTREME_STEPS} steps at either bound of {self._bounds()}"

    def episodes(self) -> str:
        env, started, largest = self._begun(0), perf_counter(), 0.0
        # An option may have changed the spec's. What was written against another NpEnv may have no times of its own.
        limit = getattr(getattr(env, "cfg", None), "max_episode_steps", self._spec.max_episode_steps)
        ended, unchanged, first_end, steps = 0, 0, 0, 0
        begun_with, moves = env.state.obs.copy(), False
        while steps < min(_MOST_STEPS, limit + 1) and perf_counter() - started < _LONGEST_S:
            steps += 1
            state = env.step(self._random(NUM_ENVS))
            self._check_finite(state, f"with random actions at step {steps}")
            largest = max(largest, float(np.abs(state.obs).max()))
            moves = moves or not np.array_equal(state.obs, begun_with)
            if (done := state.terminated | state.truncated).any():
                unchanged += self._unchanged_ends(state)
                ended += int(done.sum())
                first_end = first_end or steps
        self._check_that_they_end(ended, steps, limit)
        # A few coincide where observations are few, and all where there is only one.
        if unchanged == ended >= NUM_ENVS and moves:
            raise _Wrong(
                f"{ended} episodes ended, and each time obs is still what it ended in",
                "return the next episode's first observation as obs: reset() begins it",
            )
        if largest > _LARGE:
            raise _Wrong(
                f"observations reach {largest:.3g}",
                "scale them to the order of 1",
                "warn",
            )
        return f"{ended} ended in {steps} steps, the first after {first_end}; final_obs is theirs, obs the next ones'"

    @staticmethod
    def _check_that_they_end(ended: int, steps: int, limit: int) -> None:
        if ended:
            return
        if steps > limit:
            raise _Wrong(
                f"no episode ended in {steps} steps, though one has {limit}",
                "let the environment set truncated at its time limit",
            )
        raise _Wrong(f"none ended in the {steps} steps tried, of {limit} that one may have", status="warn")

    def same_seed(self) -> str:
        first, second = self._trace(seed=1), self._trace(seed=1)
        if not np.array_equal(first, second):
            step = int(np.argmax((first != second).any(axis=(1, 2))))
            raise _Wrong(
                f"two environments of one seed differ from step {step} on",
                f"draw every random number from {self._generator}, none from np.random or random, and read no clock",
            )
        return f"the same {_SAME_STEPS} steps twice"

    def other_seed(self) -> str:
        first, second = (self._new(seed).init_state().obs for seed in (1, 2))
        if np.array_equal(first, second):
            raise _Wrong(
                "two seeds begin with the same observations",
                f"draw the initial states from {self._generator}, unless every episode shall begin alike",
                "warn",
            )
        return "begins with other observations"

    def save_and_restore(self) -> str:
        env = self._begun(3)
        if not (getattr(env, "saves_state", True) and hasattr(env, "get_state") and hasattr(env, "set_state")):
            raise _Wrong("has no state to save: a resumed run begins new episodes", status="skip")
        actions = [self._random(NUM_ENVS) for _ in range(2 * _SAME_STEPS)]
        for taken in actions[:_SAME_STEPS]:
            env.step(taken)
        saved = env.get_state()
        other = self._new(4)
        other.set_state({name: np.array(array) for name, array in saved.items()})
        for step, taken in enumerate(actions[_SAME_STEPS:]):
            expected, found = env.step(taken), other.step(taken)
            for name in ("obs", "reward", "terminated", "truncated"):
                if not np.array_equal(getattr(expected, name), getattr(found, name)):
                    raise _Wrong(
                        f"a restored environment's {name} differs from step {step} on",
                        "save everything that decides how it goes on in get_task_state(), and take all of it back",
                    )
        return f"goes on bit for bit for {_SAME_STEPS} steps"

    def drawing(self) -> str:
        env = self._begun(0)
        if getattr(env, "physics", None) or getattr(env, "bodies", None):
            return "the bodies of its model"
        sketch = sketch_of(env, range(NUM_ENVS))
        if sketch is None:
            lacks = "no model of MuJoCo" if self._is_gymnasium else "no sketch()"
            raise _Wrong(f"has {lacks}: motrix view cannot draw it, and Play shows its score alone", status="skip")
        return f"{len(sketch.lines)} lines of its sketch()"

    def speed(self) -> str:
        count = _SPEED_ENVS_IN_PYTHON if self._is_gymnasium else _SPEED_ENVS
        env = self._new(0, count)
        env.init_state()
        actions, steps, started = self._random(count), 0, perf_counter()
        while (elapsed := perf_counter() - started) < _SPEED_S:
            env.step(actions)
            steps += 1
        return f"{count * steps / elapsed:,.0f} env steps/s with {count} environments"

    @property
    def _is_gymnasium(self) -> bool:
        return self._spec.origin == "gymnasium"

    @property
    def _generator(self) -> str:
        return "self.np_random, which super().reset(seed=seed) seeds" if self._is_gymnasium else "self.rng"

    def _bounds(self) -> str:
        return f"[{self._spec.act_low:g}, {self._spec.act_high:g}]"

    def _new(self, seed: int, num_envs: int = NUM_ENVS) -> Any:
        self._made.append(self._make(num_envs, seed))
        return self._made[-1]

    def _begun(self, seed: int) -> Any:
        env = self._new(seed)
        env.init_state()
        return env

    @property
    def written_as(self) -> type | None:
        """The class of the environment that the check under way made, as whoever wrote it knows it."""
        return getattr(self._made[-1], "written_as", type(self._made[-1])) if self._made else None

    def warn_of_casts(self) -> None:
        """What training takes, too, but has to convert."""
        if self._cast:
            names = ", ".join(dict.fromkeys(self._cast))
            raise _Wrong(f"{names}: float64, which is converted at every step", "add .astype(np.float32)", "warn")

    def close(self) -> None:
        """Close what the last check made."""
        self._cast.clear()
        while self._made:
            env = self._made.pop()
            if hasattr(env, "close"):
                env.close()

    def _random(self, num_envs: int) -> FloatArray:
        """Actions that a policy could take: uniform within the bounds, normal where there are none."""
        size = (num_envs, self._spec.act_dim)
        if self._spec.n_actions is not None:
            return self._rng.integers(self._spec.n_actions, size=size).astype(np.float32)
        low, high = self._spec.act_low, self._spec.act_high
        if math.isfinite(low) and math.isfinite(high):
            return self._rng.uniform(low, high, size).astype(np.float32)
        return self._rng.standard_normal(size).astype(np.float32)

    def _trace(self, seed: int) -> NDArray:
        """Observations and rewards of a play from `seed` with the same actions every time."""
        self._rng = make_generator(0)
        env = self._begun(seed)
        states = [env.step(self._random(NUM_ENVS)) for _ in range(_SAME_STEPS)]
        return np.stack([np.column_stack([state.obs, state.reward]) for state in states])

    def _check_array(self, name: str, found: object, shape: tuple[int, ...], dtype: Any) -> None:
        if not isinstance(found, np.ndarray):
            raise _Wrong(f"{name} is a {type(found).__name__}", f"make it a NumPy array of shape {shape}")
        if found.shape != shape:
            mend = "num_envs comes first" + (": obs_dim in the EnvSpec is the second" if name == "obs" else "")
            raise _Wrong(f"{name} has the shape {found.shape}, but {shape} is needed", mend)
        if dtype == np.float32 and found.dtype == np.float64:
            self._cast.append(name)
        elif dtype is not None and found.dtype != dtype:
            wanted = np.dtype(dtype).name
            raise _Wrong(f"{name} is {found.dtype}, but {wanted} is needed", f"add .astype(np.{wanted.rstrip('_')})")
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            raise _Wrong(f"{name} has a number that is not finite", "look for a division by zero, or a state not set")

    def _check_finite(self, state: Any, when: str) -> None:
        broken = state.info.get("metrics", {}).get("nonfinite", np.zeros(1)).any()
        if broken or not (np.isfinite(state.obs).all() and np.isfinite(state.reward).all()):
            raise _Wrong(
                f"an observation or reward is not finite {when}{named_nonfinite(self._made[-1])}",
                "look for a division by zero, a root or logarithm of a negative number, or physics that diverges",
            )

    def _unchanged_ends(self, state: Any) -> int:
        """In how many environments an episode ended in the very observation that the next one begins with."""
        rows = np.flatnonzero(state.terminated | state.truncated)
        final = state.info.get("final_obs")
        if final is None:
            raise _Wrong(
                "info['final_obs'] is missing, so the value of a truncated episode's last state is a guess",
                "keep the observations from before the reset, and put them into info['final_obs']",
            )
        self._check_array("info['final_obs']", final, (NUM_ENVS, self._spec.obs_dim), None)
        return int((final[rows] == state.obs[rows]).all(axis=1).sum())
