"""A run whose folder becomes read-only: `read_only_folder.py RUNS_DIR`, by somebody whom that keeps from writing.

Prints one line of JSON about what became of the run, and of its continuation once the folder could be written again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from chain_trainer import chain
from faults_support import CHAIN_TRAINER, receipts
from process_support import LIMIT_S, eventually, trainer_argv

from motrix_core.config.schema import RunConfig
from motrix_core.errors import RunsFolderError
from motrix_core.process.control import wait
from motrix_core.process.launch import launch
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import create_run


def main() -> int:
    run = create_run(RunConfig(env="pendulum", backend="torch"), Path(sys.argv[1]), extra={})
    launch(run, trainer_argv=trainer_argv(run, program=CHAIN_TRAINER))
    eventually(lambda: len(receipts(run)) > 25, "training")
    for folder in (run.path, run.paths.checkpoints):
        folder.chmod(0o500)
    ended = wait(run, LIMIT_S)
    try:
        launch(run, trainer_argv=trainer_argv(run, program=CHAIN_TRAINER))
        refused = None
    except RunsFolderError as error:
        refused = error.message
    after = run.state()
    newest = checkpoints.newest_valid(run)
    meta = checkpoints.read_meta(newest.path) if newest is not None else {}
    for folder in (run.path, run.paths.checkpoints):
        folder.chmod(0o700)
    end = max(receipts(run)) + 50
    launch(run, trainer_argv=trainer_argv(run, "--steps", str(end), program=CHAIN_TRAINER))
    again = wait(run, LIMIT_S)
    last = checkpoints.newest_valid(run)
    result = {
        "status": ended.shown_status,
        "cause": ended.cause,
        "refused": refused,
        "untouched": after == ended,
        "valid": meta.get("link") == chain(meta.get("step", 0)),
        "again": again.status,
        "link": last is not None and checkpoints.read_meta(last.path)["link"] == chain(end),
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
