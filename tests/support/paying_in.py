"""The model of paying in: one task, up to a given number of orders, their refunds, and WeChat."""

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from server.cash.rules import order
from server.game.lifecycle import Move
from support.model import LONG_AGO, NOW, Document, Found, Rows, Step, explore, freeze, older
from support.paying_out import put, state

ORDER = ("state", "live", "expires_at", "amount_fen", "then")
FEN = 100


class World(NamedTuple):
    """`wechat` is each order's state at WeChat: "", NOTPAY, PAID or CLOSED.

    Five fields have a value for each order. `flying`: it is on its way to WeChat. `unknown`: WeChat once did
    not know it. `was_closed`: WeChat once said CLOSED. `refunds`: it has a refund of the whole amount.
    `reported`: its delivery was reported to WeChat. `opened_by` is the index of the order that opened the
    task.
    """

    orders: tuple[Document | None, ...]
    wechat: tuple[str, ...]
    flying: tuple[bool, ...]
    unknown: tuple[bool, ...]
    was_closed: tuple[bool, ...]
    refunds: tuple[bool, ...]
    reported: tuple[bool, ...]
    task: Literal["unopened", "open", "ended"] = "unopened"
    opened_by: int = -1


def first(orders: int) -> World:
    """Return the world in which a red packet was just published."""
    no = (False,) * orders
    return World((None,) * orders, ("",) * orders, no, no, no, no, no)


def wrong(world: World) -> str:
    """Return what is wrong with a world, or ""."""
    if sum("live" in dict(known or ()) for known in world.orders) > 1:
        return "two orders of a task may be paid at once"
    for at, known in enumerate(world.orders):
        if world.refunds[at] and world.opened_by == at:
            return "an order opened its task, and is refunded whole"
        if world.refunds[at] and world.wechat[at] != "PAID":
            return "what nobody paid is refunded"
        if state(known) == "spent" and world.opened_by != at:
            return "an order counts as spent, and did not open its task"
        if state(known) == "unusable" and not world.refunds[at]:
            return "an order cannot be used, and nobody refunds it"
        if world.reported[at] and world.opened_by != at:
            return "an order is reported as delivered, and did not open its task"
        if state(known) == "closed" and world.opened_by == at:
            return "an order that opened its task counts as closed"
    return ""


def is_end(world: World) -> bool:
    """Return whether each paid order opened its task or goes back, and no order can be paid any more.

    The order that opened the task must also be reported to WeChat as delivered.
    """
    return all(
        known is None
        or state(known) == "unusable"
        or (state(known) == "spent" and reported)
        or (state(known) == "closed" and truth in ("", "CLOSED") and "live" not in dict(known))
        for known, truth, reported in zip(world.orders, world.wechat, world.reported, strict=True)
    )


class Steps:
    """The steps that anybody may do next."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __call__(self, world: World) -> Iterator[Step[World]]:
        """Yield each possible step, and the world after it."""
        for at, known in enumerate(world.orders):
            if known is None:
                yield from _made(world, at)
                return  # orders are made one after another
            yield from self._heard_of(world, at)
            if state(known) == "paid":
                yield from self._followed(world, at)
            if "delivery" in dict(known).get("then", ()):
                yield f"order {at + 1} is reported", world._replace(reported=put(world.reported, at, True))
            yield from _wechat(world, at)
        yield from _the_rest(world)

    def _order(
        self, world: World, at: int, row: Callable[..., Move], *values: Any, **also: Any
    ) -> Iterator[Step[World]]:
        known = world.orders[at]
        made = None if known is None else self._rows.do(known, ORDER, row, *values)
        if made is not None:
            orders = put(world.orders, at, made)
            yield f"order {at + 1}: {row.__name__}", world._replace(orders=orders, **also)

    def _heard_of(self, world: World, at: int) -> Iterator[Step[World]]:
        yield f"order {at + 1} is sent", world._replace(flying=put(world.flying, at, True))
        if not world.wechat[at]:
            yield "WeChat does not know it", world._replace(unknown=put(world.unknown, at, True))
        if world.unknown[at]:
            yield from self._order(world, at, order.expired)
        if world.was_closed[at]:
            yield from self._order(world, at, order.closed)
        if world.wechat[at] == "PAID":
            yield from self._order(world, at, order.paid, FEN, "t", "", FEN, (), NOW)
        yield from self._order(world, at, order.wake)

    def _followed(self, world: World, at: int) -> Iterator[Step[World]]:
        if world.task == "unopened":
            yield f"order {at + 1} opens the task", world._replace(task="open", opened_by=at)
        elif world.opened_by == at:
            yield from self._order(world, at, order.spent, NOW)
        else:
            yield f"order {at + 1} is to be refunded", world._replace(refunds=put(world.refunds, at, True))
            if world.refunds[at]:
                yield from self._order(world, at, order.unusable)


def _made(world: World, at: int) -> Iterator[Step[World]]:
    live = any("live" in dict(known or ()) for known in world.orders)  # an index allows one live order
    if world.task == "unopened" and not live:
        new = freeze({"state": order.order.first, "live": 1, "expires_at": NOW, "amount_fen": FEN})
        yield f"order {at + 1} is made", world._replace(orders=put(world.orders, at, new))
    yield from _the_rest(world)


def _the_rest(world: World) -> Iterator[Step[World]]:
    orders = tuple(None if known is None else older(known) for known in world.orders)
    yield "time passes", world._replace(orders=orders, flying=(False,) * len(orders))
    if world.task != "ended":
        yield "the task ends", world._replace(task="ended")


def _wechat(world: World, at: int) -> Iterator[Step[World]]:
    known = dict(world.orders[at] or ())
    truth = world.wechat[at]
    if world.flying[at] and not truth and known["expires_at"] != LONG_AGO:
        yield f"order {at + 1} reaches WeChat", world._replace(wechat=put(world.wechat, at, "NOTPAY"))
    if truth == "NOTPAY":
        closed = put(world.was_closed, at, True)
        yield (
            f"order {at + 1} is closed",
            world._replace(wechat=put(world.wechat, at, "CLOSED"), was_closed=closed),
        )
    if truth in ("NOTPAY", "CLOSED"):  # WeChat may say NOTPAY again after CLOSED
        yield f"order {at + 1} is paid", world._replace(wechat=put(world.wechat, at, "PAID"))


def explore_orders(orders: int, rows: Rows | None = None) -> Found[World]:
    """Visit every state of a task's orders."""
    return explore(first(orders), Steps(rows or Rows()), wrong, is_end)
