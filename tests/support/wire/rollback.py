"""Notes the writes of a cut-off primary, to undo them: the suffix that a replica set rolls back.

Documents are read before and after each write, and compared. This is exact because the faulty wire lets one
command through at a time. Known limits: a cursor's later batches show the data of their own moment, and
indexes and collections that a cut-off primary makes or drops are not undone.
"""

from typing import Any, NamedTuple

from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.collection import Collection

from support.wire.messages import Document

WRITES = ("insert", "update", "delete", "findAndModify")


class _Change(NamedTuple):
    """One write's change of one document. `before` or `after` is None if the document did not exist then."""

    collection: Collection[RawBSONDocument]
    key: Any
    before: RawBSONDocument | None
    after: RawBSONDocument | None


class Suffix:
    """The writes since a primary was cut off, over a connection of its own to the same MongoDB."""

    def __init__(self, host: str, port: int) -> None:
        self._client: MongoClient[RawBSONDocument] = MongoClient(
            host, port, document_class=RawBSONDocument, directConnection=True, retryWrites=False
        )
        self._changes: list[_Change] = []
        self._undone = False

    def __len__(self) -> int:
        return len(self._changes)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def before(self, command: Document) -> dict[Any, RawBSONDocument]:
        """Return the documents that a write may change, by key; call it right before the write."""
        found: dict[Any, RawBSONDocument] = {}
        for query in _queries(command):
            found |= {document["_id"]: document for document in self._collection(command).find(query)}
        return found

    def note(self, command: Document, before: dict[Any, RawBSONDocument], reply: Document) -> None:
        """Note what a write has changed; call it right after the write."""
        collection = self._collection(command)
        for key in [*before, *(key for key in _made(command, reply) if key not in before)]:
            after = collection.find_one({"_id": key})
            if _bytes(after) != _bytes(before.get(key)):
                self._changes.append(_Change(collection, key, before.get(key), after))

    def undo(self) -> None:
        """Make the documents as they were before the suffix's first write. A second call does nothing."""
        if not self._undone:
            self._undone = True
            for change in reversed(self._changes):
                _put(change, change.before)

    def redo(self) -> None:
        """Do the writes again if they are undone."""
        if self._undone:
            self._undone = False
            for change in self._changes:
                _put(change, change.after)

    def forget(self) -> None:
        """Keep the documents as they are, and begin an empty suffix."""
        self._changes.clear()
        self._undone = False

    def _collection(self, command: Document) -> Collection[RawBSONDocument]:
        return self._client[command["$db"]][next(iter(command.values()))]


def _queries(command: Document) -> list[Document]:
    if "insert" in command:
        keys = [document["_id"] for document in command["documents"]]
        return [{"_id": {"$in": keys}}]
    if "findAndModify" in command:
        return [command.get("query") or {}]
    return [each["q"] for each in command.get("updates") or command.get("deletes") or ()]


def _made(command: Document, reply: Document) -> list[Any]:
    """Return the keys of the documents that a write inserted."""
    if "insert" in command:
        return [document["_id"] for document in command["documents"]]
    made = [each["_id"] for each in reply.get("upserted", ())]
    upserted = (reply.get("lastErrorObject") or {}).get("upserted")
    return made if upserted is None else [*made, upserted]


def _bytes(document: RawBSONDocument | None) -> bytes | None:
    return None if document is None else bytes(document.raw)


def _put(change: _Change, document: RawBSONDocument | None) -> None:
    if document is None:
        change.collection.delete_one({"_id": change.key})
    else:
        change.collection.replace_one({"_id": change.key}, document, upsert=True)
