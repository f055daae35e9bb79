"""Text to values and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motrix_core.config.fields import FormField, field_at, form_fields, number_text
from motrix_core.config.text import InvalidValue, format_option, format_value, parse_option, parse_value, shown

STEPS = field_at("ppo.max_env_steps")
RATE = field_at("ppo.learning_rate")
SIZES = field_at("ppo.policy_hidden_layer_sizes")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10M", 10_000_000),
        ("10m", 10_000_000),
        ("1k", 1000),
        ("1.5M", 1_500_000),
        ("2G", 2 * 10**9),
        ("2_048", 2048),
        ("1e6", 1_000_000),
        ("3.0", 3),
        ("10 000 000", 10_000_000),
        ("10,000,000", 10_000_000),
        (" 7 ", 7),
        ("+7", 7),
    ],
)
def test_whole_numbers_are_read_as_people_write_them(text: str, value: int):
    parsed = parse_value(STEPS, text)
    assert parsed == value and isinstance(parsed, int)


@pytest.mark.parametrize("text", ["3e-4", "3E-4", ".0003", "0.0003", "+3e-4", "0.3e-3"])
def test_real_numbers_are_read_as_people_write_them(text: str):
    assert parse_value(RATE, text) == 3e-4


@pytest.mark.parametrize(
    "text",
    [
        *[
            "nan",
            "inf",
            "-inf",
            "1e400",
            "-1",
            "0",
            "",
            " ",
            ".",
            "-",
            "e5",
            "1e",
            "1__0",
            "_1",
            "1 00",
            "10,00",
            "0x10",
        ],
        *["٣", "１", "−1", "9" * 5000, "1e999999", "1e-999999", "3.5", "10MM", "1;rm", "True", "\x00", "🦾"],
    ],
)
def test_what_is_no_whole_number_in_bounds_is_refused_with_the_rule(text: str):
    with pytest.raises(InvalidValue, match="must be a whole number from 1 to 1e12"):
        parse_value(STEPS, text)


@pytest.mark.parametrize(("text", "mend"), [("0", "try 1"), ("1e400", "try 1e12"), ("2e12", "try 1e12")])
def test_a_number_out_of_bounds_is_mended_by_the_nearest_bound(text: str, mend: str):
    with pytest.raises(InvalidValue) as caught:
        parse_value(STEPS, text)
    assert caught.value.mend == mend


@pytest.mark.parametrize(
    "text",
    ["256,128,64", "256-128-64", "[256, 128, 64]", "(256, 128, 64,)", "256 128 64", "256x128x64", "256 - 128-64"],
)
def test_layer_sizes_are_read_as_people_write_them(text: str):
    assert parse_value(SIZES, text) == (256, 128, 64)


@pytest.mark.parametrize(
    "text", ["", "[]", "-", "256--64", "0", "256,-64", "64.5", "1e9", "a,b", "[64", ",".join("8" * 17)]
)
def test_what_are_no_layer_sizes_is_refused(text: str):
    with pytest.raises(InvalidValue, match="must be 1 to 16 layer sizes"):
        parse_value(SIZES, text)


def test_one_layer_needs_no_separator():
    assert parse_value(SIZES, "64") == (64,)


@pytest.mark.parametrize("text", ["random", "Random", "none", ""])
def test_a_seed_may_be_random(text: str):
    assert parse_value(field_at("ppo.seed"), text) is None


def test_switches_and_choices():
    assert parse_value(field_at("train.tensorboard"), "off") is False
    assert parse_value(field_at("train.tensorboard"), "Yes") is True
    assert parse_value(field_at("backend"), "JAX") == "jax"
    with pytest.raises(InvalidValue, match=r"must be true or false"):
        parse_value(field_at("train.tensorboard"), "maybe")
    with pytest.raises(InvalidValue, match=r"one of auto, jax, torch; did you mean torch\?"):
        parse_value(field_at("backend"), "pytorch")


def valid_values(field: FormField) -> st.SearchStrategy[object]:
    """Values that `field` can have."""
    if field.kind == "bool":
        return st.booleans()
    if field.kind == "choice":
        return st.sampled_from(field.choices)
    assert field.lower is not None and field.upper is not None
    if field.kind == "sizes":
        return st.lists(st.integers(int(field.lower), int(field.upper)), min_size=1, max_size=16).map(tuple)
    if field.kind == "float":
        return st.floats(field.lower, field.upper)
    numbers = st.integers(int(field.lower), int(field.upper))
    return st.none() | numbers if field.none_text else numbers


@given(st.sampled_from(form_fields()).flatmap(lambda f: st.tuples(st.just(f), valid_values(f))), st.booleans())
def test_the_text_of_a_value_reads_back_as_the_value(pair: tuple[FormField, object], display: bool):
    field, value = pair
    assert parse_value(field, format_value(field, value, display=display)) == value


@given(st.sampled_from(form_fields()), st.text() | st.from_regex(r"[-+0-9_., eExkM\[\]]{1,20}", fullmatch=True))
def test_any_text_is_a_valid_value_or_an_error_with_the_rule(field: FormField, text: str):
    try:
        value = parse_value(field, text)
    except InvalidValue as error:
        assert str(error).startswith("must be")
    else:
        assert parse_value(field, format_value(field, value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**20), 10**20))
def test_the_text_of_a_number_is_exact(value: float):
    assert float(number_text(value)) == float(value)


@pytest.mark.parametrize(
    ("value", "text"), [(3e-4, "3e-4"), (1e-3, "1e-3"), (0.99, "0.99"), (1.0, "1"), (0.02, "0.02")]
)
def test_numbers_are_written_as_papers_write_them(value: float, text: str):
    assert format_value(RATE, value) == text


def test_display_groups_digits_from_ten_thousand_on():
    assert format_value(STEPS, 10_000_000, display=True) == "10 000 000"
    assert format_value(STEPS, 2048, display=True) == "2048"
    assert format_value(STEPS, 10_000_000) == "10000000"


OPTIONS = st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)


@given(OPTIONS | st.text(st.characters(exclude_categories=["C", "Z"], include_characters=' "\\')))
def test_the_text_of_an_option_reads_back_with_its_type(value: bool | int | float | str):
    parsed = parse_option(format_option(value))
    assert parsed == value and type(parsed) is type(value)


@pytest.mark.parametrize("text", ["1e999", '"open', '"a" b'])
def test_half_an_option_is_refused(text: str):
    with pytest.raises(InvalidValue):
        parse_option(text)


@given(
    st.text()
    | st.integers()
    | st.floats()
    | st.none()
    | st.lists(st.integers())
    | st.dictionaries(st.text(), st.text())
)
def test_what_an_error_shows_is_one_short_printable_line(value: object):
    assert shown(value).isprintable() and len(shown(value)) <= 60


def test_an_error_can_show_a_number_too_long_to_write_out():
    assert shown(10**6000) == "a number of about 10^6000"
