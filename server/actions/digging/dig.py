"""The dig: wait in a random order, decide, record in the task, write to the history, publish, reply.

Any process may die at any moment: one conditional update of the task records the dig, with its whole record
in it. Any process can write the history from that record later. See `Tasks.record_dig` for the condition.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from server.actions.announce import announce_dig
from server.actions.digging.win import record_prize
from server.actions.people.account import check_ban, known_people_of
from server.cash.actions.risk import look_at_risk
from server.context import Context, per_context
from server.errors import (
    AlreadyWon,
    Banned,
    CoolingDown,
    Ended,
    NoSuchTask,
    OutcomeUnknown,
    OwnTask,
    Refusal,
    Unavailable,
    refuse,
)
from server.game.chance import odds
from server.game.dig import Dig, seconds_left, time_in_words
from server.game.reasons import standing_of, why_barred, why_closed
from server.game.task import awaited_opening
from server.memory.digging import Digging
from server.memory.fair_start import FairStart
from server.realtime.shared_order import SharedOrder
from server.store import is_unavailable
from server.store.digging.tasks import View
from server.store.people.people import Person, shown_face, shown_name
from server.telemetry import metrics

# Less than the limit of a request, 5 s: a request that is cut off at this limit cannot say whether its dig
# was tried.
DEADLINE_SECONDS = 4.5
# The pause after a refusal. Without it, retries would flood a replica set that has no primary.
PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.5
# How long a finished dig stays marked as pending. Another dig within this time overwrites the mark, which
# saves the update that would remove it. `settle_pending` finishes digs only after a second, which is longer.
MARK_SECONDS = 0.1
# Our estimate of MongoDB's clock is never ahead of it. The estimate lags by a few ms: by the duration of the
# fastest reply of the last ten seconds. So a request that seems to come up to SLOW_CLOCK_MS before the end of
# a cooldown may have come after it, and is treated as if it had.
SLOW_CLOCK_MS = 100


# Checks the caller's record, as `Interface.admit` does. Raises NotLoggedIn, BadToken or TokenRequired.
AdmitCaller = Callable[[Person | None], Awaitable[Person]]


@per_context
def digging_of(context: Context) -> Digging:
    """What this process keeps for digs."""
    return Digging(context.store, context.keys, context.clock)


@per_context
def fair_start_of(context: Context) -> FairStart:
    """The people who wait for the random order."""
    return FairStart(
        context.settings.fair_start_ms,
        context.hub,
        context.clock,
        context.background,
        SharedOrder(context.bus, context.keys),
    )


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass(slots=True)
class Attempt:
    """A request to dig. `arrived` is in the loop's time.

    `session` is the session of the caller's token, None without a token. A request with a bare id, which
    others may know, must not take the place of the id's owner in the random order. `address` returns the
    caller's IP. `hung_up` says whether the client is gone. `ordered_for` is as in `FairStart.gathers`;
    `counted` says whether the request was counted in the limits.
    """

    code: str
    unionid: str
    dig_id: str
    admit: AdmitCaller
    session: int | None = None
    address: Callable[[], str] = str
    arrived: float = field(default_factory=_now)
    hung_up: Callable[[], bool] = bool
    ordered_for: int = 0
    counted: bool = False

    @property
    def deadline(self) -> float:
        """When the request is given up (the loop's time)."""
        return self.arrived + DEADLINE_SECONDS


@dataclass(frozen=True, slots=True)
class Dug:
    """A dig, its task's `params`, and whether it was made before this request (`repeated`)."""

    dig: Dig
    params: str
    repeated: bool


def _counts_at(context: Context, request: Attempt, now_ms: int) -> int:
    """Return the time at which a request counts as made (unix ms, MongoDB's clock). The request belongs to
    the window in which it came.

    However long a request has waited, it never moves to a later window: its client may have sent it again and
    been told that somebody else was faster, and that answer must stay true.
    """
    waited_ms = 1000 * (_now() - request.arrived)
    return min(now_ms, context.clock.now_ms() - int(waited_ms) + SLOW_CLOCK_MS)


def _known_cooldown(context: Context, request: Attempt) -> CoolingDown | None:
    """Return the refusal of a request that came in a cooldown, or before the task starts.

    Returns None if this process knows of no such cooldown or start, or if the caller's own dig began the
    cooldown.
    """
    now_ms = context.clock.now_ms()
    at_ms = _counts_at(context, request, now_ms)
    running = context.hub.cooldowns.running(request.code, at_ms)
    if running is not None:
        return None if running["unionid"] == request.unionid else cooling_down(running["cd_until"], now_ms)
    opens_at = context.hub.cooldowns.opens_at(request.code, at_ms)
    return cooling_down(opens_at, now_ms, begun=False) if opens_at else None


async def _refuse_from_memory(context: Context, request: Attempt) -> bool:
    """Raise CoolingDown if this process knows that a cooldown runs; return whether the caller repeats an
    earlier dig.

    Without a `dig_id` this asks no store. With a `dig_id`, all callers at that moment share one round trip.
    Raises OwnTask if this process knows that the caller published the task.
    """
    running = _known_cooldown(context, request)
    if running is None:
        return False
    if request.dig_id:
        if await digging_of(context).used(request.code, request.unionid, request.dig_id):
            return True
        running = _known_cooldown(context, request)
        if running is None:  # this process has learned meanwhile that no cooldown runs
            return False
    if _publisher(context, request.code) == request.unionid:
        raise OwnTask
    try:
        raise running
    finally:
        del running  # breaks the reference cycle, as `refuse` does


def _publisher(context: Context, code: str) -> str:
    """Return who published a task; "" if nobody watches the task in this process and nobody dug it here."""
    watched = context.hub.known.by_code.get(code)
    if watched is not None and watched.loaded:
        publisher: str = watched.task["publisher"]
        return publisher
    return digging_of(context).publisher(code)


def cooling_down(cd_until_ms: int, now_ms: int, *, begun: bool = True) -> CoolingDown:
    """Return the refusal, with what a client needs to count down. If digging has not `begun`, the task starts
    at `cd_until_ms`."""
    left = seconds_left(cd_until_ms, now_ms)
    if not begun:
        msg = f"还没有开挖，还要等 {time_in_words(left)}" if left else "刚刚开挖，现在可以挖了"
        return CoolingDown(msg, is_cd=int(left > 0), time=left, cd_until=cd_until_ms)
    msg = f"慢了一步，还要等 {left} 秒" if left else "慢了一步，刚才那一轮已经有人挖了，现在可以再挖"
    return CoolingDown(msg, is_cd=int(left > 0), time=left, cd_until=cd_until_ms)


async def dig(context: Context, request: Attempt) -> Dug:
    """Dig one level deeper; or, if this caller repeats a request, return their earlier dig.

    Just after a cooldown, or after an opening that people may have waited for, the request waits
    FAIR_START_MS for its place in a random order, and at most 0.4 s more for the requests before it. It digs
    in the window in which it arrived. Once its client has hung up, a dig that was tried is not tried again.
    A dig that was not tried yet still gets one try, unless its task has no cooldown.

    Raises, in this order: NoSuchTask, NotShown (to the publisher OwnTask), NotPaid, Ended, CoolingDown, what
    `admit` raises, Banned, OwnTask, AlreadyWon. For a task without a cooldown, TooOften may come before all
    of them. In a cooldown, OwnTask comes first if this process knows the publisher. After DEADLINE_SECONDS,
    or for a client that hung up, raises OutcomeUnknown if MongoDB did not say whether the dig was recorded,
    or Unavailable if nothing was sent to MongoDB.
    """
    try:
        if not request.dig_id:
            # Without a `dig_id` this asks no store, so it needs no limit.
            await _refuse_from_memory(context, request)
        dug = await _dig_in_turn(context, request)
    except Refusal as refusal:
        if isinstance(refusal, Banned | OwnTask | AlreadyWon):
            digging_of(context).note_refused(request.code, request.unionid)
        metrics.digs(refusal.error).inc()
        raise
    metrics.digs("repeated" if dug.repeated else "won" if dug.dig["is_prize"] else "dug").inc()
    return dug


async def _dig_in_turn(context: Context, request: Attempt) -> Dug:
    looked = False
    while True:
        try:
            async with asyncio.timeout_at(request.deadline):
                repeats = await _refuse_from_memory(context, request)
                if not repeats and not looked and _may_not_dig(context, request):
                    looked = True
                    dug = await _look(context, request)
                    if dug is not None:
                        return dug
                    continue
                if not repeats and _needs_order(context, request):
                    digger, start = await _who_enters(context, request), fair_start_of(context)
                    if _needs_order(context, request):
                        request.ordered_for = await start.wait(
                            request.code, digger, proven=request.session is not None
                        )
                if digging_of(context).never_cools(request.code):
                    await _count(context, request)
                # No await before `acquire`: requests that waited for the random order get their turns in that
                # order.
                turn = digging_of(context).turn(request.code)
                await turn.acquire()
        except TimeoutError:
            raise Unavailable from None
        try:
            if repeats or _may_go_on(context, request, looked=looked):
                dug = await _dig_alone(context, request)
                if dug is not None:
                    return dug
        finally:
            turn.release()
        # During the wait somebody else dug, or it turned out that a look or a random order has to come first.


def _may_go_on(context: Context, request: Attempt, *, looked: bool) -> bool:
    """Whether a request whose turn has come may still dig, judging by what this process learned meanwhile."""
    return not (
        _known_cooldown(context, request)
        or _needs_order(context, request)
        or (not looked and _may_not_dig(context, request))
    )


def _may_not_dig(context: Context, request: Attempt) -> bool:
    """Whether this process has read or heard that the caller published the task, has won it, or is banned."""
    code, unionid = request.code, request.unionid
    watched = context.hub.known.by_code.get(code)
    return (
        _publisher(context, code) == unionid
        or (watched is not None and watched.loaded and unionid in watched.winners)
        or known_people_of(context).is_banned(unionid)
        or digging_of(context).was_refused(code, unionid)
    )


async def _look(context: Context, request: Attempt) -> Dug | None:
    """Refuse a caller who may not dig, without giving them a turn or a place in the random order, so that
    they delay nobody.

    This reads the store, since what this process heard may be wrong. The reasons to refuse are checked in the
    order that `dig` gives. Returns the caller's earlier dig if they repeat it; None if they may dig after
    all, or the store does not answer.
    """
    code, unionid, dig_id = request.code, request.unionid, request.dig_id
    try:
        used = dig_id and await digging_of(context).used(code, unionid, dig_id)
        view = await digging_of(context).looks.view(code, unionid, dig_id if used else "")
    except Exception as error:
        if not is_unavailable(error):
            raise
        return None
    if view is None:
        raise NoSuchTask
    owed = _owed_reply(context, view, request)
    if owed is not None:
        await request.admit(view["person"])
        return Dug(owed, view["task"]["params"], repeated=True)
    _refuse_for_task(context, view, request)
    await _admitted(view, request)
    digging_of(context).forget_refused(code, unionid)
    return None


async def _who_enters(context: Context, request: Attempt) -> str | None:
    """Return the person whose place in the random order the request takes; None for a caller who will be
    refused later, or whom MongoDB could not be asked about now.

    A person has one place, even if they ask both by a token and by their bare id. Unknown ids, ended tokens
    and banned people get no place: each would cost a read of the store, and could be drawn before a person.
    """
    try:
        person = await request.admit(await known_people_of(context).find(request.unionid, request.session))
        check_ban(person, context.clock.now_ms())
    except Exception as error:
        if not isinstance(error, Refusal) and not is_unavailable(error):
            raise
        return None
    return request.unionid


def _needs_order(context: Context, request: Attempt) -> bool:
    return fair_start_of(context).gathers(request.code, request.ordered_for)


async def _count(context: Context, request: Attempt) -> None:
    """Count a dig of a task without a cooldown, once per request. Raises TooOften.

    The store is not read for this, so requests with ended tokens or bare ids are counted apart from those of
    the ids' owners.
    """
    if not request.counted:
        request.counted = True
        await context.limits.take(context.limits.counts("digs", f"{request.unionid}:{request.session}", ""))


async def _dig_alone(context: Context, request: Attempt) -> Dug | None:
    """Try until the dig is recorded or refused. After a failure, the next read shows whether it was recorded.

    Returns None, with nothing tried, if the read showed that a random order comes first.
    """
    code, unionid, deadline = request.code, request.unionid, request.deadline
    own_id = request.dig_id or secrets.token_hex(12)
    made_as, attempted, asked_at, pause, tries = request.dig_id, False, 0, PAUSE_SECONDS, 0
    while True:
        tries += 1
        try:
            async with asyncio.timeout_at(deadline):
                _end_if_hung_up(request, tries > 1, attempted)
                view = await context.store.tasks.view(code, unionid, made_as)
                if view is None:
                    raise NoSuchTask  # noqa: TRY301  (below, only a silent store is caught)
                context.clock.see(view["now"])
                asked_at = asked_at or view["now"]
                digging_of(context).learn(view["task"])
                owed = _owed_reply(context, view, request)
                if owed is not None:
                    await request.admit(view["person"])
                    recorded: Dig | None = owed
                else:
                    _refuse_for_task(context, view, request)
                    if not view["task"]["cd_ms"]:
                        await _count(context, request)
                    if not attempted and _needs_order(context, request):
                        return None
                    draft = await _decide(context, view, request, own_id)
                    # A task without a cooldown has no windows, so a request cannot come too late for its
                    # window.
                    _end_if_hung_up(request, tries > 1 or not view["task"]["cd_ms"], attempted)
                    made_as, attempted = own_id, True
                    recorded = await context.store.tasks.record_dig(draft, view["task"]["cd_ms"])
        except TimeoutError:
            raise (OutcomeUnknown if attempted else Unavailable) from None
        except Exception as error:
            if not is_unavailable(error):
                raise
            context.background.failures.note("a dig", error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            continue
        if recorded is None:
            continue
        if not attempted or recorded["dig_id"] != own_id:
            return Dug(recorded, view["task"]["params"], repeated=True)
        look_at_risk(context, view, request.address())
        await _follow_up(context, recorded, deadline)
        # An earlier request may have made this dig: a new primary may not have had the dig at our first read.
        repeated = owed is not None and owed["at"] < asked_at
        return Dug(recorded, view["task"]["params"], repeated)


async def _follow_up(context: Context, recorded: Dig, deadline: float) -> None:
    """Write the history and tell everybody. Wait for the history until the deadline at most: the dig is
    already recorded in the task."""
    context.hub.cooldowns.learn(recorded)
    if recorded["is_prize"]:
        digging_of(context).note_refused(recorded["code"], recorded["unionid"])
    context.heartbeats.note_dig(recorded)
    loop = asyncio.get_running_loop()
    writing = loop.create_task(_write_history(context, recorded))
    context.background.spawn(_finish(context, recorded, writing))
    await asyncio.wait([writing], timeout=max(0.0, deadline - loop.time()))


async def _decide(context: Context, view: View, request: Attempt, dig_id: str) -> Dig:
    """Return the dig that this caller may make now. Raises the refusals of `dig` that are about the caller.

    If the previous dig is still pending, its history is written first, unless this process has written it.
    """
    person = await _admitted(view, request)
    if "pending" in view["task"] and not digging_of(context).finished(view["task"]["last_dig"]):
        # The new dig overwrites the previous dig in the task. From then on, only the history has the previous
        # dig.
        await context.store.digs.write(view["task"]["last_dig"])
        context.background.spawn(_keep_prize(context, view["task"]["last_dig"]))
    return _next_dig(context, view, person, dig_id)


def _end_if_hung_up(request: Attempt, ends: bool, attempted: bool) -> None:
    """Raise if the client is gone, and `ends` says that its request then ends: nobody would get the reply."""
    if ends and request.hung_up():
        raise OutcomeUnknown if attempted else Unavailable


def _owed_reply(context: Context, view: View, request: Attempt) -> Dig | None:
    """Return the caller's earlier dig if this request repeats it, else None.

    That is the dig with the same `dig_id`, or their last dig of the task if they asked within its cooldown. A
    reply may have been lost, and a winner must not be told that somebody else was faster.
    """
    if view["same"] is not None:
        return view["same"]
    task = view["task"]
    last, cd_ms = task.get("last_dig"), task["cd_ms"]
    if last is None or last["unionid"] != request.unionid or not cd_ms:
        return None
    cd_until = task["cd_until"] or last["at"] + cd_ms  # 0 after the last dig
    return last if _counts_at(context, request, view["now"]) < cd_until else None


def _refuse_for_task(context: Context, view: View, request: Attempt) -> None:
    """Raise the refusals of `dig` that are about the task; remember its newest dig.

    What is decided here still holds when the dig is recorded, because the dig is recorded only if nobody dug
    since this view.
    """
    task, unionid = view["task"], request.unionid
    refuse(why_closed(standing_of(task), unionid))
    if 0 < task["expires_at"] <= _counts_at(context, request, view["now"]):
        raise Ended  # a sweep is about to end the task
    if "last_dig" in task:
        cd_until = task["cd_until"]  # less than the dig's own after MongoDB's clock was set back
        context.hub.cooldowns.learn({**task["last_dig"], "cd_until": cd_until})
    elif opened_at := awaited_opening(task):
        context.hub.cooldowns.learn_opening(request.code, opened_at)
    if task["cd_until"] > _counts_at(context, request, view["now"]):
        if task["publisher"] == unionid:
            raise OwnTask
        raise cooling_down(task["cd_until"], view["now"], begun="last_dig" in task)


async def _admitted(view: View, request: Attempt) -> Person:
    """Return the caller's record if they may dig. Raises the refusals of `dig` that are about the caller."""
    person = check_ban(await request.admit(view["person"]), view["now"])
    refuse(why_barred(standing_of(view["task"]), request.unionid, won=view["won"] is not None))
    return person


def _next_dig(context: Context, view: View, person: Person, dig_id: str) -> Dig:
    """Return the dig that comes next after this view of the task. The store sets `at` and `cd_until`."""
    task, first = view["task"], view["first"]
    depth = task["now_depth"] + 1
    rules, winning, find_at = digging_of(context).drawn(task)
    won, find = winning.get(depth), find_at(depth)
    participants = task["participants"] + (first is None)
    prizes_left = task["prizes_left"] - (won is not None)
    made = Dig(
        _id=f"{task['_id']}:{depth}",
        code=task["_id"],
        depth=depth,
        unionid=person["_id"],
        wxname=shown_name(person),
        wxheadpic=shown_face(person),
        is_prize=int(won is not None),
        prizes_left=prizes_left,
        participants=participants,
        no=participants if first is None else first["no"],
        dig_id=dig_id,
        at=0,
        cd_until=0,
        last_won=max((each for each in winning if each <= depth), default=0),
        was_one_in=odds(rules, depth, max((each for each in winning if each < depth), default=0)),
    )
    if find:
        made["find"] = find
    if person.get("layers"):
        made["layers"] = person["layers"]
    if first is None:
        made["n"] = participants
    if won is not None and won.rank:
        made["rank"], made["fen"] = won
        made["ranks_left"] = [left - (rank == won.rank) for rank, left in enumerate(task["ranks_left"], 1)]
        made["left_fen"] = task["left_fen"] - won.fen
    if prizes_left == 0:
        made["end"] = "prizes_gone"
    elif depth >= task["max_depth"]:
        made["end"] = "depth_reached"
    return made


async def _write_history(context: Context, recorded: Dig) -> bool:
    """Write a recorded dig to the history and announce it; return False if the store did not answer."""
    if "n" in recorded:
        metrics.JOINS.inc()
    try:
        await context.store.digs.write(recorded)
    except Exception as error:
        if not is_unavailable(error):
            raise
        context.background.failures.note("a dig's history", error)
        return False
    await announce_dig(context, recorded)
    return True


async def _finish(context: Context, recorded: Dig, writing: asyncio.Task[bool]) -> None:
    """Once the history has the dig, write its prize, then note both in its task. The reply does not wait.

    If the history lacks the dig, it stays pending and `settle_pending` writes it.
    """
    if not await writing:
        return
    await _keep_prize(context, recorded)
    digging_of(context).note_finished(recorded)
    await asyncio.sleep(MARK_SECONDS)
    if digging_of(context).finished(recorded):
        await context.store.tasks.note_written(recorded["code"], recorded["depth"])


async def _keep_prize(context: Context, recorded: Dig) -> None:
    """Write the prize that a dig won, if any. Safe to repeat; if the process dies, a sweep writes it."""
    if recorded["is_prize"]:
        await record_prize(context, recorded)


async def settle_pending(context: Context) -> None:
    """Finish digs whose process died before the history had them. The leader calls this within 2 s."""
    for recorded in await context.store.tasks.pending(older_than_ms=1000):
        with context.background.failures.noted("settling a dig"):  # the others are settled all the same
            await context.store.digs.write(recorded)
            await _keep_prize(context, recorded)
            await context.store.tasks.note_written(recorded["code"], recorded["depth"])
