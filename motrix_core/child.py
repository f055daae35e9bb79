"""The command lines of the Python processes that are started here.

`python -m` and `python -c` look for every module in the working directory first, those of the standard library
included, so that somebody's `platform.py` or `json.py` there would break whatever is started. So the first thing that
each of our processes does is to strike the working directory off its search path; what PYTHONPATH names stays. (Python
has a switch for that, `-P`, since 3.11 only.)
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

# No file can take the place of `sys`, which is in the interpreter. "" stands for the working directory.
_STRIKE = "import sys; sys.path[:] = filter(None, sys.path)\n"

# The module's name stays an argument, where `ps` shows it, and takes the place of the program's until it is known.
_MODULE = "import runpy; del sys.argv[0]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"


def module_command(module: str, *arguments: str, python: Sequence[str] = (sys.executable,)) -> list[str]:
    """`python -m MODULE ARGUMENTS`. `python` is the interpreter, with switches of its own if it has any."""
    return code_command(_MODULE, module, *arguments, python=python)


def code_command(code: str, *arguments: str, python: Sequence[str] = (sys.executable,)) -> list[str]:
    """`python -c CODE ARGUMENTS`."""
    return [*python, "-c", _STRIKE + code, *arguments]
