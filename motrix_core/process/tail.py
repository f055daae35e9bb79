"""What the supervisor wants to know from the events that the trainer writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from motrix_core.runs.reader import EventReader

_HISTORY_BYTES = 1 << 20
# EventWriter puts the type first. Metrics are nearly all of the file, and only the newest of them matters here.
_METRICS = b'{"type":"metrics",'


class EventTail(EventReader):
    """Follows a run's events at about a microsecond a line.

    `env_steps` and `update` are the newest, `error` the data of the segment's last warning of level "error", `status`
    what the trainer is doing ("running", "paused", "stopping"), or None before its first event. `successor` is the
    backend that the trainer has agreed to hand over to, and `control_offset` up to where it has read control.jsonl.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.env_steps = 0
        self.update = 0
        self.error: dict[str, Any] | None = None
        self.status: str | None = None
        self.successor: str | None = None
        self.control_offset = 0
        self._newest_metrics: bytes | None = None

    def skip_history(self) -> None:
        """Pass over all but the end of what earlier segments wrote; the newest `env_steps` is in there."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return
        if size > _HISTORY_BYTES:
            self.start_at(size - _HISTORY_BYTES)
        self.read_all()

    def read(self) -> None:
        """Take in what is new, within a few hundredths of a second."""
        self._take(self.poll(max_events=500, budget_s=0.02))

    def read_all(self) -> None:
        """Take in all there is."""
        self._take(self.poll())
        while not self.at_end:
            self._take(self.poll())

    def _value(self, line: bytes) -> dict[str, Any] | None:
        if line.startswith(_METRICS):
            self._newest_metrics = line
            return None
        return super()._value(line)

    def _take(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            self._place(event)
            kind, data = event["type"], event["data"]
            if kind == "segment_started":
                self.error = self.status = self.successor = None
            elif kind == "warning" and data.get("level") == "error":
                self.error = data
            elif kind == "control" and data.get("done") is True:
                asked = {"pause": "paused", "resume": "running", "stop": "stopping"}
                self.status = asked.get(str(data.get("type")), self.status)
                self._note_successor(data)
            if kind in ("warning", "checkpoint", "evaluation", "control"):
                self.status = self.status or "running"
        if self._newest_metrics is not None:
            metrics = super()._value(self._newest_metrics)
            self._newest_metrics = None
            if metrics is not None:
                self._place(metrics)
                self.status = self.status or "running"

    def _note_successor(self, data: dict[str, Any]) -> None:
        kind, backend, read = data.get("type"), data.get("backend"), data.get("read")
        if kind == "stop":
            self.successor = None
        elif kind == "switch" and isinstance(backend, str) and type(read) is int and read >= 0:
            self.successor, self.control_offset = backend, read

    def _place(self, event: dict[str, Any]) -> None:
        self.env_steps, self.update = event["env_steps"], event["update"]
