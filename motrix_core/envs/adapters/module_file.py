"""Environments in a Python file of the user's: `--env-module my_env.py`.

The file names its environments by `EnvSpec` objects at its top level, each with the name of a class of the file as
`entry`. It is executed, like any Python file that is run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType

from motrix_core.envs.blame import add_to_search_path, described
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import EnvironmentFailed, MotrixError, UsageError

MODULE_PREFIX = "motrix_env_file_"
"""Begins the names that users' files have as modules."""


def module_name(file: str) -> str:
    """The name that `file` is imported under: another one for every path, so that two files never mix."""
    return f"{MODULE_PREFIX}{hashlib.sha256(file.encode()).hexdigest()[:16]}"


def specs_of(file: str) -> Mapping[str, EnvSpec]:
    """The environments in `file`, by name. The file is executed the first time.

    Raises `UsageError` if there is no such file, and `EnvironmentFailed`, naming file and line, if it raises or has
    no environments, or two of one name.
    """
    check_file(file)
    return _load(str(Path(file)))


def check_file(file: str) -> None:
    """Raises `UsageError` unless there is a Python file of that name."""
    path = Path(file)
    if path.suffix != ".py" or not path.is_file():
        rule = "is not a Python file" if path.exists() else "does not exist"
        raise UsageError(f"environment file {file} {rule}", mend="check the path; motrix envs new NAME writes one")


@cache
def _load(file: str) -> Mapping[str, EnvSpec]:
    module = _execute(file)
    specs: dict[str, EnvSpec] = {}
    for spec in _own_specs(module):
        if specs.setdefault(spec.name, spec) != spec:
            raise EnvironmentFailed(
                f"{file} has two EnvSpecs of the name {spec.name!r}", mend="give each a name of its own"
            )
    if not specs:
        raise EnvironmentFailed(
            f"{file} has no environment: no EnvSpec of its own at its top level",
            mend="motrix envs new NAME writes a file that has one",
        )
    return MappingProxyType({name: _completed(spec, module, file) for name, spec in specs.items()})


def _own_specs(module: ModuleType) -> Iterator[EnvSpec]:
    """The specs at the top level of `module`, but for those that it imported without their class.

    These are another file's environments, with that file's hyperparameters.
    """
    for value in list(vars(module).values()):
        for spec in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(spec, EnvSpec) and (_says_where(spec, module) or not _is_imported(value, module)):
                yield spec


def _says_where(spec: EnvSpec, module: ModuleType) -> bool:
    return ":" in spec.entry or hasattr(module, spec.entry)


def _is_imported(value: object, module: ModuleType) -> bool:
    others = [other for other in list(sys.modules.values()) if other is not module]
    return any(held is value for other in others for held in list(getattr(other, "__dict__", {}).values()))


def _execute(file: str) -> ModuleType:
    name = module_name(file)
    found = importlib.util.spec_from_file_location(name, file)
    if found is None or found.loader is None:
        raise EnvironmentFailed(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(found)
    add_to_search_path(Path(file).parent)
    # Where dataclasses and pickle look for a class's module.
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        # One of ours says what to type in its own words; the place is what it cannot know.
        mend = None if isinstance(error, MotrixError) else "mend the file and try again"
        raise EnvironmentFailed(f"the environment file cannot be used: {described(error)}", mend=mend) from error
    return module


def _completed(spec: EnvSpec, module: ModuleType, file: str) -> EnvSpec:
    """`spec` with the full name of its class."""
    where, _, class_name = spec.entry.rpartition(":")
    if where and where != module.__name__:
        return replace(spec, origin=file)
    made = getattr(module, class_name, None)
    if not isinstance(made, type) or not any(base.__name__ == "NpEnv" for base in made.__mro__):
        found = "is not there" if made is None else "is no class derived from NpEnv"
        raise EnvironmentFailed(
            f"{file}: the EnvSpec of {spec.name!r} has entry={spec.entry!r}, which {found}",
            mend="set entry to the name of the file's class that derives from motrix_core.envs.base.NpEnv",
        )
    return replace(spec, entry=f"{module.__name__}:{class_name}", origin=file)
