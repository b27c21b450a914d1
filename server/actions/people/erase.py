"""Erasing a person who asks for it: `python -m server forget UNIONID`.

Name, picture and addresses go wherever they stand; the person's own record, which alone has WeChat's ids,
is deleted last, so an interrupted run can be repeated. All that the ledger and the draw need stays under our
id: the number of participants does not change, and every fen stays where it was.
"""

from asyncio import sleep
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from server.actions.people.account import ban_of
from server.game.amounts import unwon_fen
from server.game.findings import NOT_REPORTED, SHIPPING_REFUSED
from server.game.prize import GIVEN, GONE
from server.game.review import IN_REVIEW
from server.game.task import Task
from server.store import Store
from server.store.people.people import Person
from server.store.prizes.freezes import freeze_key

# Longer than the time for which a process caches a person's record, plus the time of the longest request.
UNDER_WAY_SECONDS = 20.0
_REPORT_REFUSED = (NOT_REPORTED, SHIPPING_REFUSED)


class Need(NamedTuple):
    """Why a person cannot be erased yet: a key of `REASONS`, the task, and the state of what is in the
    way."""

    why: str
    code: str = ""
    name: str = ""
    state: str = ""
    depth: int = 0


# What stops an erasure: in words for an operator, and for the person (`next` is what becomes of a prize).
REASONS: dict[str, tuple[str, str]] = {
    "runs": (
        "task {code} of theirs runs: end it at /ops, or wait for its end",
        "你发布的“{name}”还在进行，等它结束（没有人挖过的可以提前结束）",
    ),
    "checked": (
        "their task {code} is {state}: wait for its check, or decide at /ops",
        "你发布的“{name}”还在检查，等有了结果再来",
    ),
    "prizes": (
        "prizes of their task {code} are neither given nor returned: wait until they are",
        "你发布的“{name}”还有奖品没有给出或退回，等中奖的人领走，过期的会退回",
    ),
    "refund": (
        "a refund of their task {code} is under way: wait until it is refunded",
        "你发布的“{name}”有一笔退款还没有到账，等它到账",
    ),
    "payment": (
        "a payment of their task {code} is under way: wait until WeChat's answer is known",
        "你发布的“{name}”有一笔付款还没有结果，等微信给出结果",
    ),
    "unreported": (
        "the delivery of their task {code} is not reported to WeChat: wait until it is",
        "你发布的“{name}”的付款，平台还要在微信录入发货；等了很久请联系客服",
    ),
    "unsent": (
        "goods of their task {code} are not sent: wait until they are",
        "你发布的“{name}”还有奖品没有寄出，请先寄出",
    ),
    "prize": (
        "their prize {code}:{depth} is {state}: wait for its end",
        "你在“{name}”里挖到的奖品还没有办完，{next}",
    ),
    "frozen": ("an operator froze them: release them at /ops", "平台正在核对你的账号，请联系客服"),
    "won": (
        "they won in task {code}, which still runs: once erased, they could win again",
        "你挖到奖品的“{name}”还在进行，等它结束",
    ),
    "nobody": ("nobody with this id has logged in, or they are erased already", "没有这个账号，或已经注销"),
    "banned": (
        "they are banned, and could come back as somebody new: lift the ban first",
        "账号停用期间不能注销",
    ),
    "changed": ("the person has just changed their mind, or another process erased them", "刚刚撤销了注销"),
}


class CannotErase(Exception):
    """A person cannot be erased, because of these needs; the message has a line for each. Nothing was
    changed."""

    def __init__(self, *needs: Need) -> None:
        super().__init__("\n".join(REASONS[need.why][0].format(**need._asdict()) for need in needs))
        self.needs = needs


async def erase(store: Store, person_id: str) -> int:
    """Erase a person; return how many of their digs stay, without a name. Raises CannotErase.

    Waits `UNDER_WAY_SECONDS` for the person's requests under way to end.
    """
    person = await store.people.find(person_id)
    if person is None:
        raise CannotErase(Need("nobody"))
    if person.get("erasing") != 2:
        try:
            await _refuse_while_needed(store, person)
            await _lock_out(store, person)
            await sleep(UNDER_WAY_SECONDS)
            # Something may have begun just before the person was locked out, and a ban may have come since.
            await _refuse_while_needed(store, await store.people.get(person_id))
        except CannotErase:
            await store.people.let_in(person_id)
            raise
        await store.people.begin_erasing(person_id)
    erasure = store.erasure
    digs = await erasure.show_in_digs(person_id)
    await erasure.erase_prizes(person_id)
    await erasure.erase_tasks(person_id)
    await erasure.delete_pictures(person_id)
    await erasure.erase_reviews(person_id)
    await erasure.delete_rest(person_id)
    await store.people.delete_erased(person_id)
    return digs


async def _lock_out(store: Store, person: Person) -> None:
    if not await store.people.lock_out(person):
        raise CannotErase(Need("changed"))


async def _refuse_while_needed(store: Store, person: Person) -> None:
    needs = await needs_of(store, person)
    if needs:
        raise CannotErase(*needs)


async def needs_of(store: Store, person: Person, *, parcels: bool = False) -> list[Need]:
    """Return a person's ban, what others still have to get from them, and what they still have to get.

    With `parcels`, goods by mail stop the erasure too: that of the publisher until the goods are sent, that
    of the winner until the goods have arrived. A delivery whose report WeChat refuses stops it as well. Leave
    out `parcels` if an operator has decided about such goods and deliveries.
    """
    person_id = person["_id"]
    banned = [Need("banned")] if ban_of(person, await store.now_ms()) is not None else []
    published = await store.erasure.published(person_id)
    of_tasks = await store.erasure.given_and_owed(person_id, [task["_id"] for task in published])
    needs = banned + [
        Need(why, task["_id"], task["name"], state)
        for task in published
        for why, state in _needs_of_task(task, *(each[task["_id"]] for each in of_tasks), parcels=parcels)
    ]
    prizes = await store.prizes.of_winner(person_id)
    codes = await store.digs.won_codes(person_id)
    won = await store.tasks.find_many(sorted({*codes, *(prize["code"] for prize in prizes)}))
    names = {task["_id"]: task["name"] for task in won}
    for prize in prizes:
        awaited = parcels and (_is_unsent(prize) or prize["state"] == "sent")
        # A prize on its way back concerns its winner no more.
        if awaited or prize["state"] not in ("won", *GIVEN, *GONE):
            code = prize["code"]
            needs.append(Need("prize", code, names.get(code, ""), prize["state"], prize["depth"]))
    if await store.freezes.find(freeze_key("person", person_id)) is not None:
        needs.append(Need("frozen"))
    needs += [
        Need("won", task["_id"], task["name"]) for task in won if task["_id"] in codes and not task["status"]
    ]
    return needs


def _is_unsent(prize: Mapping[str, Any]) -> bool:
    """Whether goods by mail wait to be sent. After 90 days their address is deleted, and they wait no
    more."""
    return prize["state"] == "given" and "address_box" in prize


_Rows = list[dict[str, Any]]


def _needs_of_task(
    task: Task, reviews: _Rows, prizes: _Rows, refunds: _Rows, orders: _Rows, *, parcels: bool
) -> Iterator[tuple[str, str]]:
    """Yield what is under way about a published task: keys of `REASONS`, the review's with its state."""
    checked = [row["state"] for row in reviews if row["state"] in IN_REVIEW]
    if checked:
        yield "checked", checked[0]
    if not task["status"]:
        if not checked:
            yield "runs", ""
        return
    # If WeChat closed the refund of the unclaimed prizes, these never become `returned`.
    closed = ("unclaimed", "closed") in {(row["kind"], row["state"]) for row in refunds}
    settled = (*GIVEN, *GONE) if closed else (*GIVEN, "returned")
    if len(prizes) < task["prize_num"] - task["prizes_left"] or any(
        row["state"] not in settled for row in prizes
    ):
        yield "prizes", ""
    if parcels and any(map(_is_unsent, prizes)):
        yield "unsent", ""
    unwon = task["open"] and unwon_fen(task)
    if any(row["state"] not in ("refunded", "closed") for row in refunds) or (unwon and not refunds):
        yield "refund", ""
    if any(row["state"] in ("asked", "paid") for row in orders):
        yield "payment", ""
    # The report names the payer. A report that WeChat refused may be refused for ever.
    if any("then" in row and (parcels or row["alarm"] not in _REPORT_REFUSED) for row in orders):
        yield "unreported", ""
