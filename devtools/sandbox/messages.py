"""Messages to people who left: their consent (`wx.requestSubscribeMessage`), sending, and what was sent."""

import re
import secrets
from typing import Annotated

import msgspec
from msgspec import Meta

from devtools.sandbox.base import SandboxHandler, WeChatFailure, now_ms
from devtools.sandbox.codes import PAGES
from devtools.sandbox.login import Flag, Text, wechat_id
from devtools.sandbox.store.messages import SandboxMessage
from devtools.sandbox.wallet import Wallet, WalletFailure
from devtools.sandbox.wechat_call import WeChatCall

SHOWN_MESSAGES = 100

_OPENID = re.compile(r"o[0-9A-Za-z_-]{27}")
_QUERY = re.compile("[!-~]{0,256}")
_TIME = r"(\d{4}年\d{1,2}月\d{1,2}日)"
_CLOCK = r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?"
# 参数值内容限制说明, on the page that `server/wechat/messages.py` names
_VALUES = {
    "thing": re.compile(r"[^\x00-\x1f\x7f\u2028\u2029\U0001f000-\U0001ffff]{1,20}"),
    "phrase": re.compile("[\u4e00-\u9fff]{1,5}"),
    "time": re.compile(rf"({_TIME} ?)?{_CLOCK}"),
    "date": re.compile(rf"{_TIME}( {_CLOCK})?"),
    "name": re.compile("(?=[A-Za-z]{0,9}[\u4e00-\u9fff])[\u4e00-\u9fffA-Za-z]{1,10}|[A-Za-z]{1,20}"),
    "number": re.compile(r"\d(?!.{32})\d*(\.\d+)?"),
    "letter": re.compile("[A-Za-z]{1,32}"),
    "character_string": re.compile("[!-~]{1,32}"),
    "enum": re.compile(".{1,20}"),
    "amount": re.compile(r"[¥￥$]?\d{1,10}(\.\d{1,2})?元?"),
}


class Value(msgspec.Struct):
    """What a field shows."""

    value: str


class SendRequest(msgspec.Struct):
    """What subscribeMessage.send takes."""

    touser: str = ""
    template_id: str = ""
    page: str = ""
    data: dict[str, Value] = {}
    miniprogram_state: str = "formal"
    lang: str = "zh_CN"


class SendMessage(WeChatCall):
    """POST /cgi-bin/message/subscribe/send."""

    call = "message"
    takes = SendRequest
    misbehaviours = ("error_before", "error_after", "timeout", "disconnect", "slow", "garbage", "refuse")
    refuses_with = 43101

    def number(self, asked: SendRequest) -> str:
        """Return the openid."""
        return asked.touser

    async def refuse(self, asked: SendRequest, errcode: int) -> None:
        """Raise WeChatFailure. The refusal for lack of consent also withdraws the consent."""
        if errcode == 43101:
            await self.state.messages.withdraw(asked.touser, asked.template_id)
        raise WeChatFailure(errcode)

    async def act(self, asked: SendRequest) -> None:
        """Send the message."""
        templates = {each.template_id: each for each in self.context.settings.templates.values()}
        if not _OPENID.fullmatch(asked.touser):
            raise WeChatFailure(40003)
        template = templates.get(asked.template_id)
        if template is None:
            raise WeChatFailure(40037)
        page, _, query = asked.page.partition("?")
        if asked.page and not (page in PAGES and _QUERY.fullmatch(query)):
            raise WeChatFailure(41030)
        _check(asked.data, {name for name, _ in template.fields})
        if not await self.state.messages.use_consent(asked.touser, asked.template_id):
            raise WeChatFailure(43101)
        await self.state.messages.add(
            SandboxMessage(
                _id=secrets.token_hex(12),
                touser=asked.touser,
                template_id=asked.template_id,
                page=asked.page,
                data={name: {"value": field.value} for name, field in asked.data.items()},
                miniprogram_state=asked.miniprogram_state,
                lang=asked.lang,
                at_ms=now_ms(),
            )
        )


def _check(data: dict[str, Value], fields: set[str]) -> None:
    """Raise WeChatFailure 47003 unless these are the template's fields, each as its type allows.

    https://developers.weixin.qq.com/community/minihome/doc/0002ce6cac45401b94a1c144566400
    """
    for name in sorted(fields ^ data.keys()):
        raise WeChatFailure(47003, f" data.{name}.value is empty")
    for name, field in data.items():
        rule = _VALUES.get(name.rstrip("0123456789"))
        if rule is None or not rule.fullmatch(field.value):
            raise WeChatFailure(47003, f" data.{name}.value invalid")


class SubscribeRequest(msgspec.Struct, rename="camel"):
    """What `wx.requestSubscribeMessage` takes, and who is asked. `decline`: they allow nothing."""

    user: Text
    tmpl_ids: Annotated[list[str], Meta(min_length=1, max_length=5)]
    decline: Flag = 0


class Subscribe(Wallet):
    """POST /sandbox/subscribe."""

    name = "requestSubscribeMessage"

    async def act(self) -> str:
        """Let the person allow one message of each template, or none."""
        asked = self.read(SubscribeRequest)
        known = {template.template_id for template in self.context.settings.templates.values()}
        if not known.issuperset(asked.tmpl_ids):
            raise WalletFailure("20001: No template data return, verify the template id exist")
        openid = wechat_id("openid", asked.user)
        for template_id in [] if asked.decline else set(asked.tmpl_ids):
            await self.state.messages.consent(openid, template_id)
        self.said = dict.fromkeys(asked.tmpl_ids, "reject" if asked.decline else "accept")
        return "ok"


class Messages(SandboxHandler):
    """GET /sandbox/messages: what was sent, to all or to `user`."""

    async def get(self) -> None:
        """Answer the newest messages, the last one first."""
        user = self.get_query_argument("user", "")
        openid = wechat_id("openid", user) if user else ""
        found = await self.state.messages.newest(openid, SHOWN_MESSAGES)
        shown = [{name: value for name, value in message.items() if name != "_id"} for message in found]
        self.write_json({"messages": shown})
