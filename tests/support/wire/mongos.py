"""A mongos in front of one MongoDB, with the parts that the check of the stores uses.

It says that it is a mongos and notes what is sharded, but moves no data. As MongoDB does, it refuses a shard
key that would break a unique index:
https://www.mongodb.com/docs/manual/core/sharding-shard-key/#unique-indexes
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pymongo import MongoClient

from support.wire.manual import COMMANDS, COMMON, HANDSHAKES
from support.wire.messages import (
    Document,
    command_of,
    is_command,
    legacy_reply_of,
    message_of,
    name_of,
    request_id,
)
from support.wire.proxy import Link, Wire

_OF_A_SET = (
    *("topologyVersion", "$clusterTime", "setName", "setVersion", "hosts", "me", "primary", "secondary"),
)


class Mongos(Wire):
    """A mongos of some version. `sharded` has the shard key of each collection, by `database.collection`."""

    def __init__(self, host: str, port: int, version: tuple[int, ...]) -> None:
        super().__init__(host, port)
        self._version = version
        self._client: MongoClient[Document] = MongoClient(host, port, directConnection=True)
        hello = self._client.admin.command("hello")
        self._hello = {name: value for name, value in hello.items() if name not in _OF_A_SET}
        self.enabled: set[str] = set()
        self.sharded: dict[str, Mapping[str, Any]] = {}
        self.refused: dict[str, int] = {}  # error codes, by command

    def uri(self, database: str) -> str:
        """Return the URI that a client connects to."""
        return f"mongodb://127.0.0.1:{self.port}/{database}?directConnection=true&retryWrites=false"

    def end(self) -> None:
        """Accept no more connections, and cut the open ones."""
        super().end()
        self._client.close()

    def exchange(self, link: Link, request: bytes) -> None:
        """Answer the commands that a mongos answers by itself; pass all others on."""
        number = request_id(request)
        if not is_command(request):
            link.answer(legacy_reply_of(self._greeting(), number))
            return
        name = name_of(request)
        if name in HANDSHAKES:
            link.answer(message_of(self._greeting(), number))
        elif name == "buildInfo":
            reply = link.forward(request)
            assert reply is not None
            build = command_of(reply) | {"versionArray": list(self._version)}
            build.pop("secantusVersion", None)
            link.answer(message_of(build, number))
        elif name in ("collStats", "enableSharding", "shardCollection"):
            command = command_of(request)
            assert command.keys() <= COMMANDS[name].keys() | COMMON, command
            link.answer(message_of(self._answer(name, command), number))
        else:
            super().exchange(link, request)

    def _answer(self, name: str, command: Document) -> Document:
        about = str(command[name])
        if code := self.refused.get(name):
            return _refusal(code, "told to")
        if name == "collStats":
            return {"ok": 1.0, "sharded": f"{command['$db']}.{about}" in self.sharded}
        if name == "enableSharding":
            self.enabled.add(about)
        else:
            database, _, collection = about.partition(".")
            if database not in self.enabled and self._version < (6,):
                return _refusal(20, f"sharding not enabled for db {database}")
            for index in self._client[database][collection].list_indexes():
                if index.get("unique") and not _begins_with(index["key"], command["key"]):
                    return _refusal(72, f"can't shard with the unique index {index['name']}")
            self.sharded[about] = command["key"]
        return {"ok": 1.0}

    def _greeting(self) -> Document:
        role = {"msg": "isdbgrid", "isWritablePrimary": True, "ismaster": True, "helloOk": True, "ok": 1.0}
        return {**self._hello, **role, "localTime": datetime.now(UTC)}


def _refusal(code: int, said: str) -> Document:
    return {"ok": 0.0, "errmsg": said, "code": code}


def _begins_with(index: Mapping[str, Any], key: Mapping[str, Any]) -> bool:
    return list(index.items())[: len(key)] == list(key.items())
