"""The story of an ended task: who dug which level, and what came of it, in one small reply."""

import asyncio
import time
from collections import Counter
from typing import get_args

import msgspec

from handlers.base import Interface, Reply
from handlers.digging.cards import picture_url
from handlers.parameters import TaskRequest
from handlers.reviews.shown import require_shown
from server.context import Context
from server.errors import NotEnded, Unavailable
from server.game.amounts import FEN_PER_YUAN
from server.game.dig import Dig
from server.game.task import Task
from server.realtime.frames import Sign

MOST_LEVELS = 1000  # of a deeper task, the deepest
MOST_PEOPLE = 140  # with names of forty emoji, they take most of the 60 KB of a reply
# As for proofs: after each query, the store is left to others for REST_TIMES times as long as it took.
DIGS_A_READ = 100
REST_TIMES = 2
SIGNS: tuple[str, ...] = get_args(Sign)


class StoryPerson(msgspec.Struct):
    """Who dug, and how many of the levels shown; `no` is their place among the participants."""

    no: int
    wxname: str
    wxheadpic: str
    digs: int


class GetStoryReply(Reply, kw_only=True):
    """The levels from `first` on, at most 1,000, and at most 140 of the people who dug them: winners and
    those with most digs first. `no` is the caller's place, 0 if they did not dig there.

    The lists of numbers have one for each level. `who` is the digger's `no`; `won` is 0, or the rank of the
    prize (see `getDigs`) plus 1; `fen` is what it pays; `thanks` is the number of the winner's sign, from 1,
    in the order of the channel's cheers, and 0 without thanks.
    """

    no: int
    first: int
    who: list[int]
    finds: list[int]
    won: list[int]
    fen: list[int]
    thanks: list[int]
    people: list[StoryPerson]


class GetStory(Interface, path="/getStory"):
    """The story of an ended task."""

    async def answer(self, request: TaskRequest) -> GetStoryReply:
        """Raises NoSuchTask, NotShown, NotEnded."""
        await self.let_in()
        context = self.context
        code = request.code
        kept = self.context.stories
        task = await context.store.tasks.get(code)
        await require_shown(context, code, task, self.caller.person_id)
        if not task["status"]:
            raise NotEnded("这个宝贝还没有结束，结束后才有它的故事")

        async def read() -> tuple[GetStoryReply, dict[str, int]]:
            if code not in kept:  # somebody before us in the queue may have read it
                kept[code] = await _read(context, task)
            found: tuple[GetStoryReply, dict[str, int]] = kept[code]
            return found

        story, places = await context.story_reads.answered(read, None)
        return msgspec.structs.replace(story, no=places.get(self.caller.person_id, 0))


async def _read(context: Context, task: Task) -> tuple[GetStoryReply, dict[str, int]]:
    code = task["_id"]
    last = task["now_depth"]
    first = max(1, last - MOST_LEVELS + 1)
    digs: list[Dig] = []
    for before in range(last + 1, first, -DIGS_A_READ):
        began = time.monotonic()
        found, _ = await context.store.digs.before(code, before, min(DIGS_A_READ, before - first))
        digs += found
        await asyncio.sleep(REST_TIMES * (time.monotonic() - began))
    at_depth = {dig["depth"]: dig for dig in digs}
    if len(at_depth) < last + 1 - first:  # read while digs moved, or from a server that lags
        raise Unavailable
    in_order = [at_depth[depth] for depth in range(first, last + 1)]
    signs = await context.store.prizes.thanks(code)
    dug = Counter(dig["no"] for dig in in_order)
    winners = {dig["no"] for dig in in_order if dig["is_prize"]}
    newest = {dig["no"]: dig for dig in in_order}
    shown = sorted(newest, key=lambda no: (no not in winners, -dug[no], no))[:MOST_PEOPLE]
    uniform_fen = 0 if task.get("ranks") else task["money"] * FEN_PER_YUAN
    story = GetStoryReply(
        no=0,
        first=first,
        who=[dig["no"] for dig in in_order],
        finds=[dig.get("find", 0) for dig in in_order],
        won=[dig["is_prize"] and dig.get("rank", 0) + 1 for dig in in_order],
        fen=[dig["is_prize"] and dig.get("fen", uniform_fen) for dig in in_order],
        thanks=[SIGNS.index(signs[dig["depth"]]) + 1 if dig["depth"] in signs else 0 for dig in in_order],
        people=[
            StoryPerson(no, newest[no]["wxname"], picture_url(context, newest[no]["wxheadpic"]), dug[no])
            for no in shown
        ],
    )
    return story, {dig["person_id"]: dig["no"] for dig in in_order}
