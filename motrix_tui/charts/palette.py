"""Colours of series: told apart by colour-blind eyes, one set for dark and one for light backgrounds.

A theme may bring its own through the variables `chart-1` … `chart-8`.
"""

from __future__ import annotations

import zlib
from collections.abc import Container, Mapping

# After Okabe and Ito, "Color Universal Design" (2008); lightened or darkened for contrast with the background.
DARK = ("#56b4e9", "#e69f00", "#2fbf8f", "#d987b5", "#f0e442", "#ff7f50", "#9aa5ff", "#c0c0c0")
LIGHT = ("#0072b2", "#a85d00", "#00734f", "#a3387f", "#7a6a00", "#c03a1e", "#4b4fc4", "#555555")

_KNOWN_SLOTS = {
    "mean": 0,
    "max": 2,
    "min": 3,
    "policy": 0,
    "value": 1,
    "entropy": 2,
    "kl": 0,
    "clip fraction": 1,
    "learning rate": 2,
    "physics": 0,
    "task": 1,
    "inference": 2,
    "transfer": 3,
    "update": 4,
}


def slot_for(label: str, taken: Container[int]) -> int:
    """The colour of a series: the same for the same name wherever it appears, unless `taken` in this chart."""
    wanted = _KNOWN_SLOTS.get(label, zlib.crc32(label.encode()) % len(DARK))
    candidates = [(wanted + shift) % len(DARK) for shift in range(len(DARK))]
    return next((slot for slot in candidates if slot not in taken), wanted)


def series_colours(dark: bool, theme_variables: Mapping[str, str]) -> tuple[str, ...]:
    """Eight colours, by slot."""
    defaults = DARK if dark else LIGHT
    return tuple(theme_variables.get(f"chart-{slot + 1}", colour) for slot, colour in enumerate(defaults))
