"""A batch of Gymnasium's environments as an `NpEnv`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.adapters.bodies import mujoco_bodies
from motrix_core.envs.adapters.gymnasium_ids import open_vector
from motrix_core.envs.adapters.spaces import Actions, Observations
from motrix_core.envs.adapters.vector_modes import Stepped, close_vector, mode_of
from motrix_core.envs.base import FloatArray, NpEnv, NpEnvState, Outcome
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import EnvironmentFailed

_SEEDS = 2**31
_NOT_NUMBERS = ("final_obs", "final_info", "episode")


class GymnasiumEnv(NpEnv):
    """Environments made by `gymnasium.make_vec`.

    `vector` is one of `VECTOR_MODES`; `max_episode_steps` replaces the id's own time limit; all other options go to
    the environment's maker. The numbers that an environment puts into its info are shown as metrics, those that begin
    with "reward" as reward terms.

    Its generators cannot be read, and neither can its physics, so it cannot be saved: a resumed run begins new
    episodes, seeded anew from the run's generator. All time in the environment counts as physics.
    """

    saves_state: ClassVar[bool] = False

    def __init__(
        self,
        spec: EnvSpec,
        *,
        num_envs: int,
        rng: np.random.Generator,
        sim: str = "none",
        vector: str = "sync",
        **kwargs: Any,
    ) -> None:
        super().__init__(spec, num_envs=num_envs, rng=rng, sim=sim)
        self._vector = open_vector(spec.name, num_envs, vector, kwargs)
        self.bodies = mujoco_bodies(self._vector)
        observations = Observations(self._vector.single_observation_space, spec.name)
        self._actions = Actions(self._vector.single_action_space, spec.name)
        self._mode = mode_of(self._vector, observations, spec.name)
        self._begun = False
        self._stepped: Stepped | None = None

    def init_state(self) -> NpEnvState:
        self._begun = False
        return super().init_state()

    def apply_action(self, actions: FloatArray) -> None:
        self._taken = self._actions.to_env(actions)

    def physics_step(self) -> None:
        self._stepped = self._mode.step(self._taken)

    def update_state(self) -> Outcome:
        assert self._stepped is not None
        stepped = self._stepped
        numbers = _numbers(stepped.info, self.num_envs)
        return Outcome(
            stepped.obs,
            stepped.reward,
            stepped.terminated,
            reward_terms={name: values for name, values in numbers.items() if name.startswith("reward")},
            metrics={name: values for name, values in numbers.items() if not name.startswith("reward")},
            truncated=stepped.truncated,
        )

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        if self._begun:
            return self._mode.restart(rows)
        # Drawn only now: a resumed run has its generator back by the time its first episodes begin.
        self._begun = True
        return self._mode.begin(int(self.rng.integers(_SEEDS)))

    def get_state(self) -> dict[str, NDArray]:
        """Nothing."""
        return {}

    def set_state(self, arrays: Mapping[str, NDArray]) -> NpEnvState:
        raise EnvironmentFailed(f"{self.spec.name} cannot be restored: Gymnasium's environments have no state to save")

    def get_task_state(self) -> dict[str, NDArray]:
        """Nothing."""
        return {}

    def set_task_state(self, state: Mapping[str, NDArray]) -> None:
        self.set_state(state)

    @property
    def written_as(self) -> type:
        # With workers each of them describes what its environment raises.
        made = getattr(self._vector, "envs", None) or [self._vector]
        return type(made[0].unwrapped)

    def close(self) -> None:
        close_vector(self._vector)


def _numbers(info: Mapping[str, Any], num_envs: int) -> dict[str, FloatArray]:
    """The entries of `info` that are a number in every environment."""
    found = {}
    for name, values in info.items():
        if name.startswith("_") or name in _NOT_NUMBERS or not isinstance(values, np.ndarray):
            continue
        everywhere = values.shape == (num_envs,) and np.all(info.get(f"_{name}", True))
        if everywhere and values.dtype.kind in "fiub":
            found[name] = values.astype(np.float32)
    return found
