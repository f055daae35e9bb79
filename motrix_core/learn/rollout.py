"""What a rollout collects, in NumPy arrays that are allocated once and serve every rollout of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RolloutBatch:
    """One rollout of T steps in N environments, ready for an update.

    Attributes:
        obs: what each action was chosen for, shape (T, N, obs_dim), float32, not standardised.
        actions: shape (T, N, act_dim), float32.
        log_prob: of those actions under the policy that chose them, nats, shape (T, N), float32.
        rewards: as the environment gave them, shape (T, N), float32.
        terminated, truncated: how step t ended its episode, if it did, shape (T, N), bool; never both.
        next_obs: what the next rollout's first actions will be chosen for, shape (N, obs_dim), float32.
        final_index: where an episode was truncated, as t * N + n, ascending, shape (K,), int32.
        final_obs: the observation that each of those episodes ended in, shape (K, obs_dim), float32.
    """

    obs: np.ndarray
    actions: np.ndarray
    log_prob: np.ndarray
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    next_obs: np.ndarray
    final_index: np.ndarray
    final_obs: np.ndarray

    @property
    def samples(self) -> int:
        """T * N."""
        return self.rewards.size


class Rollout:
    """Records T steps of N environments, then starts over in the same memory."""

    def __init__(self, steps: int, num_envs: int, obs_dim: int, act_dim: int) -> None:
        self.steps, self.num_envs = steps, num_envs
        self.recorded = 0
        self._obs = np.empty((steps, num_envs, obs_dim), np.float32)
        self._actions = np.empty((steps, num_envs, act_dim), np.float32)
        self._log_prob = np.empty((steps, num_envs), np.float32)
        self._rewards = np.empty((steps, num_envs), np.float32)
        self._terminated = np.empty((steps, num_envs), np.bool_)
        self._truncated = np.empty((steps, num_envs), np.bool_)
        # Every step may end by its time limit. The pages of rows that are never written cost no memory.
        self._final_index = np.empty(steps * num_envs, np.int32)
        self._final_obs = np.empty((steps * num_envs, obs_dim), np.float32)
        self._finals = 0

    @property
    def full(self) -> bool:
        return self.recorded == self.steps

    def record(
        self,
        obs: np.ndarray,
        actions: np.ndarray,
        log_prob: np.ndarray,
        rewards: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
        final_obs: np.ndarray | None = None,
    ) -> None:
        """Copy one step of every environment.

        Args:
            obs: what the actions were chosen for, shape (N, obs_dim).
            actions: shape (N, act_dim).
            log_prob, rewards, terminated, truncated: shape (N,).
            final_obs: the observation that each episode ended in, shape (N, obs_dim); only rows of truncated episodes
                are read, and None will do if there are none. An episode that ends both ways terminated.

        Raises:
            RuntimeError: the rollout is full.
            ValueError: an episode was truncated and `final_obs` is missing.
        """
        if self.full:
            raise RuntimeError(f"the rollout already holds its {self.steps} steps; finish() it first")
        step = self.recorded
        self._obs[step], self._actions[step] = obs, actions
        self._log_prob[step], self._rewards[step] = log_prob, rewards
        self._terminated[step] = terminated
        np.logical_and(truncated, np.logical_not(terminated), out=self._truncated[step])
        rows = np.flatnonzero(self._truncated[step])
        if rows.size:
            if final_obs is None:
                raise ValueError(f"{rows.size} episodes were truncated but final_obs is None; pass what they ended in")
            end = self._finals + rows.size
            self._final_index[self._finals : end] = rows + step * self.num_envs
            self._final_obs[self._finals : end] = final_obs[rows]
            self._finals = end
        self.recorded += 1

    def finish(self, next_obs: np.ndarray) -> RolloutBatch:
        """The recorded rollout; the next `record` starts a new one.

        The batch's arrays are views of this object's memory, valid until the next `record`.

        Args:
            next_obs: what the next actions will be chosen for, shape (N, obs_dim).

        Raises:
            RuntimeError: fewer than T steps were recorded.
        """
        if not self.full:
            raise RuntimeError(f"the rollout holds {self.recorded} of its {self.steps} steps; record the rest first")
        batch = RolloutBatch(
            obs=self._obs,
            actions=self._actions,
            log_prob=self._log_prob,
            rewards=self._rewards,
            terminated=self._terminated,
            truncated=self._truncated,
            next_obs=np.array(next_obs, np.float32),
            final_index=self._final_index[: self._finals],
            final_obs=self._final_obs[: self._finals],
        )
        self.recorded = self._finals = 0
        return batch
