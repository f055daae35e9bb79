"""Rules that hold between fields.

A rule is checked as soon as its own inputs are known to be valid, so that its problem is reported together
with those of other fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from motrix_core.errors import Problem

# A rollout is held in memory at once; 2^30 samples of one float are already 4 GiB.
MAX_SAMPLES_PER_UPDATE = 2**30

# Observations and advantages are scaled by the deviation within a mini-batch, which one sample does not have.
MIN_MINI_BATCH_SIZE = 2


def check(values: Mapping[str, Any]) -> list[Problem]:
    """The problems between fields. `values` maps dotted paths to valid values; invalid ones are left out."""
    problems = []
    for inputs, rule in _RULES:
        if all(path in values for path in inputs):
            problem = rule(*(values[path] for path in inputs))
            if problem is not None:
                problems.append(problem)
    return problems


def nearest_divisor(number: int, wanted: int) -> int:
    """The divisor of `number` nearest to `wanted`; of two equally near, the larger."""
    if wanted >= number:
        return number
    distance = 0
    while True:
        for candidate in (wanted + distance, wanted - distance):
            if candidate > 0 and number % candidate == 0:
                return candidate
        distance += 1


def _samples_are_enough_and_fit_memory(rollouts: int, num_envs: int) -> Problem | None:
    samples = rollouts * num_envs
    if samples < MIN_MINI_BATCH_SIZE:
        rule = f"must make rollouts*num_envs={samples} at least {MIN_MINI_BATCH_SIZE}"
        return Problem("ppo.rollouts", rollouts, rule, f"try {MIN_MINI_BATCH_SIZE}")
    if samples > MAX_SAMPLES_PER_UPDATE:
        rule = f"must keep rollouts*num_envs={samples} at or below {MAX_SAMPLES_PER_UPDATE}"
        return Problem("ppo.rollouts", rollouts, rule, f"try {max(1, MAX_SAMPLES_PER_UPDATE // num_envs)}")
    return None


def _mini_batches_divide(mini_batches: int, rollouts: int, num_envs: int) -> Problem | None:
    samples = rollouts * num_envs
    most = samples // MIN_MINI_BATCH_SIZE
    if most == 0 or (samples % mini_batches == 0 and mini_batches <= most):
        return None
    rule = f"must divide rollouts*num_envs={samples}"
    if samples % mini_batches == 0:
        rule += f" into parts of at least {MIN_MINI_BATCH_SIZE} samples"
    return Problem("ppo.mini_batches", mini_batches, rule, f"try {nearest_divisor(samples, min(mini_batches, most))}")


def _shared_trunk_has_one_shape(share: bool, policy: tuple[int, ...], value: tuple[int, ...]) -> Problem | None:
    if not share or policy == value:
        return None
    sizes = "-".join(map(str, policy))
    return Problem(
        "ppo.value_hidden_layer_sizes",
        "-".join(map(str, value)),
        f"must equal ppo.policy_hidden_layer_sizes={sizes} while ppo.share_policy_value_features=true",
        f"try {sizes}, or ppo.share_policy_value_features=false",
    )


def _one_source(module: str | None, path: str | None) -> Problem | None:
    if module is None or path is None:
        return None
    return Problem("env_path", path, f"cannot be combined with env_module={module}", "name one of the two")


def _clipped_values_have_a_range(clip: bool, value_clip: float) -> Problem | None:
    if not clip or value_clip > 0:
        return None
    return Problem(
        "ppo.value_clip",
        "0",
        "must be above 0 while ppo.clip_predicted_values=true",
        "try 0.2, or ppo.clip_predicted_values=false",
    )


_RULES: tuple[tuple[tuple[str, ...], Callable[..., Problem | None]], ...] = (
    (("ppo.rollouts", "ppo.num_envs"), _samples_are_enough_and_fit_memory),
    (("ppo.mini_batches", "ppo.rollouts", "ppo.num_envs"), _mini_batches_divide),
    (
        (
            "ppo.share_policy_value_features",
            "ppo.policy_hidden_layer_sizes",
            "ppo.value_hidden_layer_sizes",
        ),
        _shared_trunk_has_one_shape,
    ),
    (("ppo.clip_predicted_values", "ppo.value_clip"), _clipped_values_have_a_range),
    (("env_module", "env_path"), _one_source),
)
