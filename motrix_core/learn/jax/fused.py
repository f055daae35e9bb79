"""The fused PPO engine in JAX: one call to act, one compiled dispatch to update.

Mirror image of `motrix_core.learn.torch.fused`. What an update means is said in `docs/algorithm.md`.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree

from motrix_core.learn.algorithm import (
    MINI_BATCH_COLUMNS,
    PPOHyperparameters,
    UpdateMetrics,
    checked_permutations,
    summary,
)
from motrix_core.learn.choices import likeliest_choices, sample_choices
from motrix_core.learn.jax import fused_network as network
from motrix_core.learn.jax import fused_policies as policies
from motrix_core.learn.jax import fused_steps as steps
from motrix_core.learn.jax.copies import Copies
from motrix_core.learn.rollout import RolloutBatch
from motrix_core.learn.spec import AgentState, ModelSpec, adam_arrays, scaler_arrays

_KL, _SEEN = MINI_BATCH_COLUMNS.index("kl"), MINI_BATCH_COLUMNS.index("seen")


class _State(NamedTuple):
    """What an update changes."""

    parameters: network.Parameters
    adam: steps.Adam
    obs_scaler: steps.Scaler
    value_scaler: steps.Scaler


class _Adjustable(NamedTuple):
    """What may change between two updates without compiling again, each of shape (), float32."""

    ratio_clip: np.float32
    entropy_loss_scale: np.float32


class _Rollout(NamedTuple):
    """`RolloutBatch` in shapes that are the same for every rollout.

    final_index and final_obs have T * N rows, of which the first `finals` mean something; the others' index is T * N.
    """

    obs: np.ndarray
    actions: np.ndarray
    log_prob: np.ndarray
    rewards: np.ndarray
    ended: np.ndarray
    next_obs: np.ndarray
    final_index: np.ndarray
    final_obs: np.ndarray
    finals: np.int32


class FusedPPO:
    """Policy, value function, scalers and optimiser, with all that PPO does to them.

    Args:
        spec: sizes of the networks.
        hyper: what an update depends on; `adjust` changes some of it during a run.
        state: where to start, or to go on.
        device: "cpu", or "gpu" or "cuda" with or without an index. How many threads a CPU uses is XLA's to say, once
            for the process, when JAX starts.
    """

    def __init__(self, spec: ModelSpec, hyper: PPOHyperparameters, state: AgentState, *, device: str = "cpu") -> None:
        self.spec, self.hyper = spec, hyper
        platform, _, index = device.partition(":")
        self.device = jax.devices(platform)[int(index or 0)]
        self.copies = Copies(self.device)
        self._act = jax.jit(partial(_act, spec))
        self._outputs = jax.jit(partial(_policy_outputs, spec))
        self._update = jax.jit(partial(_update, spec, hyper), donate_argnums=0)
        self._final_index = self._final_obs = np.empty(0)
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
        actions, log_prob = self._act(self._state.parameters, *self._standard, *self.copies.to_device((obs, noise)))
        return self.copies.to_host((actions, log_prob))

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
        indexes = order.reshape(self.hyper.learning_epochs, self.hyper.mini_batches, size)
        adjustable = _Adjustable(np.float32(self.hyper.ratio_clip), np.float32(self.hyper.entropy_loss_scale))
        with float64():
            batch, order = self.copies.to_device((self._padded(rollout), indexes))
            self._state, self._standard, read = self._update(self._state, batch, order, adjustable)
            table, log_std, explained, learning_rate = self.copies.to_host(read)
        return summary(table, None if self.spec.discrete else log_std, explained, learning_rate)

    def adjust(self, **changes: float) -> None:
        """Change `learning_rate`, `entropy_loss_scale` or `ratio_clip` from the next update on.

        Raises:
            ConfigError: another name, or a value out of bounds.
        """
        self.hyper = self.hyper.adjusted(**changes)
        if "learning_rate" in changes:
            rate = self._on_device(np.float64(changes["learning_rate"]))
            self._state = self._state._replace(adam=self._state.adam._replace(learning_rate=rate))

    def state(self) -> AgentState:
        """Everything that `load_state` needs to continue exactly, as copies on the host."""
        state: _State = jax.tree.map(np.array, self._state)
        arrays = {name: state.parameters[name] for name in self.spec.shapes()}
        arrays.update(adam_arrays(state.adam.m, state.adam.v, int(state.adam.step)))
        arrays.update(scaler_arrays("observation", *state.obs_scaler))
        arrays.update(scaler_arrays("value", *state.value_scaler))
        return AgentState(arrays, float(state.adam.learning_rate))

    def load_state(self, state: AgentState) -> None:
        """Continue from `state`, of whichever backend.

        Raises:
            CheckpointError: it lacks an array, or one has another shape; nothing has changed then.
        """
        state.check(self.spec)

        def group(prefix: str = "") -> network.Parameters:
            return {name: np.array(state.arrays[prefix + name], np.float32) for name in self.spec.shapes()}

        def scaler(name: str) -> steps.Scaler:
            parts = (state.arrays[f"scaler.{name}.{part}"] for part in ("mean", "variance", "count"))
            return steps.Scaler(*(np.array(part, np.float64) for part in parts))

        step, rate = np.array(state.arrays["adam.step"], np.float64), np.array(state.learning_rate, np.float64)
        adam = steps.Adam(group("adam.m."), group("adam.v."), step, rate)
        self._state = self._on_device(_State(group(), adam, scaler("observation"), scaler("value")))
        with float64():
            self._standard = jax.jit(_standard)(self._state.obs_scaler)

    def close(self) -> None:
        """Nothing to end; the mirror image has threads."""

    def _policy_outputs(self, obs: np.ndarray) -> np.ndarray:
        """Means or logits on the host, shape (N, policy_outputs)."""
        outputs = self._outputs(self._state.parameters, *self._standard, self.copies.to_device(obs))
        return self.copies.to_host(outputs)

    def _on_device(self, tree):
        # Copied, because an update donates what it is given, and JAX may share memory with NumPy's arrays.
        with float64():
            return jax.tree.map(lambda leaf: jnp.array(leaf, device=self.device, copy=True), tree)

    def _padded(self, rollout: RolloutBatch) -> _Rollout:
        samples, count = rollout.samples, len(rollout.final_index) if self.hyper.time_limit_bootstrap else 0
        if len(self._final_index) != samples:
            self._final_obs = np.zeros((samples, self.spec.obs_dim), np.float32)
        self._final_index = np.full(samples, samples, np.int32)
        self._final_index[:count] = rollout.final_index[:count]
        self._final_obs[:count] = rollout.final_obs[:count]
        return _Rollout(
            rollout.obs,
            rollout.actions,
            rollout.log_prob,
            rollout.rewards,
            rollout.terminated | rollout.truncated,
            rollout.next_obs,
            self._final_index,
            self._final_obs,
            np.int32(count),
        )


def float64():
    """64-bit types for what is traced or made inside."""
    return jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64()


def _standard(scaler: steps.Scaler) -> tuple[jax.Array, jax.Array]:
    return scaler.mean.astype(jnp.float32), scaler.divisor()


def _act(spec, parameters, mean, divisor, obs, noise):
    log_std = policies.clamped_log_std(parameters)
    actions = _policy_outputs(spec, parameters, mean, divisor, obs) + noise * jnp.exp(log_std)
    return actions, -0.5 * (noise * noise).sum(1) - policies.log_normaliser(log_std)


def _policy_outputs(spec, parameters, mean, divisor, obs):
    return network.policy_outputs(spec, parameters, steps.standardised(obs, mean, divisor))


def _update(
    spec: ModelSpec,
    hyper: PPOHyperparameters,
    state: _State,
    rollout: _Rollout,
    indexes: jax.Array,
    adjustable: _Adjustable,
) -> tuple[_State, tuple[jax.Array, jax.Array], tuple[jax.Array, ...]]:
    """The whole update: the new state, what `act` standardises by, and what metrics are made of."""
    samples, value_scaler, explained = _prepare(spec, hyper, state, rollout)
    state = state._replace(value_scaler=value_scaler)
    state, table = _optimise(spec, hyper, state, samples, indexes, adjustable)
    log_std = () if spec.discrete else policies.clamped_log_std(state.parameters)
    read = (table.reshape(-1, table.shape[-1]), log_std, explained, state.adam.learning_rate)
    return state, _standard(state.obs_scaler), read


def _evaluate(spec: ModelSpec, state: _State, obs: jax.Array, count: jax.Array | int) -> jax.Array:
    """Values of the first `count` of `obs`, shape (rows,); those of the others are 0."""
    total, rows = len(obs), min(len(obs), network.piece_rows(spec))

    def piece(number: jax.Array, values: jax.Array) -> jax.Array:
        start = jnp.minimum(number * rows, total - rows)
        part = state.obs_scaler.standardised(lax.dynamic_slice_in_dim(obs, start, rows))
        return lax.dynamic_update_slice_in_dim(values, network.values(spec, state.parameters, part), start, 0)

    raw = lax.fori_loop(0, -(-count // rows), piece, jnp.zeros(total, jnp.float32))
    return state.value_scaler.unscaled(raw)


def _prepare(
    spec: ModelSpec, hyper: PPOHyperparameters, state: _State, rollout: _Rollout
) -> tuple[jax.Array, steps.Scaler, jax.Array]:
    """The rollout's samples, the value scaler trained on them, and the explained variance of their values.

    A sample is a row of observation (not standardised), action, log probability, value, return and advantage;
    value and return standardised, the advantage normalised. Shape (T * N, obs_dim + act_dim + 4).
    """
    shape = rollout.rewards.shape
    obs = rollout.obs.reshape(-1, spec.obs_dim)
    values = _evaluate(spec, state, obs, len(obs)).reshape(shape)
    last = _evaluate(spec, state, rollout.next_obs, len(rollout.next_obs))
    final = _evaluate(spec, state, rollout.final_obs, rollout.finals)
    rewards = rollout.rewards * hyper.rewards_shaper_scale
    following = steps.next_values(values, last, final, rollout.final_index, rollout.ended)
    advantages = steps.gae(rewards, values, following, rollout.ended, hyper.discount_factor, hyper.lambda_param)
    returns = advantages + values

    columns = [obs, rollout.actions.reshape(-1, spec.act_dim), rollout.log_prob.reshape(-1, 1)]
    scaler = state.value_scaler
    for unscaled in (values.reshape(-1, 1), returns.reshape(-1, 1)):
        scaler = scaler.trained(unscaled)
        columns.append(scaler.standardised(unscaled))
    columns.append(steps.normalised(advantages).reshape(-1, 1))
    return jnp.concatenate(columns, 1), scaler, steps.explained_variance(values, returns)


def _optimise(
    spec: ModelSpec,
    hyper: PPOHyperparameters,
    state: _State,
    samples: jax.Array,
    indexes: jax.Array,
    adjustable: _Adjustable,
) -> tuple[_State, jax.Array]:
    """Every epoch's gradient steps on `samples`, in the order of `indexes`, (epochs, mini-batches, size).

    Returns:
        The new state, and what happened in each mini-batch, (epochs, mini-batches, `MINI_BATCH_COLUMNS`).
    """
    mini_batches = indexes.shape[1]
    # One vector of all parameters makes Adam and the norm a few operations, to run and to compile.
    parameters, unflatten = ravel_pytree(state.parameters)
    adam = state.adam._replace(m=ravel_pytree(state.adam.m)[0], v=ravel_pytree(state.adam.v)[0])
    trajectory = state.obs_scaler.trajectory(samples[indexes[0], : spec.obs_dim])
    step = partial(_mini_batch, spec, hyper, samples, adjustable, unflatten)

    def epoch(carry, order):
        first, last_scaler, parameters, adam = carry

        def mini_batch(carry, number):
            scaler = trajectory.at(jnp.where(first, number, last_scaler))
            going = carry[0]
            if hyper.kl_bound == np.inf:
                return step(scaler, order[number], carry)
            return lax.cond(
                going,
                lambda: step(scaler, order[number], carry),
                lambda: (carry, jnp.zeros(len(MINI_BATCH_COLUMNS), jnp.float32)),
            )

        carry = (jnp.array(True), parameters, adam)
        (_, parameters, adam), table = lax.scan(mini_batch, carry, jnp.arange(mini_batches))
        seen = table[:, _SEEN]
        last_scaler = jnp.where(first, seen.sum().astype(last_scaler.dtype) - 1, last_scaler)
        kl = (table[:, _KL] * seen).sum() / seen.sum()
        rate = steps.kl_adaptive(adam.learning_rate, kl, hyper.learning_rate_scheduler_kl_threshold)
        return (jnp.array(False), last_scaler, parameters, adam._replace(learning_rate=rate)), table

    carry = (jnp.array(True), jnp.array(0), parameters, adam)
    (_, last_scaler, parameters, adam), table = lax.scan(epoch, carry, indexes)
    adam = adam._replace(m=unflatten(adam.m), v=unflatten(adam.v))
    return _State(unflatten(parameters), adam, trajectory.at(last_scaler), state.value_scaler), table


def _mini_batch(spec, hyper, samples, adjustable, unflatten, scaler, index, carry):
    """One gradient step, unless the KL divergence forbids it; what came of it, and a row of the table."""
    _, flat, adam = carry
    parameters = unflatten(flat)
    size = len(index)
    pieces = -(-size // network.piece_rows(spec))
    rows = -(-size // pieces)
    padding = (0, pieces * rows - size)
    scales = network.LossScales(
        adjustable.ratio_clip, hyper.value_bound, hyper.value_loss_scale, adjustable.entropy_loss_scale
    )
    weights = jnp.pad(jnp.full(size, 1 / size, jnp.float32), padding).reshape(pieces, rows)

    def piece(total, part):
        rows_index, weight = part
        chosen = samples[rows_index]
        obs = scaler.standardised(chosen[:, : spec.obs_dim])
        gradient, sums = jax.grad(network.loss, has_aux=True)(
            parameters, spec, obs, chosen[:, spec.obs_dim :], weight, scales
        )
        return jax.tree.map(jnp.add, total, (gradient, sums)), None

    nothing = (jax.tree.map(jnp.zeros_like, parameters), jnp.zeros(5 if spec.discrete else 4, jnp.float32))
    parts = (jnp.pad(index, padding).reshape(pieces, rows), weights)
    (gradient, (kl, surrogate, squared_error, clipped, *rest)), _ = lax.scan(piece, nothing, parts)

    entropy = policies.entropy(spec, parameters, rest)
    gradient = policies.close_gradient(spec, parameters, gradient, adjustable.entropy_loss_scale)
    gradient, norm = steps.clip_norm(ravel_pytree(gradient)[0], hyper.norm_bound)
    stays = ~(kl > hyper.kl_bound)
    stepped = steps.adam_step(flat, gradient, adam)
    if hyper.kl_bound != np.inf:
        stepped = jax.tree.map(lambda new, old: jnp.where(stays, new, old), stepped, (flat, adam))
    value_loss = hyper.value_loss_scale * squared_error
    entropy_loss = -adjustable.entropy_loss_scale * entropy
    row = (kl, -surrogate, value_loss, clipped, entropy_loss, entropy, norm, jnp.ones_like(kl), stays)
    return (stays, *stepped), jnp.stack([jnp.asarray(cell, jnp.float32) for cell in row])
