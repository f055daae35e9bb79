"""What a user's environments are, asked in a child process.

Reading a file or a checkout executes it, and looking at an environment of Gymnasium's makes it: that may import
anything, take long, hang or crash. `motrix_core.brought.child` does it, and the dashboard only reads what it says.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from motrix_core.child import module_command
from motrix_core.envs.source import CATALOG, GYMNASIUM, EnvSource
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import EnvironmentFailed, MotrixError, UsageError

if TYPE_CHECKING:
    from motrix_core.config.schema import PPOCfg, RunConfig

LOOK_S = 300.0
"""A checkout with dozens of environments makes every one of them once to see its sizes."""

TRY_S = 120.0

_CHILD = module_command("motrix_core.brought.child")
_READ_BYTES = 1 << 16


@dataclass(frozen=True)
class Brought:
    """The environments of `source`, and the one of Gymnasium's that was asked for, by name.

    What cannot be used is among `specs` with its `error`. `defaults` are the hyperparameters that training begins with,
    by (environment, backend), or the error that asking for them gave.
    """

    source: EnvSource = CATALOG
    specs: Mapping[str, EnvSpec] = field(default_factory=dict)
    defaults: Mapping[tuple[str, str], PPOCfg | MotrixError] = field(default_factory=dict)

    def source_of(self, env: str) -> EnvSource:
        """Where the environment `env` comes from besides the catalog."""
        return self.source if env in self.specs and not env.startswith(GYMNASIUM) else CATALOG

    def default_ppo(self, env: str, backend: str) -> PPOCfg | None:
        """What `env` starts from on `backend`, None for what was not brought. Raises what asking for it raised."""
        found = self.defaults.get((env, backend))
        if isinstance(found, MotrixError):
            raise found
        return found


def unread(source: EnvSource, env: str | None) -> Brought:
    """What stands in the place of what `look` will find, until it has: one entry that says so."""
    label, error = _label(source, env), "it is still being read"
    spec = replace(EnvSpec.unusable(label, str(source), error), description="is being read …")
    return Brought(source, {label: spec})


def look(source: EnvSource, env: str | None, *, timeout_s: float = LOOK_S) -> Brought:
    """The environments of `source`, and `env` where it names one of Gymnasium's; blocks while their code runs.

    Never raises for what is wrong with them: then it says so in the entry's `error`.
    """
    label = _label(source, env)
    request = {"do": "look", "source": (source.module, source.path), "env": env}
    try:
        answer = _ask(request, label, timeout_s)
    except EnvironmentFailed as error:
        return Brought(source, {label: EnvSpec.unusable(label, str(source), str(error))})
    specs = {entry["spec"]["name"]: _spec(entry["spec"]) for entry in answer["envs"]}
    defaults = {
        (entry["spec"]["name"], backend): _ppo(values)
        for entry in answer["envs"]
        for backend, values in entry["defaults"].items()
    }
    return Brought(source, specs, defaults)


def try_out(config: RunConfig, *, timeout_s: float = TRY_S) -> None:
    """Make the environment of `config`, reset it and step it once, or, of one of ours, look at its options; blocks for
    seconds.

    Raises `EnvironmentFailed`, naming the place in the user's code, if it cannot be trained on.
    """
    _ask({"do": "try", "config": config.model_dump(mode="json")}, config.env, timeout_s)


def _label(source: EnvSource, env: str | None) -> str:
    named = source.module or source.path
    return Path(named).name if named is not None else env or "environments"


def _spec(values: dict[str, Any]) -> EnvSpec:
    known = {known.name: values[known.name] for known in fields(EnvSpec)}
    return EnvSpec(**{**known, "sims": tuple(values["sims"])})


def _ppo(values: dict[str, Any]) -> PPOCfg | MotrixError:
    from motrix_core.config.schema import PPOCfg

    if "error" in values:
        return UsageError(values["error"], mend=values["mend"])
    return PPOCfg.model_validate({name: value for name, value in values.items() if name in PPOCfg.model_fields})


def _ask(request: dict[str, Any], what: str, timeout_s: float) -> dict[str, Any]:
    """What the child answers to `request`, which is about `what`. Raises `EnvironmentFailed`."""
    # Files, not pipes: a process that the user's code started could keep a pipe open for ever.
    with tempfile.TemporaryFile() as answered, tempfile.TemporaryFile() as said:
        try:
            code = _run(json.dumps({**request, "limit_s": timeout_s}).encode(), answered, said, timeout_s)
        except OSError as error:
            raise EnvironmentFailed(f"{what} cannot be looked at: {error.strerror or error}") from error
        if code is None:
            raise EnvironmentFailed(f"{what} was not ready after {timeout_s:g} s", mend="mend what it waits for")
        answered.seek(0)
        answer = _parsed(answered.read())
        if answer is None:
            raise EnvironmentFailed(f"{what} ended the process that looked at it: {_cause(code, said)}")
    if "error" in answer:
        raise EnvironmentFailed(answer["error"], mend=answer["mend"])
    return answer


def _run(request: bytes, answered: IO[bytes], said: IO[bytes], timeout_s: float) -> int | None:
    """The exit code of a child that was given `request`, None if it had to be killed. Raises OSError."""
    process = subprocess.Popen(_CHILD, stdin=subprocess.PIPE, stdout=answered, stderr=said, start_new_session=True)
    try:
        process.communicate(request, timeout=timeout_s)
        return process.returncode
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            # With all that the user's code started; not yet waited for, so the number is still its own.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _cause(code: int, said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - _READ_BYTES))
    lines = [line for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return f"{how}; its last words: {lines[-1].strip()}" if lines else how
