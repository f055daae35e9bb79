"""Which part of the x axis a chart shows: everything, the newest part, or a part that was held."""

from __future__ import annotations

from dataclasses import dataclass, replace

_SMALLEST_SHARE = 1e-6


@dataclass(frozen=True)
class View:
    """`width` None shows everything; `right` None keeps the newest point at the right end ("following")."""

    width: float | None = None
    right: float | None = None

    @property
    def following(self) -> bool:
        return self.right is None

    def range(self, first: float, last: float) -> tuple[float, float]:
        """The visible x of a series from `first` to `last`."""
        right = last if self.right is None else self.right
        return (first if self.width is None else right - self.width), right

    def zoom(self, factor: float, first: float, last: float, *, at: float | None = None) -> View:
        """Show `factor` times as much; `at` stays where it is, by default the right end of a following view."""
        low, high = self.range(first, last)
        whole = last - first
        if whole <= 0:
            return self
        width = max((high - low) * factor, whole * _SMALLEST_SHARE)
        if width >= whole:
            return View()
        if at is None:
            at = high if self.following else (low + high) / 2
        share = (high - at) / (high - low) if high > low else 0.0
        return replace(self, width=width)._to(at + share * width, first, last)

    def pan(self, share: float, first: float, last: float) -> View:
        """Move by `share` of the visible width; positive is towards newer points."""
        low, high = self.range(first, last)
        if self.width is None:
            return self
        return self._to(high + share * (high - low), first, last)

    def _to(self, right: float, first: float, last: float) -> View:
        """A view of the same width that ends at `right`, kept inside the data; at the newest point it follows."""
        width = self.width or 0.0
        if right >= last:
            return View(width, None)
        return View(width, max(right, first + width))
