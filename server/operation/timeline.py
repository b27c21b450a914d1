"""What became of a person, a treasure or a prize: the histories of documents, digs, and acts of operators."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from server.game import draw
from server.game.amounts import total_fen
from server.game.task import Task
from server.operation.counting import compare_totals
from server.operation.findings import texts_of
from server.security.keys import Keys
from server.store import Store
from server.store.audit_log import Act, depth_of
from server.store.people.people import Person
from server.store.pipelines import Window

PAGE = 500
# The timeline has at most this many documents of each kind, the newest.
READ = PAGE

_Document = Mapping[str, Any]


class Event(NamedTuple):
    """What happened, and when (unix ms). `by` is as in `Moved`, "" for the person or the game.

    A move of a document is named by its kind and the move, such as "prize_held"; "prize_made" is its
    beginning, with its `state` and its alarm or reason (`why`) as they are now. An act of an operator is
    "act_" and its name; `why` is its reason and `state` its outcome. `wxname` is a winner's or a reporter's.
    """

    at: int
    what: str
    code: str = ""
    depth: int = 0
    wxname: str = ""
    by: str = ""
    why: str = ""
    state: str = ""
    amount_fen: int = 0
    number: str = ""


class Story(NamedTuple):
    """Events, the newest first. Events from before `whole_since` (unix ms, or 0) may be missing."""

    events: list[Event]
    whole_since: int


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
    found = [*_of("task", [task]), *_of("prize", prizes)]
    if store.books is not None:
        bills, orders, refunds = await asyncio.gather(
            store.books.bills.of_task(code),
            store.books.orders.of_task(code),
            store.books.refunds.of_task(code),
        )
        found += [*_of("bill", bills), *_of("order", orders), *_of("refund", refunds)]
    found += [*_of("review", reviews), *_of_acts(acts), *_of_reports(reports, reporters)]
    people = [task["publisher"]]
    if depth:
        found = [event for event in found if event.depth in (0, depth)]
        for prize in (prize for prize in prizes if prize["depth"] == depth):
            people.append(prize["person_id"])
            messages = await store.messages.of_person(prize["person_id"], READ + 1)
            since.append(_cut(messages, "created_at"))
            found += _of_messages(each for each in messages if each["prize"] == prize["_id"])
    else:
        people += [prize["person_id"] for prize in prizes]
    on_people = await store.audit_log.about("person", people, READ + 1)
    since.append(_cut(on_people, "at"))
    found += _of_acts(act for act in on_people if act["act"] in ("freeze_person", "release_person"))
    return Story(_sorted(found), max(since))


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
    found = [*_of("task", tasks), *_of("prize", prizes), *_of("bill", bills), *_of("order", orders)]
    found += [*_of_reports(reports, {}), *_of_messages(messages), *_of_acts(acts)]
    found += [Event(dig["at"], "joined", dig["code"], dig["depth"]) for dig in joins]
    found.append(Event(person["created_at"], "first_login"))
    if "leaving" in person:
        found.append(Event(person["leaving"]["at"], "leaves"))
    on_person = await store.audit_log.about("person", [person_id], READ + 1)
    since.append(_cut(on_person, "at"))
    return Story(_sorted([*found, *_of_acts(on_person)]), max(since))


def _sorted(events: Iterable[Event]) -> list[Event]:
    """Return events, the newest first. Events of the same millisecond must be given in their order."""
    return sorted(dict.fromkeys(event for event in events if event.at), key=lambda event: event.at)[::-1]


def page_of(events: list[Event], before_ms: int) -> tuple[list[Event], bool]:
    """Return the page of events before a time (0: the newest page), and whether there are older events.

    A page has all events of its last millisecond, so that no event is lost between two pages.
    """
    rest = [event for event in events if not before_ms or event.at < before_ms]
    page = [event for place, event in enumerate(rest) if place < PAGE or event.at == rest[PAGE - 1].at]
    return page, len(page) < len(rest)


def _of(kind: str, documents: Iterable[_Document]) -> Iterator[Event]:
    """Yield the beginning of each document and each move in its history; a move that was repeated, once."""
    for document in documents:
        whys = (document.get(field) for field in ("alarm", "fail_reason", "why", "end_note"))
        made = Event(
            document["won_at"] if kind == "prize" else document["created_at"],
            f"{kind}_made",
            document.get("code", document["_id"]),
            int(document["prize"].partition(":")[2]) if kind == "bill" else document.get("depth", 0),
            document.get("wxname", "") if kind == "prize" else "",
            why=next(filter(None, whys), ""),
            state=document["end_reason"] if kind == "task" else document["state"],
            amount_fen=total_fen(document) if kind == "task" else document.get("amount_fen", 0),
            number=document["_id"] if kind in ("bill", "order", "refund") else "",
        )
        yield made
        if kind == "task":
            yield Event(document["opened_at"], "opened", document["_id"])
        for (move, by), same in groupby(document.get("history", ()), lambda each: (each["move"], each["by"])):
            yield made._replace(at=next(same)["at"], what=f"{kind}_{move}", by=by, why="", state="")


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
        by = f"operator:{act['operator']}"
        about = act.get("code", ""), depth_of(act), "", by
        yield Event(act["at"], f"act_{act['act']}", *about, why=act["reason"], state=act["outcome"])


async def verdict(store: Store, keys: Keys, task: Task) -> tuple[list[tuple[str, tuple[str, ...]]], bool]:
    """Return what contradicts a treasure's history or its commitment, with values; [] if nothing does.

    The second value says whether the treasure was compared with its digs' totals; see `compare_totals`.
    """
    broken = await compare_totals(store, task)
    found: list[tuple[str, tuple[str, ...]]] = [(each.what, texts_of(each)) for each in broken or []]
    code = task["_id"]
    depth = task["now_depth"]
    try:
        seed = keys.open("seed", await store.tasks.seed_box(code), code)
    except ValueError:
        return [*found, ("seed", ())], broken is not None
    rules = draw.read_rules(task["params"])
    wins = await store.digs.wins(code)
    newest = [task["last_dig"]] if "last_dig" in task and task["last_dig"]["is_prize"] else []
    won = sorted({dig["depth"] for dig in (*wins, *newest) if dig["depth"] <= depth})
    foretold = [each for each in draw.winning_depths(seed, rules) if each <= depth]
    if won != foretold or draw.commitment(seed, rules) != task["commitment"]:
        found.append(("draw", (", ".join(map(str, won)),)))
    return found, broken is not None
