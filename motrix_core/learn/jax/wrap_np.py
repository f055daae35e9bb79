"""Batched NumPy environments as skrl sees them on JAX."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from skrl.envs.wrappers.jax import Wrapper

from motrix_core.learn.clock import PhaseClock
from motrix_core.learn.stepping import Stepper, Transition


def wrap_env(env: Any, *, device: jax.Device | None = None, clock: PhaseClock | None = None) -> SkrlNpWrapper:
    """skrl's view of `env`, anything with a class named `NpEnv` in its MRO.

    Raises:
        ValueError: `env` is something else; the message says "Unsupported environment type" and the way out.
    """
    return SkrlNpWrapper(env, device=device, clock=clock)


class SkrlNpWrapper(Wrapper):
    """Hands an `NpEnv`'s arrays to skrl and back, each converted once.

    `device` is skrl's default where it is None. The time of conversions and of waiting for actions goes to `clock`.
    """

    def __init__(self, env: Any, *, device: jax.Device | None = None, clock: PhaseClock | None = None) -> None:
        self._clock = clock or PhaseClock()
        self._stepper = Stepper(env, self._clock)
        super().__init__(env)
        if device is not None:
            self._device = device

    def reset(self) -> tuple[jax.Array, dict[str, Any]]:
        """(num_envs, obs_dim) float32. Environments reset themselves, so only the first call begins episodes."""
        obs, info = self._stepper.reset()
        return self.to_device(obs), info

    def step(self, actions: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array, dict[str, Any]]:
        """Observation (num_envs, obs_dim) and reward (num_envs, 1), float32; terminated and truncated (num_envs, 1)
        int8, as skrl's memory has them; info. Raises EnvironmentFailed.
        """
        with self._clock.phase("transfer"):
            taken = np.array(actions)
        transition = self._stepper.step(taken)
        with self._clock.phase("transfer"):
            return (
                self.to_device(transition.obs),
                self.to_device(transition.reward[:, None]),
                self.to_device(transition.terminated[:, None].view(np.int8)),
                self.to_device(transition.truncated[:, None].view(np.int8)),
                transition.info,
            )

    @property
    def transition(self) -> Transition:
        """The NumPy side of the last step."""
        assert self._stepper.transition is not None
        return self._stepper.transition

    def to_device(self, array: np.ndarray) -> jax.Array:
        """A JAX array with the contents of `array`, which must not change afterwards: on the CPU the two may share
        memory. The arrays of a `Transition` do not change.
        """
        return jax.device_put(array, self._device)

    def wait(self, arrays: Any) -> None:
        """Return when `arrays`, a tree, is computed, so that its time is not counted elsewhere."""
        jax.block_until_ready(arrays)

    def state(self) -> None:
        """No privileged observations."""
        return

    def render(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: training has no screen."""

    def close(self) -> None:
        """Close the environment."""
        self._env.close()
