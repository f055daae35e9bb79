"""Which hyperparameters an environment starts from."""

from __future__ import annotations

import pytest

from motrix_core.config import PPOCfg, default_rl_cfg, rlcfg
from motrix_core.errors import UnknownName, UsageError


def test_the_backends_own_configuration_wins_over_the_universal_one(clean_registry: None):
    @rlcfg("juggler")
    class Universal(PPOCfg):
        rollouts: int = 16

    @rlcfg("juggler", backend="torch")
    class ForTorch(PPOCfg):
        rollouts: int = 64

    assert default_rl_cfg("juggler", "skrl", "jax").rollouts == 16
    assert default_rl_cfg("juggler", "skrl", "torch").rollouts == 64


def test_a_configuration_for_another_backend_is_named_in_the_error(clean_registry: None):
    @rlcfg("juggler", backend="torch")
    class ForTorch(PPOCfg):
        pass

    with pytest.raises(UsageError, match=r"for torch, not for jax; use --backend torch"):
        default_rl_cfg("juggler", backend="jax")


def test_an_unknown_environment_suggests_the_nearest():
    with pytest.raises(UnknownName, match="did you mean cartpole"):
        default_rl_cfg("cartpol")


def test_unknown_frameworks_and_backends_list_the_known_ones():
    with pytest.raises(UnknownName, match="skrl"):
        default_rl_cfg("cartpole", framework="rllib")
    with pytest.raises(UnknownName, match="jax, torch"):
        default_rl_cfg("cartpole", backend="numpy")
    with pytest.raises(UnknownName, match="jax, torch"):
        rlcfg("cartpole", backend="numpy")  # type: ignore[arg-type]


def test_what_is_returned_is_a_plain_ppocfg_with_its_bounds(clean_registry: None):
    @rlcfg("juggler")
    class Universal(PPOCfg):
        num_envs: int = 64

    assert type(default_rl_cfg("juggler")) is PPOCfg
    assert default_rl_cfg("juggler") == PPOCfg(num_envs=64)


def test_an_override_cannot_escape_bounds_or_rules(clean_registry: None):
    with pytest.raises(UsageError, match="num_envs"):

        @rlcfg("juggler")
        class TooFew(PPOCfg):
            num_envs: int = 0

    with pytest.raises(UsageError, match="try 4"):

        @rlcfg("juggler")
        class Undivided(PPOCfg):
            mini_batches: int = 3


def test_a_misspelt_override_is_refused(clean_registry: None):
    with pytest.raises(UsageError, match="learning_rat"):

        @rlcfg("juggler")
        class Misspelt(PPOCfg):
            learning_rat: float = 1e-3


def test_two_classes_cannot_hold_one_place():
    with pytest.raises(UsageError, match="is taken by"):

        @rlcfg("cartpole")
        class Another(PPOCfg):
            pass


def test_demos_keep_motrixlabs_differences_between_backends():
    for env in ("dm-stander", "dm-walker", "dm-runner"):
        on_jax, on_torch = default_rl_cfg(env, backend="jax"), default_rl_cfg(env, backend="torch")
        assert (on_jax.mini_batches, on_torch.mini_batches) == (4, 32)
        assert on_jax.seed == 42 and on_jax.rollouts == 24 and on_jax.learning_rate == 2e-4
        assert on_torch.learning_epochs == (2 if env == "dm-runner" else 4)
