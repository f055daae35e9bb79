"""The form: groups as tabs, one row per field, the focused field's help, what follows from the values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from motrix_core.runs.text import plain
from motrix_tui.launch.field_row import FieldRow
from motrix_tui.launch.model import FormState, advice
from motrix_tui.shell.growing import Growing
from motrix_tui.shell.tab_strip import Tab, TabStrip
from motrix_tui.text import grouped, shortened

if TYPE_CHECKING:
    from motrix_core.config.form import FormField

ABOUT = (
    "PPO's hyperparameters, made from the configuration schema. Enter edits the field under the cursor, left and right "
    "step through choices, [ and ] change the tab. Numbers may be written 3e-4, 10M or 2_048, layer sizes 256-128-64. "
    "● marks what differs from the environment's own default, ✖ what cannot be trained with."
)

_PPO, _BETWEEN = "PPO", " · "
_LEAST_NAME = 8
"""Letters of an environment's name that tell it from others."""
_AS_LIST = " n opens them as a list."
_LEAST_HELP, _MOST_HELP = 4, 7
"""Lines of the help, its rule included."""


class FormPanel(Vertical):
    HELP = ABOUT

    group: reactive[str] = reactive("")

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._fields: Sequence[FormField] = ()
        self._groups: tuple[str, ...] = ()
        self._state = FormState()
        self._names: tuple[str, str, str] = ("", "", "")
        self.border_title = _PPO

    def compose(self) -> ComposeResult:
        yield TabStrip(id="groups")
        yield FieldList(id="fields")
        yield Growing("", id="form-beside", markup=False)
        yield Growing("", id="form-problems", markup=False)
        with VerticalScroll(id="field-help", can_focus=False):
            yield Static("", markup=False)

    async def show_fields(self, fields: Sequence[FormField]) -> None:
        """Make the rows; called once, when the schema is there."""
        self._fields = sorted(fields, key=lambda field: field.advanced)
        self._groups = tuple(dict.fromkeys(field.group for field in fields))
        await self.query_one(FieldList).mount_all(FieldRow(field) for field in self._fields)
        self._show_tabs()
        self.group = self._groups[0]

    def show_title(self, env: str, backend: str, sim: str) -> None:
        """What is trained, and by what; `sim` is "" for what needs no simulator."""
        self._names = (env, backend, sim)
        self.border_title = self._headline()

    def show_state(self, state: FormState) -> None:
        self._state = state
        for row in self.query(FieldRow):
            path = row.field.path
            row.text = state.texts.get(path, "")
            row.default = state.defaults.get(path, "")
            row.changed = path in state.changes
            row.errors = tuple(advice(problem) for problem in state.problems.get(path, ()))
        self.border_title = self._headline()
        self.border_subtitle = self._consequences()
        self._show_beside(state)
        general = self.query_one("#form-problems", Static)
        general.display = bool(state.problems.get(""))
        general.update("\n".join(f"✖ {problem}" for problem in state.problems.get("", ())))
        self._show_tabs()

    def _show_beside(self, state: FormState) -> None:
        """What a preset or a file set that has no row."""
        known = {field.path for field in self._fields}
        beside = [f"{path} = {text}" for path, text in state.changes.items() if path not in known]
        line = self.query_one("#form-beside", Static)
        line.display = bool(beside)
        line.update(Content.assemble(("● ", "$accent"), plain(" · ".join(beside), limit=400)))

    def _headline(self) -> Content:
        env, backend, sim = self._names
        changed = f"{len(self._state.changes)} changed" if self._state.changes else ""
        # A border's text keeps a cell from each corner, and a blank on each side.
        return Content(headline(env, backend, sim, changed, self.size.width - 2))

    def _consequences(self) -> Content:
        derived = self._state.derived
        if self._state.problem_count:
            count = self._state.problem_count
            return Content.styled(f"✖ {count} error{'s' if count > 1 else ''}", "$error")
        if derived is None:
            return Content("")
        facts = (
            f"{grouped(derived.samples_per_update)} samples/update",
            f"{grouped(derived.mini_batch_size)} per mini-batch",
            f"{grouped(derived.updates)} updates",
        )
        room = self.size.width - 6
        for chosen in (facts, (facts[0], facts[2]), (facts[2],)):
            line = " · ".join(chosen)
            if len(line) <= room:
                return Content(line)
        return Content("")

    def on_resize(self) -> None:
        self.border_title = self._headline()
        self.border_subtitle = self._consequences()
        self._divide_room()

    def _divide_room(self) -> None:
        """Give the help what the rows of the tab leave; a longer one scrolls."""
        fields, help = self.query_one(FieldList), self.query_one("#field-help")
        left = fields.outer_size.height + help.outer_size.height - len(fields.rows())
        help.styles.height = max(_LEAST_HELP, min(_MOST_HELP, left))

    def watch_group(self, group: str) -> None:
        if not self.is_mounted:
            return
        self.query_one(TabStrip).active = group
        self.query_one(FieldList).show_group(group)
        self._divide_room()

    def _show_tabs(self) -> None:
        self.query_one(TabStrip).tabs = tuple(self._tab(group) for group in self._groups)

    def _tab(self, group: str) -> Tab:
        paths = {field.path for field in self._fields if field.group == group}
        errors = sum(len(self._state.problems.get(path, ())) for path in paths)
        changes = len(paths & self._state.changes.keys())
        if errors:
            return Tab(group, group, f"✖{errors}", "bold $error")
        return Tab(group, group, f"●{changes}" if changes else "")

    def on_tab_strip_chosen(self, event: TabStrip.Chosen) -> None:
        event.stop()
        self.group = event.name
        self.screen.set_focus(self.query_one(FieldList))

    def step_group(self, by: int) -> None:
        if self._fields:
            self.group = self.query_one(TabStrip).step(by)

    def show_estimate(self, words: str) -> None:
        """How long a training would take, in the rule above the help: its place is there whatever is known."""
        self.query_one("#field-help").border_title = f" {words} " if words else ""

    def show_field(self, path: str) -> None:
        """Bring the field `path` under the cursor, whatever tab it is on."""
        row = next(row for row in self.query(FieldRow) if row.field.path == path)
        self.group = row.field.group
        fields = self.query_one(FieldList)
        self.screen.set_focus(fields)
        fields.put_cursor(row)

    def on_field_list_moved(self) -> None:
        row = self.query_one(FieldList).row
        self.query_one("#field-help Static", Static).update(field_help(row.field) if row else Content(""))
        self.query_one("#field-help").scroll_home(animate=False)


class FieldList(VerticalScroll, can_focus=True):
    """The rows of one tab, with a cursor."""

    HELP = ABOUT
    BINDINGS = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("home", "move(-1000)", "first", show=False),
        Binding("end", "move(1000)", "last", show=False),
        Binding("enter,space", "activate", "edit", show=False),
        Binding("left,h", "step(-1)", "previous value", show=False),
        Binding("right,l", "step(1)", "next value", show=False),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.row: FieldRow | None = None
        self.help_here = ""
        """For `?`, which has room for all of it on every terminal."""

    class Moved(Message):
        """The cursor is on another row."""

    def rows(self) -> list[FieldRow]:
        """The rows of the visible tab."""
        return [row for row in self.query(FieldRow) if row.display]

    def show_group(self, group: str) -> None:
        for row in self.query(FieldRow):
            row.display = row.field.group == group
        rows = self.rows()
        self.put_cursor(rows[0] if rows else None)
        self.scroll_home(animate=False)

    def put_cursor(self, row: FieldRow | None) -> None:
        if self.row is not None:
            self.row.remove_class("-cursor")
        self.row = row
        self.help_here = field_help(row.field).plain if row is not None else ""
        if row is not None:
            row.add_class("-cursor")
            self.scroll_to_widget(row, animate=False)
            self.post_message(self.Moved())

    def action_move(self, by: int) -> None:
        rows = self.rows()
        if rows:
            index = rows.index(self.row) if self.row in rows else 0
            self.put_cursor(rows[max(0, min(len(rows) - 1, index + by))])

    def action_activate(self) -> None:
        if self.row is not None:
            self.row.activate()

    def action_step(self, by: int) -> None:
        if self.row is not None:
            self.row.step_value(by)

    def on_field_row_left(self, event: FieldRow.Left) -> None:
        event.stop()
        if event.step:
            self.action_move(event.step)
            if event.edit_next and self.row is not None and self.row.field.kind not in ("bool", "choice"):
                self.row.edit()

    def on_field_row_clicked(self, event: FieldRow.Clicked) -> None:
        event.stop()
        row = next(row for row in self.query(FieldRow) if row.field.path == event.path)
        was_here = row is self.row
        self.put_cursor(row)
        if was_here or row.field.kind not in ("bool", "choice"):
            row.activate()


def headline(env: str, backend: str, sim: str, changed: str, width: int) -> str:
    """The form's title in `width` cells. The name of the environment, which the list shows too, gets shorter first."""
    for before, names in (((_PPO,), (backend, sim, changed)), ((), (backend, sim, changed)), ((), (backend, sim))):
        rest = _joined(*before, *names)
        room = width - len(rest) - len(_BETWEEN)
        if len(env) <= room or room >= _LEAST_NAME:
            return _joined(*before, shortened(env, room), *names)
    return shortened(_joined(env, backend, sim), width)


def _joined(*parts: str) -> str:
    return _BETWEEN.join(filter(None, parts))


def field_help(field: FormField) -> Content:
    """Path, unit, what may be typed, and what it does."""
    unit = f" · {field.unit}" if field.unit else ""
    rule = field.rule.removeprefix("must be ")
    return Content.assemble(
        (field.path, "bold $primary"),
        (f"{unit} · {rule}\n", "$muted"),
        (field.help + (_AS_LIST if field.kind == "sizes" else ""), "$foreground"),
    )
