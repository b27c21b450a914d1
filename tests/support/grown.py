"""Fills a database as if many people had played for months, and two people more than anybody else."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from bson import ObjectId
from pymongo.database import Database

from server.store.digging.digs import stored

Document = dict[str, Any]
DAY_MS = 86_400_000
BATCH = 1_000
# The goods have this many prizes; others have one or two.
WINNERS = 220


class Size(NamedTuple):
    """How many there are. One person has `own_digs`; of all else, one publisher or one person has `own`."""

    people: int
    tasks: int
    digs: int
    prizes: int
    visits: int
    own_digs: int
    own: int


SMALL = Size(people=500, tasks=375, digs=1_000, prizes=600, visits=300, own_digs=375, own=300)
HEAVY = Size(
    people=200_000, tasks=50_000, digs=1_000_000, prizes=100_000, visits=310_000, own_digs=20_000, own=10_000
)
# The embedded store would need hours for all that, since it reads whole collections: sixteen times SMALL.
HEAVY_EMBEDDED = Size(
    people=8_000, tasks=6_000, digs=16_000, prizes=9_600, visits=6_400, own_digs=6_000, own=4_800
)


class Cast(NamedTuple):
    """Who has much, by id, and the treasures that documents are copied from."""

    publisher: str
    digger: str
    goods: str
    packet: str


def _name(number: int) -> str:
    return f"P{number:010d}"


def _code(number: int) -> str:
    return f"G{number:011d}"


def _dug_ms(now_ms: int, number: int) -> int:
    return now_ms - number * 60_000


def grow(
    database: Database[Document], size: Size, cast: Cast, now_ms: int, seal: Callable[[str], Document]
) -> None:
    """Write it all, as copies of what `cast` left in the database. `seal` makes the address of a prize."""
    _copy(database, "people", size.people, lambda at: {
        "_id": _name(at), "openid": f"o{at}", "unionid": f"u{at}", "created_at": now_ms - at,
    })  # fmt: skip
    _tasks(database, size, cast, now_ms)
    _digs(database, size, cast, now_ms)
    _prizes(database, size, cast, now_ms, seal)
    busy = {"code": cast.goods}
    _copy(database, "visits", size.visits, lambda at: _visit(size, cast, at, now_ms))
    _copy(database, "follows", min(size.own, 1000), lambda at: {
        "_id": f"{_name(at)}:{cast.digger}", "publisher": _name(at), "follower": cast.digger, "at": at,
    })  # fmt: skip
    _copy(database, "reports", size.own, lambda at: {
        "_id": f"{_code(at)}:{cast.digger}", "code": _code(at), "person_id": cast.digger, "at": now_ms - at,
    })  # fmt: skip
    _copy(database, "reports", size.own, lambda at: busy | {
        "_id": f"{cast.goods}:{_name(at)}", "person_id": _name(at), "at": now_ms - at, "open": 1, "counts": 1,
    })  # fmt: skip
    paid = {"orders": {"publisher": cast.publisher}, "bills": {"person_id": cast.digger}}
    for collection, who in paid.items():
        _copy(database, collection, size.own, partial(_payment, who, now_ms))
    _copy(database, "audit_log", size.own, lambda at: busy | {"_id": ObjectId(), "at": now_ms - at})
    _copy(database, "messages", size.own, lambda at: {
        "_id": f"message{at}", "person_id": cast.digger, "created_at": now_ms - at,
    })  # fmt: skip


def _payment(who: Document, now_ms: int, at: int) -> Document:
    made = {"_id": f"number{at}", "code": _code(at), "created_at": now_ms - at * DAY_MS}
    return made | who | {"transaction_id": f"t{at}"}


def _tasks(database: Database[Document], size: Size, cast: Cast, now_ms: int) -> None:
    """Half of the publisher's treasures run, or wait for their payment; all others ended a week to 44 days
    ago."""

    def task(at: int) -> Document:
        opened_at = now_ms - (8 + at % 36) * DAY_MS - at
        fields = {"_id": _code(at), "created_at": opened_at, "opened_at": opened_at, "open": 1}
        fields |= {"is_public": 1, "publisher": cast.publisher if at < size.own else _name(at % size.people)}
        if at % 2 == 0 or at >= size.own:
            return fields | {"status": 1, "ended_at": opened_at + DAY_MS, "end_reason": "expired"}
        unpaid = {"open": 0, "created_at": now_ms - at} if at % 4 == 3 else {}
        return fields | {"status": 0, "ended_at": 0, "end_reason": "", **unpaid}

    _copy(database, "tasks", size.tasks, task, like={"_id": cast.packet}, without=("last_dig", "due_at"))
    many = {"now_depth": size.own, "participants": size.own, "prize_num": WINNERS, "prizes_left": 0}
    # A process that watches it would read all digs anew if the newest were another than is told here.
    last = {"last_dig.depth": size.own, "last_dig.at": _dug_ms(now_ms, size.own - 1), "last_dig.cd_until": 0}
    last["cd_until"] = 0
    database.tasks.update_one({"_id": cast.goods}, {"$set": many | last, "$unset": {"pending": ""}})


def _digs(database: Database[Document], size: Size, cast: Cast, now_ms: int) -> None:
    """Each dig joins a treasure. The goods have many participants; the digger won as often as `own` says."""
    made = database.digs.find_one({"code": cast.packet})
    assert made is not None

    def dig(code: str, depth: int, who: str, at: int) -> Document:
        fields = {"_id": f"{code}:{depth}", "code": code, "depth": depth, "n": depth, "no": depth}
        fields |= {"person_id": who, "dig_id": "", "at": _dug_ms(now_ms, at), "cd_until": 0, "is_prize": 0}
        fields |= {"find": at % 48 + 1}
        return {**made, **fields}

    def digs() -> Iterator[Document]:
        for at in range(size.digs):
            code = _code(at % size.tasks)
            depth = 1 + at // size.tasks
            number = at % size.tasks
            who = cast.digger if at < size.own_digs else _name((number + 31 * depth) % size.people)
            yield dig(code, depth, who, at) | {"is_prize": int(at < size.own)}
        for at in range(1, size.own):
            yield dig(cast.goods, 1 + at, _name(at), at) | {"is_prize": int(at < WINNERS)}

    _insert(database, "digs", (stored(each) for each in digs()))  # type: ignore[arg-type]


def _prizes(
    database: Database[Document], size: Size, cast: Cast, now_ms: int, seal: Callable[[str], Document]
) -> None:
    """The digger won the first prize of each of the publisher's treasures. Every other prize is goods."""

    def prize(at: int) -> Document:
        number = at % size.own
        depth = 1 + at // size.own
        who = cast.digger if depth == 1 else _name(number + 31 * depth)
        return _prize(_code(number), depth, who, at, now_ms) | {"publisher": cast.publisher}

    _copy(database, "prizes", size.prizes // 2, lambda at: prize(2 * at), {"code": cast.goods})
    _copy(database, "prizes", size.prizes // 2, lambda at: prize(2 * at + 1), {"code": cast.packet})

    def of_goods(at: int) -> Document:
        made = _prize(cast.goods, 2 + at, _name(1 + at), size.prizes + at, now_ms)
        return made | {"address_box": seal(made["_id"])}

    _copy(database, "prizes", WINNERS - 1, of_goods, {"code": cast.goods})


def _prize(code: str, depth: int, who: str, at: int, now_ms: int) -> Document:
    state = ("won", "given", "claiming", "given")[at // 2 % 4]
    claimed = now_ms - at * 60_000 if state != "won" else 0
    times = {"won_at": now_ms - at, "claimed_at": claimed, "given_at": claimed * (state == "given")}
    fields = {"_id": f"{code}:{depth}", "code": code, "depth": depth, "person_id": who}
    return fields | times | {"state": state}


def _visit(size: Size, cast: Cast, at: int, now_ms: int) -> Document:
    code, who = (_code(at), cast.digger) if at % 2 else (cast.goods, _name(at))
    fields = {"_id": f"{code}:{who}", "code": code, "person_id": who}
    return fields | {"sharer": cast.digger, "opened_at": now_ms - at}


def _copy(
    database: Database[Document],
    collection: str,
    number: int,
    fields: Callable[[int], Document],
    like: Document | None = None,
    without: tuple[str, ...] = (),
) -> None:
    made = database[collection].find_one(like or {})
    assert made is not None, f"nobody left anything in {collection}"
    kept = {name: value for name, value in made.items() if name not in without}
    _insert(database, collection, ({**kept, **fields(at)} for at in range(number)))


def _insert(database: Database[Document], collection: str, documents: Iterator[Document]) -> None:
    batch: list[Document] = []
    for document in documents:
        batch.append(document)
        if len(batch) == BATCH:
            database[collection].insert_many(batch, ordered=False)
            batch = []
    if batch:
        database[collection].insert_many(batch, ordered=False)
