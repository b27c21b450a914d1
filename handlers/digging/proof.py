"""The proof of an ended task's draw, a page of its digs at a time."""

from __future__ import annotations

import msgspec
from cachetools import LRUCache

from handlers.base import Interface
from handlers.parameters import Code, Page
from server.actions.digging.prove import prove
from server.context import Context, per_context
from server.game import draw
from server.runtime.page_reads import PageReads

KEPT_BYTES = 8 << 20


@per_context
def pages_of(_: Context) -> LRUCache[tuple[str, int], bytes]:
    """The pages of proofs that this process has read, by task and number, as replies. They never change."""
    return LRUCache(KEPT_BYTES, len)


@per_context
def reads_of(_: Context) -> PageReads:
    """The queue of requests that read a page. A page is large: it keeps MongoDB as busy as ten digs do."""
    return PageReads("proofs", at_once=1)


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


class GetProof(Interface):
    """The proof of an ended task's draw."""

    path = "/getProof"
    gives = (GetProofReply,)

    async def answer(self, request: GetProofRequest) -> bytes:
        """However many digs there are, a page costs the same. Raises what `prove` raises."""
        asked, kept = (request.code, request.page), pages_of(self.context)

        async def read() -> bytes:
            if asked not in kept:  # somebody before us in the queue may have read it
                proof = await prove(self.context, *asked)
                kept[asked] = msgspec.json.encode(GetProofReply(**msgspec.structs.asdict(proof)))
            return kept[asked]

        return kept[asked] if asked in kept else await reads_of(self.context).answered(read)
