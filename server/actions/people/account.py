"""What changes a person: logging in and out, and choosing a name."""

from collections.abc import Awaitable, Callable

from server.actions.reviews.submit import submit_name, submit_profile
from server.context import Context
from server.errors import (
    BadRequest,
    BadToken,
    Banned,
    Leaving,
    LoginBlocked,
    NotLoggedIn,
    Refusal,
    TokenRequired,
    refuse,
)
from server.game.amounts import spoken
from server.game.review import ReviewState
from server.realtime.news import Revoked
from server.security.plain_text import one_line
from server.store.people.people import Ban, Login, Person, shown_face, shown_name
from server.telemetry import metrics

# Called with the person's unionid before anything is written. May raise a refusal.
AdmitLogin = Callable[[str], Awaitable[None]]


async def log_in(
    context: Context, code: str, admit: AdmitLogin, iv: str | None = None, encrypted_data: str | None = None
) -> Person:
    """Trade a login code, perhaps with WeChat's encrypted user data, for a person's record.

    A person keeps the unionid of their first login, even if WeChat gave none then. Without the data, a new
    person has no name yet. The session key lives only as long as this call. Raises BadLoginCode,
    LoginBlocked, WeChatBusy, BadUserData, and what `admit` raises.
    """
    session = await context.wechat.code_to_session(code)
    user = None
    if iv is not None and encrypted_data is not None:
        # Do not trust the unionid in the data. WeChat's encryption does not authenticate, so the sender could
        # put any id there, and could pretend to be any number of people. WeChat gives the unionid with the
        # session, if there is one.
        user = context.wechat.decrypt_user(session, iv, encrypted_data)
    known = await context.store.people.with_openid(session.openid)
    unionid = known["unionid"] if known else session.unionid or f"openid:{session.openid}"
    await admit(unionid)
    # The sender may have altered the name and the picture, so they are treated like what a person chooses.
    # Where contents are checked, the picture is left out, because a picture at a foreign address can change
    # after a check.
    checked = context.settings.checks_content
    shown = None if checked else user
    login = Login(
        unionid=unionid,
        openid=session.openid,
        nickName=one_line(shown.nick_name) if shown else "",
        avatarUrl=shown.avatar_url if shown else "",
        gender=user.gender if user else 0,
        city=user.city if user else "",
        province=user.province if user else "",
        country=user.country if user else "",
    )
    person = await context.store.people.save(login, told=user is not None)
    if "erasing" in person:
        raise LoginBlocked("这个账号正在注销，请稍后再登录")
    metrics.LOGINS.inc()
    if user is not None and checked:
        await submit_name(context, person, one_line(user.nick_name))
    return person


def delete_at(person: Person) -> int:
    """Return when a person's account will be deleted (unix ms), 0 if they did not ask for that."""
    return person["leaving"]["until"] if "leaving" in person else 0


async def read_caller(context: Context, person_id: str, *, lock: bool) -> Person | None:
    """Return the whole record of a person who sent a valid token; with `lock`, lock it first.

    One round trip. Raises what the store raises.
    """
    known = context.known_people
    people = context.store.people
    if lock and not known.is_locked(person_id):
        return await known.learn(people.lock(person_id))
    person = await known.learn(people.find(person_id))
    if lock and person is not None and not person.get("locked"):  # somebody who was erased came back
        return await known.learn(people.lock(person_id))
    return person


def check_session(generation: int | None, person: Person | None) -> Person:
    """Return the record of a caller whose token has this generation; `generation` is None for a bare unionid.

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
    if "erasing" in person:
        raise NotLoggedIn
    return person


def ban_of(person: Person, now_ms: int) -> Ban | None:
    """Return a person's ban; None if there is none, or it is over."""
    ban = person.get("banned")
    return ban if ban is not None and (not ban["until"] or now_ms < ban["until"]) else None


def why_shut_out(person: Person, now_ms: int) -> Refusal | None:
    """Return why a person may not publish, upload, dig and report.

    A banned or leaving person may still claim what they won.
    """
    ban = ban_of(person, now_ms)
    if ban is not None:
        until = f"，到 {spoken(ban['until'])} 为止" if ban["until"] else ""
        why = f"理由：{ban['reason']}。已经挖到的奖品仍可领取；有异议请联系客服"
        return Banned(f"{Banned.default_msg}{until}。{why}")
    return Leaving() if "leaving" in person else None


def check_ban(person: Person, now_ms: int) -> Person:
    """Return the person if they may publish, upload, dig and report. Raises Banned, Leaving."""
    refuse(why_shut_out(person, now_ms))
    return person


async def ban_person(context: Context, person: Person, ban: Ban) -> None:
    """Ban a person, and end their tokens and connections in all processes. Safe to repeat.

    A process that Redis does not reach learns of it within `sessions.POLL_SECONDS`.
    """
    banned = await context.store.people.ban(person["_id"], ban)
    if context.cash is not None:
        await context.cash.close_orders_of(person["_id"])
    if banned is not None:
        await context.hub.announce_revoked(Revoked(banned["_id"], banned["generation"]))


async def end_sessions(context: Context, person: Person) -> None:
    """End all of a person's tokens, and their connections in all processes. Safe to repeat.

    A process that Redis does not reach learns of it within `sessions.POLL_SECONDS`.
    """
    ended = await context.store.people.end_tokens(person["_id"], person["generation"])
    if ended is not None:
        await context.hub.announce_revoked(Revoked(person["_id"], ended["generation"]))


async def set_profile(
    context: Context, person_id: str, wxname: str | None, wxheadpic: str | None
) -> ReviewState:
    """Save the name or picture a person chose, or both; None stays as it is. Returns "shown".

    If WeChat checks contents, returns "checking": until WeChat has checked the new name and picture, others
    see the old ones.

    Raises BadRequest if both are None, or the person did not upload the picture here.
    """
    if wxname is None and wxheadpic is None:
        raise BadRequest("请填写“名字”，或选一张“头像”", param="wxname")
    files = context.store.files
    checked = context.settings.checks_content
    picture = None
    # The old picture is kept for good if it was shown, since the digs of that time show it.
    if wxheadpic is not None:
        now_ms = context.clock.now_ms()
        taken = files.take(wxheadpic, person_id, now_ms) if checked else files.keep(wxheadpic, person_id)
        picture = upload_of("头像", "wxheadpic", await taken)
    if not checked:
        await context.store.people.set_profile(person_id, wxname, picture)
        await name_earlier_digs(context, person_id)
        return "shown"
    await submit_profile(context, person_id, wxname, picture)
    return "checking"


async def settle_names(context: Context) -> None:
    """Write first names into earlier digs once more. The leader repeats this.

    A process may have died before it did, and somebody may have dug at the same moment without the name.
    """
    people = context.store.people
    async for person in people.lease_due(context.clock.now_ms, field="naming_at"):
        await name_earlier_digs(context, person["_id"])
        await people.again(person, None, "naming_at")


async def name_earlier_digs(context: Context, person_id: str) -> None:
    """Show the name that a person just got in what they dug and won before, if it is their first.

    A later name changes nothing, nor does a name after one that was forgotten.
    """
    person = await context.store.people.find(person_id)
    if person is None or "naming_at" not in person:
        return
    shown = None
    # The name may be forgotten while it is written: then what is shown since is written over it.
    while person is not None and "erasing" not in person and shown != _shown_of(person):
        shown = _shown_of(person)
        await context.store.erasure.show_in_digs(person["_id"], shown)
        person = await context.store.people.find(person_id)


def _shown_of(person: Person) -> dict[str, str]:
    return {"wxname": shown_name(person), "wxheadpic": shown_face(person)}


async def note_layers(context: Context, person: Person, layers: int) -> None:
    """Note that so many layers are whole in a person's book. Others see it at their next digs."""
    if layers > person.get("layers", 0):
        await context.store.people.note_layers(person["_id"], layers)


async def take_upload(
    context: Context, person: Person, url: str, *, title: str = "图片", param: str = "url"
) -> str:
    """Return the path of a picture that `uploadFile` gave this person. It counts as used from now on.

    `title` is what the form calls the parameter. Raises BadRequest if `url` names any other picture.
    """
    taken = await context.store.files.take(url, person["_id"], context.clock.now_ms())
    return upload_of(title, param, taken)


def upload_of(title: str, parameter: str, path: str | None) -> str:
    """Return `path`. Raises BadRequest if it is None, since then the picture is not the person's upload.

    `title` is what the form calls the parameter.
    """
    if path is None:
        raise BadRequest(f"“{title}”应为自己在这里上传过的图片", param=parameter)
    return path
