"""Small networks, rollouts and drivers that the tests of the fused engine share."""

from __future__ import annotations

import numpy as np

from motrix_core.learn.algorithm import PPOHyperparameters
from motrix_core.learn.choices import draw_noise
from motrix_core.learn.rollout import Rollout, RolloutBatch
from motrix_core.learn.spec import AgentState, ModelSpec, init_parameters, required_shapes

STEPS, NUM_ENVS, OBS_DIM, ACT_DIM = 12, 10, 5, 3
HYPER = PPOHyperparameters(
    learning_epochs=3, mini_batches=4, learning_rate=3e-3, entropy_loss_scale=0.01, value_loss_scale=1.3
)


def small_spec(shared: bool, n_actions: int | None = None) -> ModelSpec:
    act_dim = 1 if n_actions else ACT_DIM
    return ModelSpec(OBS_DIM, act_dim, (16, 8), (16, 8) if shared else (12, 6), shared, n_actions)


def first_state(spec: ModelSpec, seed: int = 0, learning_rate: float = HYPER.learning_rate) -> AgentState:
    """A state in which nothing is 0 or 1 by accident: scalers and Adam have seen something."""
    rng = np.random.default_rng(seed)
    arrays = {name: np.zeros(shape, np.float32) for name, shape in required_shapes(spec).items()}
    arrays.update(init_parameters(spec, rng))
    for name, array in arrays.items():
        if name.startswith("adam.m."):
            arrays[name] = rng.normal(0, 1e-3, array.shape).astype(np.float32)
        elif name.startswith("adam.v."):
            arrays[name] = rng.uniform(1e-6, 1e-4, array.shape).astype(np.float32)
        elif name.endswith(".mean"):
            arrays[name] = rng.normal(0, 0.5, array.shape)
        elif name.endswith(".variance"):
            arrays[name] = rng.uniform(0.5, 2.0, array.shape)
    if not spec.discrete:
        arrays["policy.log_std"] = rng.normal(-0.5, 0.2, spec.act_dim).astype(np.float32)
    arrays["scaler.observation.count"] = arrays["scaler.value.count"] = np.array(301.0)
    arrays["adam.step"] = np.array(7, np.int64)
    return AgentState(arrays, learning_rate)


def random_rollout(seed: int = 1, *, ends: bool = True, log_prob_of=None) -> RolloutBatch:
    """A rollout of random numbers; `log_prob_of(obs, actions)` gives the log probabilities, else they are random."""
    rng = np.random.default_rng(seed)
    rollout = Rollout(STEPS, NUM_ENVS, OBS_DIM, ACT_DIM)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(0.2, 1.5, shape).astype(np.float32)

    for _ in range(STEPS):
        obs, actions, end = draw(NUM_ENVS, OBS_DIM), draw(NUM_ENVS, ACT_DIM), rng.uniform(size=NUM_ENVS)
        log_prob = log_prob_of(obs, actions) if log_prob_of else draw(NUM_ENVS) - 4
        terminated, truncated = (end < 0.1) & ends, (end > 0.85) & ends
        rollout.record(obs, actions, log_prob, draw(NUM_ENVS), terminated, truncated, draw(NUM_ENVS, OBS_DIM))
    return rollout.finish(draw(NUM_ENVS, OBS_DIM))


def sampled_rollout(engine, seed: int = 1, *, ends: bool = True) -> RolloutBatch:
    """A rollout whose actions `engine` sampled."""
    rng, spec = np.random.default_rng(seed), engine.spec
    rollout = Rollout(STEPS, NUM_ENVS, OBS_DIM, spec.act_dim)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(0.2, 1.5, shape).astype(np.float32)

    obs = draw(NUM_ENVS, OBS_DIM)
    for _ in range(STEPS):
        actions, log_prob = engine.act(obs, draw_noise(rng, NUM_ENVS, spec.act_dim, spec.discrete))
        end = rng.uniform(size=NUM_ENVS)
        terminated, truncated = (end < 0.1) & ends, (end > 0.85) & ends
        rollout.record(obs, actions, log_prob, draw(NUM_ENVS), terminated, truncated, draw(NUM_ENVS, OBS_DIM))
        obs = draw(NUM_ENVS, OBS_DIM)
    return rollout.finish(obs)


def worst_difference(one: AgentState, other: AgentState, spec: ModelSpec) -> tuple[float, str]:
    """The largest absolute difference between two states' parameters, and whose it is."""
    return max((float(np.abs(one.arrays[name] - other.arrays[name]).max()), name) for name in spec.shapes())
