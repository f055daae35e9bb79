"""Writes docs/configuration.md from the schema: `python -m motrix_core.config.reference`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from motrix_core.config.fields import GROUPS, FormField, form_fields, known_fields
from motrix_core.config.form import default_values
from motrix_core.config.registry import BACKENDS, registered_envs
from motrix_core.config.text import format_value
from motrix_core.errors import UsageError

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"

_INTRODUCTION = """\
# Configuration

<!-- Generated from motrix_core/config by `python -m motrix_core.config.reference`. Do not edit. -->

A run is decided by settings with dotted names. They come from, the first that names one wins:

1. flags of `motrix run` and `motrix-tui --run` (`--env`, `--backend`, `--sim`, `--num-envs`, `--seed`,
   `--rand-seed`, `--max-env-steps`)
2. `--set NAME=VALUE`, as often as needed; of two for one name, the last
3. `--config FILE`: a TOML file as below, or the `config.json` of an earlier run
4. the environment variables `MOTRIX_BACKEND` and `MOTRIX_SIM`
5. the environment's registered hyperparameters for the backend, see [below](#hyperparameters-of-the-environments)
6. the defaults in the tables

`motrix config show --env ENV` prints the outcome and where each value comes from; with `--toml`, as a file for
`--config`. Every problem is reported at once, before anything is written.

```toml
env = "cartpole"
backend = "jax"

[ppo]
learning_rate = 3e-4
policy_hidden_layer_sizes = [64, 64]
value_hidden_layer_sizes = [64, 64]
seed = "random"

[env_options]       # on the command line: --set env.NAME=VALUE
```

As text (on the command line, in a form, or quoted in TOML) numbers may be written `3e-4`, `10M`, `1k`, `2_048` or
`10 000 000`, layer sizes `256-128-64` or `256,128,64`, switches `true` or `false`.

"""


def page() -> str:
    """The whole page, in Markdown."""
    parts = [_INTRODUCTION, "## What runs where\n\n", _choices()]
    for group in GROUPS:
        rows = "".join(_row(field) for field in form_fields() if field.group == group)
        parts.append(f"\n## {group}\n\n| setting | default | allowed | meaning |\n|---|---|---|---|\n{rows}")
    parts += ["\n", _RULES, _environments()]
    return "".join(parts)


_RULES = """\
## Rules between settings

- `ppo.mini_batches` divides `ppo.rollouts * ppo.num_envs`, the samples of one update, into parts of at least 2. An
  update has at most 2^30 samples.
- `ppo.policy_hidden_layer_sizes` and `ppo.value_hidden_layer_sizes` are equal while
  `ppo.share_policy_value_features` is true.
- `ppo.value_clip` is above 0 while `ppo.clip_predicted_values` is true.
- `ppo.max_env_steps` is rounded up to whole updates.

"""


def _choices() -> str:
    rows = [
        f"| `{field.path}` | {_allowed(field)} | {field.help} |\n"
        for field in known_fields().values()
        if "." not in field.path
    ]
    return "| setting | allowed | meaning |\n|---|---|---|\n" + "".join(rows)


def _row(field: FormField) -> str:
    default = format_value(field, field.default, display=True)
    unit = f" {field.unit}" if field.unit and field.kind == "int" else ""
    return f"| `{field.path}` | {default} | {_allowed(field)}{unit} | {field.title}. {field.help} |\n"


def _allowed(field: FormField) -> str:
    if field.kind == "text":
        return "a name from `motrix envs`, or `gym:ID`" if field.path == "env" else "a path, `none`"
    if field.kind == "choice":
        return ", ".join(f"`{choice}`" for choice in field.choices)
    if field.kind == "bool":
        return "`true`, `false`"
    if field.only:
        return format_value(field, field.default)
    span = f"{format_value(field, field.lower, display=True)} … {format_value(field, field.upper, display=True)}"
    if field.kind == "sizes":
        return f"1 to 16 sizes, {span} each"
    return f"{span}, `{field.none_text}`" if field.none_text else span


def _environments() -> str:
    lines = ["## Hyperparameters of the environments\n\nWhat differs from the tables above.\n\n"]
    lines.append("| environment | backend | hyperparameters |\n|---|---|---|\n")
    for env in registered_envs():
        found = {backend: changes for backend in BACKENDS if (changes := _changes(env, backend)) is not None}
        if len(found) == len(BACKENDS) and len(set(found.values())) == 1:
            lines.append(f"| `{env}` | all | {found[BACKENDS[0]]} |\n")
        else:
            lines += [f"| `{env}` | {backend} | {changes} |\n" for backend, changes in found.items()]
    return "".join(lines)


def _changes(env: str, backend: str) -> str | None:
    """What `env` changes on `backend`, or None if it has no hyperparameters there."""
    try:
        values: dict[str, Any] = default_values(env, backend)
    except UsageError:
        return None
    changed = [
        f"{field.name} {format_value(field, values[field.path], display=True)}"
        for field in form_fields()
        if values[field.path] != field.default
    ]
    return ", ".join(changed)


def main() -> None:
    """Write the page and say where."""
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")


if __name__ == "__main__":
    main()
