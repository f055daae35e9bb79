"""What a person can do in Compare. The handlers are the `action_…` methods of ComparePane."""

from __future__ import annotations

from motrix_tui.actions import Action


def _compare(name: str, keys: tuple[str, ...], title: str, help: str, group: str, *, show: bool = False) -> Action:
    return Action(f"compare.{name}", keys, title, help, "compare", group, show)


COMPARE_ACTIONS: tuple[Action, ...] = (
    _compare("cycle_x", ("a",), "x axis", "Curves over env steps, updates or time of training.", "Charts", show=True),
    _compare("group", ("m",), "seeds", "Runs that differ in their seed only as a mean with a band.", "Runs", show=True),
    _compare("details", ("d",), "differences", "Show or hide figures and settings that differ.", "Runs", show=True),
    _compare("export_csv", ("e",), "CSV", "Write the points of the charts on the page as CSV.", "Export", show=True),
    _compare("export_svg", ("E",), "SVG", "Write the focused chart as SVG.", "Export", show=True),
    _compare("fullscreen", ("f",), "full screen", "Give the focused chart all the room, or give it back.", "Chart"),
    _compare("smoothing", ("s",), "smoothing", "Next smoothing weight; raw values stay as a ghost.", "Charts"),
    _compare("toggle_log_y", ("y",), "log y", "Switch the focused chart to logarithmic y and back.", "Chart"),
    _compare("cycle_glyphs", ("g",), "glyphs", "Draw with braille, blocks or ASCII.", "Charts"),
    _compare("zoom_in", ("plus", "equals_sign", "up", "k"), "zoom in", "Show a smaller part of the x axis.", "Chart"),
    _compare("zoom_out", ("minus", "down", "j"), "zoom out", "Show a larger part of the x axis.", "Chart"),
    _compare("pan_left", ("left", "h"), "pan left", "Move to the left, or move the crosshair.", "Chart"),
    _compare("pan_right", ("right", "l"), "pan right", "Move to the right, or move the crosshair.", "Chart"),
    _compare("show_all", ("home", "0"), "whole run", "Show the whole runs again.", "Chart"),
    _compare("crosshair", ("i",), "inspect", "Exact values under a crosshair in all charts.", "Charts", show=True),
    _compare("previous_page", ("left_square_bracket", "pageup"), "previous charts", "Show other metrics.", "Charts"),
    _compare("next_page", ("right_square_bracket", "pagedown"), "more charts", "Show more metrics.", "Charts"),
)
