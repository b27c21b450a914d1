"""What became of a person, a treasure or a prize: each act and state, read from the documents.

There is no log of these events. A document keeps the last time of each of its states.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from server.game import draw
from server.game.amounts import total_fen
from server.game.chance import chances_of, luck
from server.game.prize import is_frozen
from server.game.task import Task
from server.operation.counting import compare_totals
from server.operation.findings import texts_of
from server.security.keys import Keys
from server.store import Store
from server.store.audit_log import BEGUN, Act, depth_of
from server.store.people.people import Person
from server.store.pipelines import Window

PAGE = 500
# The timeline has at most this many documents of each kind, the newest.
READ = PAGE
WINNERS = 50
# Above this many digs of a winner, no p-value is computed.
DIGS = 1_000

_Document = Mapping[str, Any]


class Event(NamedTuple):
    """What happened, and when (unix ms). `actor` is an operator, "" for the game and its people.

    `why` is a reason: words of an operator, or a code. `state` is its outcome or its state now. `wxname` is a
    winner's.
    """

    at: int
    what: str
    code: str = ""
    depth: int = 0
    wxname: str = ""
    actor: str = ""
    why: str = ""
    state: str = ""
    amount_fen: int = 0
    number: str = ""


class Story(NamedTuple):
    """Events, the newest first. Events from before `whole_since` (unix ms, or 0) may be missing."""

    events: list[Event]
    whole_since: int


class Luck(NamedTuple):
    """How often a winner dug in a treasure, and how likely it was that at least as many digs win (the
    p-value).

    If the winner dug more than `DIGS` times, there is no p-value, and `digs` is `DIGS`.
    """

    depth: int
    wxname: str
    digs: int
    p_value: float | None


async def of_task(store: Store, task: Task, depth: int = 0) -> Story:
    """Return what became of a treasure, its prizes and its money.

    With a depth, return the events of the prize there and of the whole treasure, but not of other prizes.
    """
    code = task["_id"]
    prizes, acts, reviews = await asyncio.gather(
        store.prizes.of_task(code),
        store.audit_log.about("code", [code], READ + 1),
        store.reviews.of_task(task["publisher"], code),
    )
    reports = await store.reports.of_task(code, READ + 1)
    since = [_cut(acts, "at"), _cut(reports, "at")]
    reporters = await store.people.names(report["person_id"] for report in reports)
    names = {prize["_id"]: prize["wxname"] for prize in prizes}
    found = [*_of_tasks([task]), *_of_prizes(prizes)]
    if store.books is not None:
        bills, orders, refunds = await asyncio.gather(
            store.books.bills.of_task(code),
            store.books.orders.of_task(code),
            store.books.refunds.of_task(code),
        )
        found += [*_of_bills(bills, names), *_of_orders(orders), *_of_refunds(refunds)]
    found += [*_of_acts(acts), *_of_reports(reports, reporters)]
    found += [Event(r["created_at"], "review", code, why=r["why"], state=r["state"]) for r in reviews]
    if depth:
        found = [event for event in found if event.depth in (0, depth)]
        prizes = [prize for prize in prizes if prize["depth"] == depth]
        for prize in prizes:
            messages = await store.messages.of_person(prize["person_id"], READ + 1)
            since.append(_cut(messages, "created_at"))
            found += _of_messages(each for each in messages if each["prize"] == prize["_id"])
    on_people, effects, on_people_since = await _on_people(store, prizes, [task["publisher"]])
    return Story(_sorted([*found, *on_people], effects), max(*since, on_people_since))


def _cut(newest: list[Any], field: str) -> int:
    """Cut the documents of a kind to the newest READ. One more was read, which shows whether some are left
    out.

    Return since when (unix ms) no document is missing, 0 if none was left out.
    """
    left_out = newest[READ:]
    del newest[READ:]
    return newest[-1][field] if left_out else 0


async def of_person(store: Store, person: Person) -> Story:
    """Return what a person did and what became of it."""
    person_id = person["_id"]
    tasks, joins, prizes, messages = await asyncio.gather(
        store.tasks.released(person_id, Window(READ + 1)),
        store.digs.joins_of(person_id, READ + 1),
        store.prizes.of_winner(person_id, READ + 1),
        store.messages.of_person(person_id, READ + 1),
    )
    reports = await store.reports.made_by(person_id, READ + 1)
    bills: list[Any] = []
    orders: list[Any] = []
    if store.books is not None:
        bills = await store.books.bills.of_winner(person_id, READ + 1)
        orders = await store.books.orders.of_publisher(person_id, READ + 1)
    by_creation = (tasks, bills, orders, messages)
    since = [
        *(_cut(each, "created_at") for each in by_creation),
        *(_cut(each, "at") for each in (joins, reports)),
        _cut(prizes, "won_at"),
    ]
    # What operators did about these treasures and prizes, not about other people there.
    published = {task["_id"] for task in tasks}
    depths = {(prize["code"], depth) for prize in prizes for depth in (0, prize["depth"])}
    codes = sorted(published | {code for code, _ in depths})
    about = await store.audit_log.about("code", codes, READ + 1)
    since.append(_cut(about, "at"))
    acts = [
        act
        for act in about
        if (act["code"] in published or (act["code"], depth_of(act)) in depths)
        and act.get("person", "") in ("", person_id)
    ]
    found = [*_of_tasks(tasks), *_of_prizes(prizes), *_of_bills(bills, {}), *_of_orders(orders)]
    found += [*_of_reports(reports, {}), *_of_messages(messages), *_of_acts(acts)]
    found += [Event(dig["at"], "joined", dig["code"], dig["depth"]) for dig in joins]
    found.append(Event(person["created_at"], "first_login"))
    if "leaving" in person:
        found.append(Event(person["leaving"]["at"], "leaves"))
    on_person = await store.audit_log.about("person", [person_id], READ + 1)
    since.append(_cut(on_person, "at"))
    _, effects, on_people_since = await _on_people(store, prizes, [])
    return Story(_sorted([*found, *_of_acts(on_person)], effects), max(*since, on_people_since))


async def _on_people(
    store: Store, prizes: Iterable[_Document], person_ids: list[str]
) -> tuple[list[Event], list[Event], int]:
    """Return three things: the acts that froze or released these people or the people of these prizes; the
    same acts once per prize; and a time (unix ms) since which no act is missing.

    The second list repeats an act at each prize that the person won or gave.
    """
    places: dict[str, list[tuple[str, int]]] = {person_id: [] for person_id in person_ids}
    for prize in prizes:
        for person_id in (prize["person_id"], prize["publisher"]):
            places.setdefault(person_id, []).append((prize["code"], prize["depth"]))
    about = await store.audit_log.about("person", sorted(places), READ + 1)
    since = _cut(about, "at")
    acts = [act for act in about if act["act"] in ("freeze_person", "release_person")]
    effects = [
        event._replace(code=code, depth=depth)
        for act, event in zip(acts, _of_acts(acts), strict=True)
        for code, depth in places.get(act["person"], [])
    ]
    return [*_of_acts(acts)], effects, since


# Events that an operator's act caused.
_LET = {"act_freeze": "frozen", "act_release": "released", "act_end": "ended"}


def _sorted(events: Iterable[Event], effects: Iterable[Event] = ()) -> list[Event]:
    """Return events, the newest first. Events of the same millisecond must be given in their order.

    An event that an operator's act caused names the operator and the reason; `effects` are acts that are used
    only for this, and are not shown themselves.
    """
    found = sorted((event for event in dict.fromkeys(events) if event.at), key=lambda event: event.at)
    let: dict[tuple[str, str, int], list[Event]] = {}
    for act in (*found, *effects):
        if act.what.startswith("act_") and act.state in ("done", BEGUN):
            what = _LET.get("_".join(act.what.split("_")[:2]), "")
            for each in (what, "frozen") if act.what == "act_end_fraud" else (what,):
                let.setdefault((each, act.code, act.depth), []).append(act)
    held = {(event.at, event.code, event.depth) for event in found if event.what == "held"}
    for place, event in enumerate(found):
        # The prize's document has the time at which a limit held it, so the last freeze came after that.
        is_later = event.what == "frozen" and (event.at, event.code, event.depth) in held
        acts = [
            act
            for depth in {event.depth, 0}
            for act in let.get((event.what, event.code, depth), ())
            if act.at <= event.at or is_later
        ]
        if acts and (event.what != "ended" or event.state == "operator"):
            by = max(acts, key=lambda act: act.at)
            at = max(by.at, event.at)
            found[place] = event._replace(at=at, actor=by.actor, why=by.why)
    return sorted(found, key=lambda event: event.at)[::-1]


def page_of(events: list[Event], before_ms: int) -> tuple[list[Event], bool]:
    """Return the page of events before a time (0: the newest page), and whether there are older events.

    A page has all events of its last millisecond, so that no event is lost between two pages.
    """
    rest = [event for event in events if not before_ms or event.at < before_ms]
    page = [event for place, event in enumerate(rest) if place < PAGE or event.at == rest[PAGE - 1].at]
    return page, len(page) < len(rest)


def _of_tasks(tasks: Iterable[Task]) -> Iterator[Event]:
    for task in tasks:
        code, fen = task["_id"], total_fen(task)
        yield Event(task["created_at"], "published", code, amount_fen=fen)
        yield Event(task["opened_at"], "opened", code)
        note = task.get("end_note", "")
        yield Event(task["ended_at"], "ended", code, state=task["end_reason"], why=note)
        yield Event(task.get("reported_at", 0), "hidden_by_reports", code)


def _of_prizes(prizes: Iterable[_Document]) -> Iterator[Event]:
    for prize in prizes:
        for what, field, why in (
            ("won", "won_at", ""),
            ("claimed", "claimed_at", ""),
            ("put_off", "waits_until", prize.get("waits_for", "")),
            ("held", "was_held_at", prize.get("was_held_for", "")),
            ("frozen", "withheld_at", ""),
            ("released", "released_at", ""),
            ("given", "given_at", ""),
            ("sent", "sent_at", ""),
            ("received", "received_at", ""),
        ):
            if (what, prize.get(field)) in (
                # A limit held the prize, and nobody froze it since.
                ("frozen", None if is_frozen(prize) else prize.get("was_held_at")),
                ("released", prize.get("waits_until")),  # the prize was only put off
            ):
                continue
            yield Event(
                prize.get(field, 0),
                what,
                prize["code"],
                prize["depth"],
                prize["wxname"],
                why=why,
                state=prize["state"] if what == "won" else "",
                amount_fen=prize["amount_fen"],
            )


def _of_bills(bills: Iterable[_Document], names: Mapping[str, str]) -> Iterator[Event]:
    for bill in bills:
        depth = int(bill["prize"].partition(":")[2])
        about = (bill["code"], depth, names.get(bill["prize"], ""))
        fen, number = bill["amount_fen"], bill["_id"]
        why = bill["alarm"] or bill["fail_reason"]
        yield Event(bill["created_at"], "bill", *about, amount_fen=fen, number=number)
        sent = "" if bill["ended_at"] else bill["state"]
        yield Event(bill["sent_at"], "bill_sent", *about, state=sent, amount_fen=fen, number=number)
        yield Event(bill["ended_at"], "bill_ended", *about, "", why, bill["state"], fen, number)


def _of_orders(orders: Iterable[_Document]) -> Iterator[Event]:
    for order in orders:
        about = {"code": order["code"], "amount_fen": order["amount_fen"], "number": order["_id"]}
        yield Event(order["created_at"], "ordered", **about, state=order["state"], why=order.get("alarm", ""))
        yield Event(order["paid_at"], "paid", **about)


def _of_refunds(refunds: Iterable[_Document]) -> Iterator[Event]:
    for refund in refunds:
        about = {"code": refund["code"], "amount_fen": refund["amount_fen"], "number": refund["_id"]}
        yield Event(refund["created_at"], "refund", **about, why=refund["alarm"], state=refund["state"])
        yield Event(refund["ended_at"], "refund_ended", **about, state=refund["state"])


def _of_messages(messages: Iterable[_Document]) -> Iterator[Event]:
    for message in messages:
        at = message["ended_at"] or message["created_at"]
        depth = int(message["prize"].partition(":")[2] or 0)
        yield Event(at, "message", message["code"], depth, state=message["state"], why=message["kind"])


def _of_reports(reports: Iterable[_Document], names: Mapping[str, str]) -> Iterator[Event]:
    for report in reports:
        why = ": ".join(filter(None, (report["reason"], report["text"])))
        state = report.get("outcome", "open" if "open" in report else "")  # "": the report does not count
        name = names.get(report["person_id"], "")
        yield Event(report["at"], "reported", report["code"], 0, name, why=why, state=state)


def _of_acts(acts: Iterable[Act]) -> Iterator[Event]:
    for act in acts:
        yield Event(
            act["at"], f"act_{act['act']}", act.get("code", ""), depth_of(act), "", act["operator"],
            act["reason"], act["outcome"],
        )  # fmt: skip


async def verdict(store: Store, keys: Keys, task: Task) -> tuple[list[tuple[str, tuple[str, ...]]], bool]:
    """Return what contradicts a treasure's history or its commitment, with values; [] if nothing does.

    The second value says whether the treasure was compared with its digs' totals; see `compare_totals`.
    """
    broken = await compare_totals(store, task)
    found: list[tuple[str, tuple[str, ...]]] = [(each.what, texts_of(each)) for each in broken or []]
    code, depth = task["_id"], task["now_depth"]
    try:
        seed = keys.open("seed", await store.tasks.seed_box(code), code)
    except ValueError:
        return [*found, ("seed", ())], broken is not None
    rules, wins = draw.read_rules(task["params"]), await store.digs.wins(code)
    newest = [task["last_dig"]] if "last_dig" in task and task["last_dig"]["is_prize"] else []
    won = sorted({dig["depth"] for dig in (*wins, *newest) if dig["depth"] <= depth})
    foretold = [each for each in draw.winning_depths(seed, rules) if each <= depth]
    if won != foretold or draw.commitment(seed, rules) != task["commitment"]:
        found.append(("draw", (", ".join(map(str, won)),)))
    return found, broken is not None


async def lucks(store: Store, task: Task) -> list[Luck]:
    """Return the luck of the first fifty winners of a treasure."""
    wins = sorted(await store.digs.wins(task["_id"]), key=lambda dig: dig["depth"])
    won_depths, rules = [dig["depth"] for dig in wins], draw.read_rules(task["params"])
    first = wins[:WINNERS]
    dug = await asyncio.gather(
        *(store.digs.depths_of(task["_id"], dig["person_id"], DIGS + 1) for dig in first)
    )
    found = []
    for dig, depths in zip(first, dug, strict=True):
        chances = chances_of(rules, depths[:DIGS], won_depths)
        p_value = luck(chances, 1) if len(depths) <= DIGS else None
        found.append(Luck(dig["depth"], dig["wxname"], len(chances), p_value))
    return found
