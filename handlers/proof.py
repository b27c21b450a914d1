"""The proof of an ended task's draw."""

from __future__ import annotations

import msgspec

from handlers.base import Interface, Reply
from handlers.parameters import Code
from server import draw
from server.errors import NoSuchTask, NotEnded


class GetProofRequest(msgspec.Struct):
    """Needs no login."""

    code: Code


class GetProofReply(Reply, kw_only=True):
    """All that recomputes the draw. `seed` and `commitment` are hex, `params` the very string hashed."""

    seed: str
    params: str
    commitment: str
    winning_depths: list[int]
    digs: list[draw.ProvedDig]


class GetProof(Interface):
    """The proof of an ended task's draw."""

    path = "/getProof"
    takes = (GetProofRequest,)
    gives = (GetProofReply,)

    async def answer(self, request: GetProofRequest) -> Reply:
        """Open the seed, once the task has ended."""
        store = self.context.store
        task = await store.tasks.find(request.code)
        if task is None:
            raise NoSuchTask
        if not task["status"]:
            raise NotEnded
        seed = self.context.keys.open("seed", await store.tasks.seed_box(request.code), request.code)
        rules = msgspec.json.decode(task["params"], type=draw.Rules)
        digs = [draw.ProvedDig(d["depth"], d["is_prize"]) for d in await store.digs.outcomes(request.code)]
        if len(digs) < task["now_depth"] and "last_dig" in task:  # the newest may stand in the task alone
            digs.append(draw.ProvedDig(task["last_dig"]["depth"], task["last_dig"]["is_prize"]))
        return GetProofReply(
            seed=seed.hex(),
            params=task["params"],
            commitment=task["commitment"],
            winning_depths=draw.winning_depths(seed, rules),
            digs=digs,
        )
