"""The pictures: a GridFS bucket, since a hosted server's disk does not last. URLs are stored as paths.

A picture is two files with a random name. The thumbnail is written first. GridFS writes the full file's
record last, and only then the upload exists: until then, nobody is told either name.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from gridfs.errors import FileExists
from motor.motor_asyncio import AsyncIOMotorDatabase, AsyncIOMotorGridFSBucket
from pymongo import IndexModel

from server.pictures.decode import Picture
from server.store.documents import Documents

_Document = dict[str, Any]

ROUTE = "/files/"
LARGEST_FILE_ID = 2**53 - 1  # the largest whole number that every JSON reader keeps exact

_BUCKET = "pictures"
_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png"}
_CONTENT_TYPES = {suffix: content_type for content_type, suffix in _SUFFIXES.items()}
_NAME = re.compile(r"[0-9a-f]{32}(_t)?(\.jpg|\.png)")


@dataclass(frozen=True, slots=True)
class File:
    """A stored file, before its bytes are read. Its bytes never change, so its name is its version."""

    name: str
    content_type: str
    length: int


class Files(Documents[_Document]):
    """Reads and writes of the bucket `pictures`; `collection` holds the records of its files."""

    NAME = f"{_BUCKET}.files"
    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel(
            [("metadata.file_id", 1)],
            name="file_id_once",
            unique=True,
            partialFilterExpression={"metadata.file_id": {"$exists": True}},
        ),
        IndexModel(
            [("metadata.owner", 1)],
            name="of_owner",
            partialFilterExpression={"metadata.owner": {"$exists": True}},
        ),
        IndexModel(
            [("metadata.made_for", 1)],
            name="made_once",
            unique=True,
            partialFilterExpression={"metadata.made_for": {"$exists": True}},
        ),
    ]
    CHUNK_INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel([("files_id", 1), ("n", 1)], name="files_id_1_n_1", unique=True)
    ]

    def __init__(self, database: AsyncIOMotorDatabase[_Document]) -> None:
        super().__init__(database)
        self.chunks = database[f"{_BUCKET}.chunks"]
        self._bucket = AsyncIOMotorGridFSBucket(database, _BUCKET)

    @classmethod
    def indexes(cls) -> dict[str, Sequence[IndexModel]]:
        """Return those of both collections."""
        return {**super().indexes(), f"{_BUCKET}.chunks": cls.CHUNK_INDEXES}

    async def save(self, picture: Picture, owner: str) -> tuple[int, str, str]:
        """Store what `owner` (a unionid) uploaded; return its file_id, its path and its thumbnail's path."""
        while True:
            file_id = 1 + secrets.randbelow(LARGEST_FILE_ID)
            path = await self._write(picture, {"file_id": file_id, "owner": owner})
            if path is not None:
                return file_id, path, thumbnail_path(path)

    async def save_made(self, picture: Picture, made_for: str) -> str:
        """Store a picture that we drew; return its path, or the first one's if others drew it too."""
        while True:
            path = await self._write(picture, {"made_for": made_for}) or await self.find_made(made_for)
            if path is not None:
                return path

    async def find_made(self, made_for: str) -> str | None:
        """Return the path of the picture drawn for this, None if there is none yet."""
        found = await self.collection.find_one({"metadata.made_for": made_for}, {"_id": 1})
        return None if found is None else ROUTE + found["_id"]

    async def find_path(self, address: str) -> str | None:
        """Return the path of the upload that a URL or path names, on any host; None if it names none."""
        path = path_of(address)
        if path is None:
            return None
        query = {"_id": path.removeprefix(ROUTE), "metadata.file_id": {"$exists": True}}
        return None if await self.collection.find_one(query, {"_id": 1}) is None else path

    async def find(self, name: str) -> File | None:
        """Return the file of this name, which is its path without ROUTE; None if there is none."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        found = await self.collection.find_one({"_id": name}, {"length": 1})
        return None if found is None else File(name, _CONTENT_TYPES[match[2]], found["length"])

    async def read(self, file: File) -> AsyncIterator[bytes]:
        """Yield the file's bytes, a part at a time."""
        stream = await self._bucket.open_download_stream(file.name)
        while part := await stream.readchunk():
            yield part

    async def read_path(self, path: str) -> bytes:
        """Return the bytes of the file at a path of ours. Raises gridfs.NoFile if there is none."""
        stream = await self._bucket.open_download_stream(path.removeprefix(ROUTE))
        content: bytes = await stream.read()
        return content

    async def _write(self, picture: Picture, metadata: _Document) -> str | None:
        """Write both files; return the path, or None if another file of this name or purpose exists."""
        name = secrets.token_hex(16) + _SUFFIXES[picture.content_type]
        thumbnail = thumbnail_path(ROUTE + name).removeprefix(ROUTE)
        try:
            await self._bucket.upload_from_stream_with_id(thumbnail, thumbnail, picture.thumbnail)
            await self._bucket.upload_from_stream_with_id(name, name, picture.full, metadata=metadata)
        except FileExists:
            # Or ours: a store that was killed does not know a write that the driver sends again.
            if await self.collection.find_one({"_id": name}, {"_id": 1}) is None:
                both = {"$in": [name, thumbnail]}
                await self.collection.delete_one({"_id": thumbnail})
                await self.chunks.delete_many({"files_id": both})
                return None
        return ROUTE + name


def thumbnail_path(path: str) -> str:
    """Return the path of a picture's thumbnail."""
    stem, dot, suffix = path.rpartition(".")
    return f"{stem}_t{dot}{suffix}"


def path_of(address: str) -> str | None:
    """Return the path of the full picture of ours that a URL or path names, else None."""
    try:
        path = urlsplit(address).path
    except ValueError:  # brackets in the host without an address in them
        return None
    match = _NAME.fullmatch(path.removeprefix(ROUTE))
    return path if path.startswith(ROUTE) and match is not None and match[1] is None else None
