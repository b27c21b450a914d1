"""Random sequences of everything that can happen to red packets, checked after each step and at the end.

A sequence has payments, digs, claims, confirmations, endings, sweeps and time that passes; notices that are
lost, repeated and out of order; bad answers; and a kill after any step. The server is a real one. WeChat Pay
is the sandbox, over HTTP and with real signatures.
"""

import secrets
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from devtools.sandbox import send_notices
from devtools.sandbox.pay_call import UNHEARD_OF
from server.actions.digging.commit import commit
from server.actions.digging.dig import DigAttempt, Dug, dig
from server.actions.digging.draft import Draft, RankRequest
from server.actions.digging.end_task import end_own_task, end_task_as_operator
from server.actions.digging.publish import publish
from server.actions.prizes.claim import claim
from server.actions.prizes.freeze import freeze, give_back, release
from server.cash.actions.pay_in import look_for_payment, order_payment
from server.cash.rules.bill import OPEN
from server.context import Context
from server.errors import Refusal
from server.leading.sweep import sweep
from support.cash import cash_of
from support.client import Someone, rest
from support.money_world import PEOPLE, World
from support.purse import DAY_MS, expect_balance, find, find_all, let_pass, sweep_until_quiet

_T = TypeVar("_T")

KILLS = st.sampled_from((0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8))
TASKS = st.integers(0, 1)
DIGGERS = st.sampled_from(PEOPLE[1:3] * 2 + PEOPLE[3:])
CALLS = ("order", "query_order", "close", "refund", "query_refund", "transfer", "query_transfer", "cancel")
TIMES_MS = st.sampled_from(
    (2_000, 61_000, 61_000, 660_000, 660_000, 660_000, 7_300_000, DAY_MS + 1000, 10 * DAY_MS, 31 * DAY_MS)
)
FORGOTTEN = 3  # times that WeChat forgets a bill: not for a month, after which it answers nothing about it
OFTEN = st.sampled_from((True, True, True, False))
SELDOM = st.sampled_from((False, False, False, False, True))


class MoneyMachine(RuleBasedStateMachine):
    """A random sequence. Set `world` before the first sequence."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.codes: list[str] = []
        self.packages: list[str] = []
        self.forgotten: Counter[str] = Counter()

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self.world.run(work)

    def _person(self, name: str) -> Someone:
        return self.world.client.people[name]

    def _code(self, number: int) -> str:
        return self.codes[number % len(self.codes)]

    @initialize(
        prizes=st.integers(1, 3),
        wins=st.integers(-1, 3),
        claims=st.integers(0, 2),
        a_day=st.sampled_from((0, 3)),
    )
    def begin(self, prizes: int, wins: int, claims: int, a_day: int) -> None:
        """Begin with an unpaid task (`wins` is -1), an open task (0), or prizes won by `wins` people.

        Winners have claimed if `claims` is at least 1, and confirmed if it is 2. A publisher pays at
        most `a_day` yuan a day; 0 means any sum.
        """
        self._run(self.world.clean())
        self.world.pay_out(a_day)
        self._publish(prizes)
        if wins >= 0:
            self.pay(0, 0, True, "")
        for who in PEOPLE[1 : min(wins, prizes) + 1]:
            self.dig(0, 0, who)
            if claims:
                self.claim(0, 0, who, claims == 2, "", "")

    def _publish(self, prizes: int, *, shared: bool = False) -> None:
        """Publish a task with this many prizes of 2 yuan each or, with `shared`, of 2 yuan in all."""

        async def act() -> str:
            alice = await self.world.context.store.people.find(self._person("alice").id)
            assert alice is not None
            draft = Draft(
                goods_type=1, name="一个红包", money=2, prize_num=prizes,
                forecast_num=prizes, interval=1, fluctuation=0, cd=0,
            )  # fmt: skip
            if shared:
                half = {"sealed_seed": commit(self.world.context, alice).sealed_seed, "nonce": "ab" * 16}
                kinds = [RankRequest(name="拼手气", prize_num=prizes, sum_fen=200)]
                draft = msgspec.structs.replace(draft, money=None, prizes=kinds, **half)
            return (await publish(self.world.context, alice, draft))["_id"]

        self.codes.append(self._run(act()))

    @precondition(lambda self: len(self.codes) < 2)
    @rule(prizes=st.integers(1, 3), shared=st.booleans())
    def publish_another(self, prizes: int, shared: bool) -> None:
        self._publish(prizes, shared=shared)

    @rule(
        task=TASKS,
        kill=KILLS,
        pays=OFTEN,
        notice=st.sampled_from(("", "", "lose_notice", "repeat_notice", "delay_notice", "forge_notice")),
    )
    def pay(self, task: int, kill: int, pays: bool, notice: str) -> None:
        code = self._code(task)

        async def order(actor: Context) -> Any:
            alice = await actor.store.people.find(self._person("alice").id)
            assert alice is not None
            return await order_payment(cash_of(actor), alice, code, 2)

        async def act() -> None:
            parameters = await self.world.act(kill, order)
            if parameters is None or not pays:
                return
            await self._notice(notice)
            appid = self.world.settings.appid
            await self.world.client.wx("pay", appId=appid, **msgspec.to_builtins(parameters))
            await rest(self.world.context)

        self._run(act())

    async def _notice(self, what: str) -> None:
        if what:
            await self._wish(what, seconds=10**6 if what == "delay_notice" else 0)

    async def _wish(
        self, what: str, call: str = "", code: str = "", number: str = "", seconds: int = 0, times: int = 1
    ) -> None:
        await self.world.sandbox.misbehaviours.add(
            {"what": what, "number": number, "call": call, "code": code, "seconds": seconds, "left": times}
        )

    @rule(task=TASKS, kill=KILLS)
    def look(self, task: int, kill: int) -> None:
        code = self._code(task)
        self._run(self.world.act(kill, lambda actor: look_for_payment(cash_of(actor), code)))

    @rule(task=TASKS, kill=KILLS, who=DIGGERS)
    def dig(self, task: int, kill: int, who: str) -> None:
        code = self._code(task)
        person_id = self._person(who).id

        async def act(actor: Context) -> Dug:
            return await dig(actor, DigAttempt(code, person_id, secrets.token_hex(8)))

        self._run(self.world.act(kill, act))

    @rule(
        task=TASKS,
        kill=KILLS,
        who=DIGGERS,
        confirms=OFTEN,
        whim=st.sampled_from(("", "", "", "fail", "pending")),
        notice=st.sampled_from(("", "", "lose_notice", "repeat_notice", "delay_notice")),
    )
    def claim(self, task: int, kill: int, who: str, confirms: bool, whim: str, notice: str) -> None:
        code = self._code(task)
        person_id = self._person(who).id

        async def act() -> None:
            claimed = await self.world.act(kill, lambda actor: claim(actor, code, person_id, "", "", ""))
            if claimed is None or not claimed.package_info:
                return
            self.packages.append(claimed.package_info)
            if not confirms:
                return
            if whim:
                await self._wish(whim, "confirm")
            await self._notice(notice)
            await self.world.client.confirm(claimed.package_info)

        self._run(act())

    @rule(number=st.integers(0, 5))
    def somebody_confirms_later(self, number: int) -> None:
        async def act() -> None:
            if self.packages:
                await self.world.client.confirm(self.packages[-1 - number % len(self.packages)])

        self._run(act())

    @rule(number=st.integers(0, 5))
    def a_late_notice_comes(self, number: int) -> None:
        async def act() -> None:
            waiting = await find(self.world.context, "sandbox_notices", state="waiting")
            if waiting:
                chosen = waiting[number % len(waiting)]["_id"]
                notices = self.world.sandbox.notices.collection
                await notices.update_one({"_id": chosen}, {"$set": {"due_at_ms": 0}})
                await send_notices(self.world.context)
                await rest(self.world.context)

        self._run(act())

    @rule(
        what=st.sampled_from(
            (
                *("error_before", "error_after", "disconnect", "refuse"),
                *("bad_signature", "untyped", "mistyped", "twice_typed"),
            )
        ),
        call=st.sampled_from(CALLS),
    )
    def an_answer_goes_wrong(self, what: str, call: str) -> None:
        self._run(self._wish(what, call))

    @rule(call=st.sampled_from(CALLS), code=st.sampled_from(("FREQUENCY_LIMIT_EXCEED", UNHEARD_OF)))
    def wechat_refuses_a_call(self, call: str, code: str) -> None:
        self._run(self._wish("refuse", call, code))

    @rule(code=st.sampled_from(("10060004", "10060012", "48001")), state=st.sampled_from(("", "4", "6")))
    def wechat_refuses_a_report(self, code: str, state: str) -> None:
        """Let WeChat refuse a report of a delivery, or say then that it has completed the order by itself."""
        self._run(self._wish("refuse", "shipping", code))
        if state:
            self._run(self._wish("state", "get_order", state))

    @rule(what=st.sampled_from(("accepted", "fail", "pending", "abnormal", "closed")))
    def wechat_takes_its_time(self, what: str) -> None:
        calls = {"accepted": "transfer", "fail": "transfer", "pending": "cancel"}
        self._run(self._wish(what, calls.get(what, "refund")))

    @rule(times=st.sampled_from((1, 100)))
    def wechat_refuses_transfers(self, times: int) -> None:
        self._run(self._wish("refuse", "transfer", "NO_AUTH", times=times))

    @rule()
    def wechat_forgets_a_bill_for_a_moment(self) -> None:
        """Let WeChat forget bills that it has acknowledged. Of others, the server would believe NOT_FOUND."""

        async def act() -> None:
            for bill in await find(self.world.context, "bills", remote={"$gt": ""}):
                self.forgotten[bill["_id"]] += 1
                if self.forgotten[bill["_id"]] <= FORGOTTEN:
                    await self._wish("refuse", "query_transfer", "NOT_FOUND", number=bill["_id"])

        self._run(act())

    @rule()
    def wechat_settles(self) -> None:
        self._run(settle_at_wechat(self.world))

    @rule(milliseconds=TIMES_MS)
    def time_passes(self, milliseconds: int) -> None:
        """Let time pass. A server is never away so long that WeChat says nothing of an open bill any more."""

        async def act() -> None:
            left = milliseconds
            while left > 10 * DAY_MS and await find(self.world.context, "bills", state={"$in": OPEN.split()}):
                left -= 10 * DAY_MS
                await sweep_until_quiet(self.world.context, 10 * DAY_MS)
            await let_pass(self.world.context, left)

        self._run(act())

    @rule(task=TASKS, then=st.sampled_from(("", "claim", "sweep", "claim and sweep")), who=DIGGERS)
    def it_is_nearly_over(self, task: int, then: str, who: str) -> None:
        """Let time pass until an hour before a task's expiry or deadline, and then perhaps beyond it."""
        code = self._code(task)

        async def leap() -> None:
            context = self.world.context
            found = await find(context, "tasks", _id=code)
            if not found or not found[0]["open"]:
                return
            # Before weeks pass, let the server query each bill while WeChat remembers it: later WeChat would
            # have forgotten the bill for good.
            lies = {"call": "query_transfer", "code": "NOT_FOUND"}
            await self.world.sandbox.misbehaviours.collection.delete_many(lies)
            await sweep_until_quiet(context)
            last_ms = found[0]["ended_at"] + 30 * DAY_MS if found[0]["status"] else found[0]["expires_at"]
            await let_pass(context, max(0, last_ms - context.clock.now_ms() - 3_600_000))

        self._run(leap())
        if "claim" in then:
            self.claim(task, 0, who, False, "", "")
        if "sweep" in then:
            self._run(let_pass(self.world.context, 3_601_000))
            self.sweep(0)

    @rule(task=TASKS, kill=KILLS, really=SELDOM, operator=st.booleans())
    def end(self, task: int, kill: int, really: bool, operator: bool) -> None:
        code = self._code(task)
        person_id = self._person("alice").id
        if really and operator:
            self._run(self.world.act(kill, lambda actor: end_task_as_operator(actor, code, "违规")))
        elif really:
            self._run(self.world.act(kill, lambda actor: end_own_task(actor, code, person_id)))

    @rule(
        task=TASKS,
        kill=KILLS,
        act=st.sampled_from((freeze, freeze, release, give_back)),
        what=st.sampled_from(("task", "prize", "prize", "person")),
        depth=st.integers(0, 3),
    )
    def an_operator_decides(self, task: int, kill: int, act: Any, what: Any, depth: int) -> None:
        code = self._code(task)
        self._run(self.world.act(kill, lambda actor: act(actor, what, code, depth)))

    @rule(most=st.sampled_from((0, 1, 4)))
    def winners_get_no_more_than(self, most: int) -> None:
        self.world.hold_above(most)

    @rule(most=st.sampled_from((0, 0, 3, 5)))
    def a_day_pays_no_more_than(self, most: int) -> None:
        self.world.pay_out(most)

    @rule(kill=KILLS)
    def sweep(self, kill: int) -> None:
        self._run(self.world.act(kill, sweep))

    @invariant()
    def no_money_goes_twice(self) -> None:
        self._run(self._check())

    async def _check(self) -> None:
        """Check sums from WeChat's own records, not from the server's."""
        documents = await find_all(self.world.context, "sandbox_orders", "sandbox_bills")
        paid: dict[str, int] = {}
        gone: dict[str, int] = {}
        for order in documents["sandbox_orders"]:
            code = order["_id"][:12]
            if order["trade_state"] in ("SUCCESS", "REFUND"):
                paid[code] = paid.get(code, 0) + order["total_fen"]
            for refund in order["refunds"]:
                if refund["status"] != "CLOSED":
                    gone[code] = gone.get(code, 0) + refund["amount_fen"]
        prizes = set()
        for bill in documents["sandbox_bills"]:
            if bill["state"] in ("SUCCESS", "TRANSFERING"):
                prize = bill["_id"][:12] + bill["_id"][12:].partition("A")[0]
                assert prize not in prizes, f"prize {prize} was paid twice"
                prizes.add(prize)
                code = bill["_id"][:12]
                gone[code] = gone.get(code, 0) + bill["amount_fen"]
        for code, amount_fen in gone.items():
            assert amount_fen <= paid.get(code, 0), f"{code}: {amount_fen} fen left of {paid.get(code, 0)}"

    def teardown(self) -> None:
        if self.codes:
            self._run(finish(self.world))


async def settle_at_wechat(world: World) -> bool:
    """Let WeChat finish its pending bills and refunds; return whether there were any."""
    found = await find_all(world.context, "sandbox_bills", "sandbox_orders")
    numbers = [
        *(bill["_id"] for bill in found["sandbox_bills"] if bill["state"] in ("TRANSFERING", "CANCELING")),
        *(
            refund["out_refund_no"]
            for order in found["sandbox_orders"]
            for refund in order["refunds"]
            if refund["status"] == "PROCESSING"
        ),
    ]
    for number in numbers:
        await world.client.wx("misbehave", what="settle", number=number)
    await rest(world.context)
    return bool(numbers)


async def decide(world: World) -> None:
    """Release everything frozen and half of the held prizes; give the other half back."""
    context = world.context
    for frozen in await find(context, "freezes", state="frozen"):
        with suppress(Refusal):
            await release(context, frozen["what"], frozen["code"], frozen["depth"])
    for prize in await find(context, "prizes", state={"$in": ["held", "frozen"]}):
        back = "bill_lost" in prize or prize["depth"] % 2
        await (give_back if back else release)(context, "prize", prize["code"], prize["depth"])
    await rest(context)


async def finish(world: World) -> None:
    """End a sequence: WeChat behaves, months pass, and every fen must be where it belongs."""
    context = world.context
    await world.client.wx("misbehave", what="behave")
    world.hold_above(0)
    world.pay_out(0)
    for days in (0, 2, 31, 31):
        await decide(world)
        await let_pass(context, days * DAY_MS)
        await sweep_until_quiet(context)
        if await settle_at_wechat(world):
            await sweep_until_quiet(context)
    await expect_balance(context)
    world.seen["sequences"] += 1
    final = {
        "orders": {"spent", "unusable", "closed"},
        "prizes": {"given", "returned", "expiring"},
        "bills": {"given", "failed"},
        "refunds": {"refunded", "abnormal", "closed"},
    }
    documents = await find_all(context, *final, "tasks")
    for name, states in final.items():
        found = documents[name]
        assert {document["state"] for document in found} <= states, found
        world.seen.update(f"{name}: {document['state']} {document.get('kind', '')}" for document in found)
    stuck = {refund["code"] for refund in documents["refunds"] if refund["state"] in ("abnormal", "closed")}
    for prize in documents["prizes"]:
        assert prize["state"] != "expiring" or prize["code"] in stuck, prize
    assert all("due_at" not in task for task in documents["tasks"]), documents["tasks"]
