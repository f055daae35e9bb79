"""Numbers, times and names as people read them in narrow columns."""

from __future__ import annotations

import math

BARS = "▁▂▃▄▅▆▇█"
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
BACKEND_TITLES = {"jax": "JAX", "torch": "PyTorch"}


def gibibytes(size: float) -> str:
    """Bytes as GiB with the digits that matter: `3.1`, `24`."""
    value = size / 2**30
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def count(number: float | None) -> str:
    """`4.2M` for 4 200 000, `96.4k`, `982`, and `–` for None or NaN."""
    if number is None or not math.isfinite(number):
        return "–"
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(number) >= limit:
            scaled = number / (1e3 if suffix == "k" else limit)
            return f"{scaled:.1f}".removesuffix(".0") + suffix
    return _without_negative_zero(f"{number:.0f}")


def significant(number: float | None) -> str:
    """Three significant digits: `982`, `-0.613`, `12.3k`, and `–` for None or NaN."""
    if number is None or not math.isfinite(number):
        return "–"
    if abs(number) >= 1e4:
        return count(number)
    return _without_negative_zero(f"{number:.3g}" if abs(number) < 1000 else f"{number:.0f}")


def _without_negative_zero(text: str) -> str:
    return "0" if text == "-0" else text


def grouped(number: int) -> str:
    """`65 536`: thousands apart by a narrow no-break space."""
    return f"{number:,}".replace(",", " ")


def duration(seconds: float | None) -> str:
    """`41 s`, `3:07`, `1:02:33`, `2 d 4 h`, and `–` for None."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return "–"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    if hours == 0:
        return f"{minute}:{second:02}"
    if hours < 48:
        return f"{hours}:{minute:02}:{second:02}"
    days, hour = divmod(hours, 24)
    return f"{days} d {hour} h"


def ago(seconds: float | None) -> str:
    """How long ago, in one unit: `now`, `12 min`, `5 h`, `3 d`."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if seconds < 60:
        return "now"
    for limit, divisor, unit in ((3600, 60, "min"), (48 * 3600, 3600, "h"), (math.inf, 86400, "d")):
        if seconds < limit:
            return f"{int(seconds // divisor)} {unit}"
    return "–"


def shortened(text: str, width: int) -> str:
    """`text` in at most `width` characters, an ellipsis standing for what is left out."""
    if len(text) <= width:
        return text
    return text[: max(0, width - 1)] + "…" if width > 0 else ""
