"""What PyMongo tells of its work: how long commands take, by name, and how many connections were made."""

from __future__ import annotations

from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
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


class Connections(ConnectionPoolListener):
    """Counts the connections that were made. Each may lead to another database than the one before."""

    def __init__(self) -> None:
        self.made = 0

    def connection_created(self, event: ConnectionCreatedEvent) -> None:
        """Count the connection, before anything is asked through it."""
        self.made += 1

    def _ignore(self, event: object) -> None:
        """Do nothing."""

    pool_created = pool_ready = pool_cleared = pool_closed = _ignore
    connection_ready = connection_closed = connection_checked_out = connection_checked_in = _ignore
    connection_check_out_started = connection_check_out_failed = _ignore
