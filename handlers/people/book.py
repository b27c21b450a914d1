"""The book of finds (地层图鉴): what a person's digs brought up."""

import msgspec

from handlers.base import Interface, Reply, of_document
from handlers.parameters import PersonRequest
from server.actions.people.account import note_layers
from server.game.draw import whole_layers


class FoundRow(msgspec.Struct):
    """A find, with the time (unix ms) and the task of the first dig that brought it up."""

    find: int
    at: int
    code: str


class GetMyFindsReply(Reply, kw_only=True):
    """Each find once, in their order. `layers` is how many layers are whole, which others see from now on."""

    layers: int
    data: list[FoundRow]


class GetMyFinds(Interface, path="/getMyFinds"):
    """The caller's book of finds."""

    async def answer(self, request: PersonRequest) -> GetMyFindsReply:
        person = await self.let_in()
        store = self.context.store
        found = await store.page_reads.answered(lambda: store.digs.book(self.caller.person_id), None)
        layers = whole_layers(row["find"] for row in found)
        await note_layers(self.context, person, layers)
        return GetMyFindsReply(layers=layers, data=[of_document(FoundRow, row) for row in found])
