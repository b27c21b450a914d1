"""The proof of an ended task's draw, a page of its digs at a time."""

import msgspec

from handlers.base import Interface
from handlers.parameters import Code, Page
from server.actions.digging.prove import prove
from server.game import draw


class GetProofRequest(msgspec.Struct):
    """Needs no login."""

    code: Code
    page: Page = 1


class GetProofReply(draw.Proof, frozen=True, kw_only=True):
    """All that recomputing the draw needs. `seed` and `commitment` are hex; `params` is hashed as it is.

    `winning_ranks` and `winning_fen` are of the prizes at `winning_depths`; `[]` if there are no ranks. A
    page has 500 digs. To get the whole proof, put the digs of all pages, `dug` of them, into one reply.
    """

    status: int = 0
    msg: str = ""


class GetProof(Interface, path="/getProof"):
    """The proof of an ended task's draw."""

    gives = (GetProofReply,)
    explained = (draw.__doc__ or "").split("\n\n")[2:]

    async def answer(self, request: GetProofRequest) -> bytes:
        """However many digs there are, a page costs the same. Raises what `prove` raises."""
        asked = (request.code, request.page)
        kept = self.context.proof_pages

        async def read() -> bytes:
            if asked not in kept:  # somebody before us in the queue may have read it
                proof = await prove(self.context, *asked)
                kept[asked] = msgspec.json.encode(GetProofReply(**msgspec.structs.asdict(proof)))
            return kept[asked]

        return kept[asked] if asked in kept else await self.context.proof_reads.answered(read)
