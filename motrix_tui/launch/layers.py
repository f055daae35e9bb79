"""A network's hidden layers as texts, one for each layer: what a list editor does to them."""

from __future__ import annotations

import re

Sizes = tuple[str, ...]

_NUMBER = re.compile(r"\d[\d_]*")
LONGEST = 6
"""Digits of a size: one more than the largest that is allowed has, so that too large a one can be seen and mended."""


def sizes_in(text: str) -> Sizes:
    """The numbers in `text`, whatever is between them."""
    return tuple(number.replace("_", "") for number in _NUMBER.findall(text))


def text_of(sizes: Sizes) -> str:
    """What the form's field says for `sizes`."""
    return "-".join(sizes)


def added(sizes: Sizes, at: int) -> Sizes:
    """With another layer after the one at `at`, as large."""
    return (*sizes[: at + 1], sizes[at], *sizes[at + 1 :])


def removed(sizes: Sizes, at: int) -> Sizes:
    """Without the layer at `at`; the last one stays."""
    return (*sizes[:at], *sizes[at + 1 :]) if len(sizes) > 1 else sizes


def moved(sizes: Sizes, at: int, by: int) -> tuple[Sizes, int]:
    """With the layer at `at` one place further (`by` 1) or back (-1), and where it is now; the ends hold it."""
    to = at + by
    if not 0 <= to < len(sizes):
        return sizes, at
    swapped = list(sizes)
    swapped[at], swapped[to] = swapped[to], swapped[at]
    return tuple(swapped), to


def stepped(size: str, by: int, *, least: int, most: int) -> str:
    """The power of two above `size` (`by` 1) or below it (-1), from `least` to `most`."""
    units = int(size or 0)
    power = 1 << units.bit_length() if by > 0 else 1 << max(0, (units - 1).bit_length() - 1)
    return str(max(least, min(most, power)))


def typed(size: str, digit: str, *, goes_on: bool) -> str:
    """`size` after `digit` was typed: the first digit begins a new number, unless that `goes_on`."""
    text = (size if goes_on else "") + digit
    return text.lstrip("0") if len(text) <= LONGEST else size


def replaced(sizes: Sizes, at: int, size: str) -> Sizes:
    return (*sizes[:at], size, *sizes[at + 1 :])


def bar(size: str, sizes: Sizes, width: int) -> str:
    """How large `size` is beside the largest of `sizes`, in at most `width` characters."""
    largest = max(int(other or 0) for other in sizes)
    return "━" * max(1, round(width * int(size) / largest)) if size and largest else ""
