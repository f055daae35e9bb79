"""The dashboard's benchmarks: python -m benchmarks [NAME …]. `motrix bench` has those of training."""

from __future__ import annotations

import argparse
import importlib
import sys

from motrix_core.bench.common import machine

NAMES = ("dashboard", "charts", "live", "runs_list", "reading", "crowd", "supervision", "viewing", "soak")
# Half an hour is for those who ask for it.
DEFAULT = NAMES[:-1]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(NAMES)} (default: all but soak)")
    args = parser.parse_args()
    unknown = [name for name in args.names if name not in NAMES]
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}; known: {', '.join(NAMES)}")
    print(machine())
    for name in args.names or DEFAULT:
        print(f"\n## {name}\n", flush=True)
        importlib.import_module(f"benchmarks.{name}").main([])
    return 0


if __name__ == "__main__":
    sys.exit(main())
