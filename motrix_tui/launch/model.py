"""The form without a screen: what the person changed, what follows from it, what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from motrix_tui.core import Core

if TYPE_CHECKING:
    from motrix_core.config.form import Derived, FormField
    from motrix_core.config.schema import RunConfig
    from motrix_core.errors import Problem

Changes = dict[str, str]


def advice(problem: Problem) -> str:
    """What stands under a field: its rule, and what to type."""
    return f"{problem.rule}; {problem.mend}" if problem.mend else problem.rule


BESIDE = ("env_module", "env_path", "init_from")
"""Settings that have no field in the form, and "none" for a default."""


@dataclass(frozen=True)
class FormState:
    """Everything that the form shows. `texts` and `defaults` have every field; `changes` only what differs.

    `config`, `derived` and `command` are None while `problems` is not empty; problems that belong to no single field
    are under the path "".
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, Sequence[Problem]] = field(default_factory=dict)
    config: RunConfig | None = None
    derived: Derived | None = None
    command: Sequence[str] | None = None

    @property
    def problem_count(self) -> int:
        return sum(len(problems) for problems in self.problems.values())


class FormModel:
    """The changes of every environment, with undo. A change belongs to its environment and survives other backends."""

    def __init__(self, core: Core, fields: Sequence[FormField]) -> None:
        self._core = core
        self.fields = {field.path: field for field in fields}
        self.env = ""
        self.backend = "jax"
        self.sim = "none"
        self._changes: dict[str, Changes] = {}
        self._undo: dict[str, list[Changes]] = {}
        self._defaults: dict[tuple[str, str], dict[str, str]] = {}

    @property
    def changes(self) -> Changes:
        return self._changes.setdefault(self.env, {})

    @property
    def all_changes(self) -> dict[str, Changes]:
        """The changes of every environment that has some."""
        return {env: dict(changes) for env, changes in self._changes.items() if changes}

    def restore(self, changes: Mapping[str, Mapping[str, str]]) -> None:
        """Begin with `changes`, by environment; settings that this version does not know are left out."""
        for env, texts in changes.items():
            self._changes[env] = {path: text for path, text in texts.items() if self._core.is_setting(path)}

    def replace(self, env: str, backend: str, texts: Mapping[str, str]) -> None:
        """Give `env` the settings `texts` in the place of all its changes; undone as one step.

        What the form has no field for (an environment's options, networks to begin with) counts as a change.
        """
        self.env, self.backend = env, backend
        self._remember()
        self._changes[env] = {path: text for path, text in texts.items() if not self._is_default(path, text)}

    def forget_defaults(self) -> None:
        """Ask for the defaults anew: what a user's file says may be another now."""
        self._defaults.clear()

    def choose(self, *, env: str, backend: str, sim: str) -> None:
        self.env, self.backend, self.sim = env, backend, sim

    def set(self, path: str, text: str, *, new_step: bool = True) -> None:
        """Give `path` the value `text`. Without `new_step` it goes on with the change before (typing in one field)."""
        if new_step:
            self._remember()
        if self._is_default(path, text):
            self.changes.pop(path, None)
        else:
            self.changes[path] = text

    def reset(self, path: str) -> bool:
        """Back to the default; False if nothing was changed."""
        if path not in self.changes:
            return False
        self._remember()
        del self.changes[path]
        return True

    def reset_all(self) -> bool:
        if not self.changes:
            return False
        self._remember()
        self.changes.clear()
        return True

    def undo(self) -> bool:
        """Take back the last change of this environment's form; False if there is none."""
        steps = self._undo.get(self.env)
        if not steps:
            return False
        self._changes[self.env] = steps.pop()
        return True

    def state(self) -> FormState:
        """Validate and show. Cheap enough for every key: about a millisecond."""
        defaults = self.defaults()
        config, problems = self._core.validate(self.env, self.backend, self.sim, self.changes)
        by_path: dict[str, list[Problem]] = {}
        for problem in problems:
            by_path.setdefault(problem.field if problem.field in self.fields else "", []).append(problem)
        return FormState(
            texts={**defaults, **self.changes},
            defaults=defaults,
            changes=dict(self.changes),
            problems=by_path,
            config=config,
            derived=self._core.derived(config) if config is not None else None,
            command=self._core.command_line(config) if config is not None else None,
        )

    def problems_with(self, texts: Mapping[str, str]) -> list[Problem]:
        """Every problem that the form would have if it said `texts`, by path, where it says something else now."""
        return self._core.validate(self.env, self.backend, self.sim, {**self.changes, **texts})[1]

    def defaults(self) -> dict[str, str]:
        """What every field has for this environment and backend when nothing is changed."""
        key = (self.env, self.backend)
        if key not in self._defaults:
            self._defaults[key] = self._core.default_texts(self.env, self.backend)
        return self._defaults[key]

    def _is_default(self, path: str, text: str) -> bool:
        field = self.fields.get(path)
        if field is None:
            # Paths beside the form are left out of it by "none".
            return path in BESIDE and text.strip() == "none"
        default = self.defaults()[path]
        if text.strip() == default:
            return True
        try:
            return self._core.parse(field, text) == self._core.parse(field, default)
        except ValueError:
            return False

    def _remember(self) -> None:
        self._undo.setdefault(self.env, []).append(dict(self.changes))
