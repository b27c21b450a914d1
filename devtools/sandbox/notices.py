"""Notices to the merchant, and events pushed to the mini-program.

Each is stored, sent at once, and sent again until it is acknowledged.

WeChat's hours between attempts are seconds here. Any process continues what another process left undone.
"""

import asyncio
import secrets
from collections.abc import Mapping

import msgspec
from tornado.httpclient import AsyncHTTPClient, HTTPError
from tornado.log import app_log

from devtools.sandbox.base import now_ms, state_of
from devtools.sandbox.message_push import is_answered, sealed_push
from devtools.sandbox.signing import EVENTS, sealed_notice
from devtools.sandbox.store.keys import SandboxKeyPairs
from devtools.sandbox.store.notices import SandboxNotice, SandboxNotices
from server.context import Context
from server.settings import Settings

# The event of a picture's check. It is pushed to the mini-program, not sent to the merchant.
MEDIA_CHECK = "wxa_media_check"
# WeChat waits 5 s for an answer. Only 200 and 204 acknowledge a notice.
ANSWER_SECONDS = 5.0
# WeChat tries 15 times, with pauses of 15 s/15 s/30 s/3 m/10 m/20 m/30 m/30 m/30 m/60 m/3 h/3 h/3 h/6 h.
PAUSES_SECONDS = (1, 1, 2, 3, 5, 8, 10, 15, 20, 30, 30, 30, 60, 60)


async def tell(
    context: Context, event_type: str, number: str, url: str, resource: Mapping[str, object]
) -> None:
    """Store a notice and begin to send it. Does nothing if the merchant gave no `url`."""
    if not url:
        return
    misbehaviour = await state_of(context).misbehaviours.take(
        ("lose_notice", "repeat_notice", "delay_notice", "forge_notice", "certify_notice"), number
    )
    what = misbehaviour["what"] if misbehaviour else ""
    now = now_ms()
    notice: SandboxNotice = {
        "_id": f"EV-{secrets.token_hex(12)}",
        "number": number,
        "event_type": event_type,
        "url": url,
        "resource": msgspec.json.encode(resource).decode(),
        "copies": 2 if what == "repeat_notice" else 1,
        "forged": what == "forge_notice",
        "by_certificate": what == "certify_notice",
        "created_at_ms": now,
        "state": "lost" if what == "lose_notice" else "waiting",
        "attempts": 0,
        "due_at_ms": now + (misbehaviour["seconds"] * 1000 if misbehaviour and what == "delay_notice" else 0),
    }
    await state_of(context).notices.add(notice)
    context.background.spawn(send_notices(context))


async def push(context: Context, event_type: str, number: str, fields: Mapping[str, object]) -> None:
    """Store a message or an event for the mini-program, and begin to push it. Does nothing if no push is set
    up."""
    settings = context.settings
    url = f"{settings.notify_url}/wxPush" if settings.wechat_push_token else ""
    always = {"ToUserName": "gh_sandbox", "CreateTime": now_ms() // 1000, "MsgType": "event"}
    await tell(context, event_type, number, url, always | dict(fields))


async def send_notices(context: Context) -> None:
    """Send every notice that is due."""
    state = state_of(context)
    pairs = await state.keys.find()
    if pairs is None:
        return
    while True:
        now = now_ms()
        notice = await state.notices.lease(now, now + int(ANSWER_SECONDS * 2000) + 1000)
        if notice is None:
            return
        await _attempt(context.settings, state.notices, pairs, notice)


async def _attempt(
    settings: Settings, notices: SandboxNotices, pairs: SandboxKeyPairs, notice: SandboxNotice
) -> None:
    if notice["forged"] and notice["attempts"] == 1:
        status = await _send(settings, pairs, notice, genuine=False)
        if status in (200, 204):
            app_log.error("a forged notice was acknowledged by %s", notice["url"])
    statuses = await asyncio.gather(*(_send(settings, pairs, notice) for _ in range(notice["copies"])))
    if statuses[-1] in (200, 204):
        await notices.end(notice["_id"], "done")
    elif notice["attempts"] > len(PAUSES_SECONDS):
        await notices.end(notice["_id"], "given_up")
    else:
        pause = PAUSES_SECONDS[notice["attempts"] - 1]
        await notices.postpone(notice["_id"], now_ms() + pause * 1000)


async def _send(
    settings: Settings, pairs: SandboxKeyPairs, notice: SandboxNotice, genuine: bool = True
) -> int:
    """Return the HTTP status of the answer; 0 if there is none."""
    pushed = notice["event_type"] not in EVENTS
    if pushed:
        headers = {"Content-Type": "application/json"}
        (url, body) = sealed_push(settings, notice, genuine)
    else:
        url = notice["url"]
        (headers, body) = sealed_notice(pairs, notice, genuine)
    try:
        answer = await AsyncHTTPClient().fetch(
            url,
            method="POST",
            headers=headers,
            body=body,
            request_timeout=ANSWER_SECONDS,
            connect_timeout=ANSWER_SECONDS,
            follow_redirects=False,
            raise_error=False,
        )
    except (OSError, HTTPError) as error:
        app_log.info("%s does not take a notice: %s", notice["url"], type(error).__name__)
        return 0
    if pushed and genuine and answer.code == 200 and not is_answered(settings, notice, answer.body):
        app_log.error("WeChat makes nothing of the answer to a push of %s", notice["event_type"])
        return 0
    return answer.code
