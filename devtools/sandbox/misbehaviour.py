"""Telling the sandbox to misbehave, for some calls or notices, as WeChat sometimes does."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from devtools.sandbox.base import ERRMSGS, now_ms
from devtools.sandbox.content import CONTENT_CALLS, LABELS
from devtools.sandbox.notices import push
from devtools.sandbox.pay_call import FAILURES, WORDED
from devtools.sandbox.refunds import tell_refund
from devtools.sandbox.shipping import SHIPPING_CALLS
from devtools.sandbox.transfers import find_bill, tell_bill
from devtools.sandbox.wallet import Wallet, WalletFailure

# These answer with error codes of WeChat's own, as opposed to WeChat Pay's.
WECHAT_CALLS = ("message", *CONTENT_CALLS, "risk", *SHIPPING_CALLS)

# Kinds of messages that people send to customer service.
MESSAGES = ("text", "image", "miniprogrampage")


class MisbehaveRequest(msgspec.Struct):
    """`what` happens `times` times, to `number` in `call`; an empty `number` or `call` means any.

    A call may answer SYSTEM_ERROR before it acts (`error_before`) or after (`error_after`). It may `refuse`
    with `code` (default NOT_ENOUGH). With ADDRESS_REFUSED it says in WeChat's words that our address is not
    allowed, with DAY_REFUSED that the merchant's daily limit is reached. It may act and never answer
    (`timeout`), break the connection (`disconnect`) or sign wrongly (`bad_signature`). Its reply may not say
    how it is signed (`untyped`), name another way (`mistyped`), or two (`twice_typed`). A transfer or its
    confirmation may `fail` with `code`. A confirmation may pay and then `deny` that it did. A transfer may
    stay `accepted` until it is sent again. A refund, a confirmation or a cancellation may stay `pending`
    until `settle`. A refund may end `abnormal` or `closed`. A notice may be lost, repeated, delayed by
    `seconds`, preceded by a forged one, or signed by the platform certificate (`certify_notice`). The push of
    a picture's result may be lost, repeated or delayed too. A content check (`msg_sec_check`,
    `media_check_async`) may be `slow` by `seconds`, answer `garbage`, or `refuse` with the error code `code`
    (default 61010). It may also `judge` that the content is `code`: pass, review or risky. A message may also
    be answered after `seconds` (`slow`) or by `garbage`; in both cases it was sent. Its number is an openid,
    and its codes are WeChat's (default 43101, which also withdraws the consent). A query of a `risk` may be
    answered late, by garbage, by an error code, or (`rank`) by the rank `code`. The report of a delivery
    (`shipping`, whose number is an openid) may misbehave in the same ways. The query whether reports are
    needed (`managed`) may get an error code, or the answer that they are (`managed`). `get_order`
    may say that an order's `state` is `code`. `expire` and `settle` (to the state `code`) act on `number` at
    once. `push` pushes at once what happens to the person with the openid `number`: the message or event
    `code`, such as text, user_authorization_cancellation, or "user_authorization_revoke 6,2". `behave`
    forgets all misbehaviour that is left.
    """

    what: Literal[
        "error_before",
        "error_after",
        "timeout",
        "disconnect",
        "bad_signature",
        "untyped",
        "mistyped",
        "twice_typed",
        "slow",
        "garbage",
        "judge",
        "refuse",
        "fail",
        "accepted",
        "pending",
        "deny",
        "abnormal",
        "closed",
        "lose_notice",
        "repeat_notice",
        "delay_notice",
        "forge_notice",
        "certify_notice",
        "rank",
        "managed",
        "state",
        "expire",
        "settle",
        "push",
        "behave",
    ]
    number: Annotated[str, Meta(max_length=64)] = ""
    call: Literal[
        "",
        "order",
        "query_order",
        "close",
        "refund",
        "query_refund",
        "transfer",
        "query_transfer",
        "cancel",
        "confirm",
        "message",
        "msg_sec_check",
        "media_check_async",
        "risk",
        "shipping",
        "managed",
        "get_order",
    ] = ""
    code: Annotated[str, Meta(max_length=64)] = ""
    seconds: Annotated[int, Meta(ge=0, le=86_400)] = 0
    times: Annotated[int, Meta(ge=1, le=1000)] = 1


class Misbehave(Wallet):
    """POST /sandbox/misbehave."""

    name = "misbehave"

    async def act(self) -> str:
        """Note a misbehaviour for later calls; or do `behave`, `expire`, `settle` or `push` at once."""
        asked = self.read(MisbehaveRequest)
        if asked.what == "behave":
            await self.state.misbehaviours.clear()
        elif asked.what == "expire":
            await self._expire(asked.number)
        elif asked.what == "settle":
            await self._end_pending(asked.number, asked.code)
        elif asked.what == "push":
            await push(self.context, asked.code.partition(" ")[0], asked.number, self._pushed(asked))
        else:
            _check_code(asked)
            await self.state.misbehaviours.add(
                {
                    "what": asked.what,
                    "number": asked.number,
                    "call": asked.call,
                    "code": asked.code,
                    "seconds": asked.seconds,
                    "left": asked.times,
                }
            )
        return "ok"

    def _pushed(self, asked: MisbehaveRequest) -> dict[str, object]:
        name, _, revoked = asked.code.partition(" ")
        if name in MESSAGES:
            return {"FromUserName": asked.number, "MsgType": name, "Content": "在吗", "MsgId": now_ms()}
        about = {"OpenID": asked.number, "AppID": self.context.settings.appid, "RevokeInfo": revoked}
        return {"FromUserName": "wechat_push", "Event": name, **about}

    async def _expire(self, number: str) -> None:
        pay = self.state.pay
        now = now_ms()
        if await pay.expire_bill(number, now):
            await find_bill(self.context, number)
        elif not await pay.expire_order(number, now):
            raise WalletFailure("no such order or bill")

    async def _end_pending(self, number: str, code: str) -> None:
        pay = self.state.pay
        for pending, final in (("TRANSFERING", code or "SUCCESS"), ("CANCELING", code or "CANCELLED")):
            moved = await pay.move_bill(number, (pending,), final, now_ms())
            if moved is not None:
                await tell_bill(self.context, moved)
                return
        known = await pay.find_refund(number)
        status = code or "SUCCESS"
        if known is None:
            raise WalletFailure("nothing of that number is pending")
        given_back_fen = known[1]["amount_fen"] if status == "CLOSED" else 0
        if not await pay.end_refund(number, status, given_back_fen):
            raise WalletFailure("nothing of that number is pending")
        await tell_refund(self.context, known[0], {**known[1], "status": status})


def _check_code(asked: MisbehaveRequest) -> None:
    """Raise WalletFailure for a code that the call could not answer."""
    if asked.what == "judge":
        codes = tuple(LABELS)
    elif asked.what == "refuse":
        codes = ("", *(map(str, ERRMSGS) if asked.call in WECHAT_CALLS else (*FAILURES, *WORDED)))
    else:
        return
    if asked.code not in codes:
        raise WalletFailure(f"code must be one of {', '.join(codes)}")
