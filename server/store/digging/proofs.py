"""The proofs of ended tasks: `proofs`, a record per task, and `proof_parts`, their bytes.

Parts are written in order and never changed. The record has `due_at` until all of them are written; then
it has `etag` and is final.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypedDict

import msgspec
import pymongo
from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from server.game.proof import Progress
from server.store.due import DUE_INDEX, DueDocuments
from server.store.failures import Uncommitted

_Document = dict[str, Any]

_ETAG_BYTES = 16


class WrittenProof(TypedDict):
    """A finished proof. Lengths are in bytes, of all parts."""

    _id: str
    etag: str
    parts: int
    plain_length: int
    packed_length: int


class Proofs(DueDocuments[WrittenProof]):
    """Reads and writes of `proofs` and `proof_parts`."""

    NAME = "proofs"
    INDEXES: ClassVar[list[IndexModel]] = [DUE_INDEX]

    def __init__(self, database: AsyncIOMotorDatabase[_Document]) -> None:
        super().__init__(database)
        self.parts = database["proof_parts"]

    async def ask(self, code: str, now_ms: int) -> None:
        """Note that an ended task's proof is to be written; changes nothing if that is known already."""
        try:
            await self.collection.update_one({"_id": code}, {"$setOnInsert": {"due_at": now_ms}}, upsert=True)
        except DuplicateKeyError:
            return  # another process noted it at the same moment

    async def find(self, code: str) -> WrittenProof | None:
        """Return a finished proof's record, None if there is none yet."""
        return await self.collection.find_one({"_id": code, "etag": {"$exists": True}})

    async def find_progress(self, code: str) -> Progress:
        """Return how far a proof has come."""
        ids = {"$gte": f"{code}:", "$lt": f"{code};"}  # ";" is the character after ":"
        found = await self.parts.find_one({"_id": ids}, {"data": 0}, sort=[("_id", pymongo.DESCENDING)])
        return Progress() if found is None else msgspec.convert(found, Progress)

    async def find_part(self, code: str, number: int) -> bytes:
        """Return the bytes of a part, from 0. Raises LookupError if it does not exist."""
        found = await self.parts.find_one({"_id": _part_id(code, number)}, {"data": 1})
        if found is None:
            raise LookupError(f"the proof of {code} has no part {number}")
        return bytes(found["data"])

    async def add_part(self, code: str, data: bytes, after: Progress) -> Progress:
        """Store the part that leads to this progress, unless it is there; return the progress as stored."""
        key = _part_id(code, after.parts - 1)
        try:
            await self.parts.insert_one({"_id": key, "data": data, **msgspec.structs.asdict(after)})
        except DuplicateKeyError:
            # It is ours, if the first reply was lost, or another process's. The content is the same, but
            # another version of zlib may have packed it, so the length that is stored counts.
            found = await self.parts.find_one({"_id": key}, {"data": 0})
            if found is None:
                raise Uncommitted("a part of a proof is taken by one that may not last") from None
            return msgspec.convert(found, Progress)
        return after

    async def release(self, code: str, now_ms: int) -> None:
        """Make an unfinished proof due now, for the next process that looks."""
        await self.collection.update_one(
            {"_id": code, "etag": {"$exists": False}}, {"$set": {"due_at": now_ms}}
        )

    async def complete(self, code: str, progress: Progress) -> None:
        """Note that all parts are written. Doing it again changes nothing."""
        written = {
            "etag": progress.digest[:_ETAG_BYTES].hex(),
            "parts": progress.parts,
            "plain_length": progress.plain_length,
            "packed_length": progress.packed_length,
        }
        await self.collection.update_one({"_id": code}, {"$set": written, "$unset": {"due_at": ""}})


def _part_id(code: str, number: int) -> str:
    return f"{code}:{number:06}"  # in the order of the numbers
