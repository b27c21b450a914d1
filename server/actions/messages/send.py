"""Sending the messages to people who left: each is sent once, spends one consent, and has its own rules for a
retry.

The steps: lease the message, reserve a consent, note that it is being sent, send it, note its end, spend the
consent. A process may die between any two steps; the message then comes due again. WeChat takes no id by
which it would recognise a message, but it counts consents as we do. If a message got no answer, or its
process died, nobody knows whether WeChat took it. It is sent again if the person's last consent is reserved
for it: WeChat would refuse a second message. If the person has more consents, it is not sent again: it ends
as `unclear`.
"""

import asyncio
import logging

from server.actions.messages.words import Words, words_of
from server.actions.messages.write import tell_followers
from server.context import Context
from server.errors import WeChatBusy
from server.game.amounts import DAY_MS
from server.settings.messages import Template
from server.store import is_unavailable
from server.store.messages.messages import Message, MessageEnd
from server.telemetry import metrics
from server.wechat import Unanswered, WeChatError
from server.wechat.messages import data_of

AT_ONCE = 8
# How often a message looks for a consent. A new consent wakes it at once.
LOOK_AGAIN_MS = 6 * 3_600_000
FIRST_RETRY_MS = 60_000
LONGEST_RETRY_MS = 3_600_000
LATE_MS = 600_000
LATE = "late"
KEPT_MS = 30 * DAY_MS
# The mini-program's own page, if WECHAT_PAGE is not set.
PAGE = "pages/treasure/treasure"

# "Concurrent message sending", and "sensitive words", which no later try takes away:
# https://www.tencentcloud.com/document/product/1219/67648
NO_CONSENT = 43101
BAD_PERSON = 40003
AT_THE_SAME_TIME = 43108
BAD_WORDS = 45168
SOON_MS = 5_000

log = logging.getLogger("wabao.messages")


async def send_messages(context: Context) -> None:
    """Send what is due, some at a time. If WeChat does not answer, the rest waits for the next turn."""
    if not context.settings.templates:
        return
    some: list[Message] = []
    async for message in context.store.messages.lease_due(context.clock.now_ms):
        some.append(message)
        if len(some) == AT_ONCE:
            if not await _settle_all(context, some):
                return
            some = []
    await _settle_all(context, some)


async def delete_old_messages(context: Context) -> None:
    """Delete the messages that ended long ago."""
    if context.settings.templates:
        await context.store.messages.delete_ended(context.clock.now_ms() - KEPT_MS)


async def _settle_all(context: Context, messages: list[Message]) -> bool:
    """Settle leased messages; return whether WeChat answers. What fails is logged and comes due again."""
    done = await asyncio.gather(*(settle_message(context, each) for each in messages), return_exceptions=True)
    answers = True
    for message, result in zip(messages, done, strict=True):
        if isinstance(result, WeChatBusy):
            answers = False
        elif isinstance(result, BaseException):
            if not isinstance(result, Exception) or is_unavailable(result):
                raise result
            log.error("a message of kind %s failed", message["kind"], exc_info=result)
    return answers


async def settle_message(context: Context, message: Message) -> None:
    """Bring a leased message one step nearer to its end. Raises WeChatBusy if WeChat does not answer."""
    messages = context.store.messages
    now_ms = context.clock.now_ms()
    template = context.settings.templates.get(message["kind"])
    if template is None:
        await _end(context, message, "moot")
        return
    if "after" in message:
        await tell_followers(context, message)
        return
    person = await context.store.people.find(message["person_id"])
    words = await words_of(context, message)
    until_ms = max(message["until"], words.until_ms)
    if now_ms > until_ms:
        await _drop(context, message, template, "late")
        return
    if person is None or words.moot:
        await _drop(context, message, template, "moot")
        return
    if words.later_ms:
        await messages.postpone(message, words.later_ms, words.until_ms)
        return
    if not await context.store.consents.take(message["person_id"], template.template_id, message["_id"]):
        await messages.sleep(message, min(now_ms + LOOK_AGAIN_MS, until_ms + 1))
        return
    if _may_be_taken(message) and await _has_more(context, message, template):
        await _end(context, message, "unclear")
        return
    if await messages.begin_sending(message):
        await _send(context, message, template, person["openid"], words)


def _may_be_taken(message: Message) -> bool:
    """Whether WeChat may have taken a message although we got no answer."""
    return message["state"] == "sending" or "unsure" in message


async def _has_more(context: Context, message: Message, template: Template) -> bool:
    """Whether WeChat would take a message twice: its person has more than one consent.

    A message that was sent spent its consent, even if that is not noted. A message may have ended unsent
    while a consent is still reserved for it. Perhaps this consent is not spent: then WeChat allows one
    message more than we count.
    """
    consent = await context.store.consents.find(message["person_id"], template.template_id)
    if consent is None:
        return False
    return consent["left"] + await context.store.messages.unsent_number(consent.get("held", [])) > 1


async def _send(context: Context, message: Message, template: Template, openid: str, words: Words) -> None:
    settings = context.settings
    page = f"{settings.wechat_page or PAGE}?code={message['code']}"
    data = data_of(template, {**words.values, "code": message["code"]})
    try:
        await context.wechat.send_message(openid, template.template_id, data, page, settings.message_opens)
    except WeChatBusy as error:
        await _try_later(context, message, "", unsure=isinstance(error, Unanswered))
        raise
    except WeChatError as error:
        await _refused(context, message, template, error)
    else:
        await _end(context, message, "sent", template)


async def _refused(context: Context, message: Message, template: Template, error: WeChatError) -> None:
    if error.errcode == NO_CONSENT:
        # WeChat counts fewer consents than we do, or it took our first try, which then spent the last
        # consent.
        await _end(context, message, "sent" if _may_be_taken(message) else "refused")
        await context.store.consents.forget(message["person_id"], template.template_id)
    elif error.errcode in (BAD_PERSON, BAD_WORDS):
        log.warning("WeChat never takes a message of kind %s: %s", message["kind"], error)
        await _drop(context, message, template, "failed")
    elif error.errcode == AT_THE_SAME_TIME:
        await _try_later(context, message, "", most_ms=SOON_MS)
    else:
        log.error("WeChat refuses messages of kind %s; trying again later: %s", message["kind"], error)
        await _try_later(context, message, str(error.errcode))


async def _try_later(
    context: Context, message: Message, errcode: str, *, unsure: bool = False, most_ms: int = LONGEST_RETRY_MS
) -> None:
    """Try again later. Without an `errcode`, WeChat is busy or silent; if `unsure`, it may have taken the
    message."""
    now_ms = context.clock.now_ms()
    since_ms = message.get("failing_since", now_ms)
    wait_ms = min(FIRST_RETRY_MS * 2 ** min(message["tries"], 10), most_ms)
    late = LATE if now_ms - since_ms >= LATE_MS else ""
    due_at_ms = now_ms + (LONGEST_RETRY_MS if errcode else wait_ms)
    await context.store.messages.try_later(message, due_at_ms, since_ms, errcode or late, unsure=unsure)
    metrics.MESSAGES.labels(message["kind"], "again").inc()


async def _drop(context: Context, message: Message, template: Template, end: MessageEnd) -> None:
    """End a message without sending it. Its consent can be used for another message."""
    if not _may_be_taken(message):
        await context.store.consents.give_back(message["person_id"], template.template_id, message["_id"])
    await _end(context, message, end)


async def _end(context: Context, message: Message, end: MessageEnd, template: Template | None = None) -> None:
    """End a message. With `template`, also spend its consent."""
    if await context.store.messages.end(message, end, context.clock.now_ms()):
        metrics.MESSAGES.labels(message["kind"], end).inc()
    if template is not None:
        await context.store.consents.spend(message["person_id"], template.template_id, message["_id"])
