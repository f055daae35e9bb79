"""Writes `docs/keys.md` from the action registry: `python -m motrix_tui.keys_page > docs/keys.md`."""

from __future__ import annotations

import sys
from itertools import groupby

from motrix_tui.actions import PLACE_TITLES, Action, all_actions, key_name

HEADER = """\
# Keys of the dashboard

Made from the action registry by `python -m motrix_tui.keys_page > docs/keys.md`; a test fails when the two differ.

`tab` and `shift+tab` move between the parts of a place, the arrows or `h` `j` `k` `l` within one, `enter` edits or
chooses, `escape` goes back. Everything also works with the mouse. `^r` means ctrl and r together; nothing needs Alt or
a function key. While text is being typed, letters and digits are text: `escape` or `enter` ends typing.

Keys of your own go into the table `[keys]` of `settings.toml` (on Linux in `~/.config/motrix-tui/`), by the ids that
`python -c "from motrix_tui.actions import all_actions; print(*(a.id for a in all_actions()))"` lists, for example
`"launch.start" = ["ctrl+l", "L"]`. An entry that names no action, or a key that already means something, is said when
the dashboard starts and has no effect.
"""


def page() -> str:
    """The whole page as Markdown."""
    sections = [HEADER]
    for place, actions in groupby(all_actions(), key=lambda action: action.place):
        rows = "\n".join(_row(action) for action in actions)
        sections.append(f"## {PLACE_TITLES[place]}\n\n| key | action | what it does |\n|---|---|---|\n{rows}\n")
    return "\n".join(sections)


def _row(action: Action) -> str:
    keys = " ".join(f"`{key_name(key)}`" for key in action.keys)
    return f"| {keys} | {action.title} | {action.help} |"


if __name__ == "__main__":
    sys.stdout.write(page())
