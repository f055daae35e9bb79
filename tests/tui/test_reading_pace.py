from __future__ import annotations

import pytest

from motrix_tui.monitor.pace import BEHIND_DRAW_S, LEAST_PAUSE_S, LEAST_SLICE_S, MOST_SLICE_S, ReadingPace


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> ReadingPace:
    return ReadingPace(clock)


def read_for(pace: ReadingPace, clock: Clock, seconds: float, *, at_end: bool = False) -> float:
    pace.begin()
    clock.now += seconds
    return pace.end(at_end=at_end)


def test_others_get_as_long_as_reading_took(pace: ReadingPace, clock: Clock) -> None:
    assert read_for(pace, clock, 0.02) == pytest.approx(0.02)
    assert read_for(pace, clock, 0.0) == LEAST_PAUSE_S


def test_what_others_took_beyond_the_pause_counts_for_the_next_one(pace: ReadingPace, clock: Clock) -> None:
    pause_s = read_for(pace, clock, 0.02)
    clock.now += pause_s + 0.01
    assert read_for(pace, clock, 0.03) == pytest.approx(0.02)
    clock.now += 1.0
    assert read_for(pace, clock, 0.03) == LEAST_PAUSE_S


def test_a_slice_is_longer_by_what_others_took_beyond_the_pause(pace: ReadingPace, clock: Clock) -> None:
    assert pace.begin() == LEAST_SLICE_S
    clock.now += pace.end(at_end=False)
    assert pace.begin() == LEAST_SLICE_S
    clock.now += pace.end(at_end=False) + 0.01
    assert pace.begin() == pytest.approx(LEAST_SLICE_S + 0.01)
    clock.now += pace.end(at_end=False) + 10.0
    assert pace.begin() == MOST_SLICE_S


def test_time_with_nothing_to_read_makes_no_slice_longer(pace: ReadingPace, clock: Clock) -> None:
    read_for(pace, clock, 0.01, at_end=True)
    clock.now += 60.0
    assert pace.begin() == LEAST_SLICE_S


@pytest.mark.parametrize("drawing_s", [0.0, 0.02, 0.08])
def test_ten_thousand_events_a_second_are_kept_up_with(pace: ReadingPace, clock: Clock, drawing_s: float) -> None:
    """At 20 µs to read an event and 10 to take it in, however much of each round of the event loop drawing takes."""
    written, read, started = 0.0, 0.0, clock.now
    while clock.now < started + 30:
        written = 10_000 * (clock.now - started)
        events = min(pace.begin() / 20e-6, written - read)
        clock.now += 30e-6 * events
        read += events
        clock.now += pace.end(at_end=read >= written) + drawing_s
    assert written - read < 2000


def test_charts_are_drawn_at_every_look_while_reading_keeps_up(pace: ReadingPace, clock: Clock) -> None:
    pace.drawn()
    read_for(pace, clock, 0.01, at_end=True)
    assert pace.is_time_to_draw()
    # The end was reached since they were drawn: what came then is no reason to wait.
    read_for(pace, clock, 0.01)
    assert pace.is_time_to_draw()


def test_charts_are_drawn_now_and_then_while_reading_is_behind(pace: ReadingPace, clock: Clock) -> None:
    assert pace.is_time_to_draw()
    pace.drawn()
    read_for(pace, clock, BEHIND_DRAW_S / 4)
    assert not pace.is_time_to_draw()
    read_for(pace, clock, BEHIND_DRAW_S)
    assert pace.is_time_to_draw()
