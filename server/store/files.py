"""The pictures: a GridFS bucket, since a hosted server's disk does not last. URLs are stored as paths.

A picture is two files with a random name. The thumbnail's record is written first and the full file's last.
Only then does the upload exist: before, nobody is told either name. So wherever the writes are cut off, at
least one of the two records is there, and no chunks are left without a record.

`metadata.delete_at` (unix ms) says when a sweep looks at a file: it is deleted if nothing uses it. A file
without that field stays. A file with `metadata.kept` stays too, since digs show it. A file with
`metadata.dropped` is being deleted. A file with `metadata.refused` was refused by a check: operators alone
see it, and nobody can use it any more.
"""

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from pymongo.errors import DuplicateKeyError

from server.game.amounts import DAY_MS
from server.pictures.decode import Picture
from server.store.documents import Documents, index
from server.store.driver import Bucket, Database
from server.store.pipelines import Document

ROUTE = "/files/"
# Much longer than any request, so no running request can be about to use a file that has been unused for this
# long.
UNUSED_MS = DAY_MS
# How long a picture that we drew stays after it was last asked for, and after a newer one took its place.
MADE_MS = 30 * DAY_MS
SUPERSEDED_MS = 3_600_000
CHUNK_BYTES = 255 << 10  # as in GridFS
LARGEST_FILE_ID = 2**53 - 1  # the largest whole number that every JSON reader keeps exact

_BUCKET = "pictures"
_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png"}
_CONTENT_TYPES = {suffix: content_type for content_type, suffix in _SUFFIXES.items()}
_THUMBNAIL = "_t"
_NAME = re.compile(r"\A[0-9a-f]{32}(_t)?(\.jpg|\.png)")


@dataclass(frozen=True, slots=True)
class File:
    """A stored file, before its bytes are read. Its bytes never change, so its name is its version.

    `path` is that of the full picture. `made_for` says for what we drew it, "" if somebody uploaded it. It is
    `kept` if it was somebody's picture.
    """

    name: str
    content_type: str
    length: int
    path: str
    made_for: str
    refused: bool
    kept: bool


class Chunks(Documents[Document]):
    """The bytes of the files, which `Files` reads and writes."""

    NAME = f"{_BUCKET}.chunks"
    INDEXES = (index("files_id_1_n_1", "files_id n", unique=True),)


class Files(Documents[Document]):
    """Reads and writes of the bucket `pictures`; `collection` holds the records of its files."""

    NAME = f"{_BUCKET}.files"
    INDEXES = (
        index("file_id_once", "metadata.file_id", unique=True, there="metadata.file_id"),
        index("of_owner", "metadata.owner", there="metadata.owner"),
        index("made_once", "metadata.made_for", unique=True, there="metadata.made_for"),
        index("to_delete", "metadata.delete_at", there="metadata.delete_at"),
    )

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.chunks = database[Chunks.NAME]
        self._bucket = Bucket(database, _BUCKET)

    async def save(self, picture: Picture, owner: str, now_ms: int) -> tuple[int, str, str]:
        """Store what `owner` (a person's id) uploaded; return its file_id, its path and its thumbnail's path.

        The upload is deleted after UNUSED_MS, unless `take` or `keep` is called for it before.
        """
        while True:
            file_id = 1 + secrets.randbelow(LARGEST_FILE_ID)
            metadata = {"file_id": file_id, "owner": owner, "delete_at": now_ms + UNUSED_MS}
            path = await self._write(picture, metadata, now_ms)
            if path is not None:
                return file_id, path, thumbnail_path(path)

    async def save_made(
        self, picture: Picture, made_for: str, now_ms: int, *, owner: str = "", stays: bool = False
    ) -> str:
        """Store a picture that we drew; return its path, or that of the first one if others drew it, too.

        It is deleted when nobody asked for it for MADE_MS, unless it `stays`. `owner` is the person whom the
        picture names.
        """
        metadata: Document = {"made_for": made_for}
        if owner:
            metadata["owner"] = owner
        if not stays:
            metadata["delete_at"] = now_ms + MADE_MS
        while True:
            path = await self._write(picture, metadata, now_ms) or await self.find_made(made_for, now_ms)
            if path is not None:
                return path

    async def find_made(self, made_for: str, now_ms: int) -> str | None:
        """Return the path of the picture drawn for this, None if there is none. The picture stays MADE_MS
        longer."""
        query = {"metadata.made_for": made_for}
        found = await self.collection.find_one(query, {"metadata.delete_at": 1})
        if found is None:
            return None
        delete_at = found["metadata"].get("delete_at")
        if delete_at is not None and delete_at < now_ms + MADE_MS - DAY_MS:
            stays = {"$max": {"metadata.delete_at": now_ms + MADE_MS}}
            renewed = await self.collection.update_one({"_id": found["_id"], **query}, stays)
            if not renewed.matched_count:
                return None
        return ROUTE + str(found["_id"])

    async def supersede(self, made_for: Document, now_ms: int) -> None:
        """Let the pictures that were drawn for this be deleted soon: newer pictures take their places."""
        soon = {"$min": {"metadata.delete_at": now_ms + SUPERSEDED_MS}}
        await self.collection.update_many({"metadata.made_for": made_for}, soon)

    async def take(self, address: str, owner: str | None, now_ms: int) -> str | None:
        """Return the path of the owner's upload that a URL or path names, on any host; None if it names none.

        With None as owner it may be anybody's upload. The upload stays for UNUSED_MS more: long enough to
        save or delete the task that uses it.
        """
        return await self._use(address, owner, {"$max": {"metadata.delete_at": now_ms + UNUSED_MS}})

    async def keep(self, address: str, owner: str | None) -> str | None:
        """Do as `take` does, but the upload stays for good."""
        return await self._use(address, owner, {"$set": {"metadata.kept": 1}})

    async def _use(self, address: str, owner: str | None, changes: Document) -> str | None:
        path = path_of(address)
        if path is None:
            return None
        query = {
            "_id": path.removeprefix(ROUTE),
            "metadata.file_id": {"$exists": True},
            "metadata.refused": {"$exists": False},
            **({} if owner is None else {"metadata.owner": owner}),
        }
        return path if (await self.collection.update_one(query, changes)).matched_count else None

    async def refuse(self, path: str, owner: str, now_ms: int) -> None:
        """Show the owner's upload to operators alone, and delete it soon unless a task or a person has it."""
        await self.collection.update_one(
            {"_id": path.removeprefix(ROUTE), "metadata.file_id": {"$exists": True}, "metadata.owner": owner},
            {"$set": {"metadata.refused": 1, "metadata.delete_at": now_ms}, "$unset": {"metadata.kept": ""}},
        )

    async def renew(self, names: list[str], now_ms: int) -> None:
        """Keep these files for UNUSED_MS more."""
        later = {"$max": {"metadata.delete_at": now_ms + UNUSED_MS}}
        await self.collection.update_many({"_id": {"$in": names}}, later)

    async def is_upload(self, path: str) -> bool:
        """Whether somebody uploaded the picture at a path of ours; we drew all other pictures."""
        query = {"_id": path.removeprefix(ROUTE), "metadata.file_id": {"$exists": True}}
        return await self.collection.find_one(query, {"_id": 1}) is not None

    async def find(self, name: str) -> File | None:
        """Return the file of this name, which is its path without ROUTE; None if there is none."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        full = name.replace(_THUMBNAIL, "")
        there = {"_id": {"$in": [name, full]}, "metadata.dropped": {"$exists": False}}
        found = await self.collection.find(there, {"length": 1, "metadata": 1}).to_list(2)
        rows = {row["_id"]: row for row in found}
        if name not in rows or full not in rows:
            return None
        return File(
            name=name,
            content_type=_CONTENT_TYPES[match[2]],
            length=rows[name]["length"],
            path=ROUTE + full,
            made_for=rows[full]["metadata"].get("made_for", ""),
            refused="refused" in rows[full]["metadata"],
            kept="kept" in rows[full]["metadata"],
        )

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

    async def due(self, now_ms: int, limit: int) -> tuple[list[Document], list[str]]:
        """Return the records of full files, and the names of thumbnails, that may have to be deleted."""
        due = {"metadata.delete_at": {"$lte": now_ms}}
        rows = await self.in_order(due, "metadata.delete_at", limit, {"metadata": 1})
        thumbnails = [row["_id"] for row in rows if _is_thumbnail(row["_id"])]
        return [row for row in rows if not _is_thumbnail(row["_id"])], thumbnails

    async def spare(self, names: list[str]) -> None:
        """Keep these files until something changes about them."""
        if names:
            await self.rows.update_many({"_id": {"$in": names}}, {"$unset": {"metadata.delete_at": ""}})

    async def drop(self, names: list[str], now_ms: int) -> list[str]:
        """Hide these files from everybody, unless they were used after they fell due; return the names
        hidden."""
        if not names:
            return []
        still_due = {"_id": {"$in": names}, "metadata.delete_at": {"$lte": now_ms}}
        named = {"metadata.file_id": "", "metadata.made_for": ""}
        await self.collection.update_many(still_due, {"$set": {"metadata.dropped": 1}, "$unset": named})
        dropped = self.collection.find({"_id": {"$in": names}, "metadata.dropped": 1}, {"_id": 1})
        return [row["_id"] for row in await dropped.to_list(len(names))]

    async def delete(self, names: list[str]) -> None:
        """Delete pictures. Safe to cut off and repeat, since the records of the full files go last."""
        if not names:
            return
        thumbnails = [_thumbnail_name(name) for name in names]
        await self.collection.delete_many({"_id": {"$in": thumbnails}})
        await self.chunks.delete_many({"files_id": {"$in": [*names, *thumbnails]}})
        await self.collection.delete_many({"_id": {"$in": names}})

    async def delete_cut_off(self, thumbnails: list[str]) -> None:
        """Delete all remains of uploads that were cut off; spare the thumbnails of whole uploads."""
        full = [name.replace(_THUMBNAIL, "") for name in thumbnails]
        rows = await self.collection.find({"_id": {"$in": full}}, {"_id": 1}).to_list(len(full))
        whole = {_thumbnail_name(row["_id"]) for row in rows}
        await self.spare(sorted(whole))
        for thumbnail, name in zip(thumbnails, full, strict=True):
            if thumbnail not in whole:
                await self._delete_unfinished(name)

    async def _write(self, picture: Picture, metadata: Document, now_ms: int) -> str | None:
        """Write both files; return the path, or None if another file of this name or purpose exists."""
        name = secrets.token_hex(16) + _SUFFIXES[picture.content_type]
        try:
            thumbnail = _thumbnail_name(name)
            made = {"delete_at": now_ms + UNUSED_MS}
            await self.rows.insert_one(_record(thumbnail, picture.thumbnail, made, now_ms))
            await self._write_chunks(thumbnail, picture.thumbnail)
            await self._write_chunks(name, picture.full)
            await self.rows.insert_one(_record(name, picture.full, metadata, now_ms))
        except DuplicateKeyError:
            # If no reply comes, the driver sends a write again. A store that was killed meanwhile does not
            # know that it has done this write, so the other file may be our own.
            if await self.collection.find_one({"_id": name}, {"_id": 1}) is None:
                await self._delete_unfinished(name)
                return None
        return ROUTE + name

    async def _write_chunks(self, name: str, data: bytes) -> None:
        """Write a file's bytes, a chunk at a time.

        GridFS would send them all in one command, and other writes would wait until all bytes are on the
        disk.
        """
        for n, start in enumerate(range(0, len(data), CHUNK_BYTES)):
            chunk = data[start : start + CHUNK_BYTES]
            await self.chunks.insert_one({"files_id": name, "n": n, "data": chunk})

    async def _delete_unfinished(self, name: str) -> None:
        """Delete the rest of an upload whose full file never got its record: first the chunks of both files,
        then the thumbnail's record."""
        thumbnail = _thumbnail_name(name)
        await self.chunks.delete_many({"files_id": {"$in": [name, thumbnail]}})
        await self.collection.delete_one({"_id": thumbnail})


def _record(name: str, data: bytes, metadata: Document, now_ms: int) -> Document:
    return {
        "_id": name,
        "filename": name,
        "length": len(data),
        "chunkSize": CHUNK_BYTES,
        "uploadDate": datetime.fromtimestamp(now_ms / 1000, UTC),
        "metadata": metadata,
    }


def _is_thumbnail(name: str) -> bool:
    return _THUMBNAIL in name


def _thumbnail_name(name: str) -> str:
    return thumbnail_path(ROUTE + name).removeprefix(ROUTE)


def thumbnail_path(path: str) -> str:
    """Return the path of a picture's thumbnail."""
    stem, dot, suffix = path.rpartition(".")
    return f"{stem}{_THUMBNAIL}{dot}{suffix}"


def full_path(path: str) -> str:
    """Return the path of the full picture; `path` is that path, or the path of its thumbnail."""
    return path.replace(_THUMBNAIL, "")


def path_of(address: str) -> str | None:
    """Return the path of the full picture of ours that a URL or path names, else None."""
    try:
        path = urlsplit(address).path
    except ValueError:  # brackets in the host without an address in them
        return None
    match = _NAME.fullmatch(path.removeprefix(ROUTE))
    return path if path.startswith(ROUTE) and match is not None and match[1] is None else None
