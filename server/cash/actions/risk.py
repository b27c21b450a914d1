"""Risk checks: note the address of a person's first red-packet dig of a day, and ask WeChat for their risk.

No dig waits for these checks.
"""

import logging

from server.cash.context import CashContext
from server.errors import WeChatBusy
from server.game.amounts import day_of, total_fen
from server.store.digging.tasks import View
from server.store.people.people import Person
from server.wechat import WeChatError

# The most requests to WeChat at once: content checks use the same 100 connections.
UNDER_WAY = 50
# https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/safety-control-capability/api_getuserriskrank.html
NOT_SEEN = 61010

log = logging.getLogger("wabao.money")


def ask_for_risk(context: CashContext, view: View, address: str) -> None:
    """Ask WeChat for the risk of a person who just dug a red packet, in the background and once a day.

    `address` is the person's own; if it is "", nothing is asked.
    """
    person = view["person"]
    day = day_of(context.clock.now_ms())
    if person is None or not address or not total_fen(view["task"]):
        return
    if context.settings.risk_held and context.risk_looks.begin(person["_id"], day, UNDER_WAY):
        context.background.spawn(_ask(context, person, address, day))


async def _ask(context: CashContext, person: Person, address: str, day: int) -> None:
    try:
        if await context.books.risks.begin(person["_id"], day):
            await _ask_wechat(context, person, address, day)
    finally:
        context.risk_looks.end()


async def _ask_wechat(context: CashContext, person: Person, address: str, day: int) -> None:
    """Note what WeChat says of a person's risk, or that it has not seen them for two hours.

    WeChat is not asked while its answers are late and another call is waiting already.
    """
    looks = context.risk_looks
    risks = context.books.risks
    in_time = True
    if not looks.begin_call():
        log.warning("a risk is not known: WeChat is not asked while it is late")
        return
    try:
        await risks.save(person["_id"], day, await context.wechat.risk_rank(person["openid"], address))
    except WeChatError as error:
        if error.errcode == NOT_SEEN:  # the person was not in the mini-program lately
            log.info("a risk is not known: %s", error)
            await risks.note_unseen(person["_id"], day)
        else:
            log.warning("a risk is not known: %s", error)
    except WeChatBusy:
        in_time = False
        log.warning("a risk is not known: WeChat does not say it in time")
    finally:
        looks.end_call(in_time=in_time)
