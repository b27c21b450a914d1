"""How long MongoDB's commands take, for `/metrics`: one name a command, and nothing of what it asked for."""

from __future__ import annotations

from prometheus_client import Histogram
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from server import metrics


class CommandSeconds(CommandListener):
    """Feeds `metrics.STORE_SECONDS`. PyMongo calls it in the thread that sent the command."""

    def __init__(self) -> None:
        # labels() takes a lock and checks its arguments, so each command's histogram is asked for once.
        self._histograms: dict[str, Histogram] = {}

    def started(self, event: CommandStartedEvent) -> None:
        """Wait for the end."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Note how long it took."""
        self._observe(event.command_name, event.duration_micros)

    def failed(self, event: CommandFailedEvent) -> None:
        """Note how long it took to fail: a store that is down shows as its slowness."""
        self._observe(event.command_name, event.duration_micros)

    def _observe(self, command: str, duration_micros: int) -> None:
        histogram = self._histograms.get(command)
        if histogram is None:
            histogram = self._histograms[command] = metrics.STORE_SECONDS.labels(command)
        histogram.observe(duration_micros / 1e6)
