"""A slow and long line, as a ProxyCommand of ssh:

    ssh -o 'ProxyCommand=python -m benchmarks.slow_line %h %p --rate 50 --delay 0.05' HOST

relays stdin to HOST and what it sends to stdout: at most `--rate` kB a second of that, and everything `--delay` seconds
late. It takes in no more than a line of its kind would, so that the far side has to wait.
"""

from __future__ import annotations

import argparse
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence

_CHUNK = 1024
_BUFFER = 1 << 15


def relay(read: Callable[[int], bytes], write: Callable[[bytes], object], rate: float, delay: float) -> None:
    """Pass on what `read` gives until it gives nothing, at most `rate` bytes/s and `delay` s late."""
    under_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

    def arrive() -> None:
        while (piece := under_way.get())[1]:
            time.sleep(max(piece[0] - time.monotonic(), 0.0))
            write(piece[1])

    arriving = threading.Thread(target=arrive, daemon=True)
    arriving.start()
    sent_at = time.monotonic()
    while data := read(_CHUNK):
        sent_at = max(sent_at, time.monotonic()) + len(data) / rate
        time.sleep(max(sent_at - time.monotonic(), 0.0))
        under_way.put((sent_at + delay, data))
    under_way.put((0.0, b""))
    arriving.join()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=float, default=50.0, metavar="KB", help="kB/s from there to here (default: 50)")
    parser.add_argument("--delay", type=float, default=0.05, metavar="S", help="each way (default: 0.05)")
    options = parser.parse_args(argv)
    with socket.socket() as line:
        # What the sockets hold is not on the line yet.
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        line.connect((options.host, options.port))

        def upwards() -> None:
            relay(lambda count: os.read(0, count), line.sendall, float("inf"), options.delay)
            line.shutdown(socket.SHUT_WR)

        threading.Thread(target=upwards, daemon=True).start()
        relay(line.recv, lambda data: os.write(1, data), 1e3 * options.rate, options.delay)
    return 0


if __name__ == "__main__":
    sys.exit(main())
