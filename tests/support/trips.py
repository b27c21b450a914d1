"""Counts commands to MongoDB."""

from collections.abc import Mapping
from typing import Any

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

_READS = ("find", "aggregate", "count", "distinct")
_WRITES = ("insert", "update", "delete", "findAndModify", "createIndexes")


def asks_for_less(command: Mapping[str, Any]) -> bool:
    """Return whether a command asks for less than a majority, and is not one of the looks that may be local.

    These are `Documents.taken` and `Digs.made_as`.
    """
    name = next(iter(command))
    if name not in _READS:
        return name in _WRITES and command.get("writeConcern") != {"w": "majority"}
    asked = command.get("filter", {}).keys(), command.get("projection")
    may_be_local = asked in (({"_id"}, {"_id": 1}), ({"made_as"}, {"made_as": 1}))
    level = command.get("readConcern", {}).get("level")
    return level != "majority" and not (level == "local" and may_be_local)


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
