"""Requests to a running trainer: what each of them does, or why it is refused.

They come from control.jsonl and are answered between two updates, so that nothing is ever changed under an update. The
session asks for them with `serve`; everything about pausing, stopping and handing over is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from motrix_core.errors import MotrixError, RunsFolderError, TrainingFailed
from motrix_core.runs.adjustments import Adjustments
from motrix_core.runs.checkpoints import list_checkpoints
from motrix_core.runs.control import ControlReader, answer

if TYPE_CHECKING:
    from motrix_core.learn.backend import Trainer
    from motrix_core.learn.session import TrainSession

PAUSE_POLL_S = 0.05
"""While paused a request is answered within this time: half of the 100 ms that people are promised."""


class Requests:
    """What was asked of `session`.

    Attributes:
        stopping: whether somebody asked for an end.
        paused: whether training waits for a `resume`.
        successor: the backend that goes on with the run after this process, or None.
    """

    def __init__(self, session: TrainSession) -> None:
        self.stopping = self.paused = False
        self.successor: str | None = None
        self._session = session
        self._trainer: Trainer | None = None
        self._unreadable = False
        self._adjustments = Adjustments()
        self._reader = ControlReader(session.run.paths.control)
        segment = session.run.state().segment
        if segment is not None and segment.ended_at is None:
            self._reader.start_after(segment.control_offset)
        elif list_checkpoints(session.run):
            # Started without a supervisor: what is in the file was asked of an earlier trainer.
            self._reader.skip_to_end()

    def begin(self, trainer: Trainer) -> None:
        """From now on `trainer` is what `set` acts on."""
        self._trainer = trainer

    def take_again(self) -> None:
        """After a return to a checkpoint, or to the beginning: what has been set since then is set again, each after
        the same update as before. Raises RunsFolderError if the events cannot be read."""
        path = self._session.run.paths.events
        try:
            self._adjustments = Adjustments.read(path)
        except OSError as error:
            raise RunsFolderError(f"{path} cannot be read: {error.strerror or error}") from error
        self._set_again()

    def forget_later(self) -> tuple[str, ...]:
        """Let go of what was set after later updates than the present one; returns the names of those settings."""
        return self._adjustments.forget_after(self._session.update)

    def serve(self) -> float:
        """Answer what has been asked, and wait while paused. Returns the seconds that this took."""
        started = perf_counter()
        self._set_again()
        self._answer()
        while self.paused and not self._session.should_stop:
            self._session.stop.wait(PAUSE_POLL_S)
            self._answer()
        return perf_counter() - started

    def _answer(self) -> None:
        for request in self._poll():
            message = self._carry_out(request)
            data = answer(request, done=message is None, message=message)
            if request["type"] == "switch":
                # The successor goes on with the request after the last one that was read here.
                data["read"] = self._reader.offset
            self._session.write("control", data)

    def _poll(self) -> list[dict[str, Any]]:
        try:
            return self._reader.poll()
        except OSError as error:
            if not self._unreadable:
                self._unreadable = True
                self._session.warn(f"{self._reader.path} cannot be read: {error.strerror or error}; nothing is taken")
            return []

    def _carry_out(self, request: Mapping[str, Any]) -> str | None:
        """Do what was asked; return why not, or None."""
        session, kind = self._session, request["type"]
        if kind == "stop":
            self.stopping, self.successor = True, None
        elif kind == "resume":
            self.paused = False
        elif kind == "checkpoint":
            return self._try(session.save_checkpoint)
        elif session.finished:
            return "the step budget is used up and the run is ending"
        elif session.should_stop:
            return "the run is stopping"
        elif kind == "pause":
            self.paused = True
        elif kind == "set":
            return self._try(lambda: self._set(request["values"]))
        elif kind == "switch":
            return self._hand_over(request["backend"])
        else:
            return self._try(session.evaluate)
        return None

    def _hand_over(self, backend: str) -> str | None:
        if backend == self._session.config.backend:
            return f"the run trains on {backend} already"
        # Written before anything is promised: without it there is nothing to go on from, so training goes on here.
        refused = self._try(self._session.save_checkpoint)
        if refused is None:
            self.successor, self.stopping = backend, True
        return refused

    def _set_again(self) -> None:
        if values := self._adjustments.at(self._session.update):
            self._adjust(values)

    def _set(self, values: Mapping[str, float]) -> None:
        self._adjust(values)
        self._adjustments.add(self._session.update, values)

    def _adjust(self, values: Mapping[str, float]) -> None:
        if self._trainer is None:
            raise TrainingFailed("there is no trainer yet that could be adjusted")
        self._trainer.adjust(**{path.rpartition(".")[2]: float(value) for path, value in values.items()})

    @staticmethod
    def _try(act: Callable[[], object]) -> str | None:
        """Why `act` cannot be done, or None. A request that fails must not end the training."""
        try:
            act()
        except MotrixError as error:
            return str(error)
        return None
