"""The mark of a whole layer of finds, which others see beside a person's name."""

from server.context import Context
from server.store.people.people import Person


async def note_layers(context: Context, person: Person, layers: int) -> None:
    """Note that so many layers are whole in a person's book. Their digs show it from now on."""
    if layers > person.get("layers", 0):
        await context.store.people.note_layers(person["_id"], layers)
