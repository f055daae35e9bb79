"""The fused JAX engine against the fused PyTorch engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("jax")
pytest.importorskip("torch")

from fused_support import HYPER, NUM_ENVS, STEPS, first_state, sampled_rollout, small_spec, worst_difference

from motrix_core.learn.algorithm import draw_permutations
from motrix_core.learn.jax.fused import FusedPPO as JaxPPO
from motrix_core.learn.torch.fused import FusedPPO as TorchPPO

TOLERANCE = 1e-5
# Each compiles an update of its own, for seconds; the PyTorch engine is compared with skrl in more of them.
CASES = {
    "as in a run": {},
    "without value clipping": {"clip_predicted_values": False},
    "without entropy": {"entropy_loss_scale": 0.0},
    "without gradient clipping": {"grad_norm_clip": 0.0},
    "with KL early stop": {"kl_threshold": 0.02},
    "with a constant learning rate": {"learning_rate_scheduler_kl_threshold": 0.0},
    "without bootstrap": {"time_limit_bootstrap": False},
    "with scaled rewards": {"rewards_shaper_scale": 0.1},
    "in one mini-batch": {"mini_batches": 1},
}


def test_separate_networks_are_updated_the_same_on_both_backends():
    compare({}, shared=False)


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES.keys())
def test_one_update_is_the_same_on_both_backends(changes):
    compare(changes, shared=True)


@pytest.mark.parametrize("changes", [{}, {"kl_threshold": 0.02, "entropy_loss_scale": 0.3}], ids=["usual", "stopped"])
def test_one_update_of_a_categorical_policy_is_the_same_on_both_backends(changes):
    compare(changes, shared=not changes, n_actions=4)


def compare(changes: dict, shared: bool, n_actions: int | None = None) -> None:
    spec, hyper = small_spec(shared, n_actions), replace(HYPER, **changes)
    state = first_state(spec)
    one, other = TorchPPO(spec, hyper, state), JaxPPO(spec, hyper, state)
    rollout = sampled_rollout(one)
    order = draw_permutations(np.random.default_rng(4), hyper.learning_epochs, STEPS * NUM_ENVS)
    expected, got = one.update(rollout, order), other.update(rollout, order)
    assert worst_difference(one.state(), other.state(), spec)[0] <= TOLERANCE
    assert got.steps == expected.steps
    for name, value in expected.named().items():
        assert got.named()[name] == pytest.approx(value, rel=1e-3, abs=1e-5), name
    one, other = one.state(), other.state()
    assert one.learning_rate == pytest.approx(other.learning_rate, rel=1e-12)
    for key in one.arrays:
        np.testing.assert_allclose(other.arrays[key], one.arrays[key], rtol=1e-4, atol=1e-5, err_msg=key)


def test_pieces_of_a_mini_batch_do_not_change_what_an_update_means(monkeypatch):
    """30 samples in pieces of 7: the last one is padded."""
    monkeypatch.setattr("motrix_core.learn.jax.fused_network.piece_rows", lambda _: 7)
    monkeypatch.setattr("motrix_core.learn.torch.fused_workers.piece_rows", lambda _: 7)
    compare({}, shared=True)


def test_nothing_compiles_twice_in_a_run():
    spec = small_spec(True)
    engine = JaxPPO(spec, HYPER, first_state(spec))
    for seed, ends in ((1, True), (2, False), (3, True)):
        engine.update(sampled_rollout(engine, seed, ends=ends))
        engine.adjust(learning_rate=1e-4 * seed, ratio_clip=0.1 * seed, entropy_loss_scale=0.01 * seed)
    engine.load_state(engine.state())
    engine.update(sampled_rollout(engine, 4))
    assert engine._update._cache_size() == engine._act._cache_size() == 1
