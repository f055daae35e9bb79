"""The environments that a person brings to the dashboard: `--env-module`, `--env-path`, `--env gym:ID`.

Their code runs in child processes only; what is kept here is what these said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from motrix_tui.threads import IMPORTING

if TYPE_CHECKING:
    from motrix_core.brought.look import Brought
    from motrix_core.config.schema import PPOCfg, RunConfig
    from motrix_core.envs.source import EnvSource
    from motrix_core.envs.spec import EnvSpec


class OwnEnvironments:
    """`source` is where environments come from besides the catalog, `wanted` the one that the dashboard begins with."""

    def __init__(self, source: EnvSource | None = None, wanted: str | None = None) -> None:
        self._source, self.wanted = source, wanted
        self._found: Brought | None = None

    @property
    def any(self) -> bool:
        """Whether there is something that only reading it tells."""
        return self._source is not None or (self.wanted or "").startswith("gym:")

    @property
    def specs(self) -> Mapping[str, EnvSpec]:
        """What is known about them: before the first `read` one entry that says so."""
        return self._known.specs

    def read(self) -> None:
        """Read them, or read them again; blocks while their code runs in a child process, up to minutes."""
        with IMPORTING:
            from motrix_core.brought.look import look
            from motrix_core.envs.source import CATALOG

        self._found = look(self._source or CATALOG, self.wanted)

    def source_of(self, env: str) -> EnvSource:
        """Where `env` comes from besides the catalog."""
        return self._known.source_of(env)

    def texts(self, env: str) -> dict[str, str]:
        """The settings that say where `env` comes from, by path, as a form has them."""
        source = self.source_of(env)
        paths = {"env_module": source.module, "env_path": source.path}
        return {path: text for path, text in paths.items() if text is not None}

    def default_ppo(self, env: str, backend: str) -> PPOCfg:
        """What `env`, of whatever origin, starts from on `backend`. Raises as `motrix_core.config.own.default_ppo`."""
        found = self._known.default_ppo(env, backend)
        if found is not None:
            return found
        with IMPORTING:
            from motrix_core.config.own import default_ppo

        return default_ppo(env, backend)

    @staticmethod
    def try_out(config: RunConfig) -> None:
        """Make the environment of `config` and step it once, in a child process; blocks for seconds.

        Raises EnvironmentFailed if it cannot be trained on."""
        with IMPORTING:
            from motrix_core.brought.look import try_out

        try_out(config)

    @property
    def _known(self) -> Brought:
        if self._found is None:
            with IMPORTING:
                from motrix_core.brought.look import Brought, unread
                from motrix_core.envs.source import CATALOG

            self._found = unread(self._source or CATALOG, self.wanted) if self.any else Brought()
        return self._found
