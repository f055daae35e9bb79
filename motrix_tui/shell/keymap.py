"""Keys of one's own: the table `[keys]` of the settings file, by the ids of docs/keys.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from motrix_core.errors import nearest
from motrix_core.runs.text import plain
from motrix_tui.actions import Action, conflicts, key_called

Keymap = dict[str, tuple[str, ...]]


def read_keymap(table: Mapping[str, Any], actions: Sequence[Action]) -> tuple[Keymap, list[str]]:
    """Action id → its keys, and one line for every entry that cannot be used, which then has no effect.

    `launch.start = "ctrl+l"` and `"launch.start" = ["ctrl+l", "L"]` both work; keys may be written as they are typed.
    """
    known = {action.id: action for action in actions}
    keymap: Keymap = {}
    problems: list[str] = []
    for id, value in _flat(table).items():
        keys = [value] if isinstance(value, str) else value
        if id not in known:
            near = nearest(id, known)
            problems.append(f"keys: {plain(id)} is no action" + (f"; did you mean {near}?" if near else ""))
        elif not isinstance(keys, list) or not keys or not all(isinstance(key, str) and key.strip() for key in keys):
            problems.append(f"keys: {id} must be a key such as 'ctrl+l', or a list of some")
        else:
            wanted = {**keymap, id: tuple(dict.fromkeys(key_called(key.strip()) for key in keys))}
            before = set(conflicts(with_keys(actions, keymap)))
            clashes = [line for line in conflicts(with_keys(actions, wanted)) if line not in before]
            if clashes:
                problems.append(f"keys: {id} is left as it was, a key would mean two things: {'; '.join(clashes)}")
            else:
                keymap = wanted
    return keymap, problems


def with_keys(actions: Sequence[Action], keymap: Keymap) -> tuple[Action, ...]:
    """`actions` with the keys that `keymap` gives them."""
    return tuple(replace(action, keys=keymap.get(action.id, action.keys)) for action in actions)


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            flat.update({f"{name}.{inner}": item for inner, item in value.items()})
        else:
            flat[name] = value
    return flat
