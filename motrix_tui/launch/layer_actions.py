"""The key of Launch that opens a network's layers as a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work
from textual.widget import Widget

from motrix_core.runs.text import plain
from motrix_tui.core import Core
from motrix_tui.launch.form import FieldList, FormPanel
from motrix_tui.launch.layers import sizes_in
from motrix_tui.launch.model import FormModel, FormState, advice

if TYPE_CHECKING:
    from motrix_core.config.networks import Role
    from motrix_core.envs.spec import EnvSpec
    from motrix_tui.launch.layers_dialog import Look

POLICY, VALUE, SHARED = (
    "ppo.policy_hidden_layer_sizes",
    "ppo.value_hidden_layer_sizes",
    "ppo.share_policy_value_features",
)


class LayerActions(Widget):
    """The part of LaunchPane that edits layer sizes. On a shared trunk one list is both networks'."""

    _core: Core
    _model: FormModel | None
    _state: FormState

    @property
    def _spec(self) -> EnvSpec | None:
        raise NotImplementedError

    def _form_changed(self) -> None:
        raise NotImplementedError

    def action_edit_layers(self) -> None:
        row = self.query_one(FieldList).row
        self.edit_layers(row.field.path if row is not None and row.field.path in (POLICY, VALUE) else POLICY)

    @work(exclusive=True, group="files")
    async def edit_layers(self, path: str) -> None:
        """Open the layers of the field `path`; what comes of it is one step of undo."""
        from motrix_tui.launch.layers_dialog import LayersDialog

        model, spec = self._model, self._spec
        if model is None or spec is None or not self._state.texts:
            return
        field, shared = model.fields[path], self._state.texts[SHARED] == "true"
        paths = (POLICY, VALUE) if shared else (path,)
        role: Role = "shared" if shared else "policy" if path == POLICY else "value"
        sizes = sizes_in(self._state.texts[path]) or sizes_in(self._state.defaults[path])
        outputs = 1 if role == "value" else spec.n_actions or spec.act_dim
        ends = f"{spec.obs_dim} observations → … → {outputs} output{'s' if outputs > 1 else ''}"
        dialog = LayersDialog(
            f"{'Policy and value, shared trunk' if shared else field.title} · {plain(spec.name)}",
            f"{ends}, the value" if role == "value" else f"{ends}, and the value" if shared else ends,
            sizes,
            (int(field.lower or 1), int(field.upper or 1)),
            lambda text: self._look_at(text, paths, role, spec),
        )
        text = await self.app.push_screen_wait(dialog)
        if text is None or self._spec is not spec:
            return
        for number, each in enumerate(paths):
            model.set(each, text, new_step=number == 0)
        self._form_changed()
        self.query_one(FormPanel).show_field(paths[0])

    def _look_at(self, text: str, paths: tuple[str, ...], role: Role, spec: EnvSpec) -> Look:
        from motrix_core.config.networks import network_parameters
        from motrix_tui.launch.layers_dialog import Look

        assert self._model is not None
        found = self._model.problems_with(dict.fromkeys(paths, text))
        problems = dict.fromkeys(advice(problem) for problem in found if problem.field in paths)
        parameters = None
        if not problems and spec.obs_dim:
            parameters = network_parameters(
                role,
                [int(size) for size in sizes_in(text)],
                observations=spec.obs_dim,
                outputs=spec.n_actions or spec.act_dim,
                gaussian=spec.n_actions is None,
            )
        return Look(parameters, tuple(problems))
