"""What the scratch database of a check holds: some of everything, so that plans are chosen as in earnest."""

from __future__ import annotations

import time
from typing import Any

from server.game.dig import Dig
from server.game.sealed import Sealed
from server.game.task import Task
from server.store import Store
from server.store.bills import Bill
from server.store.digs import stored
from server.store.messages import Message
from server.store.orders import Order
from server.store.people import Person
from server.store.prizes import Prize
from server.store.refunds import Refund
from server.store.reviews import Review
from server.store.visits import Visit

TASKS, DIGS_A_TASK = 60, 10
NOW = int(time.time() * 1000)


def code_of(number: int) -> str:
    """Return a task's code."""
    return f"Check{number:07}"


def person_of(number: int) -> str:
    """Return a person's id."""
    return f"checker{number}"


def a_task(number: int, **fields: Any) -> Task:
    """Return a task; every third has ended."""
    ended = number % 3 == 0
    task = Task(
        _id=code_of(number),
        publisher=person_of(number % 20),
        wxname=f"check {number % 20}",
        signed=1,
        wxheadpic="",
        name="check",
        synopsis="check",
        goods_type=1,
        draw_type=1,
        money=2,
        prize_num=5,
        forecast_num=100,
        interval=1,
        fluctuation=0,
        max_depth=1000,
        is_public=1,
        hidden=0,
        pic=f"/files/{number:032x}.png",
        thumbnail="",
        params="{}",
        commitment=f"{number}",
        seed_box=Sealed(key="check", box=b"check"),
        cd_ms=0,
        cd_until=0,
        now_depth=DIGS_A_TASK,
        participants=DIGS_A_TASK,
        prizes_left=4,
        status=int(ended),
        open=1,
        created_at=NOW - number,
        opened_at=NOW - number,
        expires_at=NOW + 1_000_000,
        ended_at=NOW if ended else 0,
        end_reason="expired" if ended else "",
        due_at=NOW + number * 1000,
        last_dig=a_dig(number, DIGS_A_TASK),
    )
    task.update(fields)  # type: ignore[typeddict-item]  # some of its fields
    return task


def a_dig(task: int, depth: int) -> Dig:
    """Return a dig; each is by another person, and the first of a task wins."""
    dig = Dig(
        _id=f"{code_of(task)}:{depth}",
        code=code_of(task),
        depth=depth,
        unionid=person_of((task + depth) % 20),
        wxname="check",
        wxheadpic="",
        is_prize=int(depth == 1),
        prizes_left=4,
        participants=depth,
        no=depth,
        dig_id=f"dig{depth}",
        at=NOW + depth,
        cd_until=0,
    )
    dig["n"] = depth
    return dig


def a_person(number: int) -> Person:
    """Return somebody who logged in."""
    return Person(
        _id=person_of(number),
        openid=f"open{number}",
        nickName="check",
        avatarUrl="",
        gender=0,
        city="",
        province="",
        country="",
    )


def a_visit(task: int, number: int) -> Visit:
    """Return a visit of a task's page."""
    return Visit(code=code_of(task), unionid=person_of(number), share=f"share{task}of{number}", opened_at=NOW)


def a_prize(task: int, **fields: Any) -> Prize:
    """Return the prize that the first dig of a task won."""
    prize = Prize(
        _id=f"{code_of(task)}:1",
        code=code_of(task),
        depth=1,
        unionid=person_of((task + 1) % 20),
        publisher=person_of(task % 20),
        wxname="check",
        wxheadpic="",
        goods_type=1,
        draw_type=1,
        amount_fen=200,
        state="won",
        attempt=0,
        won_at=NOW,
        claimed_at=0,
        given_at=0,
        due_at=NOW + task * 1000,
    )
    prize.update(fields)  # type: ignore[typeddict-item]  # some of its fields
    return prize


def an_order(task: int, **fields: Any) -> Order:
    """Return the payment of a task."""
    order = Order(
        _id=f"O{code_of(task)}",
        code=code_of(task),
        publisher=person_of(task % 20),
        openid="open",
        description="check",
        amount_fen=1000,
        state="asked",
        prepay_id="",
        transaction_id="",
        created_at=NOW,
        expires_at=NOW,
        asked_at=0,
        paid_at=0,
        alarm="",
        live=1,
        due_at=NOW + task * 1000,
    )
    order.update(fields)  # type: ignore[typeddict-item]  # some of its fields
    return order


def a_bill(task: int, **fields: Any) -> Bill:
    """Return the bill that pays a task's first prize."""
    bill = Bill(
        _id=f"B{code_of(task)}",
        code=code_of(task),
        prize=f"{code_of(task)}:1",
        attempt=1,
        unionid=person_of((task + 1) % 20),
        amount_fen=200,
        body=b"{}",
        state="asked",
        package_info="",
        remote="",
        fail_reason="",
        alarm="",
        created_at=NOW,
        ended_at=0,
        sent_at=0,
        due_at=NOW + task * 1000,
    )
    bill.update(fields)  # type: ignore[typeddict-item]  # some of its fields
    return bill


def a_refund(task: int, **fields: Any) -> Refund:
    """Return what goes back to a task's publisher."""
    refund = Refund(
        _id=f"NO{code_of(task)}",
        kind="unwon",
        code=code_of(task),
        out_trade_no=f"O{code_of(task)}",
        amount_fen=800,
        total_fen=1000,
        state="asked",
        alarm="",
        created_at=NOW,
        ended_at=0,
        due_at=NOW + task * 1000,
    )
    refund.update(fields)  # type: ignore[typeddict-item]  # some of its fields
    return refund


def a_message(number: int, **fields: Any) -> Message:
    """Return the message that tells a task's first winner."""
    message = Message(
        _id=f"won:{code_of(number)}:1",
        kind="won",
        code=code_of(number),
        unionid=person_of((number + 1) % 20),
        prize=f"{code_of(number)}:1",
        state="waiting",
        tries=0,
        until=NOW,
        created_at=NOW,
        ended_at=0,
        alarm="",
        due_at=NOW + number * 1000,
    )
    message.update(fields)  # type: ignore[typeddict-item]  # some of its fields
    return message


def a_review(key: str, code: str) -> Review:
    """Return what is checked: a task, or a profile if `code` is ""."""
    return Review(
        _id=key,
        code=code,
        unionid=person_of(2),
        openid="check",
        text="check",
        picture="",
        state="checking",
        text_said="",
        picture_said="",
        risks=[],
        traces=[],
        asked_at=0,
        why="",
        created_at=NOW,
        due_at=NOW,
    )


async def seed(store: Store) -> None:
    """Fill an empty database."""
    tasks = range(1, TASKS + 1)
    await store.tasks.rows.insert_many([dict(a_task(number)) for number in tasks])
    await store.digs.rows.insert_many(
        [stored(a_dig(number, depth)) for number in tasks for depth in range(1, DIGS_A_TASK + 1)]
    )
    await store.people.rows.insert_many([dict(a_person(number)) for number in range(20)])
    for name, make in (
        ("prizes", a_prize),
        ("orders", an_order),
        ("bills", a_bill),
        ("refunds", a_refund),
        ("messages", a_message),
    ):
        await store.database[name].insert_many([dict(make(number)) for number in tasks])
    for number in range(20):
        await store.consents.add(person_of(number), "template")
    for number in tasks:
        await store.visits.open([a_visit(number, person) for person in range(20)])
        await store.visits.record_shares([(code_of(number), person_of(1), person_of(p)) for p in range(2, 9)])
        await store.ledger.enter("paid", f"O{code_of(number)}", code_of(number), 1000, NOW)
