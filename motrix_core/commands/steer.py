"""`motrix runs pause|resume|checkpoint|evaluate|set|switch`: asking a live run for something."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from motrix_core.errors import UsageError

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run

_PLAIN = {
    "pause": "let a run wait after its current rollout",
    "resume": "let a paused run go on (motrix run --resume continues one that is over)",
    "checkpoint": "write a checkpoint now",
    "evaluate": "evaluate the policy now",
}
_DONE = {
    "pause": "is paused",
    "resume": "goes on",
    "checkpoint": "has written a checkpoint",
    "evaluate": "was evaluated",
}


def add_steering(actions: Any, token_help: str) -> list[argparse.ArgumentParser]:
    """Add the parsers of these actions, and return them."""
    parsers = [actions.add_parser(name, help=words) for name, words in _PLAIN.items()]
    change = actions.add_parser("set", help="change a hyperparameter of a run while it trains")
    switch = actions.add_parser("switch", help="let the other backend go on with a run")
    parsers += [change, switch]
    for parser in parsers:
        parser.add_argument("run", metavar="RUN", help=token_help)
        parser.add_argument(
            "--timeout", type=float, default=60.0, metavar="SECONDS", help="wait so long for the answer (default: 60)"
        )
    change.add_argument(
        "settings",
        nargs="+",
        metavar="KEY=VALUE",
        help="learning_rate, entropy_loss_scale or ratio_clip, say ratio_clip=0.1",
    )
    switch.add_argument("--backend", required=True, metavar="jax|torch", help="the backend that goes on")
    return parsers


def steer(found: Run, args: argparse.Namespace) -> int:
    """Do what `args.action` says, and wait until the trainer has answered."""
    from motrix_core.process import asking

    if not args.timeout >= 0:
        raise UsageError(f"--timeout {args.timeout:g} must be 0 or more seconds", mend="leave it out to wait a minute")
    if args.action == "switch":
        return _switch(found, args.backend, args.timeout)
    if args.action == "set":
        values = asking.read_settings(_pairs(args.settings))
        asking.ask(found, {"type": "set", "values": values}, timeout_s=args.timeout)
        _say(f"run {found.id} trains with {', '.join(f'{key}={value:g}' for key, value in values.items())}")
        return 0
    asking.ask(found, {"type": args.action}, timeout_s=args.timeout)
    _say(f"run {found.id} {_DONE[args.action]}")
    return 0


def _switch(found: Run, backend: str, timeout_s: float) -> int:
    from motrix_core.process.asking import switch

    switch(found, backend, timeout_s=timeout_s)
    _say(f"run {found.id} has written a checkpoint and goes on with {backend}; motrix runs show {found.id} shows how")
    return 0


def _pairs(texts: list[str]) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"{text!r} is not KEY=VALUE", mend="for example learning_rate=3e-4")
        pairs.append((key.strip(), value))
    return pairs


def _say(text: str) -> None:
    from motrix_core.runs.text import plain

    sys.stderr.write(plain(text) + "\n")
