"""The dashboard's benchmarks: python -m benchmarks [NAME …]. `motrix bench` has those of training."""

from __future__ import annotations

import argparse
import importlib
import sys

from motrix_core.bench.common import machine

NAMES = ("dashboard", "charts", "live", "runs_list")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(NAMES)} (default: all)")
    args = parser.parse_args()
    unknown = [name for name in args.names if name not in NAMES]
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}; known: {', '.join(NAMES)}")
    print(machine())
    for name in args.names or NAMES:
        print(f"\n## {name}\n", flush=True)
        importlib.import_module(f"benchmarks.{name}").main([])
    return 0


if __name__ == "__main__":
    sys.exit(main())
