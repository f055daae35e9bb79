"""Finding a demo's run among those that are there, or making one.

A demo's run is known by what is in its folder: config.json has the word "demo" with the budget, and the configuration
is the very one that would be trained now. Nothing else is kept, so whatever interrupted the runner, calling it again
goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from motrix_core.demos.outcome import LEARNED, result_of
from motrix_core.demos.plan import Demo
from motrix_core.errors import RunsFolderError, RunStateError, TrainingFailed
from motrix_core.hardware.inventory import inventory
from motrix_core.process.control import wait
from motrix_core.process.launch import launch
from motrix_core.process.resume import plan_resume
from motrix_core.runs.layout import Run, RunSummary, create_run, list_runs

MARK = "demo"
"""Under this name config.json holds the budget of a demo's run."""

FINISHED, FAILED, PAUSED = "finished", "failed", "paused"


@dataclass(frozen=True)
class Attempt:
    """The run that stands for a demo. `is_over` where it was done before, or could not be started; otherwise its
    trainer runs. `is_anothers` where somebody else has begun that, so that it is theirs to stop.

    `since` is the byte of its events at which this attempt begins, `how` says in words how it came about.
    """

    run: Run
    how: str
    is_over: bool = False
    is_anothers: bool = False
    since: int = 0


def attempt(demo: Demo, runs_dir: Path) -> Attempt:
    """The run of `demo` that is done, or one that is being trained: followed, continued or made anew.

    A run that failed is left as it is, and a new one made. Raises RunsFolderError if none can be made.
    """
    known = own_runs(demo, list_runs(runs_dir))
    for summary in known:
        if summary.status == FINISHED:
            return Attempt(summary.run, "had finished", is_over=True)
        if demo.until_learned and result_of(demo, summary.run).status == LEARNED:
            return Attempt(summary.run, "had learned", is_over=True)
    for summary in known:
        if summary.state is not None and summary.state.is_live:
            return Attempt(summary.run, _how_it_lives(summary), is_anothers=True)
    for summary in known:
        if summary.status != FAILED and (continued := _continued(summary.run)):
            return continued
    run = create_run(demo.config, runs_dir, extra={"hardware": inventory().to_json(), MARK: demo.budget})
    return _launched(run, "begins")


def _how_it_lives(summary: RunSummary) -> str:
    if summary.status == PAUSED:
        return f"is paused; motrix runs resume {summary.run.id} lets it go on"
    return "is being trained already"


def own_runs(demo: Demo, runs: Sequence[RunSummary]) -> list[RunSummary]:
    """Those of `runs` that are `demo`'s, in their order; one that cannot be read is nobody's."""
    return list(_own(demo, runs))


def _own(demo: Demo, runs: Sequence[RunSummary]) -> Iterator[RunSummary]:
    for summary in runs:
        if summary.problem is not None:
            continue
        with suppress(RunsFolderError):
            if summary.run.record().get(MARK) == demo.budget and summary.run.current_config() == demo.config:
                yield summary


def _continued(run: Run) -> Attempt | None:
    """`run`, going on from its newest checkpoint; None if it has lost them, so that another has to be made."""
    # A trainer whose supervisor was killed is still ending; it writes its last checkpoint.
    wait(run)
    try:
        # Backends and simulators were tried before the first demo.
        plan = plan_resume(run, check=lambda config, backend: None)
    except RunStateError:
        return None
    since = run.paths.events.stat().st_size
    return _launched(run, f"goes on from {plan.env_steps:,} env steps", since)


def _launched(run: Run, how: str, since: int = 0) -> Attempt:
    try:
        launch(run)
    except TrainingFailed:
        # The cause is in the run's state, and so in the table; the next demo may well start.
        return Attempt(run, "could not be started", is_over=True)
    return Attempt(run, how, since=since)
