"""The threads that share the pieces of a mini-batch, each with memory and a gradient of its own."""

from __future__ import annotations

import concurrent.futures
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch

from motrix_core.learn.spec import ModelSpec
from motrix_core.learn.torch.fused_network import FlatParameters, Workspace, least_rows, piece_rows

Job = Callable[..., None]


class Workers:
    """Runs pieces of work on `threads` threads, the calling one included.

    PyTorch's own threads meet after every operation; on matrices as small as PPO's that costs more than it gains.
    Threads that each take whole pieces meet once per mini-batch. As a context manager it keeps PyTorch's operations on
    the calling thread single-threaded meanwhile.
    """

    def __init__(self, spec: ModelSpec, device: torch.device, threads: int) -> None:
        if threads < 1:
            raise ValueError(f"threads={threads} must be at least 1")
        self.threads = threads
        # A GPU takes a mini-batch whole; only a CPU has a cache worth cutting for.
        self._rows = piece_rows(spec) if device.type == "cpu" else None
        self._least = least_rows(spec)
        self._spec, self._device = spec, device
        self._memory: list[Workspace] = []
        self._largest = self._allocated = 0
        self._pool = None
        if threads > 1:
            self._pool = concurrent.futures.ThreadPoolExecutor(
                threads - 1, "fused-ppo", initializer=torch.set_num_threads, initargs=(1,)
            )
        self._restored_threads = torch.get_num_threads()

    def __enter__(self) -> Workers:
        self._restored_threads = torch.get_num_threads()
        if self._device.type == "cpu":
            torch.set_num_threads(1)
        return self

    def __exit__(self, *exc_info: object) -> None:
        torch.set_num_threads(self._restored_threads)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def pieces(self, rows: int) -> list[slice]:
        """`rows` rows cut into near-equal pieces that fit the workspaces, the same number for every thread that has
        enough to do."""
        threads = max(1, min(self.threads, rows // self._least))
        rounds = -(-rows // (threads * self._rows)) if self._rows else 1
        count = max(1, min(rounds * threads, rows))
        size, rest = divmod(rows, count)
        bounds = [number * size + min(number, rest) for number in range(count + 1)]
        self._largest = max(self._largest, bounds[1])
        return [slice(start, stop) for start, stop in itertools.pairwise(bounds)]

    def run(self, job: Job, items: Sequence[tuple[Any, ...]]) -> list[Workspace]:
        """Call `job(workspace, *item)` for every item that `pieces` made, and return the workspaces that took part.

        Item k goes to thread k modulo `threads`, whichever is free first, so that sums repeat to the last bit.
        """
        workspaces = self._workspaces()[: len(items)]
        shares = [items[number :: self.threads] for number in range(len(workspaces))]
        waiting = [
            self._pool.submit(_work, job, workspace, share)
            for workspace, share in zip(workspaces[1:], shares[1:], strict=True)
            if self._pool is not None
        ]
        try:
            _work(job, workspaces[0], shares[0])
        finally:
            # Even after an error: the others still write to memory that the caller may touch next.
            concurrent.futures.wait(waiting)
        for future in waiting:
            future.result()
        return workspaces

    def accumulate(self, job: Job, items: Sequence[tuple[Any, ...]]) -> tuple[FlatParameters, torch.Tensor]:
        """`run`, and the sum over all items of what `job` added to the workspaces' `gradient` and `sums`."""
        for workspace in self._workspaces():
            workspace.reset()
        first, *others = self.run(job, items)
        for other in others:
            first.gradient.flat.add_(other.gradient.flat)
            first.sums.add_(other.sums)
        return first.gradient, first.sums

    def _workspaces(self) -> list[Workspace]:
        if self._largest > self._allocated:
            self._memory = [Workspace(self._spec, self._largest, self._device) for _ in range(self.threads)]
            self._allocated = self._largest
        return self._memory


def _work(job: Job, workspace: Workspace, items: Sequence[tuple[Any, ...]]) -> None:
    with torch.inference_mode():
        for item in items:
            job(workspace, *item)
