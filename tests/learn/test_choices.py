"""How discrete actions are chosen from logits, and the hand-written gradient of a categorical policy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fused_support import HYPER, OBS_DIM, first_state, sampled_rollout, small_spec

from motrix_core.learn.choices import draw_noise, likeliest_choices, log_softmax, sample_choices

LOGITS = np.log(np.array([[0.2, 0.5, 0.3]], np.float32))


@pytest.mark.parametrize(("uniform", "choice"), [(0.0, 0), (0.19, 0), (0.21, 1), (0.69, 1), (0.71, 2), (1 - 2**-53, 2)])
def test_a_uniform_number_falls_into_the_share_of_its_choice(uniform, choice):
    actions, log_prob = sample_choices(LOGITS, np.array([[uniform]]))
    assert actions.tolist() == [[choice]]
    assert log_prob[0] == pytest.approx(LOGITS[0, choice], abs=1e-6)
    assert actions.dtype == log_prob.dtype == np.float32


def test_choices_come_as_often_as_they_are_likely():
    rng = np.random.Generator(np.random.Philox(1))
    actions, _ = sample_choices(np.repeat(LOGITS, 20_000, 0), draw_noise(rng, 20_000, 1, True))
    shares = np.bincount(actions[:, 0].astype(int)) / 20_000
    np.testing.assert_allclose(shares, [0.2, 0.5, 0.3], atol=0.015)


def test_a_choice_of_no_probability_is_never_taken():
    logits = np.array([[0.0, -2000.0, 0.0, -2000.0]], np.float32).repeat(1000, 0)
    actions, log_prob = sample_choices(logits, np.linspace(0, 1, 1000, endpoint=False)[:, None])
    assert set(actions[:, 0]) == {0.0, 2.0}
    np.testing.assert_allclose(log_prob, -math.log(2), atol=1e-6)


def test_logits_of_any_size_are_probabilities():
    log_probs = log_softmax(np.array([[3e38, -3e38, 3e38], [1e-30, 0, 0]], np.float32))
    np.testing.assert_allclose(np.exp(log_probs).sum(1), 1)


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_broken_logits_are_seen_in_the_log_probability(broken):
    _, log_prob = sample_choices(np.array([[0.0, broken]], np.float32), np.array([[0.5]]))
    assert math.isnan(log_prob[0])


def test_the_first_of_equal_logits_is_the_likeliest():
    actions = likeliest_choices(np.array([[0, 2, 2], [5, 2, 1]], np.float32))
    assert actions.tolist() == [[1.0], [0.0]]


def test_both_backends_choose_the_same_actions_from_the_same_seed():
    engines = _engines("torch", "jax")
    obs = np.random.default_rng(5).normal(0, 2, (500, OBS_DIM)).astype(np.float32)
    acted = [engine.act(obs, draw_noise(np.random.Generator(np.random.Philox(8)), 500, 1, True)) for engine in engines]
    np.testing.assert_array_equal(acted[0][0], acted[1][0])
    np.testing.assert_allclose(acted[0][1], acted[1][1], atol=1e-5)
    assert len(np.unique(acted[0][0])) == 4
    best = [engine.act_deterministic(obs) for engine in engines]
    np.testing.assert_array_equal(best[0], best[1])


def test_the_rollouts_probabilities_are_those_that_the_update_begins_with(backend):
    (engine,) = _engines(backend)
    engine.adjust(learning_rate=1e-6)
    metrics = engine.update(sampled_rollout(engine))
    # The observation scaler learns during the first epoch, so the policy moves a little by itself.
    assert metrics.clip_fraction < 0.1
    assert metrics.std is None
    assert 0 < metrics.entropy < math.log(4)
    assert metrics.entropy_loss == pytest.approx(-HYPER.entropy_loss_scale * metrics.entropy, rel=1e-5)


def test_a_high_entropy_bonus_makes_all_choices_alike(backend):
    (engine,) = _engines(backend)
    engine.adjust(entropy_loss_scale=50.0, learning_rate=1e-2)
    before = engine.update(sampled_rollout(engine, 1)).entropy
    for seed in range(2, 12):
        after = engine.update(sampled_rollout(engine, seed)).entropy
    assert before < after
    assert after == pytest.approx(math.log(4), abs=0.01)


def test_the_hand_written_gradient_is_autograds():
    """Of the clipped surrogate and the entropy bonus, in the logits."""
    torch = pytest.importorskip("torch")
    from motrix_core.learn.torch import fused_kernels as kernels

    rows, choices, scale = 40, 5, 0.7
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(choices, rows, generator=generator) * 3
    actions = torch.randint(choices, (1, rows), generator=generator).float()
    old_log_prob = torch.randn(rows, generator=generator)
    pull = torch.randn(rows, generator=generator) / rows

    wanted = logits.clone().requires_grad_(True)
    distribution = torch.distributions.Categorical(logits=wanted.t())
    log_prob = distribution.log_prob(actions[0].long())
    entropy = distribution.entropy()
    ((log_prob * pull).sum() - scale * entropy.mean()).backward()

    nothing = torch.empty(0, 1)
    loss = kernels.Loss(True, nothing, nothing, nothing, 3, rows, 0.2, 0.2, 1.0, scale, math.inf, math.inf)
    first, second, found = torch.empty_like(logits), torch.empty_like(logits), logits.clone()
    entropies = torch.empty(1, rows)
    log_ratio = kernels.log_ratio(found, actions, old_log_prob, first, second, entropies, loss)
    kernels.replace_by_gradient_(found, actions, pull, first, second, nothing, loss)
    torch.testing.assert_close(log_ratio, log_prob.detach() - old_log_prob)
    torch.testing.assert_close(entropies[0], entropy.detach())
    torch.testing.assert_close(found, wanted.grad, atol=1e-6, rtol=1e-5)


def test_an_agent_of_the_other_kind_of_action_is_refused(backend):
    from motrix_core.errors import CheckpointError

    (engine,) = _engines(backend)
    with pytest.raises(CheckpointError, match=r"policy\.logits\.weight is missing"):
        engine.load_state(first_state(small_spec(True)))


def _engines(*backends: str):
    import importlib

    spec = small_spec(True, n_actions=4)
    for name in backends:
        pytest.importorskip(name)
    modules = [importlib.import_module(f"motrix_core.learn.{name}.fused") for name in backends]
    return [module.FusedPPO(spec, HYPER, first_state(spec)) for module in modules]
