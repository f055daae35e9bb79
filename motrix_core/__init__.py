"""The training core under motrix-tui. Rooms are imported one by one; see docs/architecture.md."""

__version__ = "0.1.0"
