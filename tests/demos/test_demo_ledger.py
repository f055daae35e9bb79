"""The ledger keeps what was measured before, and says plainly what was not."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_demo_outcome import result

from motrix_core.config.schema import RunConfig
from motrix_core.demos import ledger
from motrix_core.demos.outcome import LEARNED, Result
from motrix_core.errors import UsageError
from motrix_core.runs.layout import create_run


@pytest.fixture
def run(tmp_path: Path) -> str:
    hardware = {"cpu": {"usable": 2.0}, "gpus": [{"name": "GPU | one"}]}
    return str(
        create_run(RunConfig(env="cartpole", backend="jax"), tmp_path / "runs", extra={"hardware": hardware}).path
    )


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "results.md"
    path.write_text(f"# Results\n\nwords before\n\n{ledger.BEGIN}\n{ledger.END}\n\nwords after\n")
    return path


def rows(page: Path) -> list[str]:
    return [line for line in page.read_text().splitlines() if line.startswith("| `")]


def test_a_training_takes_the_place_of_its_earlier_row_and_leaves_the_others(page: Path, run: str) -> None:
    ledger.update(page, [result(run=run), result(run=run, env="pendulum", sim="none")])
    ledger.update(page, [result(run=run, solved_at=None, solved_s=None)])
    cartpole, pendulum = rows(page)
    assert "`cartpole`" in cartpole and "not reached" in cartpole
    assert "`pendulum`" in pendulum and "123,456" in pendulum


def test_what_people_wrote_around_it_stays(page: Path, run: str) -> None:
    ledger.update(page, [result(run=run)])
    text = page.read_text()
    assert text.startswith("# Results\n\nwords before\n\n") and text.endswith("\n\nwords after\n")


def test_it_names_day_and_machine(page: Path, run: str) -> None:
    ledger.update(page, [result(run=run, ended_at=1_700_000_000.0)])
    assert "2023-11-1" in rows(page)[0] and "2 cores, GPU / one" in rows(page)[0]


def test_it_says_which_tasks_were_not_learned_and_which_never_trained(page: Path, run: str) -> None:
    ledger.update(page, [result(run=run), result(run=run, seed=2, solved_at=None, solved_s=None)])
    text = page.read_text()
    assert "jax 1 of 2 runs reached it, torch **never trained**" in text
    assert "- `acrobot`" in text


def test_a_run_that_failed_does_not_belong_into_it(page: Path, run: str) -> None:
    ledger.update(page, [result(run=run, status="failed", cause="x")])
    assert rows(page) == []


def unlearned(run: str, **fields: object) -> Result:
    return result(run=run, solved_at=None, solved_s=None, **fields)


def test_a_run_that_was_stopped_says_how_far_it_came_and_is_no_failure_to_learn(page: Path, run: str) -> None:
    ledger.update(page, [unlearned(run, status="stopped", env_steps=2_000_000)])
    assert "jax **stopped after 2,000,000 env steps**, torch **never trained**" in page.read_text()
    ledger.update(page, [result(run=run, seed=2)])
    assert "jax 1 of 1 runs reached it and **stopped after 2,000,000 env steps**" in page.read_text()


def test_a_cause_changes_nothing_about_a_run_that_was_stopped(page: Path, run: str) -> None:
    ledger.update(page, [unlearned(run, status="stopped", cause="killed", env_steps=2_000_000)])
    assert "jax **stopped after 2,000,000 env steps**" in page.read_text()
    ledger.update(page, [unlearned(run, status="stopped", env_steps=3_000_000)])
    assert "jax **stopped after 3,000,000 env steps**" in page.read_text()


def test_a_page_stays_as_readable_as_it_was(page: Path, run: str) -> None:
    page.chmod(0o644)
    ledger.update(page, [result(run=run)])
    assert page.stat().st_mode & 0o777 == 0o644


def test_a_run_that_was_stopped_gives_way_to_one_that_went_further_and_never_takes_its_place(
    page: Path, run: str
) -> None:
    for env_steps in (2_000_000, 3_000_000, 1_000_000):
        ledger.update(page, [unlearned(run, status="stopped", env_steps=env_steps)])
    assert len(rows(page)) == 1 and "3,000,000" in rows(page)[0]
    for env_steps, status in ((2_500_000, "finished"), (9_000_000, "stopped")):
        ledger.update(page, [unlearned(run, status=status, env_steps=env_steps)])
    assert len(rows(page)) == 1 and "2,500,000" in rows(page)[0]


def test_one_that_was_stopped_after_it_had_learned_has_reached_it(page: Path, run: str) -> None:
    ledger.update(page, [result(run=run, status="stopped")])
    assert "jax 1 of 1 runs reached it" in page.read_text()


def test_one_that_was_only_to_learn_belongs_into_it_once_it_has(page: Path, run: str) -> None:
    ledger.update(page, [result(run=run, status=LEARNED)])
    assert "1 of 1 runs reached it" in page.read_text() and LEARNED in rows(page)[0]


def test_a_missing_page_is_made(tmp_path: Path, run: str) -> None:
    ledger.update(tmp_path / "new" / "results.md", [result(run=run)])
    assert len(rows(tmp_path / "new" / "results.md")) == 1


def test_a_page_that_it_cannot_update_is_told_and_left_alone(page: Path) -> None:
    with pytest.raises(UsageError, match="--budget full"):
        ledger.check(page, "quick", ())
    with pytest.raises(UsageError, match="leave out --set"):
        ledger.check(page, "full", ("train.engine=stock",))
    broken = page.read_text().replace(ledger.BEGIN, f"{ledger.BEGIN}\n| `cartpole` | jax |")
    page.write_text(broken)
    with pytest.raises(UsageError, match="2 cells"):
        ledger.check(page, "full", ())
    page.write_text("# Somebody's page\n")
    with pytest.raises(UsageError, match="has no lines"):
        ledger.update(page, [])
    assert page.read_text() == "# Somebody's page\n"
