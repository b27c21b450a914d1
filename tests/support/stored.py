"""Reads documents from MongoDB, to compare them before and after."""

import bson

from server.context import Context
from server.store.people.people import Person
from support.client import Someone
from support.purse import all_documents


async def everything(context: Context) -> dict[str, list[str]]:
    """Return all documents by collection, except those of WeChat's sandbox."""
    database = context.store.database
    return {
        name: sorted([repr(document) async for document in database[name].find()])
        for name in await database.list_collection_names()
        if not name.startswith("sandbox")
    }


async def naming(context: Context, *texts: str) -> list[str]:
    """Return each collection that has one of these texts in a field, with the text; not the sandbox's."""
    holding = []
    for name, documents in (await all_documents(context)).items():
        if "sandbox" not in name:
            raw = b"".join(bson.encode(document) for document in documents)
            holding += [f"{name}: {text}" for text in texts if text.encode() in raw]
    return sorted(holding)


async def person_of(context: Context, someone: Someone) -> Person:
    """Return a person's record."""
    person = await context.store.people.find(someone.id)
    assert person is not None
    return person


async def stored_files(context: Context) -> int:
    return await context.store.files.collection.count_documents({})


async def let_files_age(context: Context, milliseconds: int) -> None:
    """Bring the time at which each file may be deleted nearer."""
    await context.store.files.rows.update_many(
        {"metadata.delete_at": {"$exists": True}}, {"$inc": {"metadata.delete_at": -milliseconds}}
    )
