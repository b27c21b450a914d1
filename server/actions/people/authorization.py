"""What WeChat tells of a person: they took a consent back, their name is risky, their account is gone.

https://developers.weixin.qq.com/miniprogram/dev/server/event_push/platform/authorized_user_information_changes
"""

from server.actions.people.leave import begin_deletion
from server.actions.people.whom import key_of
from server.context import Context
from server.store.audit_log import Actor
from server.wechat.message_push import CANCELLED, MODIFIED, REVOKED, Event

# WeChat's numbers of what a person may take back, as far as it stands here: 昵称和头像, 昵称输入键盘中选择的
# 微信昵称 and 获取用户头像组件中选择的微信头像; 地址.
NAME_OR_FACE = frozenset({"6", "19", "20"})
ADDRESS = "2"
WECHAT = Actor("WeChat", shared=False)


async def take_change(context: Context, event: Event) -> None:
    """Do what follows from a change of a person, once, however often WeChat pushes it.

    A cancelled account is deleted like one whose owner asks for it, but nothing that is under way refuses the
    request: the deletion waits for that. Addresses of goods that are not received yet stay: the publisher
    needs them to do what the winner is owed (PIPL, article 13).
    """
    if event.kind not in (MODIFIED, REVOKED, CANCELLED) or not event.openid:
        return
    store = context.store
    person = await store.people.with_openid(event.openid)
    if person is None or "erasing" in person:
        return
    what = ",".join(sorted(event.revoked))
    told = f"{event.kind} {event.openid} {event.at} {what}"
    now_ms = context.clock.now_ms()
    key = key_of(person)
    act = await store.audit_log.begin_once(told, now_ms, WECHAT, event.kind, key, what)
    if act is None:
        return
    if event.kind == CANCELLED:
        await begin_deletion(context, person)
    if event.kind == MODIFIED or event.revoked & NAME_OR_FACE:
        await store.erasure.erase_name(person["_id"])
    if ADDRESS in event.revoked:
        await store.erasure.erase_received_addresses(person["_id"])
    await store.audit_log.conclude(act, "done")
