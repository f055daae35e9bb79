"""No picture is kept that no test draws: syrupy tells of those only where one process runs every test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_every_stored_picture_is_drawn_by_a_test() -> None:
    kept = {(picture.parent.name, picture.stem) for picture in (HERE / "__snapshots__").glob("*/*.svg")}
    modules = sorted({str(HERE / f"{module}.py") for module, _ in kept})
    # This process may be a worker of pytest-xdist; the other one is none.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", *modules]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=HERE.parents[1], env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    nodes = [line.partition("::") for line in done.stdout.splitlines() if "::" in line]
    drawn = {(Path(file).stem, name) for file, _, name in nodes}
    assert kept
    assert kept - drawn == set()
