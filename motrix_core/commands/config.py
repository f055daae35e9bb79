"""`motrix config show`: the configuration that a run would have, and where each value comes from."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motrix_core.commands.own_env import add_source_flags, only_name
from motrix_core.commands.waiting import prints_on_stderr
from motrix_core.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from motrix_core.config.sources import Effective


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds `config`, with its one action `show`, to the command line's subcommands."""
    parser = subparsers.add_parser("config", help="the effective configuration, and where each value comes from")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser(
        "show",
        help="print the effective configuration",
        description="Prints the configuration that motrix run would train with, and where each value comes from. "
        "Starts nothing and writes nothing.",
    )
    show.add_argument("--env", help="the environment; motrix envs lists them, gym:ID is one of Gymnasium's")
    add_source_flags(show)
    show.add_argument("--backend", "--train-backend", metavar="auto|jax|torch", help="default: automatic")
    show.add_argument("--sim", "--sim-backend", metavar="auto|motrixsim|mujoco|none", help="default: automatic")
    show.add_argument("--config", metavar="FILE", type=Path, help="a .toml file, or a run's config.json")
    show.add_argument("--set", dest="sets", action="append", default=[], metavar="KEY=VALUE", help="may be repeated")
    output = show.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON document, nothing else")
    output.add_argument("--toml", action="store_true", help="print a file for --config")
    return parser


def run(args: argparse.Namespace) -> int:
    """Prints the configuration; 0. Raises `UsageError` and what choosing a backend raises."""
    from motrix_core.config.files import to_toml

    with prints_on_stderr():
        effective = resolve(args)
    if args.json:
        sys.stdout.write(json.dumps(as_json(effective), indent=2, allow_nan=False) + "\n")
    elif args.toml:
        sys.stdout.write(to_toml(effective.config))
    else:
        _print(effective)
    return 0


def resolve(args: argparse.Namespace) -> Effective:
    """The effective configuration. Probes backends only if none is named."""
    from motrix_core.config.sources import ConfigSources
    from motrix_core.envs.catalog import catalog
    from motrix_core.envs.registry import check_options, find_spec, names_of

    names = ("env", "env_module", "env_path", "backend", "sim")
    flags = {name: value for name in names if (value := getattr(args, name)) is not None}
    sources = ConfigSources(file=args.config, sets=args.sets, flags=flags, environ=os.environ)
    env, backend, _ = (sources.wanted(name) for name in ("env", "backend", "sim"))
    env = env or only_name(sources.source)
    if env is None:
        listed = sorted(names_of(sources.source) or catalog())
        raise UsageError("no environment given", mend=f"type --env NAME, one of: {', '.join(listed)}")
    check_options(find_spec(env, sources.source, sources.env_options), sources.env_options)
    if backend in (None, "auto"):
        from motrix_core.hardware.select import select_backend

        backend = select_backend("auto").backend
    return sources.build(env, backend)


def as_json(effective: Effective) -> dict[str, Any]:
    """The document that `--json` prints: `config`, `sources` by path, `derived`, `command`."""
    from motrix_core.config.form import command_line, derived

    return {
        "config": effective.config.model_dump(mode="json"),
        "sources": effective.sources,
        "derived": asdict(derived(effective.config)),
        "command": command_line(effective.config),
    }


def _print(effective: Effective) -> None:
    import shlex

    from rich.console import Console

    from motrix_core.config.form import command_line, derived
    from motrix_core.config.text import grouped

    numbers = derived(effective.config)
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        # A pipe has no width; a table cut to 80 columns would lose values.
        console.width = 200
    console.print(_table(effective))
    parts = (
        (numbers.samples_per_update, "samples per update"),
        (numbers.mini_batch_size, "per mini-batch"),
        (numbers.updates, "updates"),
        (numbers.env_steps, "env steps"),
    )
    console.print("\n" + " · ".join(f"{grouped(number)} {noun}" for number, noun in parts))
    console.print(f"$ {shlex.join(command_line(effective.config))}", soft_wrap=True)


def _table(effective: Effective) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from motrix_core.config.fields import known_fields
    from motrix_core.config.keys import flatten
    from motrix_core.config.text import format_option, format_value

    values = flatten(effective.config.model_dump())
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("setting", "value", "unit", "from"):
        # Folded, since a name cut short cannot be typed.
        table.add_column(title, overflow="fold")
    for path, source in effective.sources.items():
        field = known_fields().get(path)
        text = format_value(field, values[path], display=True) if field else format_option(values[path])
        style = "" if source in ("default", "registry default") else "bold"
        unit = field.unit if field else ""
        table.add_row(path, Text(text, style), Text(unit, "dim"), Text(source, style or "dim"))
    return table
