"""The fused PPO engine in PyTorch: one call to act, one call to update.

Mirror image of `motrix_core.learn.jax.fused`. What an update means is said in `docs/algorithm.md`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from motrix_core.learn.algorithm import (
    MINI_BATCH_COLUMNS,
    PPOHyperparameters,
    UpdateMetrics,
    checked_permutations,
    summary,
)
from motrix_core.learn.choices import likeliest_choices, sample_choices
from motrix_core.learn.rollout import RolloutBatch
from motrix_core.learn.spec import AgentState, ModelSpec, adam_arrays, scaler_arrays
from motrix_core.learn.torch import fused_steps as steps
from motrix_core.learn.torch.copies import Copies
from motrix_core.learn.torch.fused_kernels import Adam, conclude, standardise_
from motrix_core.learn.torch.fused_network import FlatParameters, Workspace
from motrix_core.learn.torch.fused_policies import clamped_log_std, log_normaliser, loss_of
from motrix_core.learn.torch.fused_workers import Workers

_KL, _SEEN = MINI_BATCH_COLUMNS.index("kl"), MINI_BATCH_COLUMNS.index("seen")


class FusedPPO:
    """Policy, value function, scalers and optimiser, with all that PPO does to them.

    Args:
        spec: sizes of the networks.
        hyper: what an update depends on; `adjust` changes some of it during a run.
        state: where to start, or to go on.
        device: "cpu", or "cuda" with or without an index.
        threads: CPU threads to work with, this one included. Each takes whole pieces of a mini-batch, so results
            depend on the number of threads in the last bit, and for one number are always the same. A GPU uses one.
    """

    def __init__(
        self, spec: ModelSpec, hyper: PPOHyperparameters, state: AgentState, *, device: str = "cpu", threads: int = 1
    ) -> None:
        self.spec, self.hyper = spec, hyper
        self.device = torch.device(device)
        self.copies = Copies(self.device)
        self._workers = Workers(spec, self.device, threads if self.device.type == "cpu" else 1)
        self._network = FlatParameters(spec, self.device)
        self._m, self._v = FlatParameters(spec, self.device), FlatParameters(spec, self.device)
        self._step = torch.zeros((), dtype=torch.float64, device=self.device)
        self._learning_rate = torch.zeros((), dtype=torch.float64, device=self.device)
        self.load_state(state)

    def act(self, obs: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sample one action for every environment.

        Args:
            obs: as the environment gave them, shape (N, obs_dim), float32.
            noise: as `choices.draw_noise` draws it, shape (N, act_dim).

        Returns:
            Actions, shape (N, act_dim), float32, not clipped (skrl's `clip_actions=False`), and the log of their
            probability (density, summed over dimensions), in nats, shape (N,), float32.
        """
        if self.spec.discrete:
            return sample_choices(self._policy_outputs(obs), noise)
        with self._workers, torch.inference_mode():
            drawn = self.copies.to_device(noise)
            log_std = clamped_log_std(self._network)
            actions = self._means(obs) + drawn * log_std.exp().squeeze(1)
            log_prob = drawn.square().sum(1).mul_(-0.5).sub_(log_normaliser(log_std))
            return self.copies.to_host(actions), self.copies.to_host(log_prob)

    def act_deterministic(self, obs: np.ndarray) -> np.ndarray:
        """The mean or the likeliest action for every environment, shape (N, act_dim), float32, for `obs` as `act`
        takes them.
        """
        outputs = self._policy_outputs(obs)
        return likeliest_choices(outputs) if self.spec.discrete else outputs

    def update(self, rollout: RolloutBatch, permutations: np.ndarray | None = None) -> UpdateMetrics:
        """Learn from one rollout.

        Args:
            rollout: what the policy, as it is now, collected.
            permutations: the order in which each epoch visits the samples t * N + n, shape (epochs, T * N), int32;
                None is the order of storage.

        Raises:
            ConfigError: the rollout cannot be cut into `mini_batches` equal parts.
            ValueError: `permutations` has another shape.
        """
        size = self.hyper.mini_batch_size(rollout.samples)
        order = checked_permutations(permutations, self.hyper.learning_epochs, rollout.samples)
        with self._workers, torch.inference_mode():
            samples, explained = self._prepare(rollout)
            indexes = self.copies.to_device(order).view(self.hyper.learning_epochs, self.hyper.mini_batches, size)
            table = self._optimise(samples, indexes)
            return self._metrics(table, explained)

    def adjust(self, **changes: float) -> None:
        """Change `learning_rate`, `entropy_loss_scale` or `ratio_clip` from the next update on.

        Raises:
            ConfigError: another name, or a value out of bounds.
        """
        self.hyper = self.hyper.adjusted(**changes)
        if "learning_rate" in changes:
            self._learning_rate.fill_(changes["learning_rate"])

    def state(self) -> AgentState:
        """Everything that `load_state` needs to continue exactly, as copies on the host."""
        arrays = self._network.arrays()
        step = int(self._step.item())
        arrays.update(adam_arrays(self._m.arrays(), self._v.arrays(), step))
        for name, scaler in (("observation", self._obs_scaler), ("value", self._value_scaler)):
            mean, variance, count = (part.cpu().numpy().copy() for part in (scaler.mean, scaler.variance, scaler.count))
            arrays.update(scaler_arrays(name, mean, variance, count))
        return AgentState(arrays, float(self._learning_rate.item()))

    def load_state(self, state: AgentState) -> None:
        """Continue from `state`, of whichever backend.

        Raises:
            CheckpointError: it lacks an array, or one has another shape; nothing has changed then.
        """
        state.check(self.spec)
        self._network.load(state.arrays)
        self._m.load(state.arrays, "adam.m.")
        self._v.load(state.arrays, "adam.v.")
        self._step.fill_(int(state.arrays["adam.step"]))
        self._learning_rate.fill_(state.learning_rate)
        self._obs_scaler = self._scaler(state, "observation")
        self._value_scaler = self._scaler(state, "value")

    def close(self) -> None:
        """End the worker threads."""
        self._workers.close()

    def _scaler(self, state: AgentState, name: str) -> steps.Scaler:
        parts = (state.arrays[f"scaler.{name}.{part}"] for part in ("mean", "variance", "count"))
        return steps.Scaler(*(torch.from_numpy(np.array(part, np.float64)).to(self.device) for part in parts))

    def _policy_outputs(self, obs: np.ndarray) -> np.ndarray:
        """Means or logits on the host, shape (N, policy_outputs)."""
        with self._workers, torch.inference_mode():
            return self.copies.to_host(self._means(obs))

    def _means(self, obs: np.ndarray) -> torch.Tensor:
        return self._evaluate([self.copies.to_device(obs)], slice(0, 1), slice(0, self.spec.policy_outputs))

    def _evaluate(self, parts: Iterable[torch.Tensor], towers: slice, outputs: slice) -> torch.Tensor:
        """Rows `outputs` of the networks' outputs for observations, shape (rows of all parts, outputs)."""
        parts = list(parts)
        result = torch.empty(sum(map(len, parts)), outputs.stop - outputs.start, device=self.device)
        mean, divisor = self._obs_scaler.mean.float(), self._obs_scaler.divisor()
        jobs, start = [], 0
        for part in parts:
            for piece in self._workers.pieces(len(part)):
                jobs.append((part[piece], result[start + piece.start : start + piece.stop]))
            start += len(part)

        def job(workspace: Workspace, obs: torch.Tensor, into: torch.Tensor) -> None:
            workspace.evaluate(self._network, obs, (mean, divisor), towers, outputs.start, into)

        self._workers.run(job, jobs)
        return result

    def _prepare(self, rollout: RolloutBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """The rollout's samples and the explained variance of their values; trains the value scaler.

        A sample is a row of observation (not standardised), action, log probability, value, return and advantage;
        value and return standardised, the advantage normalised. Shape (T * N, obs_dim + act_dim + 4).
        """
        hyper, (length, num_envs) = self.hyper, rollout.rewards.shape
        obs = self.copies.to_device(rollout.obs).view(-1, self.spec.obs_dim)
        bootstraps = hyper.time_limit_bootstrap and len(rollout.final_index) > 0
        final_obs = [self.copies.to_device(rollout.final_obs)] if bootstraps else []
        final_index = self.copies.to_device(rollout.final_index if bootstraps else rollout.final_index[:0])
        raw = self._evaluate(
            [obs, self.copies.to_device(rollout.next_obs), *final_obs],
            slice(len(self._network.towers) - 1, None),
            slice(self.spec.policy_outputs, self.spec.policy_outputs + 1),
        )
        every_value = self._value_scaler.unscaled(raw.squeeze(1))
        values, last, final = every_value.split([len(obs), num_envs, len(final_index)])
        values = values.view(length, num_envs)
        ended = self.copies.to_device(rollout.terminated | rollout.truncated)
        rewards = self.copies.to_device(rollout.rewards) * hyper.rewards_shaper_scale
        following = steps.next_values(values, last, final, final_index.long(), ended)
        advantages = steps.gae(rewards, values, following, ended, hyper.discount_factor, hyper.lambda_param)
        returns = advantages + values

        columns = [obs, self.copies.to_device(rollout.actions).view(-1, self.spec.act_dim)]
        columns.append(self.copies.to_device(rollout.log_prob).view(-1, 1))
        for unscaled in (values.view(-1, 1), returns.view(-1, 1)):
            self._value_scaler = self._value_scaler.trained(unscaled)
            columns.append(self._value_scaler.standardised(unscaled))
        columns.append(steps.normalised(advantages).view(-1, 1))
        return torch.cat(columns, 1), steps.explained_variance(values, returns)

    def _optimise(self, samples: torch.Tensor, indexes: torch.Tensor) -> torch.Tensor:
        """Every epoch's gradient steps on `samples`, in the order of `indexes`, (epochs, mini-batches, size).

        Returns:
            What happened in each mini-batch, a row for each with `MINI_BATCH_COLUMNS`. The observations in
            `samples` end up standardised.
        """
        epochs, mini_batches, _ = indexes.shape
        table = torch.zeros(epochs, mini_batches, len(MINI_BATCH_COLUMNS), device=self.device)
        obs = samples[:, : self.spec.obs_dim]
        trajectory = self._obs_scaler.trajectory(obs[indexes[0].long()])
        for epoch in range(epochs):
            going = torch.ones((), dtype=torch.bool, device=self.device)
            for number in range(mini_batches):
                scaler = trajectory.at(number) if epoch == 0 else None
                row = table[epoch, number]
                going = self._mini_batch(samples, indexes[epoch, number], scaler, going, row)
                # Free on the CPU, where a tensor's value is at hand; a GPU goes through the motions instead.
                if self.device.type == "cpu" and not going:
                    break
            seen = table[epoch, :, _SEEN]
            if epoch == 0:
                self._obs_scaler = trajectory.at(seen.sum().long() - 1)
                standardise_(obs, self._obs_scaler.mean.float(), self._obs_scaler.divisor())
            kl = (table[epoch, :, _KL] * seen).sum() / seen.sum()
            steps.kl_adaptive_(self._learning_rate, kl, self.hyper.learning_rate_scheduler_kl_threshold)
        return table.flatten(0, 1)

    def _mini_batch(
        self,
        samples: torch.Tensor,
        index: torch.Tensor,
        scaler: steps.Scaler | None,
        going: torch.Tensor,
        row: torch.Tensor,
    ) -> torch.Tensor:
        """One gradient step, if `going`; writes `row` of the table. Whether the epoch goes on, shape (), bool."""
        size = len(index)
        loss = loss_of(self._network, self.hyper, size)
        standardise = None if scaler is None else (scaler.mean.float(), scaler.divisor())

        def job(workspace: Workspace, piece: slice) -> None:
            workspace.accumulate(self._network, samples, index[piece], standardise, loss)

        gradient, sums = self._workers.accumulate(job, [(piece,) for piece in self._workers.pieces(size)])
        network, adam = self._network, Adam(self._m.flat, self._v.flat, self._step, self._learning_rate)
        return conclude(network.flat, network.log_std, gradient.flat, gradient.log_std, sums, adam, going, loss, row)

    def _metrics(self, table: torch.Tensor, explained: torch.Tensor) -> UpdateMetrics:
        """The only point of an update at which the host waits for the device."""
        tail = torch.stack((explained.double(), self._learning_rate))
        log_std = clamped_log_std(self._network).view(-1)
        read = self.copies.to_host(torch.cat((table.double().view(-1), log_std.double(), tail)))
        rows, log_std, tail = np.split(read, (table.numel(), len(read) - 2))
        return summary(rows.reshape(table.shape), None if self.spec.discrete else log_std, tail[0], tail[1])
