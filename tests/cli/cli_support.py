"""Commands called in this process, for tests of what they do and say.

That they are programs of their own is proved elsewhere, by tests/cli/test_run.py first of all.
"""

from __future__ import annotations

import io
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO

from motrix_core.cli import main


def typed(*words: str, stderr: TextIO | None = None) -> subprocess.CompletedProcess[str]:
    """What `motrix WORDS` returns and writes to stdout and, unless that is given, to stderr.

    Neither is a terminal unless `stderr` is one.
    """
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(stderr or err):
        try:
            code = main(words)
        except SystemExit as ending:  # argparse
            code = int(ending.code or 0)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def motrix(runs_dir: Path, *words: str, stderr: TextIO | None = None) -> subprocess.CompletedProcess[str]:
    """`typed`, for a command that takes a runs folder."""
    return typed(*words, "--runs-dir", str(runs_dir), stderr=stderr)
