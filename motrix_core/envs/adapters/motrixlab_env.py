"""An environment that was written for MotrixLab-S1's `NpEnv`, as one of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
from numpy.random import mtrand
from numpy.typing import NDArray

from motrix_core.envs.adapters.bodies import motrixsim_bodies
from motrix_core.envs.adapters.motrixlab import make_inner
from motrix_core.envs.base import FloatArray, NpEnv, NpEnvState, Outcome
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import EnvironmentFailed


class MotrixLabEnv(NpEnv):
    """`inner`, unchanged, with what a learner here needs besides.

    `final_obs`: its auto-reset overwrites the observations that episodes ended in. It does so in `_reset_done_envs`,
    which is called through ours, so that observations, reward terms and metrics are copied before.

    Randomness: it draws from NumPy's global functions (`np.random.uniform`). While it runs, these draw from the run's
    Philox generator; outside they are left alone. So the same seed gives the same episodes. A generator of its own
    making (`np.random.default_rng()`) stays what it is.

    Actions reach it as the policy drew them, beyond its bounds too, as in MotrixLab's own trainer. It has no way of
    being saved, so a resumed run begins new episodes. `options` replace values of its configuration class.
    """

    saves_state: ClassVar[bool] = False
    clips_actions: ClassVar[bool] = False

    def __init__(
        self, spec: EnvSpec, *, num_envs: int, rng: np.random.Generator, sim: str = "none", **options: Any
    ) -> None:
        super().__init__(spec, num_envs=num_envs, rng=rng, sim=sim)
        with self._randomness():
            self.inner = make_inner(spec.origin, spec.name, num_envs, options)
        self.bodies = motrixsim_bodies(self.inner)
        self._begun = False
        self._before_reset: Outcome | None = None
        self._reset_done_envs = self.inner._reset_done_envs
        self._physics_step = self.inner.physics_step
        # On the instance: its own step() finds ours first, whatever class it is of.
        self.inner._reset_done_envs = self._look_and_reset
        self.inner.physics_step = self._timed_physics_step

    def init_state(self) -> NpEnvState:
        self._begun = False
        return super().init_state()

    def step(self, actions: FloatArray) -> NpEnvState:
        state = super().step(actions)
        if self._before_reset is None:
            # It resets in a way of its own: the learner is told that it has to guess.
            del state.info["final_obs"]
        return state

    def apply_action(self, actions: FloatArray) -> None:
        self._taken = actions

    def physics_step(self) -> None:
        """Nothing: `update_state` makes a whole step of `inner`, which times its physics."""

    def update_state(self) -> Outcome:
        self._before_reset = None
        with self._randomness():
            state = self.inner.step(self._taken)
        return self._before_reset or self._outcome(state)

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        if not self._begun:
            self._begun = True
            with self._randomness():
                self.inner.init_state()
        elif (alive := rows[~self._done()[rows]]).size:
            self._force_reset(alive)
        return np.array(self.inner.state.obs, np.float32)[rows]

    def _done(self) -> NDArray[np.bool_]:
        state = self.inner.state
        return np.asarray(state.terminated, np.bool_) | np.asarray(state.truncated, np.bool_)

    def _force_reset(self, rows: NDArray[np.intp]) -> None:
        """Begin new episodes where a number was not finite, though `inner` would go on."""
        state = self.inner.state
        state.truncated = np.zeros(self.num_envs, np.bool_)
        state.terminated = np.zeros(self.num_envs, np.bool_)
        state.terminated[rows] = True
        with self._randomness():
            self._reset_done_envs()

    def _look_and_reset(self) -> None:
        if self._begun:
            self._before_reset = self._outcome(self.inner.state)
        self._reset_done_envs()

    def _timed_physics_step(self) -> None:
        started = perf_counter()
        self._physics_step()
        self.timing.physics_s += perf_counter() - started

    def _outcome(self, state: Any) -> Outcome:
        # Copies: it fills its arrays anew in every step.
        return Outcome(
            np.array(state.obs, np.float32),
            np.array(state.reward, np.float32),
            np.array(state.terminated, np.bool_),
            reward_terms=self._terms(state.info.get("Reward")),
            metrics=self._terms(state.info.get("metrics")),
            truncated=np.array(state.truncated, np.bool_),
        )

    def _terms(self, values: Mapping[str, Any] | None) -> dict[str, FloatArray]:
        arrays = {name: np.array(value, np.float32).reshape(-1) for name, value in (values or {}).items()}
        return {name: array for name, array in arrays.items() if array.shape == (self.num_envs,)}

    @contextmanager
    def _randomness(self) -> Iterator[None]:
        usual = mtrand.get_bit_generator()
        mtrand.set_bit_generator(self.rng.bit_generator)
        try:
            yield
        finally:
            mtrand.set_bit_generator(usual)

    def get_state(self) -> dict[str, NDArray]:
        """Nothing."""
        return {}

    def set_state(self, arrays: Mapping[str, NDArray]) -> NpEnvState:
        raise EnvironmentFailed(f"{self.spec.name} cannot be restored: MotrixLab's environments have no state to save")

    def get_task_state(self) -> dict[str, NDArray]:
        """Nothing."""
        return {}

    def set_task_state(self, state: Mapping[str, NDArray]) -> None:
        self.set_state(state)

    @property
    def written_as(self) -> type:
        return type(self.inner)

    def close(self) -> None:
        close = getattr(self.inner, "close", None)
        if close is not None:
            close()
