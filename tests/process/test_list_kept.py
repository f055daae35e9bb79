"""The list of a long runs folder is kept by the supervisors of its runs."""

from __future__ import annotations

import json
from collections.abc import Callable

from process_support import eventually

from motrix_core.config.schema import RunConfig
from motrix_core.runs.cache import WORTHWHILE_RUNS, key_of
from motrix_core.runs.layout import Run, create_run


def test_a_run_that_ends_in_a_long_folder_is_in_the_list_of_the_next_start(
    run: Run, start: Callable[..., object]
) -> None:
    runs_dir = run.path.parent.parent
    for _ in range(WORTHWHILE_RUNS - 1):
        create_run(RunConfig(env="cartpole", backend="torch"), runs_dir, extra={})
    start("--events", "1")
    kept = runs_dir / ".index.json"
    eventually(kept.exists, "the kept list")
    assert key_of(run) in json.loads(kept.read_text())["entries"]
