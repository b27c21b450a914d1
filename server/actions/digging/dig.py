"""The dig, from top to bottom: admit, order, record, follow up.

Any process may die at any moment: one conditional update of the task records the dig, with its whole record
in it. Any process can write the history from that record later. See `Tasks.record_dig` for the condition.
"""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

from server.actions.announce import announce_dig
from server.actions.digging.win import record_prize
from server.actions.people.account import check_ban, check_session
from server.context import Context
from server.errors import (
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
from server.game.task import Task, awaited_opening
from server.runtime.deadline import loop_time
from server.store import is_unavailable
from server.store.digging.tasks import View
from server.store.people.people import Person, shown_face, shown_name
from server.telemetry import metrics

# Less than the limit of a request, 5 s: a request that is cut off at this limit cannot say whether its dig
# was tried.
DEADLINE_SECONDS = 4.5
# The first pause after MongoDB did not take a try. Without it, retries would flood a replica set that has no
# primary.
PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.5
# How long a finished dig stays marked as pending: less than the second after which `settle_pending` takes it.
MARK_SECONDS = 0.1
SLOW_CLOCK_MS = 100  # By so much our estimate of MongoDB's clock may lag: see `_judged_at`.


@dataclass(slots=True)
class DigAttempt:
    """What one request to dig asks for, and how far it has come. `arrived` is in the loop's time.

    `generation` is that of the caller's token, None without a token. An attempt with a bare id, which others
    may know, must not take the place of the id's owner in the random order. `address` is the caller's IP, ""
    if it is not known. `hung_up` becomes true when the client is gone.
    """

    code: str
    person_id: str
    dig_id: str = ""
    generation: int | None = None
    address: str = ""
    arrived: float = field(default_factory=loop_time)
    hung_up: bool = False
    # What became of it so far.
    # The gathering for the random order in which it last waited: when digging began (unix ms); 0: none.
    waited_in: int = 0
    pressed: int = 0  # of how many people that order was drawn
    counted: bool = False  # in the limits
    tried: bool = False  # MongoDB was asked to record its dig

    @property
    def deadline(self) -> float:
        """When the attempt is given up (the loop's time)."""
        return self.arrived + DEADLINE_SECONDS

    @property
    def proven(self) -> bool:
        """Whether a token proved whose attempt it is."""
        return self.generation is not None

    @property
    def unanswered(self) -> type[OutcomeUnknown | Unavailable]:
        """The refusal of an attempt that is given up."""
        return OutcomeUnknown if self.tried else Unavailable


@dataclass(frozen=True, slots=True)
class Dug:
    """A dig, its task's `params`, and whether it was made before this attempt (`repeated`)."""

    dig: Dig
    params: str
    repeated: bool


async def dig(context: Context, attempt: DigAttempt) -> Dug:
    """Dig one level deeper; or, if this caller repeats a request, return their earlier dig.

    Just after a cooldown, or after an opening that people may have waited for, the attempt waits
    FAIR_START_MS for its place in a random order, and at most 0.4 s more for the attempts before it. It digs
    in the window in which it arrived. Once its client has hung up, a dig that was tried is not tried again.
    A dig that was not tried yet still gets one try, unless its task has no cooldown. A process takes one
    attempt at a time from a person for a task.

    Raises, in this order: NoSuchTask, NotShown (to the publisher OwnTask), NotPaid, Ended, CoolingDown, what
    `check_session` and `check_ban` raise, OwnTask, AlreadyWon. For a task without a cooldown, TooOften may
    come before all of them. In a cooldown, OwnTask comes first if this process knows the publisher. After
    DEADLINE_SECONDS, or for a client that hung up, raises OutcomeUnknown if MongoDB did not say whether the
    dig was recorded, or Unavailable if nothing was sent to MongoDB.
    """
    try:
        async with asyncio.timeout_at(attempt.deadline) as limit:
            # `_follow_up` lifts the limit once the dig is recorded.
            dug = await _dig(context, attempt, limit)
    except TimeoutError:
        metrics.digs(attempt.unanswered.error).inc()
        raise attempt.unanswered from None
    except Refusal as refusal:
        metrics.digs(refusal.error).inc()
        raise
    metrics.digs("repeated" if dug.repeated else "won" if dug.dig["is_prize"] else "dug").inc()
    return dug


async def _dig(context: Context, attempt: DigAttempt, limit: asyncio.Timeout) -> Dug:
    digging = context.digging
    # One attempt of a person at a time: who may not dig, and asks again and again, delays nobody by more than
    # one read. Who only knows the person's id waits apart.
    async with digging.persons_turn(attempt.code, attempt.person_id, proven=attempt.proven):
        while True:
            repeats = await _admit(context, attempt)
            if not repeats:
                await _order(context, attempt)
            # One attempt of a task at a time. No await since `_order`: attempts that waited for the random
            # order get their turns in that order.
            async with digging.tasks_turn(attempt.code):
                # An overtaken attempt begins again: it is refused, or waits for its place in the new order.
                if repeats or not _is_overtaken(context, attempt):
                    dug = await _record(context, attempt, limit)
                    if dug is not None:
                        return dug


async def _admit(context: Context, attempt: DigAttempt) -> bool:
    """Raise what this process can refuse from memory; return whether the attempt repeats an earlier dig.

    Without a `dig_id` this does not ask MongoDB. With one, all callers at that moment share one round trip.
    For a task without a cooldown, Redis is asked for the limit.
    """
    digging = context.digging
    # Who would be told to wait may have made this dig before, and the reply was lost: the history tells. Who
    # would not be refused here needs no look-up: `_record` finds an earlier dig as it reads the task.
    repeats = (
        attempt.dig_id != ""
        and isinstance(_known_refusal(context, attempt), CoolingDown)
        and await digging.dig_id_is_used(attempt.code, attempt.person_id, attempt.dig_id)
    )
    if not repeats:
        # Asked anew, not kept from above: while the look-up waited, the cooldown may have ended.
        refuse(_known_refusal(context, attempt))
    if digging.never_cools(attempt.code):
        await _count_in_limits(context, attempt)
    return repeats


def _known_refusal(context: Context, attempt: DigAttempt) -> Refusal | None:
    """Return the refusal of an attempt that came in a cooldown, or before the task starts.

    None if this process knows of no such cooldown or start, or if the caller's own dig began the cooldown:
    then they are owed its reply. OwnTask if this process knows that the caller published the task.
    """
    now_ms = context.clock.now_ms()
    at_ms = _judged_at(context, attempt, now_ms)
    awaited = context.hub.cooldowns.awaited(attempt.code, at_ms)
    # `awaited.dig` is the dig that began the cooldown; None: the task has not started.
    if awaited is None or (awaited.dig is not None and awaited.dig["person_id"] == attempt.person_id):
        return None
    if _publisher(context, attempt.code) == attempt.person_id:
        return OwnTask()
    return cooling_down(awaited.begins, now_ms, begun=awaited.dig is not None, pressed=attempt.pressed)


def _judged_at(context: Context, attempt: DigAttempt, now_ms: int) -> int:
    """Return the time by which an attempt is judged (unix ms, MongoDB's clock): SLOW_CLOCK_MS after its
    arrival by our estimate, but at most `now_ms`, the time of the read that decides.

    Our estimate of MongoDB's clock is never ahead of it, and lags by a few ms: by the duration of the fastest
    reply of the last ten seconds. So an attempt that seems to come up to SLOW_CLOCK_MS before the end of a
    cooldown may have come after it.

    However long an attempt has waited, it never moves to a later window: its client may have sent it again
    and been told that somebody else was faster, and that answer must stay true.
    """
    arrived_ms = context.clock.now_ms() - int(1000 * (loop_time() - attempt.arrived))
    return min(now_ms, arrived_ms + SLOW_CLOCK_MS)


def _publisher(context: Context, code: str) -> str:
    """Return who published a task; "" if nobody watches the task in this process and nobody dug it here."""
    watched = context.hub.known.by_code.get(code)
    if watched is not None and watched.loaded:
        return str(watched.task["publisher"])
    return context.digging.publisher(code)


def cooling_down(begins_ms: int, now_ms: int, *, begun: bool = True, pressed: int = 0) -> CoolingDown:
    """Return the refusal of who comes before digging begins again, with what a client needs to count down. If
    nobody has `begun`, the task starts then. If a random order decided, it was drawn of `pressed` people."""
    left = seconds_left(begins_ms, now_ms)
    count_down: dict[str, Any] = {"is_cd": int(left > 0), "time": left, "cd_until": begins_ms}
    if not begun:
        msg = f"还没有开挖，还要等 {time_in_words(left)}" if left else "刚刚开挖，现在可以挖了"
        return CoolingDown(msg, **count_down)
    how = "慢了一步"
    if pressed > 1:
        how = f"{pressed} 人同时按下，抽中了别人"
        count_down["pressed"] = pressed
    msg = f"{how}，还要等 {left} 秒" if left else f"{how}，刚才那一轮已经有人挖了，现在可以再挖"
    return CoolingDown(msg, **count_down)


async def _count_in_limits(context: Context, attempt: DigAttempt) -> None:
    """Count a dig of a task without a cooldown, once per attempt. Raises TooOften.

    MongoDB is not read for this, so attempts with ended tokens or bare ids are counted apart from those of
    the ids' owners.
    """
    if not attempt.counted:
        attempt.counted = True
        counted = f"{attempt.person_id}:{attempt.generation}"
        await context.limits.take(context.limits.counts("digs", counted, ""))


async def _order(context: Context, attempt: DigAttempt) -> None:
    """Wait for the attempt's place in the random order, if the people who dig are gathered now."""
    start = context.fair_start
    if not start.must_wait(attempt.code, attempt.waited_in):
        return
    entrant = await _entrant(context, attempt)
    # Asked again, because `_entrant` may have taken longer than people are gathered.
    if start.must_wait(attempt.code, attempt.waited_in):
        waited = await start.wait(attempt.code, entrant, proven=attempt.proven)
        attempt.waited_in, attempt.pressed = waited


async def _entrant(context: Context, attempt: DigAttempt) -> str | None:
    """Return the person whose place in the random order the attempt takes; None for a caller who will be
    refused later, or whom MongoDB could not be asked about now. They go on after all others.

    A person has one place, even if they ask both by a token and by their bare id. The publisher, winners,
    banned people, unknown ids and ended tokens get no place: they could be drawn before a person who may dig.
    """
    watched = context.hub.known.by_code.get(attempt.code)
    has_won = watched is not None and watched.loaded and attempt.person_id in watched.winners
    if has_won or _publisher(context, attempt.code) == attempt.person_id:
        return None
    try:
        person = await context.known_people.find(attempt.person_id, attempt.generation)
        check_ban(check_session(attempt.generation, person), context.clock.now_ms())
    except Exception as error:
        if not isinstance(error, Refusal) and not is_unavailable(error):
            raise
        return None
    return attempt.person_id


def _is_overtaken(context: Context, attempt: DigAttempt) -> bool:
    """Whether this process has learned, while the attempt waited for its turn, that it is refused, or that a
    random order comes first."""
    must_wait = context.fair_start.must_wait(attempt.code, attempt.waited_in)
    return must_wait or _known_refusal(context, attempt) is not None


async def _record(context: Context, attempt: DigAttempt, limit: asyncio.Timeout) -> Dug | None:
    """Try until the dig is recorded or refused. After a failure, the next read shows whether it was recorded.

    Returns None, with nothing tried, if the read showed that a random order comes first. `limit` ends with
    the recording.
    """
    dig_id = attempt.dig_id or secrets.token_hex(12)
    first_read_ms = 0
    pause = PAUSE_SECONDS
    while True:
        try:
            # Before a try, only an id that the client gave can be in the store.
            looked_for = dig_id if attempt.tried else attempt.dig_id
            view = await context.store.tasks.view(attempt.code, attempt.person_id, looked_for)
            if view is None:
                raise NoSuchTask  # noqa: TRY301  (below, only a silent store is caught)
            task = view["task"]
            context.clock.see(view["now"])
            first_read_ms = first_read_ms or view["now"]
            context.digging.learn(task)
            earlier = _owed_reply(context, view, attempt)
            if earlier is not None:
                check_session(attempt.generation, view["person"])
                perhaps_ours = attempt.tried and earlier["dig_id"] == dig_id
                if perhaps_ours:
                    await _follow_up(context, attempt, limit, view, earlier)
                # An earlier attempt of the client may have made it, under the same id. If our first read did
                # not show it (a new primary), it is older than that read.
                repeated = not perhaps_ours or earlier["at"] < first_read_ms
                return Dug(earlier, task["params"], repeated)
            _check_and_learn(context, view, attempt)
            if not task["cd_ms"]:
                await _count_in_limits(context, attempt)  # `_admit` did not, if it did not know the task
            must_wait = context.fair_start.must_wait(attempt.code, attempt.waited_in)
            if must_wait and not attempt.tried:
                return None
            person = check_ban(check_session(attempt.generation, view["person"]), view["now"])
            refuse(why_barred(standing_of(task), attempt.person_id, won=view["won"] is not None))
            await _write_previous(context, task)
            # A task without a cooldown has no windows, so its client can come again at any time.
            if attempt.hung_up and not task["cd_ms"]:
                raise attempt.unanswered  # noqa: TRY301  (nobody would get the reply)
            attempt.tried = True
            draft = _next_dig(context, view, person, dig_id)
            recorded = await context.store.tasks.record_dig(draft, task["cd_ms"])
        except Exception as error:
            if not is_unavailable(error):
                raise
            context.background.failures.note("a dig", error)
            if attempt.hung_up:
                raise attempt.unanswered from None
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            continue
        if recorded is not None:  # else somebody else has dug since the read
            await _follow_up(context, attempt, limit, view, recorded)
            return Dug(recorded, task["params"], repeated=False)


def _owed_reply(context: Context, view: View, attempt: DigAttempt) -> Dig | None:
    """Return the caller's earlier dig if this attempt repeats it, else None.

    That is the dig with the same `dig_id`, or their last dig of the task if they asked within its cooldown. A
    reply may have been lost, and a winner must not be told that somebody else was faster.
    """
    if view["same"] is not None:
        return view["same"]
    task = view["task"]
    last = task.get("last_dig")
    cd_ms = task["cd_ms"]
    if last is None or last["person_id"] != attempt.person_id or not cd_ms:
        return None
    cd_until = task["cd_until"] or last["at"] + cd_ms  # 0 if this dig ended the task
    return last if _judged_at(context, attempt, view["now"]) < cd_until else None


def _check_and_learn(context: Context, view: View, attempt: DigAttempt) -> None:
    """Raise the refusals of `dig` that are about the task. Learn the cooldown that its newest dig began, or
    the opening that people wait for.

    What is decided here still holds when the dig is recorded, because the dig is recorded only if nobody dug
    since this view.
    """
    task = view["task"]
    person_id = attempt.person_id
    refuse(why_closed(standing_of(task), person_id))
    if 0 < task["expires_at"] <= _judged_at(context, attempt, view["now"]):
        raise Ended  # a sweep is about to end the task
    if "last_dig" in task:
        cd_until = task["cd_until"]  # less than the dig's own after MongoDB's clock was set back
        context.hub.cooldowns.learn({**task["last_dig"], "cd_until": cd_until})
    elif opened_at := awaited_opening(task):
        context.hub.cooldowns.learn_opening(attempt.code, opened_at)
    if task["cd_until"] > _judged_at(context, attempt, view["now"]):
        if task["publisher"] == person_id:
            raise OwnTask
        raise cooling_down(task["cd_until"], view["now"], begun="last_dig" in task, pressed=attempt.pressed)


async def _write_previous(context: Context, task: Task) -> None:
    """Write the history of the previous dig if it is still pending, unless this process has written it.

    The next dig overwrites it in the task. From then on, only the history has it.
    """
    if "pending" in task and not context.digging.is_newest_finished(task["last_dig"]):
        await context.store.digs.write(task["last_dig"])
        context.background.spawn(record_prize(context, task["last_dig"]))


def _next_dig(context: Context, view: View, person: Person, dig_id: str) -> Dig:
    """Return the dig that comes next after this view of the task. The store sets `at` and `cd_until`."""
    task = view["task"]
    first = view["first"]
    depth = task["now_depth"] + 1
    drawn = context.digging.drawn(task)
    won = drawn.prizes.get(depth)
    find = drawn.find_at(depth)
    won_before = max((each for each in drawn.prizes if each < depth), default=0)
    participants = task["participants"] + (first is None)
    prizes_left = task["prizes_left"] - (won is not None)
    made = Dig(
        _id=f"{task['_id']}:{depth}",
        code=task["_id"],
        depth=depth,
        person_id=person["_id"],
        wxname=shown_name(person),
        wxheadpic=shown_face(person),
        is_prize=int(won is not None),
        prizes_left=prizes_left,
        participants=participants,
        no=participants if first is None else first["no"],
        dig_id=dig_id,
        at=0,
        cd_until=0,
        last_won=won_before if won is None else depth,
        was_one_in=odds(drawn.rules, depth, won_before),
    )
    if find:
        made["find"] = find
    if person.get("layers"):
        made["layers"] = person["layers"]
    if first is None:
        made["n"] = participants  # marks the dig by which somebody joined
    if won is not None and won.rank:
        made["rank"] = won.rank
        made["fen"] = won.fen
        made["ranks_left"] = [left - (rank == won.rank) for rank, left in enumerate(task["ranks_left"], 1)]
        made["left_fen"] = task["left_fen"] - won.fen
    if prizes_left == 0:
        made["end"] = "prizes_gone"
    elif depth >= task["max_depth"]:
        made["end"] = "depth_reached"
    return made


async def _follow_up(
    context: Context, attempt: DigAttempt, limit: asyncio.Timeout, view: View, recorded: Dig
) -> None:
    """Write the history and tell everybody. Wait for the history until the deadline at most: the dig is
    already recorded in the task, so nothing may give it up any more."""
    limit.reschedule(None)
    if context.cash is not None:
        context.cash.ask_for_risk(view, attempt.address)
    context.hub.cooldowns.learn(recorded)
    context.heartbeats.note_dig(recorded)
    writing = asyncio.create_task(_write_and_announce(context, recorded))
    context.background.spawn(_finish(context, recorded, writing))
    await asyncio.wait([writing], timeout=max(0.0, attempt.deadline - loop_time()))


async def _write_and_announce(context: Context, recorded: Dig) -> bool:
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
    """Once the history has the dig, write its prize, then take the mark `pending` from its task. The
    reply does not wait.

    If the history lacks the dig, it stays pending and `settle_pending` writes it.
    """
    if not await writing:
        return
    await record_prize(context, recorded)
    context.digging.remember_finished(recorded)
    # If a later dig was finished meanwhile, it has overwritten the mark `pending`, and this update is spared.
    await asyncio.sleep(MARK_SECONDS)
    if context.digging.is_newest_finished(recorded):
        await context.store.tasks.unmark_pending(recorded["code"], recorded["depth"])


async def settle_pending(context: Context) -> None:
    """Finish digs whose process died before the history had them. The leader calls this within 2 s."""
    for recorded in await context.store.tasks.pending(older_than_ms=1000):
        with context.background.failures.noted("settling a dig"):  # the others are settled all the same
            await context.store.digs.write(recorded)
            await record_prize(context, recorded)
            await context.store.tasks.unmark_pending(recorded["code"], recorded["depth"])
