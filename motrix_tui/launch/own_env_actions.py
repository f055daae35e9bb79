"""What Launch does about environments that a person brings: read them when it opens, and again when asked to."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual import work
from textual.widget import Widget

from motrix_core.errors import UsageError
from motrix_core.runs.text import plain
from motrix_tui.core import Core
from motrix_tui.launch.environments import EnvironmentPanel
from motrix_tui.launch.model import FormModel
from motrix_tui.launch.values import FormValues
from motrix_tui.threads import in_thread

if TYPE_CHECKING:
    from motrix_core.envs.spec import EnvSpec

SOURCE_FIELDS = ("env_module", "env_path")


class OwnEnvActions(Widget):
    """The part of LaunchPane that knows that a list of environments can change."""

    _core: Core
    _specs: Mapping[str, EnvSpec]
    _model: FormModel | None
    _env: str | None

    def _form_changed(self) -> None:
        raise NotImplementedError

    def _machine_changed(self) -> None:
        raise NotImplementedError

    def _first_choice(self, from_draft: str | None) -> str | None:
        """The environment to begin with: what was asked for, else what was brought, else what it was last time."""
        own = self._core.own
        if own.wanted in self._specs:
            return own.wanted
        return next(iter(own.specs), from_draft)

    def action_read_again(self) -> None:
        if not self._core.own.any:
            self.notify("nothing to read again; motrix-tui --env-module FILE brings environments", markup=False)
        else:
            self._read_own()

    @work(group="own-environments", exclusive=True)
    async def _read_own(self) -> None:
        await in_thread(self._core.own.read)
        self._specs = await in_thread(self._core.environments)
        if self._model is not None:
            self._model.forget_defaults()
        # Who looks at another environment meanwhile is left there.
        chosen = self._env if self._env in self._specs else self._first_choice(None)
        self.query_one(EnvironmentPanel).show_specs(self._specs, chosen)
        self._machine_changed()
        self._form_changed()

    def _check_origin(self, found: FormValues) -> FormValues:
        """`found` without the settings that say where its environment comes from, if that is where the list has it.

        Raises UsageError, with the command that opens it, if it is another place."""
        env = found.env or self._env or "none"
        named = {path: text for path, text in found.texts.items() if path in SOURCE_FIELDS and _is_path(text)}
        if env not in self._specs or (named and named != self._core.own.texts(env)):
            raise UsageError(f"environment {plain(env)!r} is not in the list", mend=plain(_way(env, named), limit=400))
        texts = {path: text for path, text in found.texts.items() if path not in SOURCE_FIELDS}
        return FormValues(found.env, found.backend, found.sim, texts)


def _is_path(text: str) -> bool:
    return text.strip().casefold() not in ("", "none")


def _way(env: str, named: Mapping[str, str]) -> str:
    """What to type to have `env` in the list."""
    if not named and not env.startswith("gym:"):
        return "motrix run --config trains it"
    flags = [word for path, text in named.items() for word in (f"--{path.replace('_', '-')}", text)]
    return f"motrix-tui {shlex.join([*flags, '--env', env])} has it"
