"""The model of one red packet: its prize, a limited number of bills and freezes, its refund, and WeChat."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from server.cash.rules import bill, refund
from server.game import prize
from server.game.lifecycle import Move
from support.model import (
    BEFORE,
    LATER,
    LONG_AGO,
    NOW,
    Document,
    Found,
    Rows,
    Step,
    explore,
    freeze,
    older,
    thawed,
)

PRIZE = (
    *("state", "attempt", "weighed", "freezing", "held_for", "bill_lost", "released_at", "denied", "then"),
    *("amount_fen", "given_at"),
)
BILL = ("state", "attempt", "remote", "fail_reason", "unsendable", "sent_at", "then")
REFUND = ("state", "then")
FEN = 100


class World(NamedTuple):
    """`wechat` is each bill's state at WeChat: "", WAIT, SUCCESS or FAIL.

    `flying`: a bill is on its way to WeChat. `unknown` is when WeChat last answered that it does not know a
    bill, 0 for never. `approved` has the attempts for which somebody may still make a bill. `repaid` is
    WeChat's result of the refund. `over`: the deadline has passed. `frozen`: an operator wants the prize
    frozen. `broke` says what a forbidden step did. `carrying` is the prize as a process read it: the process
    has done the prize's due effect, but has not recorded this yet.
    """

    prize: Document
    bills: tuple[Document | None, ...]
    wechat: tuple[str, ...]
    flying: tuple[bool, ...]
    unknown: tuple[int, ...]
    approved: frozenset[int] = frozenset()
    over: bool = False
    frozen: bool = False
    freezes_left: int = 1
    refund: Document | None = None
    repaid: str = ""
    ever_frozen: bool = False
    broke: str = ""
    carrying: Document | None = None


def first(attempts: int, freezes: int) -> World:
    """Return the world in which the prize was just won."""
    new = {"state": prize.prize.first, "attempt": 0, "amount_fen": FEN, "given_at": 0}
    return World(
        freeze(new),
        (None,) * attempts,
        ("",) * attempts,
        (False,) * attempts,
        (0,) * attempts,
        freezes_left=freezes,
    )


def state(document: Document | None) -> str:
    return "" if document is None else dict(document)["state"]


def owes(document: Document | None, effect: str) -> bool:
    return document is not None and effect in dict(document).get("then", ())


def wrong(world: World) -> str:
    """Return what is wrong with a world, or ""."""
    paid = world.wechat.count("SUCCESS")
    if world.broke:
        return world.broke
    if paid + (world.repaid == "SUCCESS") > 1:
        return "it is paid twice"
    if state(world.prize) == "given" and not paid:
        return "it counts as given, and nobody was paid"
    if state(world.prize) == "returned" and paid:
        return "it counts as returned, and its winner was paid"
    if said := _wrong_state(world):
        return said
    for known, truth in zip(world.bills, world.wechat, strict=True):
        if (state(known) == "given") > (truth == "SUCCESS"):
            return "a bill counts as given, and WeChat has not paid it"
        if state(known) == "failed" and truth == "SUCCESS":
            return "a bill counts as failed, and WeChat has paid it"
    return ""


def _wrong_state(world: World) -> str:
    known = dict(world.prize)
    if known["state"] == "frozen" and not world.ever_frozen:
        return "it is frozen, and was never frozen"
    if known["state"] == "held" and "held_for" not in known:
        return "it is held for no reason"
    gave_up = any(dict(one or ()).get("remote") == bill.NEVER_HELD for one in world.bills)
    if known["state"] == "expiring" and not (world.over or gave_up or "denied" in known):
        return "it expired before its deadline"
    return ""


def is_end(world: World) -> bool:
    """Return whether everybody has what is theirs, and the ledger has an entry about it or owes one."""
    given = [known for known in world.bills if state(known) == "given"]
    if state(world.prize) == "given":
        return len(given) == 1 and owes(given[0], "ledger")
    if state(world.refund) == "closed":
        return state(world.prize) == "expiring"  # the operator pays the publisher in another way
    return state(world.prize) == "returned" and owes(world.refund, "ledger")


# By the state of a bill at WeChat: the states that WeChat may report of it, now or later.
SAID = {
    "WAIT": ("ACCEPTED", "WAIT_USER_CONFIRM"),
    "SUCCESS": ("ACCEPTED", "WAIT_USER_CONFIRM", "SUCCESS"),
    "FAIL": ("ACCEPTED", "WAIT_USER_CONFIRM", "FAIL"),
}


def said_of_bill(state: str) -> Move:
    known = {"package_info": "", "created_at": NOW, "sent_at": NOW, "remote": ""}
    return bill.meaning(known, state, "", "", NOW, NOW)


def said_of_refund(status: str) -> Move:
    return refund.meaning({"kind": "unclaimed", "created_at": NOW}, status, NOW)


def followed(ended: Document) -> Move:
    return bill.follows(thawed(ended), NOW)


def carried_out(read: Document) -> Move:
    move = prize.prize.carried_out(thawed(read))
    assert move is not None
    return move


class Steps:
    """The steps that anybody may do next.

    An effect of the prize stays due for ever, since it may be done late or twice. With `noted`, it stays due
    until it is done.
    """

    def __init__(self, rows: Rows, *, noted: bool = False) -> None:
        self._rows = rows
        self._noted = noted

    def __call__(self, world: World) -> Iterator[Step[World]]:
        """Yield each possible step, and the world after it."""
        yield from self._claiming(world)
        if self._noted:
            yield from self._carrying(world)
        for at in range(len(world.bills)):
            yield from self._billing(world, at)
        yield from self._freezing(world)
        yield from self._ending(world)
        yield from _wechat(world)
        yield "time passes", _pass_time(world)
        if not world.over:
            yield "the deadline is over", world._replace(over=True)

    def _prize(
        self, world: World, row: Callable[..., Move], *values: Any, **also: Any
    ) -> Iterator[Step[World]]:
        made = self._rows.do(world.prize, PRIZE, row, *values)
        if made is not None:
            if row in (prize.approved, prize.held, prize.put_off) and "freezing" in dict(world.prize):
                also["broke"] = "a limit decides about what is being frozen"
            yield f"prize: {row.__name__}", world._replace(prize=made, **also)

    def _bill(
        self, world: World, at: int, row: Callable[..., Move], *values: Any, **also: Any
    ) -> Iterator[Step[World]]:
        known = world.bills[at]
        made = None if known is None else self._rows.do(known, BILL, row, *values)
        if made is not None:
            yield f"bill {at + 1}: {row.__name__}", world._replace(bills=put(world.bills, at, made), **also)

    def _refund(self, world: World, row: Callable[..., Move], *values: Any) -> Iterator[Step[World]]:
        made = None if world.refund is None else self._rows.do(world.refund, REFUND, row, *values)
        if made is not None:
            yield f"refund: {row.__name__}", world._replace(refund=made)

    def _claiming(self, world: World) -> Iterator[Step[World]]:
        for at, known in enumerate(world.bills):
            attempt = at + 1
            yield from self._prize(world, prize.claimed, at, NOW, NOW, 0, 0)
            yield from self._prize(world, prize.frozen_unweighed, attempt)
            if owes(world.prize, "bill"):
                also = world.approved | {attempt}
                yield from self._prize(world, prize.approved, attempt, approved=also)
                yield from self._prize(world, prize.held, attempt, "pair", NOW)
                yield from self._prize(world, prize.put_off, attempt, "private", NOW)
            if attempt in world.approved and known is None:
                new = freeze({"state": bill.bill.first, "attempt": attempt, "remote": "", "sent_at": 0})
                yield f"bill {attempt} is made", world._replace(bills=put(world.bills, at, new))

    def _carrying(self, world: World) -> Iterator[Step[World]]:
        known = dict(world.prize)
        made = known["state"] != "claiming" or world.bills[known["attempt"] - 1] is not None
        if world.carrying is not None:
            yield from self._prize(world, carried_out, world.carrying, carrying=None)
        elif owes(world.prize, "bill") and (made or "freezing" in known):
            yield "somebody did what the prize owes", world._replace(carrying=world.prize)

    def _billing(self, world: World, at: int) -> Iterator[Step[World]]:
        known = world.bills[at]
        truth = world.wechat[at]
        if known is None:
            return
        yield from self._bill(world, at, bill.sending, flying=put(world.flying, at, True))
        yield from self._bill(world, at, bill.stop_sending)
        if not truth:
            yield from self._prize(world, prize.extended, at + 1, NOW)
        # WeChat forgets old bills, but only after it has reported their state.
        if not truth or (truth in ("SUCCESS", "FAIL") and dict(known)["remote"]):
            yield "WeChat does not know it", world._replace(unknown=put(world.unknown, at, NOW))
        for state in SAID.get(truth, ()):
            yield from self._bill(world, at, said_of_bill, state)
        if world.unknown[at]:
            yield from self._bill(world, at, bill.give_up, world.unknown[at], "")
        if owes(known, "prize"):
            yield from self._prize(world, followed, known)

    def _freezing(self, world: World) -> Iterator[Step[World]]:
        yield from freezing(world, self._prize)
        # A publisher may send this request for another kind of prize.
        yield from self._prize(world, prize.handed_over, NOW)

    def _ending(self, world: World) -> Iterator[Step[World]]:
        yield from self._prize(world, prize.expired, BEFORE if world.over else LATER)
        if world.refund is None:
            if world.over and state(world.prize) in ("expiring", "returned"):
                yield "the refund is written", world._replace(refund=freeze({"state": refund.refund.first}))
            return
        for status in ("PROCESSING", world.repaid):
            if status:
                yield from self._refund(world, said_of_refund, status)
        if owes(world.refund, "prizes"):
            yield from self._prize(world, prize.returned)


def _wechat(world: World) -> Iterator[Step[World]]:
    for at, truth in enumerate(world.wechat):
        if world.flying[at] and not truth:
            yield f"bill {at + 1} reaches WeChat", world._replace(wechat=put(world.wechat, at, "WAIT"))
        if truth == "WAIT":
            yield f"bill {at + 1} is confirmed", world._replace(wechat=put(world.wechat, at, "SUCCESS"))
            yield f"bill {at + 1} is cancelled", world._replace(wechat=put(world.wechat, at, "FAIL"))
    if world.refund is not None and not world.repaid:
        yield "WeChat refunds", world._replace(repaid="SUCCESS")
        yield "WeChat closes the refund", world._replace(repaid="CLOSED")


def freezing(world: Any, do: Callable[..., Iterator[Step[Any]]]) -> Iterator[Step[Any]]:
    """Yield what operators may do to the prize of a world, whose rows `do` does."""
    if world.freezes_left and not world.frozen:
        left = world.freezes_left - 1
        yield "an operator freezes", world._replace(frozen=True, ever_frozen=True, freezes_left=left)
    if world.frozen:
        yield from do(world, prize.frozen, NOW)
        yield "an operator releases", world._replace(frozen=False)
    else:
        yield from do(world, prize.released, NOW)
    yield from do(world, prize.released_alone, NOW)
    yield from do(world, prize.denied)


def _pass_time(world: World) -> World:
    return world._replace(
        prize=older(world.prize),
        bills=tuple(None if known is None else older(known) for known in world.bills),
        flying=(False,) * len(world.flying),
        unknown=tuple(LONG_AGO if at else 0 for at in world.unknown),
    )


def put(values: tuple[Any, ...], at: int, value: Any) -> tuple[Any, ...]:
    """Return a copy of the values in which the value at this index is replaced."""
    return (*values[:at], value, *values[at + 1 :])


def explore_packet(
    attempts: int, freezes: int, rows: Rows | None = None, *, noted: bool = False
) -> Found[World]:
    """Visit every state of a red packet with at most this many bills and freezes."""
    return explore(first(attempts, freezes), Steps(rows or Rows(), noted=noted), wrong, is_end)
