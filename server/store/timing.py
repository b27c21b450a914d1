"""How long MongoDB's commands take, for `/metrics`, by the command's name alone."""

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
        # labels() takes a lock and checks its arguments, so it is called once per command.
        self._histograms: dict[str, Histogram] = {}

    def started(self, event: CommandStartedEvent) -> None:
        """Do nothing: the event of the end has the duration."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Note how long it took."""
        self._observe(event.command_name, event.duration_micros)

    def failed(self, event: CommandFailedEvent) -> None:
        """Note how long it took to fail: a store that is down shows up as slow."""
        self._observe(event.command_name, event.duration_micros)

    def _observe(self, command: str, duration_micros: int) -> None:
        histogram = self._histograms.get(command)
        if histogram is None:
            histogram = self._histograms[command] = metrics.STORE_SECONDS.labels(command)
        histogram.observe(duration_micros / 1e6)
