"""The proof of an ended task's draw, a page of its digs at a time."""

from __future__ import annotations

import msgspec

from handlers.base import Interface, Reply
from handlers.parameters import Code, Page
from server.actions.digging.prove import prove
from server.context import Context, per_context
from server.game import draw
from server.memory.known_proofs import KnownProofs


@per_context
def proofs_of(_: Context) -> KnownProofs:
    """The pages of finished proofs that this process has read."""
    return KnownProofs()


class GetProofRequest(msgspec.Struct):
    """Needs no login."""

    code: Code
    page: Page = 1


class GetProofReply(Reply, kw_only=True):
    """All that recomputing the draw needs. `seed` and `commitment` are hex; `params` is hashed as it is.

    `winning_ranks` and `winning_fen` are of the prizes at `winning_depths`; `[]` if there are no ranks. A
    page has 500 digs. To get the whole proof, put the digs of all pages, `dug` of them, into one reply.
    """

    seed: str
    params: str
    commitment: str
    winning_depths: list[int]
    winning_ranks: list[int]
    winning_fen: list[int]
    dug: int
    digs: list[draw.ProvedDig]


class GetProof(Interface):
    """The proof of an ended task's draw."""

    path = "/getProof"
    gives = (GetProofReply,)

    async def answer(self, request: GetProofRequest) -> bytes:
        """However many digs there are, a page costs the same. Raises what `prove` raises."""

        async def read() -> bytes:
            proof = await prove(self.context, request.code, request.page)
            return msgspec.json.encode(GetProofReply(**msgspec.structs.asdict(proof)))

        return await proofs_of(self.context).page(request.code, request.page, read)
