"""What the keys of Launch do to the whole form: undo, reset, presets, files, and remembering it between sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual import work
from textual.suggester import Suggester
from textual.timer import Timer

from motrix_core.errors import MotrixError, UsageError
from motrix_core.runs.text import plain
from motrix_tui.core import Core
from motrix_tui.launch.draft import FILE, Draft
from motrix_tui.launch.environments import EnvironmentPanel
from motrix_tui.launch.form import FieldList
from motrix_tui.launch.machine import BACKENDS, Machine
from motrix_tui.launch.model import FormModel, FormState
from motrix_tui.launch.own_env_actions import OwnEnvActions
from motrix_tui.launch.presets_dialog import PresetsDialog
from motrix_tui.launch.values import FormValues, Presets
from motrix_tui.shell.dialogs import Answer, Question
from motrix_tui.shell.prompt import Prompt
from motrix_tui.threads import in_thread

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig
    from motrix_core.envs.spec import EnvSpec
    from motrix_core.runs.layout import Run

DRAFT_DELAY_S = 0.5


class FormActions(OwnEnvActions):
    """The part of LaunchPane that acts on the form as a whole. `_folder` is where presets and the draft are kept.

    `_ready` is set once there is a form to act on."""

    _core: Core
    _folder: Path
    _machine: Machine
    _specs: Mapping[str, EnvSpec]
    _model: FormModel | None
    _state: FormState
    _env: str | None
    _ready: asyncio.Event
    _saving: Timer | None = None
    _draft_kept = True

    def _machine_changed(self) -> None:
        raise NotImplementedError

    # Single steps.

    def action_undo(self) -> None:
        if self._model is not None and self._model.undo():
            self._form_changed()

    def action_reset_field(self) -> None:
        row = self.query_one(FieldList).row
        if self._model is not None and row is not None and self._model.reset(row.field.path):
            self._form_changed()

    def action_reset_all(self) -> None:
        if self._model is not None and self._model.reset_all():
            self._form_changed()

    # Files and presets.

    def _take(self, found: FormValues) -> None:
        """Fill the form with `found`, as `motrix run --config` would: what it leaves out has its default.

        Raises UsageError for an environment that is not in the list."""
        found = self._check_origin(found)
        env = found.env or self._env
        if self._model is None or env is None:
            raise UsageError("the environments are still being read", mend="try again")
        spec = self._specs[env]
        machine = self._machine
        if found.backend is not None:
            machine.wanted_backend = found.backend if found.backend in BACKENDS else None
        if found.sim is not None:
            machine.wanted_sim.pop(env, None)
            if found.sim in spec.sims:
                machine.wanted_sim[env] = found.sim
        self._model.replace(env, machine.backend, found.texts)
        self._env = env
        self.query_one(EnvironmentPanel).choose(env)
        self._machine_changed()
        self._form_changed()

    @work(exclusive=True, group="files")
    async def clone(self, run: Run) -> None:
        """Fill the form with the settings of `run`, its seed too; what stands in the way is said."""
        await self._ready.wait()
        try:
            self._take(await in_thread(self._core.read_config, run.paths.config))
        except MotrixError as error:
            self.notify(plain(error, limit=400), title="Not cloned", severity="error", markup=False)
        else:
            self.notify(f"settings of run {plain(run.id)} taken; ctrl+z goes back", timeout=4, markup=False)

    def _config_to_keep(self) -> RunConfig | None:
        if self._state.config is None:
            self.notify("mend the errors in the form first; nothing was written", severity="warning", markup=False)
        return self._state.config

    def action_presets(self) -> None:
        self._presets(Presets(self._folder / "presets"))

    @work(exclusive=True, group="files")
    async def _presets(self, presets: Presets) -> None:
        while True:
            try:
                listed = await in_thread(presets.list)
                wish = await self.app.push_screen_wait(PresetsDialog(listed, str(presets.folder)))
                if wish is None:
                    return
                if wish[0] == "take":
                    self._take(await in_thread(self._core.read_config, presets.path(wish[1])))
                    self.notify(f"preset {plain(wish[1])} taken; ctrl+z goes back", timeout=4, markup=False)
                    return
                await (self._save_preset(presets) if wish[0] == "save" else self._delete_preset(presets, wish[1]))
            except (MotrixError, OSError) as error:
                self.notify(plain(error), title="Presets", severity="error", markup=False)
                return

    async def _save_preset(self, presets: Presets) -> None:
        config = self._config_to_keep()
        if config is None:
            return
        hint = "A name for this configuration."
        name = await self.app.push_screen_wait(Prompt("Save preset", hint, config.env, check=presets.problem))
        if name is None or (presets.path(name).exists() and not await self._replaces(name)):
            return
        await in_thread(presets.save, name, config)
        self.notify(f"saved as {name}", timeout=4, markup=False)

    async def _delete_preset(self, presets: Presets, name: str) -> None:
        question = Question("Delete preset", plain(name), (Answer("d", "Delete", "delete", "error"),))
        if await self.app.push_screen_wait(question) == "delete":
            await in_thread(presets.delete, name)

    async def _replaces(self, name: str) -> bool:
        question = Question("Already there", plain(name), (Answer("r", "Replace", "replace", "warning"),))
        return await self.app.push_screen_wait(question) == "replace"

    @work(exclusive=True, group="files")
    async def action_import_file(self) -> None:
        found: list[FormValues] = []

        def check(text: str) -> str | None:
            try:
                found[:] = [self._core.read_config(Path(text).expanduser())]
            except (MotrixError, RuntimeError) as error:
                return plain(error, limit=400)
            return None

        hint = "A .toml configuration, or the config.json of a run. → completes the path."
        prompt = Prompt("Import", hint, check=check, suggester=PathSuggester())
        if await self.app.push_screen_wait(prompt) is not None:
            try:
                self._take(found[0])
            except UsageError as error:
                self.notify(plain(error), title="Not imported", severity="error", markup=False)
            else:
                self.notify("imported; ctrl+z goes back", timeout=4, markup=False)

    @work(exclusive=True, group="files")
    async def action_export_file(self) -> None:
        config = self._config_to_keep()
        if config is None:
            return

        def check(text: str) -> str | None:
            return None if text.endswith(".toml") else "the name must end in .toml, as --config wants it"

        hint = "Writes the file that motrix run --config reads."
        prompt = Prompt("Export", hint, f"{config.env.replace('/', '-')}.toml", check=check, suggester=PathSuggester())
        text = await self.app.push_screen_wait(prompt)
        if text is None:
            return
        try:
            path = Path(text).expanduser().absolute()
            if path.exists() and not await self._replaces(str(path)):
                return
            await in_thread(self._core.write_config, path, config)
        except (OSError, RuntimeError) as error:
            self.notify(plain(error), title="Not exported", severity="error", markup=False)
        else:
            self.notify(plain(f"written: {path}"), markup=False)

    # Between sessions.

    def _load_draft(self) -> str | None:
        """Take up what was left unlaunched last time; returns the environment that was chosen then."""
        draft = Draft.load(self._folder / FILE)
        if draft.problem is not None:
            self.notify(draft.problem, title="Launch", severity="warning", timeout=15, markup=False)
        machine = self._machine
        # A variable of this terminal says more about now than what was chosen in another one.
        if machine.wanted_backend is None and draft.backend in BACKENDS:
            machine.wanted_backend = draft.backend
        machine.wanted_sim.update(
            {env: sim for env, sim in draft.sims.items() if env in self._specs and sim in self._specs[env].sims}
        )
        if self._model is not None:
            # Also of environments that are not here now: they may be brought again another time.
            self._model.restore(draft.changes)
        return draft.env if draft.env in self._specs else None

    def _keep_draft_soon(self) -> None:
        if self._saving is None:
            self._saving = self.set_timer(DRAFT_DELAY_S, self._keep_draft)

    def _keep_draft(self) -> None:
        self._saving = None
        if self._model is None or self._env is None:
            return
        machine = self._machine
        draft = Draft(self._env, machine.wanted_backend, machine.wanted_sim, self._model.all_changes)
        try:
            draft.save(self._folder / FILE)
        except OSError as error:
            if self._draft_kept:
                self.notify(f"changes will not survive a restart: {plain(error)}", severity="warning", markup=False)
            self._draft_kept = False

    def on_unmount(self) -> None:
        if self._saving is not None:
            self._keep_draft()


class PathSuggester(Suggester):
    """Completes the path of a folder or of a configuration file."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return cast("str | None", await in_thread(self._complete, value)) if value else None

    @staticmethod
    def _complete(value: str) -> str | None:
        head, slash, tail = value.rpartition("/")
        try:
            entries = sorted(Path(head + slash or ".").expanduser().iterdir())
        except (OSError, RuntimeError, ValueError):
            return None
        for entry in entries:
            if entry.name.startswith(tail) and entry.name != tail and (tail or not entry.name.startswith(".")):
                if entry.is_dir():
                    return f"{head}{slash}{entry.name}/"
                if entry.suffix in (".toml", ".json"):
                    return f"{head}{slash}{entry.name}"
        return None
