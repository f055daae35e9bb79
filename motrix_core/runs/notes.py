"""What a person wrote about a run: `notes.json` in its folder, beside what the run wrote itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from motrix_core.errors import RunsFolderError
from motrix_core.runs.files import read_json_object, replace_file
from motrix_core.runs.layout import Run
from motrix_core.runs.text import plain

MAX_NOTE, MAX_TAG, MAX_TAGS = 2000, 40, 20
_TAG = re.compile(r"[^\s,:]+")


@dataclass(frozen=True)
class Notes:
    """Both are safe to show: control characters are gone. A tag has no space, comma or colon."""

    note: str = ""
    tags: tuple[str, ...] = ()


def tags_in(text: str) -> tuple[str, ...]:
    """The tags in `text`, which spaces or commas separate, each once, in their order."""
    found = (plain(tag, limit=MAX_TAG) for tag in _TAG.findall(text))
    return tuple(dict.fromkeys(tag for tag in found if tag))[:MAX_TAGS]


def read_notes(run: Run) -> Notes:
    """What is written about `run`; a missing file says nothing. Raises RunsFolderError for a damaged one."""
    path = run.path / "notes.json"
    try:
        found = read_json_object(path)
    except FileNotFoundError:
        return Notes()
    except (OSError, ValueError) as error:
        raise RunsFolderError(f"{path} cannot be used: {error}", mend="delete it, or write the note again") from error
    note, tags = found.get("note"), found.get("tags")
    texts: Iterable[str] = (tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()
    return Notes(plain(note, limit=MAX_NOTE) if isinstance(note, str) else "", tags_in(" ".join(texts)))


def write_notes(run: Run, notes: Notes) -> None:
    """Replace what is written about `run`, atomically. Raises RunsFolderError."""
    path = run.path / "notes.json"
    text = json.dumps({"note": notes.note[:MAX_NOTE], "tags": list(notes.tags)}, ensure_ascii=False, indent=1)
    try:
        replace_file(path, text.encode("utf-8", "replace") + b"\n")
    except OSError as error:
        raise RunsFolderError(f"{path} cannot be written: {error.strerror or error}") from error
