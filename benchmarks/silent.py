"""A training that nobody supervises and that writes nothing: the other side of benchmarks.supervision.

    python -m benchmarks.silent --env E --backend jax|torch --sim S [--set KEY=VALUE]…

prints the moment at which each update ended, Unix seconds, until it is killed. Trainer, engine and hyperparameters are
those of `motrix run`; there are no events, no TensorBoard files and no checkpoints.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from motrix_core.config.sources import ConfigSources
from motrix_core.learn.__main__ import prepare_process
from motrix_core.runs.layout import create_run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("env", "backend", "sim"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--set", dest="sets", action="append", default=[])
    options = parser.parse_args(argv)
    config = ConfigSources(sets=options.sets, environ={}).build(options.env, options.backend, options.sim).config
    prepare_process(config)
    from motrix_core.learn.session import TrainSession
    from motrix_core.learn.world import World

    class Silent(World):
        @property
        def writes(self) -> bool:
            return False

    with tempfile.TemporaryDirectory() as folder:
        run = create_run(config, Path(folder), extra={})
        session = TrainSession(run, config, world=Silent(), stop=threading.Event())
        end_update = session.end_update

        def told(report: Any) -> None:
            end_update(report)
            sys.stdout.write(json.dumps(time.time()) + "\n")
            sys.stdout.flush()

        session.end_update = told
        session.train()


if __name__ == "__main__":
    main()
