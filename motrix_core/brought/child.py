"""The program that looks at a user's environments: `python -m motrix_core.brought.child`.

stdin has one JSON object. `{"do": "look", "source": [module, path], "env": NAME}` is answered with `envs`, each a
`spec` with its `defaults` by backend; `{"do": "try", "config": {…}}` with an empty object once the environment was
made, reset and stepped (of one of ours only the options are looked at). What goes wrong is `error`, with `mend`. The
answer is one JSON object on stdout and nothing else.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from motrix_core.errors import MotrixError

if TYPE_CHECKING:
    from motrix_core.envs.source import EnvSource
    from motrix_core.envs.spec import EnvSpec

_BACKENDS = ("jax", "torch")


def main() -> int:
    """Returns the process's exit code: 0, also where the answer is an error."""
    request = json.loads(sys.stdin.read())
    _prepare(request["limit_s"])
    with os.fdopen(os.dup(1), "w", encoding="ascii") as out:
        # What the user's code prints must not be taken for the answer.
        os.dup2(2, 1)
        try:
            answer = {"look": _look, "try": _try}[request["do"]](request)
        except MotrixError as error:
            answer = {"error": error.message, "mend": error.mend}
        json.dump(answer, out, default=_plain)
    return 0


def _prepare(limit_s: float) -> None:
    # If whoever asked dies, nobody else ends a file that hangs: then the kernel does.
    signal.alarm(math.ceil(limit_s) + 5)
    # Trainings that go on are not to wait for this.
    os.nice(5)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _look(request: dict[str, Any]) -> dict[str, Any]:
    from motrix_core.envs.catalog import catalog
    from motrix_core.envs.registry import names_of
    from motrix_core.envs.source import EnvSource

    source, env = EnvSource(*request["source"]), request["env"]
    names = names_of(source)
    if env is not None and env not in names and env not in catalog():
        names = [env, *names]
    return {"envs": [_described(name, source) for name in names]}


def _described(name: str, source: EnvSource) -> dict[str, Any]:
    from motrix_core.envs.registry import listed_spec

    spec = listed_spec(name, source)
    backends = _BACKENDS if spec.error is None else ()
    return {"spec": asdict(spec), "defaults": {backend: _defaults(spec, backend, source) for backend in backends}}


def _defaults(spec: EnvSpec, backend: str, source: EnvSource) -> dict[str, Any]:
    from motrix_core.config.own import default_ppo

    try:
        return default_ppo(spec.name, backend, source).model_dump(mode="json")
    except MotrixError as error:
        return {"error": error.message, "mend": error.mend}


def _try(request: dict[str, Any]) -> dict[str, Any]:
    from motrix_core.commands.own_env import try_out
    from motrix_core.config.schema import RunConfig
    from motrix_core.envs.registry import check_options, find_spec
    from motrix_core.envs.source import EnvSource

    config = RunConfig.model_validate(request["config"])
    source = EnvSource.of(config)
    spec = find_spec(config.env, source, config.env_options)
    check_options(spec, config.env_options)
    try_out(spec, config.sim, config.env_options, source)
    return {}


def _plain(value: Any) -> Any:
    # NumPy's scalars, which a file's EnvSpec may hold.
    return value.item() if hasattr(value, "item") else str(value)


if __name__ == "__main__":
    sys.exit(main())
