"""Events faster than any trainer's: `flood.py RUN_DIR COUNT PER_SECOND`, standard library only.

Updates come in tens of milliseconds' worth at a time, as those of many small updates would.
"""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

BATCHES_PER_S = 50


def line(update: int, now: float) -> str:
    data = {
        "return/mean": 100 * math.sin(update / 1000),
        "return/min": 100 * math.sin(update / 1000) - 5,
        "return/max": 100 * math.sin(update / 1000) + 5,
        "episode_length/mean": float(update % 500),
        "loss/policy": -0.01,
        "loss/value": 1 / update,
        "policy/kl": 0.008,
        "optim/learning_rate": 1e-3,
        "perf/env_steps_per_s": 96_400.0,
        "time/physics_ms": 3.0,
        "time/update_ms": 1.0,
    }
    return json.dumps({"type": "metrics", "time": now, "env_steps": update * 64, "update": update, "data": data}) + "\n"


def main() -> None:
    events, count, per_s = Path(sys.argv[1]) / "events.jsonl", int(sys.argv[2]), int(sys.argv[3])
    started, written = time.monotonic(), 0
    with events.open("a", encoding="ascii") as file:
        while written < count:
            due = min(count, int((time.monotonic() - started) * per_s))
            file.write("".join(line(update, time.time()) for update in range(written + 1, due + 1)))
            file.flush()
            written = due
            time.sleep(1 / BATCHES_PER_S)


if __name__ == "__main__":
    main()
