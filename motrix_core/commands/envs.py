"""`motrix envs`: the environments that can be trained; with `new` and `check`, one of your own."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from motrix_core.commands import envs_check, envs_new
from motrix_core.commands.own_env import add_source_flags, source_of
from motrix_core.commands.waiting import prints_on_stderr

if TYPE_CHECKING:
    from rich.table import Table

    from motrix_core.envs.spec import EnvSpec

# Wide enough that no description wraps when the table goes to a file or another program.
_PIPE_COLUMNS = 200


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "envs",
        help="the environments that can be trained",
        description="Lists every environment, its sizes, its simulators and its episode length. "
        "Environments of installed plugins and of a checkout are listed too, with the error if they are broken.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout, nothing else")
    add_source_flags(parser)
    actions = parser.add_subparsers(dest="action", metavar="[ACTION]")
    envs_new.add_parser(actions)
    envs_check.add_parser(actions)


def run(args: argparse.Namespace) -> int:
    """Prints the catalog; then 0, because a broken environment does not keep the others from training.

    With `new` or `check` what these return.
    """
    if args.action is not None:
        return {"new": envs_new, "check": envs_check}[args.action].run(args)
    from motrix_core.envs.catalog import catalog
    from motrix_core.envs.registry import listed_spec, names_of

    source = source_of(args)
    # Finding them runs the code of whoever brings them.
    with prints_on_stderr():
        brought = {name: listed_spec(name, source) for name in names_of(source)}
        known = catalog()
    specs = list({**brought, **{name: spec for name, spec in known.items() if name not in brought}}.values())
    if args.json:
        sys.stdout.write(json.dumps([_as_json(spec) for spec in specs], indent=2, allow_nan=False) + "\n")
        return 0
    from rich.console import Console

    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, width=_PIPE_COLUMNS)
    console.print(_table(specs))
    return 0


def _as_json(spec: EnvSpec) -> dict[str, Any]:
    """The spec's fields and its length in steps; null where a number is infinite or unknown."""
    steps = spec.max_episode_steps if spec.error is None else None
    fields = {**asdict(spec), "max_episode_steps": steps}
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in fields.items()
    }


def _table(specs: list[EnvSpec]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("obs", justify="right")
    table.add_column("act", justify="right")
    table.add_column("simulators")
    table.add_column("episode", no_wrap=True)
    table.add_column("description")
    for spec in specs:
        style = "" if spec.error is None else "red"
        cells = _cells(spec)
        # Plugins bring their own words: Text keeps markup from being read as such, _printable drops control codes.
        table.add_row(*(Text(_printable(cell), style=style) for cell in cells))
    return table


def _cells(spec: EnvSpec) -> tuple[str, ...]:
    if spec.error is not None:
        return (spec.name, "–", "–", "–", "–", spec.description)
    episode = f"{spec.episode_s:g} s, {spec.max_episode_steps} steps"
    return (
        spec.name,
        str(spec.obs_dim),
        spec.actions,
        ", ".join(spec.sims) or "none needed",
        episode,
        spec.description,
    )


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
