"""What MongoDB holds, to compare before and after."""

from __future__ import annotations

from server.context import Context


async def everything(context: Context) -> dict[str, list[str]]:
    """Return all documents by collection, except those of WeChat's sandbox."""
    database = context.store.database
    return {
        name: sorted([repr(document) async for document in database[name].find()])
        for name in await database.list_collection_names()
        if not name.startswith("sandbox")
    }


async def stored_files(context: Context) -> int:
    return await context.store.files.collection.count_documents({})
