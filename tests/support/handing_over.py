"""The model of goods: one prize, by mail or on site, its freezes, and whether it was given away."""

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from server.game import prize
from server.game.lifecycle import Move
from support.model import BEFORE, LATER, NOW, Document, Found, Rows, Step, explore, freeze, older
from support.paying_out import freezing

PRIZE = (
    *("state", "address_box", "address_deleted", "pickup", "given_at", "released_at", "denied", "amount_fen"),
    *("freezing", "held_for"),
)


class World(NamedTuple):
    """`gone`: the publisher gave the prize away. `broke` says what a forbidden step did."""

    by: Literal["mail", "site"]
    prize: Document
    over: bool = False
    frozen: bool = False
    ever_frozen: bool = False
    freezes_left: int = 2
    gone: bool = False
    broke: str = ""


def first(by: Literal["mail", "site"]) -> World:
    """Return the world in which the prize was just won."""
    return World(by, freeze({"state": prize.prize.first, "given_at": 0, "amount_fen": 0}))


def wrong(world: World) -> str:
    """Return what is wrong with a world, or ""."""
    known = dict(world.prize)
    if world.broke:
        return world.broke
    if known["state"] in ("expiring", "returned") and world.gone:
        return "it counts as the publisher's, and was given away"
    if known["state"] in ("frozen", "held") and not world.ever_frozen:
        return "it is frozen, and was never frozen"
    if known["state"] in ("expiring", "returned") and not (world.over or "denied" in known):
        return "it expired before its deadline"
    if known["state"] == "returned" and "address_box" in known:
        return "the publisher has it back, and still the winner's address"
    if ("address_deleted" in known) != (known["state"] == "returned" and known["given_at"] > 0):
        return "an address counts as deleted that never was there, or the reverse"
    if known["state"] == "given" and not ("address_box" in known or world.gone):
        return "it counts as given, and nobody knows where to send it"
    if known["state"] == "sent" and "address_box" not in known:
        return "it is sent to nowhere"
    if "freezing" in known or known["state"] == "held":
        return "goods have no bill, and no payout limit"
    return ""


def is_end(world: World) -> bool:
    """Return whether the prize is where it belongs for good: with its winner or its publisher."""
    state = dict(world.prize)["state"]
    return state in ("received", "returned") or (world.by == "site" and state == "given")


class Steps:
    """The steps that anybody may do next."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __call__(self, world: World) -> Iterator[Step[World]]:
        """Yield each possible step, and the world after it."""
        if world.by == "mail":
            yield from self._prize(world, prize.given_by_mail, b"", "", NOW, NOW)
        else:
            yield from self._prize(world, prize.awaits_pickup, "123456", NOW)
        # A publisher may send either request, whatever the kind of the prize.
        yield from self._prize(world, prize.sent, "", "", "", NOW, NOW, NOW, gone=True)
        yield from self._prize(world, prize.received, NOW)
        yield from self._prize(world, prize.handed_over, NOW, gone=True)
        yield from self._prize(world, prize.expired, BEFORE if world.over else LATER)
        if world.over:
            yield from self._prize(world, prize.returned)
        yield from freezing(world, self._prize)
        yield "time passes", world._replace(prize=older(world.prize))
        if not world.over:
            yield "the deadline is over", world._replace(over=True)

    def _prize(
        self, world: World, row: Callable[..., Move], *values: Any, **also: Any
    ) -> Iterator[Step[World]]:
        made = self._rows.do(world.prize, PRIZE, row, *values)
        if made is None:
            return
        if row is prize.handed_over and "pickup" not in dict(world.prize):
            also["broke"] = "it is handed over without a code"
        was = dict(world.prize)
        became = dict(made)
        if row in (prize.released, prize.released_alone):
            also["broke"] = _released_wrongly(was, became)
        yield f"prize: {row.__name__}", world._replace(prize=made, **also)


def _released_wrongly(was: dict[str, Any], became: dict[str, Any]) -> str:
    """Return what is wrong with the state after a release, or "" if it equals the state before the freeze."""
    before = "given" if was["given_at"] else "claiming" if "pickup" in was else "won"
    return "" if became["state"] == before else "it is not what it was before it was frozen"


def explore_goods(by: Literal["mail", "site"], rows: Rows | None = None) -> Found[World]:
    """Visit every state of goods by mail or on site."""
    return explore(first(by), Steps(rows or Rows()), wrong, is_end)
