"""`motrix run --init-from WHAT`: which checkpoint a new run starts from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from motrix_core.errors import CheckpointNotFound, RunNotFound, UsageError

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig
    from motrix_core.envs.spec import EnvSpec


def find_initial(token: str, runs_dir: Path) -> Path:
    """The checkpoint that `token` means, as an absolute folder.

    That is the folder of a checkpoint; a folder with checkpoints, as `motrix convert` writes it, of which the newest is
    taken; or a run, as `motrix eval` takes it: RUN@best, RUN@last or RUN@ENV_STEPS, and RUN alone is its best, or its
    last where none was evaluated.

    Raises:
        UsageError: there is no such thing, or it is another program's file.
        CheckpointNotFound: the run has no such checkpoint, or the folder none.
        CheckpointError: the run has some, and none is whole.
    """
    from motrix_core.commands.export import choose_named
    from motrix_core.runs.checkpoints import COMMIT

    path = Path(token)
    if (path / COMMIT).is_file():
        return path.absolute()
    if path.is_file():
        raise UsageError(
            f"{token} is a file, and a run starts from the folder of a checkpoint",
            mend="motrix convert FILE --to jax|torch --env ENV makes one of skrl's agents",
        )
    if path.is_dir() and not (path / "config.json").exists():
        inside = [entry for entry in path.glob("step_*") if (entry / COMMIT).is_file()]
        if not inside:
            raise CheckpointNotFound(f"{token} is no checkpoint, and there is none in it", mend="name a run instead")
        return max(inside, key=lambda entry: (len(entry.name), entry.name)).absolute()
    try:
        return choose_named(token, runs_dir)[1].path.absolute()
    except RunNotFound as error:
        raise UsageError(
            f"--init-from {token}: there is no such checkpoint and no such run", mend="motrix runs list shows the runs"
        ) from error


def check_initial(config: RunConfig, env: EnvSpec) -> None:
    """Raises CheckpointError, naming the tensor, unless a run of `config` in `env` can start from its `init_from`."""
    from motrix_core.learn.initial import networks_of, read_weights

    if config.init_from is not None:
        read_weights(Path(config.init_from), networks_of(config, env))
