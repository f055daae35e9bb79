"""What a person can do in Monitor. The handlers are the `action_…` methods of MonitorPane."""

from __future__ import annotations

from motrix_tui.actions import Action


def _monitor(name: str, keys: tuple[str, ...], title: str, help: str, group: str, *, show: bool = False) -> Action:
    return Action(f"monitor.{name}", keys, title, help, "monitor", group, show)


MONITOR_ACTIONS: tuple[Action, ...] = (
    _monitor(
        "stop", ("x",), "stop", "Stop the run after a final checkpoint, or kill it; asks first.", "Run", show=True
    ),
    _monitor("pause", ("p",), "pause", "Let the run wait after its current rollout, or go on.", "Run", show=True),
    _monitor("checkpoint", ("c",), "checkpoint", "Write a checkpoint now.", "Run", show=True),
    _monitor(
        "edit",
        ("e",),
        "edit lr",
        "Change learning rate, entropy bonus or ratio clip during training.",
        "Run",
        show=True,
    ),
    _monitor(
        "switch_backend",
        ("b",),
        "backend",
        "Let the other backend go on with the run; asks first.",
        "Run",
        show=True,
    ),
    _monitor("play", ("P",), "play", "Watch the run's policy in Play.", "Run"),
    _monitor("detach", ("d",), "detach", "Stop watching. Training goes on; Runs opens it again.", "Run", show=True),
    _monitor(
        "fullscreen", ("f",), "full screen", "Give the focused chart all the room, or give it back.", "Chart", show=True
    ),
    _monitor(
        "filter",
        ("slash",),
        "filter",
        "Show only charts, or log lines if the log is focused, with a text.",
        "Charts",
        show=True,
    ),
    _monitor(
        "previous_page",
        ("left_square_bracket", "pageup"),
        "previous charts",
        "Show the previous page of charts.",
        "Charts",
    ),
    _monitor(
        "next_page",
        ("right_square_bracket", "pagedown"),
        "more charts",
        "Show the next page of charts.",
        "Charts",
        show=True,
    ),
    _monitor("toggle_log", ("o",), "log", "Go to the log, or back to the charts.", "Log", show=True),
    _monitor("smoothing", ("s",), "smoothing", "Next smoothing weight; raw values stay visible as a ghost.", "Charts"),
    _monitor("cycle_x", ("a",), "x axis", "Charts over env steps, updates or time of training.", "Charts"),
    _monitor("toggle_log_y", ("y",), "log y", "Switch the focused chart between linear and logarithmic y.", "Chart"),
    _monitor("cycle_glyphs", ("g",), "glyphs", "Draw with braille, blocks or ASCII.", "Charts"),
    _monitor("zoom_in", ("plus", "equals_sign", "up", "k"), "zoom in", "Show a smaller part of the x axis.", "Chart"),
    _monitor("zoom_out", ("minus", "down", "j"), "zoom out", "Show a larger part of the x axis.", "Chart"),
    _monitor("pan_left", ("left", "h"), "pan left", "Move to older points, or move the crosshair.", "Chart"),
    _monitor("pan_right", ("right", "l"), "pan right", "Move to newer points, or move the crosshair.", "Chart"),
    _monitor("show_all", ("home", "0"), "whole run", "Show the whole run again, following.", "Chart"),
    _monitor("follow", ("end",), "follow", "Go back to the newest point and keep it in view.", "Chart"),
    _monitor(
        "crosshair",
        ("i",),
        "inspect",
        "Exact values under a crosshair in all charts; ← → move it.",
        "Charts",
        show=True,
    ),
    _monitor("choose", ("v",), "charts", "Choose which charts are shown, and in which order.", "Layout", show=True),
    _monitor(
        "move_earlier",
        ("H", "shift+left"),
        "move earlier",
        "Move the focused chart before the one before it.",
        "Layout",
    ),
    _monitor(
        "move_later", ("L", "shift+right"), "move later", "Move the focused chart behind the one after it.", "Layout"
    ),
    _monitor("wider", ("greater_than_sign",), "wider", "Give the focused chart another column.", "Layout"),
    _monitor("narrower", ("less_than_sign",), "narrower", "Take a column from the focused chart.", "Layout"),
    _monitor("taller", ("right_curly_bracket",), "taller", "Fewer rows of charts on a page.", "Layout"),
    _monitor("shorter", ("left_curly_bracket",), "shorter", "More rows of charts on a page.", "Layout"),
    _monitor("back", ("escape",), "back", "Leave the crosshair, the filter or full screen.", "Charts"),
)
