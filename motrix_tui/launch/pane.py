"""Launch: pick hardware, environment and hyperparameters, and start a training."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button

from motrix_core.errors import MotrixError
from motrix_core.runs.text import plain
from motrix_tui.actions import LAUNCH_ACTIONS, bindings
from motrix_tui.core import Core
from motrix_tui.launch.command_bar import CommandBar
from motrix_tui.launch.environments import EnvironmentList, EnvironmentPanel
from motrix_tui.launch.estimating import Estimating
from motrix_tui.launch.field_row import FieldRow
from motrix_tui.launch.form import FieldList, FormPanel
from motrix_tui.launch.form_actions import FormActions
from motrix_tui.launch.hardware import CandidateList, HardwarePanel
from motrix_tui.launch.layer_actions import LayerActions
from motrix_tui.launch.machine import BACKENDS, TITLES, Machine
from motrix_tui.launch.model import FormModel, FormState
from motrix_tui.launch.queue_actions import QueueActions
from motrix_tui.shell.place import Place
from motrix_tui.shell.tab_strip import Tab, TabStrip
from motrix_tui.threads import in_thread, streamed

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig
    from motrix_core.envs.spec import EnvSpec
    from motrix_core.runs.layout import Run

SECTIONS = {"machine": "m Machine", "environments": "e Environment", "form": "f Form"}
WIDE, MIDDLE = 108, 72
SIZE_CLASSES = frozenset({"-low", "-middle", "-narrow"})


class LaunchPane(FormActions, LayerActions, QueueActions, Estimating, Vertical, Place):
    """Three panels side by side where there is room; otherwise `section` says which one is in sight."""

    HELP = "Pick an environment, a backend and hyperparameters, then press ctrl+r."
    BINDINGS: list[Binding] = bindings(LAUNCH_ACTIONS)  # type: ignore[assignment]
    DEFAULT_CSS = """
    LaunchPane #sections { display: none; }
    LaunchPane #panels { height: 1fr; }
    LaunchPane HardwarePanel, LaunchPane EnvironmentPanel, LaunchPane FormPanel {
        height: 100%; border: round $rule; border-title-color: $muted; border-subtitle-color: $muted; padding: 0 1;
        background: $background; scrollbar-size-vertical: 1;
    }
    LaunchPane HardwarePanel:focus-within, LaunchPane EnvironmentPanel:focus-within, LaunchPane FormPanel:focus-within {
        border: round $primary; border-title-color: $primary; border-title-style: bold;
    }
    LaunchPane HardwarePanel { width: 32; }
    LaunchPane EnvironmentPanel { width: 34; }
    LaunchPane FormPanel { width: 1fr; }
    LaunchPane #detail { margin-top: 1; }
    LaunchPane #groups { width: 100%; margin-bottom: 1; }
    LaunchPane #fields { height: 1fr; scrollbar-size-vertical: 1; background: $background; }
    LaunchPane #form-beside { color: $muted; display: none; max-height: 3; }
    LaunchPane #form-problems { color: $error; display: none; }
    LaunchPane #field-help {
        height: 7; border-top: solid $rule; border-title-align: right; border-title-color: $foreground;
        background: $background; scrollbar-size-vertical: 1;
    }
    LaunchPane.-low #groups { margin-bottom: 0; }
    LaunchPane.-middle #sections, LaunchPane.-narrow #sections { display: block; }
    LaunchPane.-narrow HardwarePanel, LaunchPane.-narrow EnvironmentPanel { width: 1fr; }
    """

    @dataclass
    class Launched(Message):
        """`run` is training."""

        run: Run

    def __init__(self, core: Core, folder: Path, *, id: str) -> None:
        super().__init__(id=id)
        self._core = core
        self._folder = folder
        self._machine = Machine(core)
        self._specs: Mapping[str, EnvSpec] = {}
        self._model: FormModel | None = None
        self._state = FormState()
        self._env: str | None = None
        self._ready = asyncio.Event()
        self._described = asyncio.Event()
        self._section = self._beside = "environments"

    def compose(self) -> ComposeResult:
        # Known before the first layout, so that nothing is laid out twice.
        self.add_class(*self._size_classes(self.app.size))
        yield TabStrip(id="sections")
        with Horizontal(id="panels"):
            yield HardwarePanel(self._core, id="machine")
            yield EnvironmentPanel(self._core, id="environments")
            yield FormPanel(id="form")
        yield CommandBar(id="command-bar")

    def on_mount(self) -> None:
        self._arrange()
        self._show_machine()
        self.screen.set_focus(self.query_one(EnvironmentList))
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        for wish in self._machine.unknown_wishes():
            self.notify(plain(wish), severity="warning", timeout=15, markup=False)
        self._load_schema()
        self._probe()

    # What the rooms tell, from worker threads.

    @work(group="schema")
    async def _load_schema(self) -> None:
        self._specs = await in_thread(self._core.environments)
        fields = await in_thread(self._core.form_fields)
        self._model = FormModel(self._core, fields)
        chosen = self._load_draft()
        with self.app.batch_update():
            await self.query_one(FormPanel).show_fields(fields)
            self.query_one(EnvironmentPanel).show_specs(self._specs, self._first_choice(chosen))
        self._ready.set()
        if self._core.own.any:
            self._read_own()

    @work(group="probe")
    async def _probe(self) -> None:
        self._machine.inventory = inventory = await in_thread(self._core.inventory)
        self.query_one(HardwarePanel).show_inventory(inventory)
        self._machine_changed()
        async for probe in streamed(self._core.probe_all):
            self._machine.probed(probe)
            self._machine_changed()

    # What follows from what.

    @property
    def _spec(self) -> EnvSpec | None:
        return self._specs.get(self._env or "")

    def _show_machine(self) -> None:
        self.query_one(HardwarePanel).show_candidates(self._machine.candidates(self._spec))

    def _machine_changed(self) -> None:
        self._show_machine()
        self._choose()

    def _choose(self) -> None:
        """Validate again when the environment, the backend or the simulator became another one."""
        model, spec = self._model, self._spec
        if model is None or spec is None:
            return
        machine = self._machine
        sim = TITLES[machine.sim(spec)] if spec.sims else ""
        self.query_one(FormPanel).show_title(plain(spec.name), TITLES[machine.backend], sim)
        wanted = (spec.name, machine.backend, machine.asked_sim(spec))
        if wanted != (model.env, model.backend, model.sim):
            model.choose(env=wanted[0], backend=wanted[1], sim=wanted[2])
            self._form_changed()

    def _form_changed(self) -> None:
        model, spec = self._model, self._spec
        if model is None or spec is None:
            return
        bar = self.query_one(CommandBar)
        self._state, bar.problem = FormState(), plain(spec.error or "", limit=400)
        if spec.error is None:
            try:
                self._state = model.state()
            except MotrixError as error:
                bar.problem = plain(error)
        bar.show_command(self._state.command)
        self.query_one(FormPanel).show_state(self._state)
        self._keep_draft_soon()
        self._estimate_soon()
        self._described.set()

    def on_environment_panel_chosen(self, event: EnvironmentPanel.Chosen) -> None:
        self._env = event.name
        self._machine_changed()

    def on_candidate_list_taken(self, event: CandidateList.Taken) -> None:
        spec = self._spec
        if event.name in BACKENDS:
            self._take_backend(event.name)
        elif spec is not None and event.name in spec.sims:
            self._machine.wanted_sim[spec.name] = event.name
            self._machine_changed()

    def on_field_row_edited(self, event: FieldRow.Edited) -> None:
        # Without a form, of an environment that is broken or still being read, there are no defaults to compare with.
        if self._model is not None and self._state.texts:
            self._model.set(event.path, event.text, new_step=event.new_step)
            self._form_changed()

    def on_field_row_list_wanted(self, event: FieldRow.ListWanted) -> None:
        self.edit_layers(event.path)

    def on_field_row_cancelled(self, event: FieldRow.Cancelled) -> None:
        self.action_undo()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.action_start()

    # Actions.

    async def until_ready(self) -> None:
        await self._described.wait()

    def action_switch_backend(self) -> None:
        other = self._machine.next_backend()
        if other is None:
            other = next(name for name in BACKENDS if name != self._machine.backend)
        self._take_backend(other)

    def _take_backend(self, name: str) -> None:
        candidate = next(item for item in self._machine.candidates(self._spec) if item.name == name)
        if candidate.unusable:
            reason = "is not installed"
            if candidate.probe is not None:
                reason = f"cannot be used: {candidate.probe.cause}; {candidate.probe.mend}"
            self.notify(plain(f"{TITLES[name]} {reason}"), severity="warning", markup=False)
            return
        self._machine.wanted_backend = name
        self._machine_changed()

    def action_switch_sim(self) -> None:
        spec = self._spec
        if spec is None:
            return
        other = self._machine.next_sim(spec) if spec.sims else None
        if other is None:
            why = f"runs on {TITLES[self._machine.sim(spec)]} here" if spec.sims else "needs no simulator"
            self.notify(f"{plain(spec.name)} {why}; there is no other one", markup=False)
            return
        self._machine.take_sim(spec, other)
        self._machine_changed()

    def action_copy_command(self) -> None:
        bar = self.query_one(CommandBar)
        if not bar.text:
            self.notify("there is no command while the form has errors", severity="warning", markup=False)
            return
        self.app.copy_to_clipboard(bar.text)
        self.notify("command copied", timeout=2, markup=False)

    def action_filter(self) -> None:
        self._reveal("environments")
        self.query_one(EnvironmentPanel).start_filter()

    def action_machine(self) -> None:
        self._reveal("machine")
        self.screen.set_focus(self.query_one(CandidateList))

    def action_environments(self) -> None:
        self._reveal("environments")
        self.screen.set_focus(self.query_one(EnvironmentList))

    def action_form(self) -> None:
        self._reveal("form")
        self.screen.set_focus(self.query_one(FieldList))

    def action_next_group(self) -> None:
        self.action_form()
        self.query_one(FormPanel).step_group(1)

    def action_previous_group(self) -> None:
        self.action_form()
        self.query_one(FormPanel).step_group(-1)

    # Starting.

    def action_start(self) -> None:
        bar = self.query_one(CommandBar)
        config = self._config_to_launch() if not bar.busy else None
        if config is not None:
            bar.problem, bar.busy = "", True
            self._launch(config)

    def _config_to_launch(self) -> RunConfig | None:
        config = self._state.config
        if config is None:
            self._point_at_errors()
            return None
        obstacle = self._machine.obstacle(self._spec)
        if obstacle is not None:
            self.query_one(CommandBar).problem = plain(obstacle)
            return None
        # The record names what trains, also where the command line leaves the choice to the machine.
        return config.model_copy(update={"sim": self._machine.sim(self._spec)})

    def _point_at_errors(self) -> None:
        count = self._state.problem_count
        if count:
            self.notify(
                f"{count} error{'s' if count > 1 else ''} in the form; nothing was launched",
                severity="error",
                markup=False,
            )
        path = next((path for path in self._state.problems if path), None)
        if path is not None:
            self._reveal("form")
            self.query_one(FormPanel).show_field(path)

    @work(group="launch")
    async def _launch(self, config: RunConfig) -> None:
        bar = self.query_one(CommandBar)
        try:
            run = await in_thread(self._core.create_run, config, self._extra())
            await in_thread(self._core.launch, run)
        except (MotrixError, OSError) as error:
            bar.problem = f"not launched: {plain(error)}"
        else:
            self.post_message(self.Launched(run))
        finally:
            bar.busy = False

    def _extra(self) -> dict[str, object]:
        """What `config.json` records beside the configuration."""
        inventory = self._machine.inventory
        return {
            "hardware": inventory.to_json() if inventory is not None else None,
            "selection": {"backend": self._machine.reason()},
            "sources": dict.fromkeys(self._state.changes, "form"),
        }

    # Room.

    def on_resize(self, event: events.Resize) -> None:
        classes = self._size_classes(event.size)
        if classes != {name for name in classes | SIZE_CLASSES if self.has_class(name)}:
            self.remove_class(*SIZE_CLASSES)
            self.add_class(*classes)
            self._arrange()

    @staticmethod
    def _size_classes(size: Size) -> set[str]:
        classes = {"-low"} if size.height < 28 else set()
        if size.width < WIDE:
            classes.add("-middle" if size.width >= MIDDLE else "-narrow")
        return classes

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        for name in SECTIONS:
            if self.query_one(f"#{name}") in event.widget.ancestors_with_self:
                self._reveal(name)

    def on_tab_strip_chosen(self, event: TabStrip.Chosen) -> None:
        if event.strip.id == "sections":
            event.stop()
            getattr(self, f"action_{event.name}")()

    def _reveal(self, section: str) -> None:
        if section != self._section:
            self._section = section
            self._arrange()

    def _arrange(self) -> None:
        """At 80 columns the form stays and the other two share the place beside it; narrower, one is in sight."""
        middle, narrow = self.has_class("-middle"), self.has_class("-narrow")
        beside = self._section if self._section != "form" else self._beside
        self._beside = beside
        shown = {
            "machine": not (middle or narrow) or beside == "machine",
            "environments": not (middle or narrow) or beside == "environments",
            "form": True,
        }
        if narrow:
            shown = {name: name == self._section for name in SECTIONS}
        for name, visible in shown.items():
            self._panel(name).display = visible
        strip = self.query_one("#sections", TabStrip)
        names = [name for name in SECTIONS if narrow or name != "form"]
        strip.tabs = tuple(Tab(name, SECTIONS[name]) for name in names)
        strip.active = self._section if narrow else beside

    def _panel(self, name: str) -> Widget:
        return self.query_one(f"#{name}")
