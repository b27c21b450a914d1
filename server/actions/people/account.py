"""What changes a person: logging in and out, and choosing a name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone

from server.actions.reviews.submit import submit_name, submit_profile
from server.context import Context, per_context
from server.errors import (
    BadRequest,
    BadToken,
    Banned,
    Leaving,
    LoginBlocked,
    NotLoggedIn,
    TokenRequired,
)
from server.game.order import wake
from server.game.review import ReviewState
from server.memory.known_people import KnownPeople
from server.realtime.news import Revoked
from server.security.plain_text import one_line
from server.security.random_codes import derived_code
from server.store.audit_log import Actor
from server.store.people.erasure import new_pseudonym
from server.store.people.people import PUBLIC_CHARACTERS, Ban, Login, Person
from server.telemetry import metrics

# What the operators' log calls a person who deletes their account: it must not have their name.
THEMSELVES = Actor("the person themselves", shared=False)
BEIJING = timezone(timedelta(hours=8))

# Called with the person's id before anything is written. May raise a refusal.
AdmitLogin = Callable[[str], Awaitable[None]]


@per_context
def known_people_of(context: Context) -> KnownPeople:
    """The people this process knows."""
    known = KnownPeople(context.store, lambda: context.bus.connection, context.hub.sessions.valid)
    context.closing.push_async_callback(known.close)
    return known


async def log_in(context: Context, code: str, admit: AdmitLogin) -> Person:
    """Trade a login code for a person's record. A new person has no name yet.

    Raises BadLoginCode, LoginBlocked, WeChatBusy, and what `admit` raises.
    """
    session = await context.wechat.code_to_session(code)
    unionid = session.unionid or await _id_of(context, session.openid)
    await admit(unionid)
    login = Login(
        _id=unionid,
        openid=session.openid,
        nickName="",
        avatarUrl="",
        gender=0,
        city="",
        province="",
        country="",
        public_id=_public_id(context, unionid),
    )
    return await _let_in(context, await context.store.people.save(login, told=False))


def _public_id(context: Context, unionid: str) -> str:
    """Return the id by which others know a person. An id that was derived under an older key stays in use."""
    return derived_code(context.keys.publish_key, f"person:{unionid}", PUBLIC_CHARACTERS)


async def _id_of(context: Context, openid: str) -> str:
    """Return the id of a person whose session has no unionid: the one that an earlier session had, if any."""
    own = f"openid:{openid}"
    known = [person["_id"] for person in await context.store.people.of_openid(openid)]
    return next((unionid for unionid in known if unionid != own), own)


async def log_in_with_data(
    context: Context, code: str, iv: str, encrypted_data: str, admit: AdmitLogin
) -> Person:
    """Trade a login code and WeChat's encrypted user data for a person's record.

    The session key lives only as long as this call. Raises BadLoginCode, LoginBlocked, WeChatBusy,
    BadUserData, and what `admit` raises.
    """
    session = await context.wechat.code_to_session(code)
    user = context.wechat.decrypt_user(session, iv, encrypted_data)
    # Do not trust the unionid in the data: WeChat's encryption does not authenticate, so the sender could put
    # any id there and so pass for any number of people. WeChat gives the unionid with the session, if there
    # is one.
    unionid = session.unionid or await _id_of(context, session.openid)
    await admit(unionid)
    # The sender may have altered the name and the picture too, so they are treated like what a person
    # chooses. Where contents are checked, the picture is left out, because a picture at a foreign address can
    # change after a check.
    checked, name = context.settings.checks_content, one_line(user.nick_name)
    person = await context.store.people.save(
        Login(
            _id=unionid,
            openid=session.openid,
            nickName="" if checked else name,
            avatarUrl="" if checked else user.avatar_url,
            gender=user.gender,
            city=user.city,
            province=user.province,
            country=user.country,
            public_id=_public_id(context, unionid),
        )
    )
    person = await _let_in(context, person)
    if checked:
        await submit_name(context, person, name)
    return person


async def _let_in(context: Context, person: Person) -> Person:
    """Return the record of the person who logged in. If another record of their openid is banned, or will be
    deleted, so is this record.

    WeChat may give a unionid at some logins only, so a person may have two records.
    """
    if "forgotten_as" in person:
        raise LoginBlocked("这个账号正在注销，请稍后再登录")
    others = await _others(context, person)
    until_ms = max((delete_at(other) for other in others if "forgotten_as" not in other), default=0)
    if until_ms and "leaving" not in person:
        await note_leaving(context, person["_id"], until_ms)
        person = await context.store.people.find(person["_id"]) or person
    own = ban_of(person, context.clock.now_ms())
    if own is None:
        ban = _ban_among(context, others)
        if ban is not None:
            person = await _carry_over(context, person, ban)
    elif "carried" in own:
        # The ban may have been lifted while a process copied it, and that process may have died before its
        # second look.
        person = await _keep_carried(context, person, own)
    metrics.LOGINS.inc()
    return person


async def _others(context: Context, person: Person) -> list[Person]:
    """Return the other records of this person."""
    records = await context.store.people.of_openid(person["openid"])
    return [record for record in records if record["_id"] != person["_id"]]


def delete_at(person: Person) -> int:
    """Return the time at which a person's account will be deleted (unix ms), 0 unless they asked for it."""
    return person["leaving"]["until"] if "leaving" in person else 0


async def note_leaving(context: Context, unionid: str, until_ms: int) -> None:
    """Note when a record will be deleted, and end its tokens, unless another process does so."""
    store, pseudonym = context.store, new_pseudonym()
    written = await store.audit_log.begin(context.clock.now_ms(), THEMSELVES, "leave", pseudonym, "")
    asked = await store.people.ask_to_leave(unionid, pseudonym, until_ms)
    if asked is not None:
        await context.hub.announce_ended(Revoked(unionid, asked["generation"]))
    await store.audit_log.conclude(written, "refused" if asked is None else "done")


def _ban_among(context: Context, others: list[Person]) -> Ban | None:
    """Return the ban of another record of a person, if an operator banned that record."""
    now_ms = context.clock.now_ms()
    bans = (ban_of(other, now_ms) for other in others)
    return next((ban for ban in bans if ban is not None and "carried" not in ban), None)


async def _carry_over(context: Context, person: Person, ban: Ban) -> Person:
    """Copy the ban of another record of this person to this record, and return it.

    The copy begins now: tasks that this record showed earlier were shown before the ban.
    """
    people = context.store.people
    carried = Ban(reason=ban["reason"], at=context.clock.now_ms(), until=ban["until"], carried=1)
    banned = await people.carry_over(person, carried)
    if banned is None:
        return await people.find(person["_id"]) or person
    await context.hub.announce_ended(Revoked(banned["_id"], banned["generation"]))
    return await _keep_carried(context, banned, carried)


async def _keep_carried(context: Context, person: Person, carried: Ban) -> Person:
    """Return a record whose ban was copied; lift that ban if the original is over.

    An operator may have lifted the original just before the copy was made.
    """
    people = context.store.people
    if _ban_among(context, await _others(context, person)) is None:
        await people.drop_carried(person["_id"], carried)
    return await people.find(person["_id"]) or person


async def read_caller(context: Context, unionid: str, *, lock: bool) -> Person | None:
    """Return the whole record of a person who sent a valid token; with `lock`, lock it first.

    One round trip. Raises what the store raises.
    """
    known, people = known_people_of(context), context.store.people
    if lock and not known.is_locked(unionid):
        return await known.learn(people.lock(unionid))
    person = await known.learn(people.find(unionid))
    if lock and person is not None and not person.get("locked"):  # somebody who was erased came back
        return await known.learn(people.lock(unionid))
    return person


def check_session(generation: int | None, person: Person | None) -> Person:
    """Return the record of a caller with a token of this generation; None stands for a bare unionid.

    Raises NotLoggedIn if there is no such person, and BadToken if the token was ended. Raises TokenRequired
    for a bare unionid whose owner is locked: they have paid or claimed something, or logged out.
    """
    if person is None:
        raise NotLoggedIn
    if generation is None:
        if person.get("locked"):
            raise TokenRequired
    elif generation != person["generation"]:
        raise BadToken
    if "forgotten_as" in person:
        raise NotLoggedIn
    return person


def spoken(at_ms: int) -> str:
    """Return a moment as people say it, in Beijing."""
    at = datetime.fromtimestamp(at_ms / 1000, BEIJING)
    return f"{at.year} 年 {at.month} 月 {at.day} 日 {at:%H:%M}"


def ban_of(person: Person, now_ms: int) -> Ban | None:
    """Return a person's ban; None if there is none, or it is over."""
    ban = person.get("banned")
    return ban if ban is not None and (not ban["until"] or now_ms < ban["until"]) else None


def check_ban(person: Person, now_ms: int) -> Person:
    """Return the person, who may publish, upload, dig and report. Raises Banned, Leaving.

    They may still claim what they won.
    """
    ban = ban_of(person, now_ms)
    if ban is not None:
        until = f"，到 {spoken(ban['until'])} 为止" if ban["until"] else ""
        why = f"理由：{ban['reason']}。已经挖到的奖品仍可领取；有异议请联系客服"
        raise Banned(f"{Banned.default_msg}{until}。{why}")
    if "leaving" in person:
        raise Leaving
    return person


async def ban_person(context: Context, person: Person, ban: Ban) -> None:
    """Ban all records of a person, and end their tokens and connections in all processes. Safe to repeat.

    A process that Redis does not reach learns of it within `sessions.POLL_SECONDS`.
    """
    await context.store.people.ban(person["openid"], ban)
    banned = await context.store.people.of_openid(person["openid"])
    # Their unpaid orders are closed. If the process dies first, an order's next look at WeChat does it.
    publishers = {"publisher": {"$in": [record["_id"] for record in banned]}}
    await context.store.orders.move_all(publishers, wake())
    ended = [Revoked(record["_id"], record["generation"]) for record in banned]
    await asyncio.gather(*(context.hub.announce_ended(each) for each in ended))


async def end_sessions(context: Context, person: Person) -> None:
    """End all of a person's tokens, and their connections in all processes. Safe to repeat.

    A process that Redis does not reach learns of it within `sessions.POLL_SECONDS`.
    """
    ended = await context.store.people.end_tokens(person["_id"], person["generation"])
    if ended is not None:
        await context.hub.announce_ended(Revoked(person["_id"], ended["generation"]))


async def set_profile(
    context: Context, unionid: str, wxname: str | None, wxheadpic: str | None
) -> ReviewState:
    """Save the name or picture a person chose, or both; None stays as it is. Returns "shown".

    If WeChat checks contents, returns "checking": others see the old ones until it has checked the new.

    Raises BadRequest if both are None, or the person did not upload the picture here.
    """
    if wxname is None and wxheadpic is None:
        raise BadRequest("请填写“名字”，或选一张“头像”", param="wxname")
    files, checked, picture = context.store.files, context.settings.checks_content, None
    if wxheadpic is not None:  # kept for good if it was shown: digs of that time show it
        now_ms = context.clock.now_ms()
        taken = files.take(wxheadpic, unionid, now_ms) if checked else files.keep(wxheadpic, unionid)
        picture = upload_of("头像", "wxheadpic", await taken)
    if not checked:
        await context.store.people.set_profile(unionid, wxname, picture)
        return "shown"
    await submit_profile(context, unionid, wxname, picture)
    return "checking"


def upload_of(title: str, parameter: str, path: str | None) -> str:
    """Return the path of a picture that `uploadFile` gave this person; None if it is any other picture.

    `title` is what the form calls the parameter. Raises BadRequest.
    """
    if path is None:
        raise BadRequest(f"“{title}”应为自己在这里上传过的图片", param=parameter)
    return path
