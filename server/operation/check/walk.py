"""Every method of the store, called once on a seeded database that nobody needs afterwards.

A method that is not called here fails a test. The calls do not depend on each other's results: if a
database refuses one, the others are still tried.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias, cast

from server.game import bill, refund
from server.game.amounts import DAY_MS
from server.game.proof import Progress
from server.game.sealed import Sealed
from server.operation.check.messages import MESSAGES
from server.operation.check.payouts import PAYOUTS
from server.operation.check.reviews import REVIEWS
from server.operation.check.seeds import (
    NOW,
    TASKS,
    a_bill,
    a_dig,
    a_person,
    a_prize,
    a_refund,
    a_task,
    a_visit,
    an_order,
    code_of,
    person_of,
)
from server.pictures.decode import Picture
from server.store import Store
from server.store.alarms import AlarmRecord
from server.store.audit_log import Actor
from server.store.boxes import PLACES
from server.store.documents import Documents
from server.store.gauges import MoneyGauges
from server.store.page_reads import PageReads
from server.store.people import Ban
from server.store.pipelines import begins_with
from server.store.reports import Report
from server.store.square import Wanted

Call: TypeAlias = Callable[[Store], Awaitable[Any]]

_NEW = TASKS + 1
_ONE, _NEXT, _WHO = code_of(1), code_of(2), person_of(2)
_PRIZE, _ORDER, _BILL, _REFUND = f"{_ONE}:1", f"O{_ONE}", f"B{_ONE}", f"NO{_ONE}"
_POSTER = f"poster:{_ONE}:{_WHO}"
_PICTURE = Picture(b"full", b"thumbnail", "image/png", 1, 1)

_SEALED = Sealed(key="check", box=b"check")
_BAN = Ban(reason="check", at=NOW, until=0)
_REPORT = cast(
    Report,
    {"_id": f"{_ONE}:{_WHO}", "code": _ONE, "unionid": _WHO, "reason": "other", "text": "", "counts": 1}
    | {"at": NOW, "open": 1},
)


def _now() -> int:
    return NOW


async def _all(found: AsyncIterator[Any]) -> None:
    async for _ in found:
        pass


async def _uploaded(store: Store) -> None:
    """Save a picture, and read it in each way there is."""
    _, path, _ = await store.files.save(_PICTURE, _WHO, NOW)
    await store.files.take(path, _WHO, NOW)
    await store.files.keep(path, _WHO)
    file = await store.files.find(path.rpartition("/")[2])
    if file is not None:
        await _all(store.files.read(file))
    await store.files.read_path(path)
    await store.files.is_upload(path)
    await store.shown_tasks.hides_picture(path)
    await store.shown_tasks.shows_picture(path)
    await store.files.renew([path.rpartition("/")[2]], NOW)
    await store.files.refuse(path, _WHO, NOW)


def _alarm(end_at: int = 0) -> AlarmRecord:
    fields = {"key": "books", "kind": "books", "code": _ONE, "what": "unpaid", "values": []}
    times = {"begin_at": NOW, "end_at": end_at, "told": 0, "tries": 0, "due_at": NOW}
    return cast(AlarmRecord, {"_id": f"books@{NOW}", **fields, **times})


async def _acted(store: Store) -> None:
    """Write down what an operator does, and what became of it."""
    act = await store.audit_log.begin(NOW, Actor("check", shared=False), "end", _ONE, "check")
    await store.audit_log.conclude(act, "done")


async def _sealed(store: Store) -> None:
    """Look for sealed values of each purpose."""
    for purpose in PLACES:
        await store.boxes.fingerprints(purpose)
        await store.boxes.number(purpose, "check")
        await store.boxes.page(purpose, "check", "")


GAME: tuple[Call, ...] = (
    lambda store: store.tasks.insert(a_task(_NEW)),
    lambda store: store.tasks.find(_ONE),
    lambda store: store.tasks.find_at(_ONE),
    lambda store: store.tasks.find_many([_ONE, _NEXT]),
    lambda store: store.tasks.view(_ONE, _WHO, "dig1"),
    lambda store: store.tasks.record_dig(a_dig(1, 11), 1000),
    lambda store: store.tasks.pending(0),
    lambda store: store.tasks.note_written(_NEXT, 10),
    lambda store: store.tasks.open_paid(_ONE, _ORDER, 1000),
    lambda store: store.tasks.postpone(a_task(1), NOW),
    lambda store: store.tasks.matter_now([_NEXT], 20),
    lambda store: store.tasks.stock(),
    lambda store: store.tasks.positions([_ONE, _NEXT]),
    lambda store: store.tasks.square(1, NOW, 1000),
    lambda store: store.tasks.square(1000, NOW, 1000),
    lambda store: store.tasks.square(1, NOW, 1000, Wanted("by_mail")),
    lambda store: store.tasks.square(1, NOW, 1000, Wanted(name="Check")),
    lambda store: store.tasks.square(1, NOW, 1000, Wanted("red_packet", "Check")),
    lambda store: store.tasks.released(_WHO, 0, 20),
    lambda store: store.tasks.released_number(_WHO),
    lambda store: store.tasks.seed_box(_ONE),
    lambda store: store.tasks.end(_ONE, "operator", "check"),
    lambda store: store.tasks.end(_NEXT, "publisher", undug=True),
    lambda store: store.tasks.finish(_ONE),
    lambda store: store.tasks.delete_unpaid(_ONE),
    lambda store: store.tasks.lease(_NEXT),
    lambda store: _all(store.tasks.lease_due(_now)),
    lambda store: store.digs.insert(a_dig(1, 11)),
    lambda store: store.digs.participants(_NEXT, 1),
    lambda store: store.digs.joins(_NEXT, 1),
    lambda store: store.digs.after(_NEXT, 3, 5),
    lambda store: store.digs.early(_NEXT, 5),
    lambda store: store.digs.numbers(_WHO),
    lambda store: store.digs.tasks_joined(_WHO, 20, 20),
    lambda store: store.digs.tasks_won(_WHO, 0, 20),
    lambda store: store.digs.totals(_NEXT),
    lambda store: store.digs.made_as([f"{_ONE}:{_WHO}:dig1"]),
    lambda store: store.digs.wins(_NEXT),
    lambda store: store.digs.won_codes(_WHO),
    lambda store: store.digs.won_depths(_NEXT),
    lambda store: store.digs.newest(_NEXT, 5),
    lambda store: store.digs.before(_NEXT, 9, 5),
    lambda store: store.digs.before(_NEXT, None, 5),
    lambda store: store.digs.outcomes(_NEXT, 1, 9),
    lambda store: store.proofs.ask(_ONE, NOW),
    lambda store: store.proofs.lease(_ONE),
    lambda store: _all(store.proofs.lease_due(_now)),
    lambda store: store.proofs.find_progress(_ONE),
    lambda store: store.proofs.add_part(_ONE, b"part", Progress(1, 4, 4, 0, b"")),
    lambda store: store.proofs.add_part(_ONE, b"part", Progress(1, 4, 4, 0, b"")),
    lambda store: store.proofs.find_part(_ONE, 0),
    lambda store: store.proofs.release(_ONE, NOW),
    lambda store: store.proofs.complete(_ONE, Progress(1, 4, 4, 0, b"")),
    lambda store: store.proofs.find(_ONE),
)

OPERATION: tuple[Call, ...] = (
    lambda store: store.listed_tasks.search("Check", 20),
    lambda store: store.listed_tasks.search("nobody", 20),
    lambda store: store.listed_tasks.hidden(20),
    lambda store: store.listed_tasks.unpaid(20),
    lambda store: store.listed_tasks.with_money(20),
    lambda store: store.prizes.search_winners("Check", 20),
    lambda store: store.ledger.held_fen([_ONE, _NEXT]),
    lambda store: store.leases.acquire("check", "a", NOW, NOW + 1),
    lambda store: store.leases.release("check", "a"),
    lambda store: store.alarms.begin(_alarm()),
    lambda store: store.alarms.lasting(),
    lambda store: store.alarms.newest(),
    lambda store: store.alarms.change(_alarm()["_id"], ["x"]),
    lambda store: store.alarms.end(_alarm()["_id"], NOW, tell=True),
    lambda store: store.alarms.lease(_alarm()["_id"]),
    lambda store: _all(store.alarms.lease_due(_now)),
    lambda store: store.alarms.try_later(_alarm(NOW), NOW),
    lambda store: store.alarms.note_told(_alarm(NOW)),
    lambda store: store.alarms.note_told(_alarm(NOW + 1)),
    lambda store: store.alarms.give_up(_alarm(NOW)),
    lambda store: store.alarms.delete_old(),
)

PEOPLE: tuple[Call, ...] = (
    lambda store: store.people.save(a_person(90)),
    lambda store: store.people.find(_WHO),
    lambda store: store.people.lock(_WHO),
    lambda store: store.people.of_openid("nobody"),
    lambda store: store.people.find_with_last_opened(_WHO),
    lambda store: store.people.admitting([_WHO]),
    lambda store: store.people.set_profile(_WHO, "check", ""),
    lambda store: store.people.choose(_WHO, "profile:check", "check", None),
    lambda store: store.people.note_submitted(_WHO, 1),
    lambda store: store.people.lease(_WHO),
    lambda store: _all(store.people.lease_due(_now)),
    lambda store: store.people.show_choice(_WHO, 1, "check", None),
    lambda store: store.people.drop_choice(_WHO, 1),
    lambda store: store.people.end_tokens(_WHO, 0),
    lambda store: store.people.ban("nobody", _BAN),
    lambda store: store.people.carry_over(a_person(2), _BAN),
    lambda store: store.people.drop_carried("nobody", _BAN),
    lambda store: store.people.lift_ban("nobody"),
    lambda store: store.people.ended_since(NOW),
    lambda store: store.people.lock_out(a_person(3), "forgotten:check"),
    lambda store: store.people.let_in(person_of(3)),
    lambda store: store.people.begin_moving(person_of(3)),
    lambda store: store.people.delete_forgotten(person_of(3), "forgotten:check"),
    lambda store: store.reports.insert(_REPORT),
    lambda store: store.reports.find(_ONE, _WHO),
    lambda store: store.reports.counting(_ONE, 1, 5),
    lambda store: store.reports.by_people([_WHO], _NEXT, 5),
    lambda store: store.reports.queue(10),
    lambda store: store.reports.waiting_number(NOW),
    lambda store: store.reports.of_task(_ONE, 10),
    lambda store: store.reports.number_by(_WHO),
    lambda store: store.reports.lease(_REPORT["_id"]),
    lambda store: _all(store.reports.lease_due(_now)),
    lambda store: store.reports.finish(_REPORT["_id"]),
    lambda store: store.reports.close_decided(_ONE, 1, "upheld"),
    lambda store: store.visits.open([a_visit(1, 90)]),
    lambda store: store.visits.record_shares([(_ONE, _WHO, person_of(90))]),
    lambda store: store.visits.opened(_ONE, _WHO),
    lambda store: store.visits.of_shares(["share1of2", "nobody"]),
    lambda store: store.visits.share_numbers(_ONE),
    _uploaded,
    lambda store: store.files.save_made(_PICTURE, _POSTER, NOW),
    lambda store: store.files.save_made(_PICTURE, _POSTER, NOW),
    lambda store: store.files.find_made(_POSTER, NOW + 2 * DAY_MS),
    lambda store: store.files.supersede(begins_with(_POSTER), NOW),
    lambda store: store.files.due(NOW + 100 * DAY_MS, 20),
    lambda store: store.files.delete_cut_off([f"{1:032x}_t.png"]),
    lambda store: store.files.spare([f"{1:032x}.png"]),
    lambda store: store.files.drop([f"{1:032x}.png"], NOW),
    lambda store: store.files.delete([f"{1:032x}.png"]),
    lambda store: store.tasks.pictures_among([f"/files/{1:032x}.png"]),
    lambda store: store.people.pictures_among([f"/files/{1:032x}.png"]),
    lambda store: store.visits.delete_old(NOW - DAY_MS, 20),
    lambda store: store.reports.delete_of_task(_NEXT),
    lambda store: store.reports.delete_old(NOW - DAY_MS, 20),
    _acted,
    lambda store: store.audit_log.newest(20),
    lambda store: store.operator_sessions.begin("key", "check", "address", NOW),
    lambda store: store.operator_sessions.find(["key", "other"], NOW),
    lambda store: store.operator_sessions.good(["key"], NOW),
    lambda store: store.operator_sessions.knows(["address", "other"], NOW),
    lambda store: store.operator_sessions.end("key", NOW),
    lambda store: store.access_tokens.lease("appid", None, 0),
    lambda store: store.access_tokens.save("appid", _SEALED, 0),
    lambda store: store.access_tokens.find("appid"),
    lambda store: store.access_tokens.release("appid"),
    _sealed,
    lambda store: store.boxes.replace("seed", [(_ONE, _SEALED, _SEALED)]),
    lambda store: store.meta.name_database(),
    lambda store: store.meta.find(),
    lambda store: store.meta.note_sealing("", "check", 1000),
    lambda store: store.meta.forget_key("check", NOW),
)

MONEY: tuple[Call, ...] = (
    lambda store: store.orders.insert(an_order(_NEW)),
    lambda store: store.orders.find(_ORDER),
    lambda store: store.orders.find_all([_ORDER]),
    lambda store: store.orders.find_live(_ONE),
    lambda store: store.orders.of_task(_ONE),
    lambda store: store.orders.paid_fen(_WHO),
    lambda store: store.orders.ordered_fen(_WHO, 0, NOW),
    lambda store: store.orders.begin_asking(_ORDER, NOW, 1000),
    lambda store: store.orders.save_prepay(_ORDER, "prepay"),
    lambda store: store.orders.note_unknown(an_order(1), NOW),
    lambda store: store.orders.raise_alarm(_ORDER, "CHECK"),
    lambda store: store.orders.alarms(),
    lambda store: store.orders.postpone(an_order(1), NOW),
    lambda store: store.orders.wake("code", [_ONE]),
    lambda store: store.orders.wake("publisher", [_WHO]),
    lambda store: store.orders.lease(_ORDER),
    lambda store: _all(store.orders.lease_due(_now)),
    lambda store: store.orders.mark_paid(_ORDER, 1000, "transaction", "OTHERS", NOW),
    lambda store: store.orders.mark_spent([_ORDER]),
    lambda store: store.orders.mark_unusable(_ORDER),
    lambda store: store.orders.close_expired(_ORDER),
    lambda store: store.orders.mark_closed(_ORDER),
    lambda store: store.orders.finish(an_order(1)),
    lambda store: store.orders.carried_out({**an_order(1), "then": {}}),
    lambda store: store.prizes.insert(a_prize(_NEW)),
    lambda store: store.prizes.find(_PRIZE),
    lambda store: store.prizes.find_won(_ONE, _WHO),
    lambda store: store.prizes.find_pickup(_ONE, "000000"),
    lambda store: store.prizes.of_task(_ONE),
    lambda store: store.prizes.of_winner(_WHO),
    lambda store: store.prizes.number(_ONE),
    lambda store: store.prizes.find_shown(_ONE, _WHO),
    lambda store: store.prizes.begin_claiming(a_prize(1), NOW, NOW),
    lambda store: store.visits.who_brought([_WHO]),
    lambda store: store.visits.sharers_of(_WHO, 10),
    lambda store: store.digs.joined_since(_WHO, 0, 20),
    lambda store: store.digs.depths_of(_ONE, _WHO),
    lambda store: store.prizes.give_by_bill(_PRIZE, 1, NOW),
    lambda store: store.prizes.free_from_bill(_PRIZE, 1, "won"),
    lambda store: store.prizes.give_by_mail(f"{_NEXT}:1", _SEALED, NOW),
    lambda store: store.prizes.replace_address(f"{_NEXT}:1", _SEALED, 0),
    lambda store: store.prizes.mark_sent(f"{_NEXT}:1", "check", "check", NOW, NOW),
    lambda store: store.prizes.change_parcel(f"{_NEXT}:1", "check", "check", 0),
    lambda store: store.prizes.await_arrival(f"{_NEXT}:1", NOW),
    lambda store: store.prizes.receive(f"{_NEXT}:1", NOW),
    lambda store: store.prizes.find_old_address(NOW),
    lambda store: store.prizes.delete_old_addresses(NOW, 1),
    lambda store: store.prizes.await_pickup(f"{code_of(3)}:1", "000000", NOW),
    lambda store: store.prizes.give_on_site(f"{code_of(3)}:1", NOW),
    lambda store: store.prizes.begin_expiring(code_of(4), NOW),
    lambda store: store.prizes.return_expired(code_of(4)),
    lambda store: store.prizes.finish(a_prize(4)),
    lambda store: store.prizes.lease(_PRIZE),
    lambda store: _all(store.prizes.lease_due(_now)),
    lambda store: store.pickups.begin_try(_ONE),
    lambda store: store.pickups.begin_try(_ONE),
    lambda store: store.pickups.excuse(_ONE, locked_by_it=False),
    lambda store: store.pickups.excuse(_ONE, locked_by_it=True),
    lambda store: store.pickups.forgive(_ONE, locked_by_it=False),
)

BOOKS: tuple[Call, ...] = (
    lambda store: store.bills.insert(a_bill(_NEW)),
    lambda store: store.bills.find(_BILL),
    lambda store: store.bills.of_task(_ONE),
    lambda store: store.bills.raise_alarm(_BILL, "CHECK"),
    lambda store: store.bills.alarms(),
    lambda store: store.bills.move(_BILL, bill.sending()),
    lambda store: store.bills.move(_BILL, bill.asking(NOW, 1000)),
    lambda store: store.bills.move(_BILL, bill.unanswered(NOW)),
    lambda store: store.bills.move(_BILL, bill.given(200, NOW)),
    lambda store: store.bills.carried_out({**a_bill(1), "then": {}}),
    lambda store: store.bills.lease(_BILL),
    lambda store: _all(store.bills.lease_due(_now)),
    lambda store: store.refunds.insert(a_refund(_NEW)),
    lambda store: store.refunds.find(_REFUND),
    lambda store: store.refunds.of_task(_ONE),
    lambda store: store.refunds.raise_alarm(_REFUND, "CHECK"),
    lambda store: store.refunds.alarms(),
    lambda store: store.refunds.move(_REFUND, refund.unanswered(NOW)),
    lambda store: store.refunds.move(_REFUND, refund.refunded("unwon", NOW)),
    lambda store: store.refunds.carried_out({**a_refund(1), "then": {}}),
    lambda store: store.refunds.lease(_REFUND),
    lambda store: _all(store.refunds.lease_due(_now)),
    lambda store: store.ledger.enter("given", _BILL, _ONE, 200, NOW),
    lambda store: store.ledger.enter_all("owed", [(_PRIZE, _ONE, 200)], NOW),
    lambda store: store.ledger.of_task(_ONE),
    lambda store: _all(store.ledger.codes()),
    lambda store: store.ledger.sums_fen(NOW + 3 * 86_400_000),
    lambda store: store.gauges.lease(NOW, NOW),
    lambda store: store.gauges.save(MoneyGauges(at=NOW, due_at=NOW, sums_fen={}, alarms=[])),
    lambda store: store.gauges.find(),
    lambda store: store.traces.published(_WHO),
    lambda store: store.traces.move_digs(_WHO, "forgotten:check"),
    lambda store: store.traces.move_prizes(_WHO, "forgotten:check"),
    lambda store: store.traces.move_tasks(_WHO, "forgotten:check"),
    lambda store: store.traces.move_pictures(_WHO, "forgotten:check"),
    lambda store: store.traces.delete_reports(_WHO),
    lambda store: store.traces.move_visits(_WHO, "forgotten:check"),
    lambda store: store.traces.move_reviews(_WHO, "forgotten:check"),
    lambda store: store.traces.remaining(_WHO, "forgotten:check"),
)

CALLS: tuple[Call, ...] = GAME + OPERATION + PEOPLE + MONEY + BOOKS + MESSAGES + PAYOUTS + REVIEWS


def methods(store: Store) -> set[str]:
    """Return each method of the store that asks MongoDB something, as `collection.name`."""
    return {
        f"{place}.{name}"
        for place, part in vars(store).items()
        if type(part).__module__.startswith("server.store") and not isinstance(part, PageReads)
        for name, _ in inspect.getmembers(type(part), _asks)
        if not name.startswith("_") and not hasattr(Documents, name)
    }


def _asks(method: object) -> bool:
    return inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method)


class _Noting:
    """A part of the store whose methods are noted when they are called."""

    def __init__(self, part: object, place: str, note: Callable[[str], None]) -> None:
        self._part, self._place, self._note = part, place, note

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if _asks(found) and not hasattr(Documents, name):
            self._note(f"{self._place}.{name}")
        return found


class _NotingStore:
    def __init__(self, store: Store, note: Callable[[str], None]) -> None:
        self._store, self._note = store, note

    def __getattr__(self, name: str) -> _Noting:
        return _Noting(getattr(self._store, name), name, self._note)


def noting(store: Store, note: Callable[[str], None]) -> Store:
    """Return the store, which calls `note` with each method's name before it is called."""
    return cast("Store", _NotingStore(store, note))
