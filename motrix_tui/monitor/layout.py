"""How a person arranged the charts of one environment: order, hidden ones, sizes and drawing. No Textual in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

WIDEST = 5
ROW_HEIGHTS = (6, 9, 13, 19, 28)
_DEFAULT_HEIGHT = 9


@dataclass(frozen=True)
class Layout:
    """`order` are ids of panels, those that are not in it follow in their own order. `wide` is the number of columns of
    a chart that has more than one; `row_height` the lines that a row of charts has at least."""

    order: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()
    wide: Mapping[str, int] = ()  # type: ignore[assignment]
    row_height: int = _DEFAULT_HEIGHT
    x_axis: str = "env_steps"
    smoothing: float = 0.6
    glyphs: str = "braille"

    def __post_init__(self) -> None:
        object.__setattr__(self, "wide", dict(self.wide))

    @classmethod
    def from_table(cls, table: Mapping[str, Any], *, x_axes: Sequence[str], glyphs: Sequence[str]) -> Layout:
        """The layout that a settings file holds. What is not of its kind, as after an edit by hand, is the default."""
        layout = cls()
        wide, smoothing = table.get("wide"), table.get("smoothing")
        wide = wide if isinstance(wide, dict) else {}
        return cls(
            order=_texts(table.get("order")),
            hidden=frozenset(_texts(table.get("hidden"))),
            wide={id: span for id, span in wide.items() if type(span) is int and 1 < span <= WIDEST},
            row_height=_one_of(table.get("row_height"), ROW_HEIGHTS, layout.row_height),
            x_axis=_one_of(table.get("x_axis"), x_axes, layout.x_axis),
            smoothing=float(smoothing) if type(smoothing) in (int, float) and 0 <= smoothing < 1 else layout.smoothing,  # type: ignore[operator, arg-type]
            glyphs=_one_of(table.get("glyphs"), glyphs, layout.glyphs),
        )

    def to_table(self) -> dict[str, Any]:
        """What a settings file holds."""
        return {
            "order": list(self.order),
            "hidden": sorted(self.hidden),
            "wide": dict(self.wide),
            "row_height": self.row_height,
            "x_axis": self.x_axis,
            "smoothing": self.smoothing,
            "glyphs": self.glyphs,
        }

    def sorted(self, ids: Sequence[str]) -> list[str]:
        """`ids` in this order."""
        place = {id: index for index, id in enumerate(self.order)}
        return sorted(ids, key=lambda id: place.get(id, len(place)))

    def moved(self, ids: Sequence[str], id: str, by: int) -> Layout:
        """The layout in which `id` stands `by` places later among the shown ones of `ids`."""
        ordered = self.sorted(ids)
        shown = [other for other in ordered if other not in self.hidden]
        if id not in shown:
            return self
        neighbour = shown[min(max(shown.index(id) + by, 0), len(shown) - 1)]
        at = ordered.index(neighbour)
        ordered.remove(id)
        ordered.insert(at, id)
        return replace(self, order=tuple(ordered))

    def resized(self, id: str, by: int) -> Layout:
        """The layout in which `id` is `by` columns wider."""
        span = min(max(self.wide.get(id, 1) + by, 1), WIDEST)
        wide = {**self.wide, id: span}
        return replace(self, wide={other: columns for other, columns in wide.items() if columns > 1})

    def taller(self, by: int) -> Layout:
        """The layout with the next larger (or smaller) height of rows."""
        at = ROW_HEIGHTS.index(self.row_height) + by
        return replace(self, row_height=ROW_HEIGHTS[min(max(at, 0), len(ROW_HEIGHTS) - 1)])


def pages(spans: Sequence[int], columns: int, rows: int) -> list[list[int]]:
    """Indices of the tiles with these `spans` on each page of `columns` × `rows`, filled row by row; at least one."""
    found: list[list[int]] = [[]]
    row = column = 0
    for index, span in enumerate(min(span, columns) for span in spans):
        if column + span > columns:
            row, column = row + 1, 0
        if row >= rows:
            found.append([])
            row = column = 0
        found[-1].append(index)
        column += span
    return found


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _one_of(value: Any, choices: Sequence[Any], otherwise: Any) -> Any:
    return value if value in choices else otherwise
