"""How long commands take, by name, as PyMongo tells."""

from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from server.telemetry import metrics

# DuplicateKey, NamespaceNotFound, WriteConflict.
_EXPECTED = frozenset({11000, 26, 112})


class CommandSeconds(CommandListener):
    """Feeds `metrics.STORE_SECONDS`. PyMongo calls it in the thread that sent the command."""

    def started(self, event: CommandStartedEvent) -> None:
        """Do nothing: the event of the end has the duration."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Note how long the command took."""
        self._observe(event.command_name, "ok", event.duration_micros)

    def failed(self, event: CommandFailedEvent) -> None:
        """Note how long the command took to fail. An answer that somebody else was first is no failure."""
        expected = event.failure.get("code") in _EXPECTED
        self._observe(event.command_name, "ok" if expected else "failed", event.duration_micros)

    def _observe(self, command: str, outcome: str, duration_micros: int) -> None:
        metrics.store_seconds(command, outcome).observe(duration_micros / 1e6)
