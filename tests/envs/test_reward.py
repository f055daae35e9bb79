from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from motrix_core.envs.reward import Sigmoid, tolerance

SIGMOIDS: tuple[Sigmoid, ...] = (
    "gaussian",
    "hyperbolic",
    "long_tail",
    "tanh_squared",
    "cosine",
    "linear",
    "quadratic",
)
numbers = st.floats(-1e3, 1e3, width=32)
values = npst.arrays(np.float32, st.integers(1, 8), elements=st.floats(-1e6, 1e6, width=32))


@pytest.mark.parametrize(
    ("sigmoid", "at_half", "at_twice"),
    [
        ("gaussian", 0.1**0.25, 0.1**4),
        # cosh(arccosh(10)/2) = sqrt(5.5); cosh(2 arccosh 10) = 199
        ("hyperbolic", 5.5**-0.5, 1 / 199),
        ("long_tail", 1 / 3.25, 1 / 37),
        # tanh(a/2) = sinh a / (1 + cosh a) with cosh² a = 10; cosh 2a = 19
        ("tanh_squared", 1 - (3 / (1 + 10**0.5)) ** 2, 1 / 361),
        ("cosine", (1 + np.cos(np.arccos(-0.8) / 2)) / 2, 0.0),
        ("linear", 0.55, 0.0),
        ("quadratic", 0.775, 0.0),
    ],
)
def test_the_falling_edge_has_the_values_worked_out_by_hand(sigmoid: Sigmoid, at_half: float, at_twice: float) -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0, 6.0])
    got = tolerance(x, lower=0.0, upper=2.0, margin=2.0, sigmoid=sigmoid, value_at_margin=0.1)
    np.testing.assert_allclose(got, [1.0, 1.0, at_half, 0.1, at_twice], rtol=1e-4, atol=1e-12)


def test_without_a_margin_it_is_one_inside_and_zero_outside() -> None:
    got = tolerance(np.array([-0.1, 0.0, 0.5, 1.0, 1.1]), lower=0.0, upper=1.0)
    np.testing.assert_array_equal(got, [0, 1, 1, 1, 0])


def test_an_infinite_upper_bound_only_asks_for_enough() -> None:
    got = tolerance(np.array([0.6, 1.2, 1e9]), lower=1.2, upper=np.inf, margin=0.6, sigmoid="linear")
    np.testing.assert_allclose(got, [0.1, 1.0, 1.0], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(dtype: type) -> None:
    assert tolerance(np.zeros(3, dtype), lower=1.0, upper=2.0, margin=1.0).dtype == dtype
    assert tolerance(np.zeros(3, np.int64), lower=1.0, upper=2.0, margin=1.0).dtype == np.float64


def test_what_is_not_a_number_stays_visible() -> None:
    for margin in (0.0, 1.0):
        assert np.isnan(tolerance(np.array([np.nan]), lower=0.0, upper=1.0, margin=margin))[0]


@settings(deadline=None, derandomize=True)
@given(values, numbers, st.floats(0, 1e3), st.floats(0, 1e3), st.sampled_from(SIGMOIDS), st.floats(0.01, 0.99))
def test_it_is_always_between_zero_and_one_and_one_within_the_bounds(
    x: np.ndarray, lower: float, width: float, margin: float, sigmoid: Sigmoid, value: float
) -> None:
    upper = lower + width
    got = tolerance(x, lower=lower, upper=upper, margin=margin, sigmoid=sigmoid, value_at_margin=value)
    assert ((got >= 0) & (got <= 1)).all()
    # NumPy would round the bounds to float32.
    exact = x.astype(np.float64)
    assert (got[(exact >= lower) & (exact <= upper)] == 1).all()


@settings(deadline=None, derandomize=True)
@given(st.sampled_from(SIGMOIDS), st.floats(0.01, 0.99), st.floats(0.1, 100), st.floats(0, 50), st.floats(0, 50))
def test_it_never_rises_with_the_distance(
    sigmoid: Sigmoid, value: float, margin: float, near: float, further: float
) -> None:
    x = np.array([near, near + further])
    got = tolerance(x, margin=margin, sigmoid=sigmoid, value_at_margin=value)
    assert got[1] <= got[0] + 1e-12


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"lower": 2.0, "upper": 1.0}, "lower=2.0"),
        ({"lower": np.nan}, "lower=nan"),
        ({"margin": -1.0}, "margin=-1.0"),
        ({"sigmoid": "sine"}, "sigmoid='sine'"),
        ({"value_at_margin": 1.0}, "value_at_margin=1.0"),
        ({"value_at_margin": 0.0}, "value_at_margin=0.0"),
    ],
)
def test_arguments_that_make_no_sense_are_named(arguments: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        tolerance(np.zeros(1), **arguments)
