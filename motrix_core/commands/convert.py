"""`motrix convert`: checkpoints across backends, and skrl's own agents as checkpoints of this project."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motrix_core.commands.own_env import add_source_flags, only_name, source_of
from motrix_core.commands.waiting import prints_on_stderr
from motrix_core.errors import CheckpointError, RunStateError, UsageError

if TYPE_CHECKING:
    from motrix_core.envs.source import EnvSource
    from motrix_core.envs.spec import EnvSpec
    from motrix_core.learn.foreign import Imported
    from motrix_core.learn.spec import ModelSpec

_GENERATORS = {"jax": ("rng.jax.", "rng.numpy."), "torch": ("rng.torch.",)}
"""Backend → prefixes of the arrays that hold the state of its own random generators."""

_SEED = 0


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "convert",
        help="a checkpoint for the other backend, or from a file of skrl's",
        description="Writes a checkpoint that JAX or PyTorch continues from. CKPT is a checkpoint's folder, or an "
        "agent_*.pt or agent_*.pickle that skrl wrote, of which nothing is executed. "
        "A run is moved to the other backend by motrix runs switch, without this.",
    )
    parser.add_argument("checkpoint", metavar="CKPT", help="a checkpoint's folder, or skrl's .pt or .pickle file")
    parser.add_argument("--to", choices=("jax", "torch"), required=True, help="the backend to continue with")
    parser.add_argument("--env", metavar="ENV", help="the environment of skrl's agent, which its file does not name")
    add_source_flags(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        help="the folder of checkpoints to put it in (default: ENV-BACKEND in the current folder)",
    )


def run(args: argparse.Namespace) -> int:
    """Prints the new checkpoint's folder on stdout and what was assumed on stderr."""
    from motrix_core.runs import checkpoints

    source = Path(args.checkpoint)
    if not source.exists():
        raise UsageError(f"{source} does not exist", mend="name a checkpoint's folder, or a .pt or .pickle file")
    if source.is_dir():
        for flag, value in (("--env", args.env), ("--env-module", args.env_module), ("--env-path", args.env_path)):
            if value is not None:
                raise UsageError(f"{flag} {value} is for files of skrl's; {source} names its environment itself")
        arrays, meta, env_steps, notes = _own(source, args.to)
    else:
        arrays, meta, env_steps, notes = _foreign(source, args.to, args.env, source_of(args))
    folder = Path(args.output) if args.output else _default_folder(meta["env"], args.to)
    check_target(folder, env_steps)
    make_target(folder)
    written = checkpoints.save(folder, env_steps, arrays, meta)
    for note in notes:
        _say(f"note: {note}")
    sys.stdout.write(f"{written}\n")
    return 0


def make_target(folder: Path) -> None:
    """Make `folder` with its parents. Raises CheckpointError."""
    from motrix_core.runs.files import make_folder

    try:
        make_folder(folder)
    except OSError as error:
        raise CheckpointError(
            f"{folder} cannot be made: {error.strerror or error}", mend="name another with -o"
        ) from error


Converted = tuple[dict[str, dict[str, Any]], dict[str, Any], int, tuple[str, ...]]
"""Groups of arrays, meta, env steps, notes: what `checkpoints.save` takes, and what to tell."""


def _own(path: Path, backend: str) -> Converted:
    from motrix_core.runs import checkpoints

    # The path may be "." or a link, but a checkpoint is known by its folder's name.
    folder = path.resolve()
    _check_is_one(path, folder)
    checkpoint = checkpoints.load(folder)
    before = str(checkpoint.meta.get("backend"))
    if before == backend:
        raise UsageError(f"{path} is a checkpoint of {backend} already", mend="it needs no conversion")
    if before not in _GENERATORS or not isinstance(checkpoint.meta.get("env"), str):
        raise CheckpointError(f"checkpoint {path} cannot be used: its meta.json names no backend or no environment")
    agent = checkpoint.arrays.get("agent", {})
    kept = {name: array for name, array in agent.items() if not name.startswith(_GENERATORS[before])}
    arrays = {**checkpoint.arrays, "agent": kept}
    return arrays, {**checkpoint.meta, "backend": backend}, checkpoint.env_steps, ()


def _check_is_one(path: Path, folder: Path) -> None:
    """Raises UsageError where `path`, which is `folder`, is a run or a folder of checkpoints instead of one of them."""
    from motrix_core.runs.checkpoints import COMMIT

    if (folder / COMMIT).exists():
        return
    commits = [*folder.glob(f"step_*/{COMMIT}"), *folder.glob(f"checkpoints/step_*/{COMMIT}")]
    if commits:
        newest = max((commit.parent for commit in commits), key=lambda step: (len(step.name), step.name))
        mend = f"name one of them, like {path / newest.relative_to(folder)}"
        raise UsageError(f"{path} is no checkpoint, but has some", mend=mend)


def _foreign(path: Path, backend: str, env: str | None, source: EnvSource) -> Converted:
    from motrix_core.config.own import default_ppo
    from motrix_core.envs.random_state import get_generator_state, make_generator
    from motrix_core.envs.registry import find_spec
    from motrix_core.learn.foreign import read_agent
    from motrix_core.learn.saving import FORMAT

    env = env or only_name(source)
    if env is None:
        raise UsageError(f"{path} does not say what it was trained on", mend="add --env ENV; motrix envs lists them")
    with prints_on_stderr():
        spec = find_spec(env, source)
    agent = read_agent(path)
    found, wanted = ((sizes.obs_dim, sizes.act_dim, sizes.n_actions) for sizes in (agent.spec, spec))
    if found != wanted:
        raise CheckpointError(
            f"{path} is no agent for {env}: it takes {found[0]} observations and gives {_actions(agent.spec)} "
            f"actions, {env} has {wanted[0]} and {_actions(spec)}",
            mend="name the environment that it was trained on with --env",
        )
    learning_rate, notes = agent.learning_rate, [*agent.notes]
    if learning_rate is None:
        learning_rate = default_ppo(env, backend, source).learning_rate
        notes.append(f"the file has no learning rate: {env}'s default of {learning_rate:g} is taken")
    notes.append(_sizes_note(agent))
    meta = {
        "format": FORMAT,
        "env": env,
        "backend": backend,
        "engine": "stock",
        "sim": "auto",
        # The file does not say how long it was trained; what follows is counted from here.
        "env_steps": 0,
        "update": 0,
        "seed": _SEED,
        "learning_rate": learning_rate,
        "model": asdict(agent.spec),
        "imported": {"file": path.name, "backend": agent.backend, "notes": notes},
    }
    generator = get_generator_state(make_generator(_SEED))
    arrays = {"agent": agent.arrays, "env": {f"generator.{name}": array for name, array in generator.items()}}
    return arrays, meta, 0, tuple(notes)


def _actions(sizes: ModelSpec | EnvSpec) -> str:
    return str(sizes.act_dim) if sizes.n_actions is None else f"{sizes.n_actions} discrete"


def _default_folder(env: str, backend: str) -> Path:
    from motrix_core.config.setting import folder_name
    from motrix_core.envs.names import check_env_name

    try:
        # The name is from a file that anybody may have written.
        return Path(f"{folder_name(check_env_name(env))}-{backend}")
    except ValueError as error:
        raise UsageError(
            f"the environment's name {env!r:.80} does not make a folder's name", mend="add -o FOLDER"
        ) from error


def _sizes_note(agent: Imported) -> str:
    policy, value = ("-".join(map(str, sizes)) for sizes in (agent.spec.policy_hidden, agent.spec.value_hidden))
    shared = str(agent.spec.shared).lower()
    return (
        f"to train on, set ppo.policy_hidden_layer_sizes={policy} ppo.value_hidden_layer_sizes={value} "
        f"ppo.share_policy_value_features={shared}"
    )


def check_target(folder: Path, env_steps: int) -> None:
    """Raise unless the checkpoint of `env_steps` can be put into `folder` without touching anything that is there.

    Raises:
        UsageError: there is a file of that name, such a checkpoint already, or a folder that saving would take for
            the remains of a save that was killed, and delete.
        RunStateError: the folder is that of a run that is being trained.
    """
    from motrix_core.runs.checkpoints import COMMIT
    from motrix_core.runs.layout import Run

    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", mend="name another with -o FOLDER")
    for entry in sorted(folder.iterdir()):
        if entry.name == f"step_{env_steps}":
            raise UsageError(f"{entry} exists already", mend="name another folder with -o FOLDER, or delete it")
        if entry.name.startswith(("step_", ".step_")) and not (entry / COMMIT).is_file():
            raise UsageError(f"{folder} holds {entry.name}, which is no checkpoint", mend="name another with -o FOLDER")
    is_run = all((folder.parent / name).is_file() for name in ("config.json", "state.json"))
    if is_run and Run.open(folder.parent).state().is_live:
        raise RunStateError(f"{folder} belongs to a run that is being trained", mend="name another with -o FOLDER")


def _say(text: str) -> None:
    from motrix_core.runs.text import plain

    sys.stderr.write(plain(text) + "\n")
