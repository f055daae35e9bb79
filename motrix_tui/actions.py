"""Every action of the dashboard: the one source of bindings, footer, palette, help and `docs/keys.md`.

An action belongs to a place: "app" works everywhere, the others are "launch", "monitor", "runs", "compare" and "play".
The last part of its id names its handler: `launch.copy_command` runs `action_copy_command` of the Launch pane.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.binding import Binding

PLACE_TITLES = {
    "app": "Everywhere",
    "launch": "Launch",
    "monitor": "Monitor",
    "runs": "Runs",
    "compare": "Compare",
    "play": "Play",
}


@dataclass(frozen=True)
class Action:
    """Something a person can do.

    `keys` are Textual key names, the first is the one that is shown. `title` is two or three words for the footer,
    `help` is one sentence. `group` orders the help screen. With `show` false the footer leaves it out. An action that
    is `always` there has its keys also while text is typed or a dialog is open.
    """

    id: str
    keys: tuple[str, ...]
    title: str
    help: str
    place: str
    group: str = ""
    show: bool = True
    always: bool = False

    @property
    def handler(self) -> str:
        """The name of the `action_…` method, without its prefix."""
        return self.id.rpartition(".")[2].replace("-", "_")


APP_ACTIONS: tuple[Action, ...] = (
    Action(
        "app.launch", ("1",), "Launch", "Go to Launch: pick, configure and start a training.", "app", "Places", False
    ),
    Action("app.monitor", ("2",), "Monitor", "Go to Monitor; opens the newest live run.", "app", "Places", False),
    Action("app.runs", ("3",), "Runs", "Go to Runs: every run in the runs folder.", "app", "Places", False),
    Action("app.play", ("5",), "Play", "Go to Play; plays the newest run.", "app", "Places", False),
    Action("app.compare", ("4",), "Compare", "Go to Compare: the marked runs side by side.", "app", "Places", False),
    Action("app.help", ("question_mark",), "help", "Explain the focused part and list the keys.", "app", "Help"),
    Action("app.palette", ("ctrl+p",), "palette", "Find any action, run or theme by name.", "app", "Help"),
    Action(
        "app.jump", ("ctrl+o",), "jump", "Put a letter on every part of the screen; typing it goes there.", "app",
        "Help", False, always=True,
    ),
    Action("app.next_theme", ("ctrl+t",), "theme", "Switch to the next theme; it is remembered.", "app", "View", False),
    Action(
        "app.messages", ("M",), "messages", "Everything that was said so far, errors in full.", "app", "Help", False
    ),
    Action(
        "app.settings", ("comma",), "settings", "What the dashboard remembers, and in which file.", "app", "Help", False
    ),
    Action(
        "app.suspend", ("Z",), "suspend", "Go to the shell; fg there comes back. Training goes on.", "app", "Help",
        False,
    ),
    Action("app.quit", ("q", "ctrl+q"), "quit", "Leave. With live runs it offers to detach or stop.", "app", "Help"),
)  # fmt: skip

LAUNCH_ACTIONS: tuple[Action, ...] = (
    Action("launch.start", ("ctrl+r",), "Launch", "Start the training that the form describes.", "launch", "Run"),
    Action("launch.enqueue", ("a",), "queue", "Let the training wait its turn in the queue.", "launch", "Run"),
    Action(
        "launch.show_queue", ("u",), "show queue", "What waits: order, removal, runs at a time.", "launch", "Run", False
    ),
    Action(
        "launch.copy_command", ("y",), "copy", "Copy the equivalent command line, also over SSH.", "launch", "Run"
    ),
    Action("launch.switch_backend", ("b",), "backend", "Take the other usable backend.", "launch", "Machine"),
    Action("launch.switch_sim", ("s",), "simulator", "Take the environment's next simulator.", "launch", "Machine"),
    Action("launch.filter", ("slash",), "filter", "Filter the environments.", "launch", "Environment"),
    Action(
        "launch.read_again", ("o",), "read again", "Read the environments of --env-module, --env-path or gym: again.",
        "launch", "Environment", False,
    ),
    Action("launch.presets", ("p",), "presets", "Take, save or delete a named configuration.", "launch", "Form"),
    Action(
        "launch.import_file", ("i",), "import", "Fill the form from a TOML file or a run's config.json.", "launch",
        "Form", False,
    ),
    Action(
        "launch.export_file", ("w",), "export", "Write the form as a file for motrix run --config.", "launch", "Form",
        False,
    ),
    Action("launch.machine", ("m",), "machine", "Go to hardware and backends.", "launch", "Go to", False),
    Action("launch.environments", ("e",), "environments", "Go to the environments.", "launch", "Go to", False),
    Action("launch.form", ("f",), "form", "Go to the form.", "launch", "Go to", False),
    Action(
        "launch.previous_group", ("left_square_bracket",), "previous tab", "Show the form's previous tab.", "launch",
        "Form", False,
    ),
    Action(
        "launch.next_group", ("right_square_bracket",), "next tab", "Show the form's next tab.", "launch", "Form", False
    ),
    Action(
        "launch.edit_layers", ("n",), "layers", "Edit a network's layers as a list; ≡ in its field does too.",
        "launch", "Form", False,
    ),
    Action("launch.undo", ("ctrl+z",), "undo", "Take back the last change of the form.", "launch", "Form"),
    Action(
        "launch.reset_field", ("r", "delete"), "reset", "Give the focused field its default again.", "launch", "Form"
    ),
    Action(
        "launch.reset_all", ("R",), "reset all", "Give every field its default again.", "launch", "Form", False
    ),
)  # fmt: skip

RUNS_ACTIONS: tuple[Action, ...] = (
    Action("runs.open", ("enter", "o"), "open", "Open the run in Monitor.", "runs", "Run"),
    Action("runs.play", ("p",), "play", "Watch the run's policy in Play.", "runs", "Run"),
    Action("runs.mark", ("space",), "mark", "Mark the run for Compare, or take the mark away.", "runs", "Run"),
    Action("runs.compare", ("c",), "compare", "Compare the marked runs, or with none the one here.", "runs", "Run"),
    Action("runs.resume", ("u",), "resume", "Continue a run that is over, from its last checkpoint.", "runs", "Run"),
    Action("runs.clone", ("n",), "clone", "Take the run's settings into Launch, for a new run.", "runs", "Run", False),
    Action("runs.notes", ("t",), "tags", "Write a note and tags on the run.", "runs", "Run", False),
    Action("runs.stop", ("x",), "stop", "Stop the run after a last checkpoint; asks first.", "runs", "Run"),
    Action("runs.delete", ("d", "delete"), "delete", "Delete the run's folder; asks first.", "runs", "Run"),
    Action(
        "runs.export_csv",
        ("e",),
        "CSV",
        "Write the metrics of the marked runs, or with none of the one here, as CSV.",
        "runs",
        "Export",
        False,
    ),
    Action(
        "runs.export_list",
        ("E",),
        "list as CSV",
        "Write the list as it is filtered and ordered as CSV.",
        "runs",
        "Export",
        False,
    ),
    Action("runs.copy_path", ("y",), "copy path", "Copy the run's folder, also over SSH.", "runs", "Run"),
    Action(
        "runs.filter",
        ("slash",),
        "filter",
        "Filter by words and numbers: env:cartpole lr>=1e-3.",
        "runs",
        "Table",
    ),
    Action(
        "runs.sort",
        ("s",),
        "sort",
        "Order by the next column; a click on a heading does too.",
        "runs",
        "Table",
    ),
    Action("runs.reverse", ("S",), "reverse", "Turn the order round.", "runs", "Table", False),
    Action("runs.refresh", ("r",), "refresh", "Read the runs folder again now.", "runs", "Table", False),
)


def all_actions() -> tuple[Action, ...]:
    """Every action of every place, in the order in which help and documentation show them."""
    from motrix_tui.compare.actions import COMPARE_ACTIONS
    from motrix_tui.monitor.actions import MONITOR_ACTIONS
    from motrix_tui.play.actions import PLAY_ACTIONS

    return (*APP_ACTIONS, *LAUNCH_ACTIONS, *MONITOR_ACTIONS, *RUNS_ACTIONS, *COMPARE_ACTIONS, *PLAY_ACTIONS)


def bindings(actions: Iterable[Action]) -> list[Binding]:
    """Textual bindings for `actions`; every key of an action is one binding, only the first one is shown."""
    return [
        Binding(
            key,
            action.handler,
            action.title,
            show=action.show and index == 0,
            tooltip=action.help,
            priority=action.always,
            # One id for all of them: a key of the person's own takes the place of every one.
            id=action.id,
        )
        for action in actions
        for index, key in enumerate(action.keys)
    ]


def conflicts(actions: Sequence[Action]) -> list[str]:
    """One line for each key that means two things in one place, where "app" keys belong to every place."""
    found: list[str] = []
    owners: dict[tuple[str, str], Action] = {}
    for action in sorted(actions, key=lambda action: action.place != "app"):
        for key in action.keys:
            other = owners.get((action.place, key)) or owners.get(("app", key))
            if other is not None:
                found.append(f"{key}: {other.id} and {action.id}")
            owners[action.place, key] = action
    return found


_KEY_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "underscore": "_",
    "comma": ",",
    "full_stop": ".",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "colon": ":",
    "semicolon": ";",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
}


def key_called(name: str) -> str:
    """The Textual key name of a key as people write it: the opposite of `key_name`, which also takes Textual's."""
    if name.startswith("^") and len(name) > 1:
        name = f"ctrl+{name[1:]}"
    modifier, plus, base = name.rpartition("+") if not name.endswith("+") else ("", "", name)
    return f"{modifier}{plus}" + next((key for key, shown in _KEY_NAMES.items() if shown == base), base)


def key_name(key: str) -> str:
    """A Textual key name as people write it: `ctrl+r` is `^r`, `question_mark` is `?`."""
    modifier, _, base = key.rpartition("+")
    name = _KEY_NAMES.get(base, base)
    if modifier == "ctrl":
        return f"^{name}"
    return f"{modifier}+{name}" if modifier else name
