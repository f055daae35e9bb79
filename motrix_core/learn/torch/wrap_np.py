"""Batched NumPy environments as skrl sees them on PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from skrl.envs.wrappers.torch import Wrapper

from motrix_core.learn.clock import PhaseClock
from motrix_core.learn.stepping import Stepper, Transition


def wrap_env(env: Any, *, device: torch.device | str | None = None, clock: PhaseClock | None = None) -> SkrlNpWrapper:
    """skrl's view of `env`, anything with a class named `NpEnv` in its MRO.

    Raises:
        ValueError: `env` is something else; the message says "Unsupported environment type" and the way out.
    """
    return SkrlNpWrapper(env, device=device, clock=clock)


class SkrlNpWrapper(Wrapper):
    """Hands an `NpEnv`'s arrays to skrl and back, each converted once.

    `device` is skrl's default where it is None. The time of conversions and of waiting for actions goes to `clock`.
    """

    def __init__(self, env: Any, *, device: torch.device | str | None = None, clock: PhaseClock | None = None) -> None:
        self._clock = clock or PhaseClock()
        self._stepper = Stepper(env, self._clock)
        super().__init__(env)
        if device is not None:
            self._device = torch.device(device)

    def reset(self) -> tuple[torch.Tensor, dict[str, Any]]:
        """(num_envs, obs_dim) float32. Environments reset themselves, so only the first call begins episodes."""
        obs, info = self._stepper.reset()
        return self.to_device(obs), info

    def step(
        self, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, dict[str, Any]]:
        """Observation (num_envs, obs_dim) and reward (num_envs, 1), float32; terminated and truncated (num_envs, 1)
        bool; info. Raises EnvironmentFailed.
        """
        with self._clock.phase("transfer"):
            taken = actions.detach().cpu().numpy().copy()
        transition = self._stepper.step(taken)
        with self._clock.phase("transfer"):
            return (
                self.to_device(transition.obs),
                self.to_device(transition.reward[:, None]),
                self.to_device(transition.terminated[:, None]),
                self.to_device(transition.truncated[:, None]),
                transition.info,
            )

    @property
    def transition(self) -> Transition:
        """The NumPy side of the last step."""
        assert self._stepper.transition is not None
        return self._stepper.transition

    def to_device(self, array: np.ndarray) -> torch.Tensor:
        """A tensor of its own with the contents of `array`."""
        return torch.tensor(array, device=self._device)

    def wait(self, tensor: torch.Tensor) -> None:
        """Return when `tensor` is computed, so that its time is not counted elsewhere."""
        if tensor.is_cuda:
            torch.cuda.synchronize(tensor.device)

    def state(self) -> None:
        """No privileged observations."""
        return

    def render(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: training has no screen."""

    def close(self) -> None:
        """Close the environment."""
        self._env.close()
