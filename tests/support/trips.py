"""Commands sent to MongoDB, counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent


class Listener(CommandListener):
    """Hears of each command as it is sent, and not how it ends."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


class Trips(Listener):
    """The commands sent so far, except the update that follows the reply to a dig, and what is polled."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.commands: list[Mapping[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        updates = event.command.get("updates") or [{}]
        polls = "ended_at" in event.command.get("filter", {})  # who logged out, every few seconds
        if updates[0].get("u") != {"$unset": {"pending": ""}} and not polls:
            self.commands.append(event.command)
            self.sent.append(f"{event.command_name} {event.command.get(event.command_name)}")
