"""`motrix envs new NAME`: a file with an environment of one's own that trains as it is."""

from __future__ import annotations

import argparse
import keyword
import re
import sys
from pathlib import Path
from typing import Any

from motrix_core.commands.own_env import TEMPLATE
from motrix_core.errors import UsageError

_TEMPLATE_NAME, _TEMPLATE_CLASS, _TEMPLATE_FILE = "my-env", "MyEnv", "my_env.py"


def add_parser(actions: Any) -> None:
    new = actions.add_parser(
        "new",
        help="write a file with an environment of your own",
        description="Writes a commented Python file with an environment that trains as it is, to be changed.",
    )
    new.add_argument("name", metavar="NAME", help="the environment's name, say my-env; the file is my_env.py")
    new.add_argument("-o", "--output", metavar="FILE.py", type=Path, help="where to write it")


def run(args: argparse.Namespace) -> int:
    """Prints the file's path on stdout and what to type next on stderr; 0. Nothing is overwritten."""
    name, path = args.name, args.output
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*", name) or len(name) > 100:
        raise UsageError(
            f"{name!r:.80} cannot name an environment",
            mend="begin with a letter, then letters and digits, with a single - or _ between them, as in my-env",
        )
    path = path or Path(f"{name.replace('-', '_').lower()}.py")
    if path.suffix != ".py":
        raise UsageError(f"{path} must end in .py")
    _check_module_name(path)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template_text(name, path.name))
    except FileExistsError as error:
        raise UsageError(f"{path} exists already", mend="name another with -o FILE.py") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    sys.stdout.write(f"{path}\n")
    for command in ("envs check", "view --env", "run --env"):
        sys.stderr.write(f"motrix {command} {name} --env-module {path}\n")
    return 0


def _check_module_name(path: Path) -> None:
    """Raises `UsageError` if a file called so takes the place of another module where it lies, or that one its."""
    from importlib.metadata import packages_distributions

    taken = "the standard library" if path.stem in sys.stdlib_module_names else None
    if taken is None and (packages := packages_distributions().get(path.stem)):
        taken = f"the installed package {packages[0]}"
    if taken is not None:
        free = path.with_name(f"{path.stem}_env.py")
        raise UsageError(
            f"{path.name} would be imported in place of the module {path.stem} of {taken}",
            mend=f"name another file, say -o {free}",
        )


def template_text(name: str, file: str) -> str:
    """The template with an environment called `name`, for a file called `file`."""
    words = [word for word in re.split(r"[_-]", name) if word]
    class_name = "".join(word[0].upper() + word[1:] for word in words)
    text = TEMPLATE.read_text(encoding="utf-8")
    # Its own class must not be that of the base or of anything else that the file imports.
    taken = set(re.findall(r"\w+", text)) - {_TEMPLATE_CLASS}
    if class_name in taken or keyword.iskeyword(class_name):
        class_name += "Env"
    new = {_TEMPLATE_FILE: file, _TEMPLATE_NAME: name, _TEMPLATE_CLASS: class_name}
    # All at once: a new word may hold an old one.
    return re.sub("|".join(map(re.escape, new)), lambda found: new[found[0]], text)
