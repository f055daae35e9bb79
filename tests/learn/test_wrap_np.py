"""skrl's view of a batched NumPy environment, on both backends."""

from __future__ import annotations

import importlib
from types import ModuleType

import numpy as np
import pytest
from learn_doubles import Chain

from motrix_core.learn.clock import PhaseClock


@pytest.fixture
def wrap_np(backend: str) -> ModuleType:
    return importlib.import_module(f"motrix_core.learn.{backend}.wrap_np")


def device_array(wrap_np: ModuleType, array: np.ndarray):
    return wrap_np.wrap_env(Chain()).to_device(array)


def test_shapes_and_dtypes_are_those_of_skrls_memory(backend: str, wrap_np: ModuleType) -> None:
    env = wrap_np.wrap_env(Chain(num_envs=4))
    obs, _ = env.reset()
    step = env.step(device_array(wrap_np, np.ones((4, 1), np.float32)))
    flag = "bool" if backend == "torch" else "int8"
    expected = [("float32", (4, 1)), ("float32", (4, 1)), (flag, (4, 1)), (flag, (4, 1))]
    assert [(str(array.dtype).removeprefix("torch."), tuple(array.shape)) for array in step[:4]] == expected
    assert tuple(obs.shape) == (4, 1)
    assert env.num_envs == 4 and env.state() is None and env.state_space is None


def test_values_pass_unchanged(wrap_np: ModuleType) -> None:
    env = wrap_np.wrap_env(Chain(num_envs=4, length=4))
    env.reset()
    obs, reward, terminated, truncated, info = env.step(device_array(wrap_np, np.ones((4, 1), np.float32)))
    assert np.asarray(obs)[:, 0].tolist() == [1, 2, 3, 0]
    assert np.asarray(reward)[:, 0].tolist() == [1, 1, 1, 1]
    assert not np.asarray(terminated).any()
    assert np.asarray(truncated)[:, 0].tolist() == [0, 0, 0, 1]
    assert "final_obs" in info
    assert env.transition.final_obs is not None


def test_what_skrl_holds_does_not_change_with_the_environments_buffer(wrap_np: ModuleType) -> None:
    env = wrap_np.wrap_env(Chain())
    actions = device_array(wrap_np, np.ones((4, 1), np.float32))
    env.reset()
    first = env.step(actions)[0]
    kept = np.asarray(first).copy()
    env.step(actions)
    np.testing.assert_array_equal(np.asarray(first), kept)
    np.testing.assert_array_equal(np.asarray(actions), 1.0)


def test_time_goes_to_the_clock_that_was_given(wrap_np: ModuleType) -> None:
    clock = PhaseClock()
    env = wrap_np.wrap_env(Chain(), clock=clock)
    env.reset()
    env.step(device_array(wrap_np, np.ones((4, 1), np.float32)))
    assert clock.seconds["transfer"] > 0.0 and clock.seconds["task"] > 0.0


def test_an_environment_of_another_kind_is_refused_with_the_way_out(wrap_np: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"Unsupported environment type: builtins.object; derive it from .*NpEnv"):
        wrap_np.wrap_env(object())


def test_closing_closes_the_environment(wrap_np: ModuleType) -> None:
    env = Chain()
    wrap_np.wrap_env(env).close()
    assert env.closed
