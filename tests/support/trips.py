"""Counts commands to MongoDB."""

from collections.abc import Mapping
from typing import Any

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent


class Listener(CommandListener):
    """Hears of each command when it is sent, but does not hear of its end."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


class Trips(Listener):
    """The commands sent so far, except those of polling and the update that follows the reply to a dig."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.commands: list[Mapping[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        updates = event.command.get("updates") or [{}]
        polls = "ended_at" in event.command.get("filter", {})  # the poll for logouts, every few seconds
        if updates[0].get("u") != {"$unset": {"pending": ""}} and not polls:
            self.commands.append(event.command)
            self.sent.append(f"{event.command_name} {event.command.get(event.command_name)}")
