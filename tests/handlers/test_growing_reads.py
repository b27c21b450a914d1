"""However much is stored, a request examines only some documents for each that it returns.

`python bench/growth.py --heavy` runs this with a million digs.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, ClassVar

import httpx
import msgspec
import pytest
from pymongo import MongoClient

from handlers import base
from server.runtime import page_reads
from server.store import Store
from support.client import ADDRESS, Client, Someone
from support.examined import Examined, Rules, explained
from support.grown import HEAVY, HEAVY_EMBEDDED, SMALL, Cast, grow
from support.interfaces import ALL
from support.messages import MESSAGES
from support.operators import operator
from support.plans import explainable
from support.trips import Trips

# How many documents a request may examine: for each object in its reply, and besides.
EACH = 20
BESIDES = 200
# How many keys of an index it may pass over or count besides, without reading their documents.
KEYS = 50_000
LAST_PAGE = 500

log = logging.getLogger(__name__)


def reads_of(cast: Cast) -> dict[str, list[dict[str, Any]]]:
    """Return what is asked of each interface that reads."""
    code = {"code": cast.goods}
    pages: list[dict[str, Any]] = [{}, {"page": LAST_PAGE}]
    people = [code | {"depth": 0}, {"code": cast.packet, "depth": 1}]
    return {
        "/getTaskList": [*({"page": page} for page in (1, LAST_PAGE)), {"kind": "by_mail"},
                         {"name": "一个"}, {"upcoming": 1}],
        "/getDaily": [{"days": 1}],
        "/getTaskDetails": [code, code | {"is_share": 1, "from_unionid": cast.digger}],
        "/commitment": [{}],
        "/getTaskUser": [code, {}, code | {"page": 20}],
        "/getDigs": [code, code | {"before": 300}, code | {"won": 1}],
        "/getMyInfo": [{}],
        "/getMyRelease": pages,
        "/getMyPartake": pages,
        "/getMyDigs": pages,
        "/getMyFinds": [{}],
        "/getMyPrize": pages,
        "/getProof": [{"code": cast.packet}],
        "/getStory": [{"code": cast.packet}],
        "/getWinners": [code, code | {"page": 1}, code | {"page": 3, "wanted": "to_send"}],
        "/getStatement": [code],
        "/getTemplates": [{}],
        "/getTexts": [{}],
        "/getRules": [code],
        "/getPublisher": [{"publisher_id": cast.publisher, "page": page} for page in (1, LAST_PAGE)],
        "/getMyFollows": pages,
        "/ops/me": [{}],
        "/ops/list": [{"of": of} for of in ("hidden", "unpaid", "held", "featured")],
        "/ops/money": [{}],
        "/ops/task": [code],
        "/ops/timeline": [code | {"of": "task"}, code | {"of": "prize", "depth": 1},
                          *({"of": "person", **person} for person in people)],
        "/ops/reports": [{}],
        "/ops/person": people,
        "/ops/paid": [{"code": cast.packet, "depth": 1}],
        "/ops/payouts": [{}],
        "/ops/log": [{}, {"about": cast.goods}],
        "/ops/reviews": [{}],
    }  # fmt: skip


class TestWithMuchStored:
    ENVIRONMENT: ClassVar = {**MESSAGES, "OPS_TOKEN": "only the tests know it"}

    @pytest.fixture
    def trips(self, monkeypatch: pytest.MonkeyPatch) -> list[Trips]:
        """The commands of each process, without a limit of time: SecantusDB reads more than MongoDB would."""
        counted = list[Trips]()

        def store(*args: Any, **options: Any) -> Store:
            counted.append(Trips())
            return Store(*args, **options, listeners=[counted[-1]], limited=False)

        monkeypatch.setattr("server.context.Store", store)
        return counted

    @pytest.mark.gen_test(timeout=7200)
    async def test_no_request_examines_more_than_ten_documents_for_each_it_returns(
        self, client, settings, trips, tested_store, kept_databases, alice, bob, elsewhere, monkeypatch
    ):
        monkeypatch.setattr(page_reads.PageReads, "answered", at_once)
        monkeypatch.setattr(base, "ANSWER_SECONDS", 600.0)
        elsewhere.http.timeout = httpx.Timeout(600)
        cast = await play(client, alice, bob)
        sent = trips[-1]  # of `elsewhere`: the other process watches treasures, and polls them meanwhile
        if kept_databases:
            kept_databases.keep_lent()  # emptying it would take longer than preparing another
        context = elsewhere.context
        with MongoClient[dict[str, Any]](settings.mongodb_uri) as unlimited:
            database = unlimited.get_default_database()
            size = SMALL
            share = 4  # a quarter of each limit does for the small store, and shows growth sooner
            if "GROWN" in os.environ:
                share = 1
                size = HEAVY_EMBEDDED if tested_store else HEAVY
            seal = partial(context.keys.seal, "address", msgspec.json.encode(ADDRESS))
            await asyncio.to_thread(grow, database, size, cast, context.clock.now_ms(), seal)
            await operator(elsewhere)
            reads = reads_of(cast)
            paths = {each.path for each in ALL if each.method == "GET"}
            assert reads.keys() == paths - {"/userLogin"}
            rules = Rules(database, context.store.indexes())
            look = rules.examined if tested_store else lambda query: explained(database, query)
            too_many = []
            for path, several in reads.items():
                for asked in several:
                    for who in (alice, bob)[: 2 if path.startswith("/getMy") else 1]:
                        sent.commands.clear()
                        reply = await Someone(elsewhere, who.unionid, who.token, {}).get(path, **asked)
                        assert reply["status"] == 0, (path, asked, reply)
                        counted = await asyncio.to_thread(count, [*sent.commands], look)
                        most = (BESIDES + EACH * objects(reply)) // share
                        row = f"{path} {asked} {reply.get('error', '')}: {objects(reply)} objects, {counted}"
                        log.info("examined: %s", row)
                        if counted["documents"] > most or counted["keys"] > most + KEYS:
                            too_many.append(row)
        assert too_many == []


async def at_once(_: page_reads.PageReads, read: Callable[[], Awaitable[Any]], __: float | None = 0) -> Any:
    return await read()


def count(commands: list[Mapping[str, Any]], look: Callable[[dict[str, Any]], Examined]) -> Examined:
    """Return what these commands examined, added up."""
    queries = [query for command in commands for query in explainable(next(iter(command)), command)]
    return sum(map(look, queries), Examined())


def objects(value: Any) -> int:
    """Return how many objects are in a reply."""
    if isinstance(value, list):
        return sum(map(objects, value))
    return 1 + sum(map(objects, value.values())) if isinstance(value, dict) else 0


async def play(client: Client, alice: Someone, bob: Someone) -> Cast:
    """Leave at least one document of each kind that `grow` copies."""
    carol = await client.log_in("carol")
    prizes = {"prize_num": 2, "forecast_num": 2, "interval": 1, "fluctuation": 0}
    goods = await alice.publish(draw_type=2, is_public=1, **prizes)
    packet = await alice.won_packet(bob)
    await bob.take(packet)
    await bob.win(goods)
    publisher_id = (await bob.get("/getTaskDetails", code=goods))["publisher_id"]
    await operator(client)
    hidden = {"code": goods, "reason": "看看"}
    for reply in (
        await bob.claim(goods, **ADDRESS),
        await carol.get("/getTaskDetails", code=goods, is_share=1, from_unionid=bob.unionid),
        await carol.post("/report", code=goods, reason="fraud"),
        await carol.post("/follow", publisher_id=publisher_id),
        await client.post("/ops/hide", hidden=1, **hidden),
        await client.post("/ops/hide", hidden=0, **hidden),
    ):
        assert reply["status"] == 0, reply
    await client.rest()
    return Cast(publisher=alice.id, digger=bob.id, goods=goods, packet=packet)
