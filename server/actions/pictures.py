"""Keeping what people upload, and drawing what they share."""

import hashlib
import logging
from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias

from server.actions.digging.visit import visit
from server.context import Context
from server.errors import NotLoggedIn, TooOften, WeChatBusy
from server.game.amounts import beijing, in_words
from server.game.task import Task
from server.pictures.poster import Poster
from server.store.files import File, full_path, thumbnail_path
from server.store.people.people import shown_name
from server.store.pipelines import begins_with
from server.telemetry import metrics
from server.wechat import WeChatError

HOUR_MS = 3_600_000
SIGNED_MS = HOUR_MS

# Called before a poster or a code is drawn. May raise a refusal.
AdmitDrawing = Callable[[], Awaitable[object]]
Audience: TypeAlias = Literal["everybody", "signed", "operators"]
# Called with how many bytes an upload will take once it is stored. May raise a refusal.
Charge = Callable[[int], Awaitable[None]]

log = logging.getLogger("wabao.pictures")


async def upload_picture(context: Context, owner: str, data: bytes, charge: Charge) -> tuple[int, str, str]:
    """Store a person's picture; return its file_id, its path and its thumbnail's path.

    Raises NotAPicture, PictureTooLarge, what `charge` raises, and Unavailable if its turn did not come in
    time.
    """
    picture = await context.pictures.normalise(data, owner)
    await charge(picture.stored_bytes)
    saved = await context.store.files.save(picture, owner, context.clock.now_ms())
    metrics.UPLOADS.inc()
    return saved


async def make_poster(context: Context, task: Task, person_id: str, admit: AdmitDrawing) -> str:
    """Return the path of the poster with which this person shares this task.

    It is drawn once, and drawn again after the task has ended or the person changed their name or picture;
    the old poster is deleted soon after. If WeChat draws no mini-program code, the poster shows the QR code
    of the task's page. That poster is kept under another name, so that a later call can still get one with
    WeChat's code. Raises NotLoggedIn, what `admit` raises, and Unavailable if its turn did not come in time.
    """
    person = await context.store.people.find(person_id)
    if person is None:
        raise NotLoggedIn
    sharer = shown_name(person)
    face = person.get("wxheadpic") or ""
    until = until_when(task, context.clock.now_ms())
    shown = f"{task['status']}|{until}|{face}|{sharer}|{published_by(task)}"
    if "edited" in task:  # an edit changed what it says or shows
        shown += f"|{task['edited']}"
    digest = hashlib.sha256(shown.encode()).hexdigest()[:16]
    mine = f"poster:{task['_id']}:{person_id}|"
    made_for = mine + digest
    path = await context.store.files.find_made(made_for, context.clock.now_ms())
    if path is not None:
        return path
    await admit()
    share = visit(context, task["_id"], person_id)
    code = b""
    if not context.settings.sandboxed:
        try:
            code = await _mini_program_code(context, share)
        except (WeChatBusy, WeChatError) as error:
            log.warning("WeChat drew no mini-program code, the poster shows the page's QR code: %s", error)
            made_for += ":page"
    poster = Poster(
        name=task["name"],
        prize_line=prize_line(task),
        publisher=published_by(task),
        commitment=task["commitment"],
        picture=await context.store.files.read_path(task["pic"]),
        address=f"{context.settings.public_url}/?code={share}",
        sharer=sharer,
        face=await context.store.files.read_path(thumbnail_path(face)) if face else b"",
        until=until,
        ended=bool(task["status"]),
        code=code,
    )
    drawn = await context.pictures.poster(poster, person_id)
    now_ms = context.clock.now_ms()
    await context.store.files.supersede(begins_with(mine), now_ms)
    return await context.store.files.save_made(drawn, made_for, now_ms, owner=person_id)


async def draw_mini_program_code(context: Context, scene: str, admit: AdmitDrawing) -> str:
    """Return the path of the code that opens the mini-program with this scene. WeChat draws it once.

    If others ask while it is being drawn, they wait for the same drawing. Raises WeChatBusy if WeChat draws
    none.
    """
    made_for = f"mini_program_code:{scene}"
    path = await context.store.files.find_made(made_for, context.clock.now_ms())
    if path is not None:
        return path

    async def draw() -> str:
        await admit()
        return await _draw_code(context, scene, made_for)

    others = made_for in context.drawing
    try:
        return await context.drawing.result(made_for, draw)
    except TooOften:  # perhaps only the caller who began to draw is at their limit
        if not others:
            raise
    return await context.drawing.result(made_for, draw)


async def _draw_code(context: Context, scene: str, made_for: str) -> str:
    try:
        drawn = await _mini_program_code(context, scene)
    except WeChatError as error:
        log.warning("WeChat drew no mini-program code: %s", error)
        raise WeChatBusy from error
    # No person asks for this picture, so the queue counts it for the mini-program code itself.
    picture = await context.pictures.normalise(drawn, made_for)
    return await context.store.files.save_made(picture, made_for, context.clock.now_ms())


async def _mini_program_code(context: Context, scene: str) -> bytes:
    settings = context.settings
    return await context.wechat.mini_program_code(scene, settings.wechat_page, settings.message_opens)


def stays_up(file: File) -> bool:
    """Whether a picture is never taken down: we drew it, and it shows nothing that people wrote."""
    return bool(file.made_for) and not file.made_for.startswith("poster:")


def signed_path(context: Context, path: str, least_ms: int = SIGNED_MS) -> str:
    """Return the signed path of a picture or thumbnail: everybody who has the path may see a picture that
    others do not see yet.

    The path is valid for `least_ms`, and up to an hour more so that the same picture has the same address for
    a while.
    """
    until_seconds = ((context.clock.now_ms() + least_ms) // HOUR_MS + 1) * (HOUR_MS // 1000)
    signature = context.keys.sign_picture(full_path(path), until_seconds)
    return f"{path}?until={until_seconds}&signature={signature}"


def is_signed(context: Context, file: File, until_seconds: int, signature: str) -> bool:
    """Whether `signed_path` made an address of this file, and it has not run out."""
    now_seconds = context.clock.now_ms() // 1000
    return until_seconds > now_seconds and context.keys.verifies_picture(file.path, until_seconds, signature)


async def audience_of(context: Context, file: File) -> Audience:
    """Return who may see a picture.

    Only operators see a picture that a check refused, or that only a hidden task shows. Only people with a
    signed address see a picture that nothing has shown to others yet. Everybody sees all other pictures.
    """
    moderation = context.store.moderation
    if file.made_for:
        taken_down = not stays_up(file) and await moderation.is_hidden(file.made_for.split(":")[1])
        return "operators" if taken_down else "everybody"
    if file.refused:
        return "operators"
    if await moderation.shows_picture(file.path):
        return "everybody"
    # A hidden task does not hide a picture that its owner also shows: the task may be hidden for its text
    # alone.
    if await context.store.people.pictures_among([file.path]):
        return "everybody"
    if await moderation.hides_picture(file.path):
        return "operators"
    return "everybody" if file.kept else "signed"


def published_by(task: Task) -> str:
    """Return the poster's name of the publisher. A signature may be anybody's name, so it is marked."""
    return f"署名 {task['wxname']}" if task.get("signed") else task["wxname"]


def prize_line(task: Task) -> str:
    """Return the poster's line that says what can be won, or that it is over."""
    number = task["prize_num"]
    if task["status"]:
        return "已经结束，看看谁挖到了"
    ranks = task.get("ranks", [])
    if len(ranks) == 1 and ranks[0]["split"]:
        return f"拼手气红包，{number} 份一起分 {in_words(ranks[0]['fen'])}"
    if len(ranks) > 1:
        return f"{len(ranks)} 种奖品，共 {number} 份，挖到就归你"
    if task["money"]:
        return f"现金红包 {task['money']} 元" + (f" × {number} 个" if number > 1 else "")
    return f"共 {number} 份，挖到就归你" if number > 1 else "仅此一份，挖到就归你"


def until_when(task: Task, now_ms: int) -> str:
    """Return the poster's words for when an announced task starts, or else when it ends, in Beijing's time;
    "" if it has ended, or that is not known."""
    starts_at = task.get("starts_at", 0)
    waits = starts_at > now_ms
    at_ms = starts_at if waits else task["expires_at"]
    if task["status"] or not at_ms:
        return ""
    at = beijing(at_ms)
    return f"北京时间 {at.month}月{at.day}日 {at:%H:%M} {'开挖' if waits else '截止'}"


async def draw_red_packet(context: Context, money_yuan: int, publisher: str) -> str:
    """Return the path of the default picture for red packets of this amount (0: of any amount). It is drawn
    once."""
    made_for = f"red_packet:{money_yuan}"
    path = await context.store.files.find_made(made_for, context.clock.now_ms())
    if path is None:
        drawn = await context.pictures.red_packet(money_yuan, publisher)
        path = await context.store.files.save_made(drawn, made_for, context.clock.now_ms(), stays=True)
    return path
