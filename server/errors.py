"""The table of refusals: each code that a client may get, with its message in Chinese.

Only the table lives here. Refusals are raised anywhere and translated at two edges:
`handlers/base.py` (HTTP) and `handlers/push.py` (websocket).
"""

from typing import Any, ClassVar, Literal

import msgspec


class BadSettings(Exception):
    """The value of a setting with which the server does not start.

    The message is one line and names the variable.
    """


class WeChatSilent(Exception):
    """WeChat did not answer, or not clearly: the outcome is unknown."""


class Refusal(Exception):
    """A request is turned down, and nothing was changed (but see OutcomeUnknown).

    `msg` is shown to the person unchanged, so it calls fields as the form's labels do. `param` is for authors
    of clients: the name of the wrong parameter, "" if no parameter is wrong. `extra` holds integers that the
    reply gets as further fields (for `cooling_down`: is_cd, time, cd_until; for TooOften: retry_after); for
    CannotLeave it holds a list of `Obstacle`.
    """

    error: ClassVar[str]
    default_msg: ClassVar[str]
    http_status: ClassVar[int] = 200
    # The reply's Retry-After, sent with 429 and 503.
    retry_after_seconds: int = 1

    def __init_subclass__(cls, error: str = "", msg: str = "", http_status: int = 0) -> None:
        """Take what the head of a class says. What it does not say is as in its base."""
        cls.error = error or cls.error
        cls.default_msg = msg or cls.default_msg
        cls.http_status = http_status or cls.http_status

    def __init__(self, msg: str | None = None, *, param: str = "", **extra: Any) -> None:
        self.msg = msg or self.default_msg
        self.param = param
        self.extra = extra
        super().__init__(f"{self.error}: {self.msg}")


class BadRequest(Refusal, error="bad_request", msg="请求的内容有误，请检查后再试"):
    """The message says what a value must be. If the value is a parameter's, `param` names the parameter."""


class BodyTooLarge(BadRequest, http_status=413):
    """A body too large to be read; the message says the limit."""


class BadToken(Refusal, error="bad_token", msg="登录已失效，请重新登录"):
    """The token is broken, of somebody else, or of a session that has ended."""


class TokenRequired(Refusal, error="token_required", msg="为了账号安全，请重新登录后再试"):
    """A unionid alone does not prove who asks."""


class NoSuchPublisher(Refusal, error="no_such_person", msg="没有这个发布者，可能已经注销"):
    """Nobody has this id, or they are erased."""


class BadCommitment(
    Refusal,
    error="bad_commitment",
    msg="服务器的那一半随机数不是发给你的，或者被改动过，请再点一次，换一份新的",
):
    """The seed that a publisher brought back is not one they were given, is too old, or was used."""

    def __init__(self, msg: str | None = None) -> None:
        super().__init__(msg, param="sealed_seed")


class NotLoggedIn(Refusal, error="not_logged_in", msg="还没有登录，请先登录"):
    """Nobody with this identity has logged in."""


class BadLoginCode(Refusal, error="bad_login_code", msg="登录凭证无效或已过期，请重新登录"):
    """WeChat does not take the code of a login, or no longer."""


class Banned(Refusal, error="banned", msg="你的账号已被停用"):
    """The message says until when and why, to this person only."""


class Leaving(Refusal, error="leaving", msg="你正在注销账号，不能再开始新的；要继续用，先在“我的”里撤销注销"):
    """The person is deleting their account. Until they cancel the deletion, they can begin nothing new."""


class Obstacle(msgspec.Struct, frozen=True):
    """What has to end before an account can be deleted, and what to do about it.

    `opens` is the page of the treasure with this `code` where that is done: its own, that of its winners, or
    "" if there is none.
    """

    text: str
    code: str = ""
    opens: Literal["treasure", "winners", ""] = ""


class CannotLeave(Refusal, error="cannot_leave", msg="现在还不能注销账号"):
    """The message says what has to end before the account can be deleted, and so do the reply's
    `obstacles`."""


class LoginBlocked(Refusal, error="login_blocked", msg="微信限制了这个账号登录，请联系微信客服"):
    """WeChat does not let this account log in, or it is being erased."""


class WeChatBusy(Refusal, error="wechat_busy", msg="微信繁忙，请稍后再试"):
    """WeChat did not do it now; the same request may succeed later."""


class BadUserData(Refusal, error="bad_user_data", msg="微信返回的用户信息无法验证，请重新授权登录"):
    """What WeChat sealed about a person does not open, or is about another one."""


class NoSuchTask(Refusal, error="no_such_task", msg="没有找到这个宝贝，请检查链接是否完整"):
    """No task has this code."""


class NotShown(NoSuchTask, msg="这个宝贝现在看不到：可能正在检查，也可能已经下架"):
    """The task is in review or was taken down. Only its publisher and its winners may know that it exists."""


class NotPaid(Refusal, error="not_paid", msg="红包还没有支付，支付后才能开挖"):
    """The task opens when its red packets are paid for."""


class Ended(Refusal, error="ended", msg="这个宝贝已经结束了，去广场看看别的吧"):
    """The task is over."""


class CoolingDown(Refusal, error="cooling_down", msg="慢了一步，请等冷却结束再挖"):
    """Somebody else dug last, or digging has not begun; `extra` says how long it lasts."""


class AlreadyWon(Refusal, error="already_won", msg="你已经挖到这个宝贝了，把机会留给别人吧"):
    """A person wins once in a task."""


class OwnTask(Refusal, error="own_task", msg="不能挖自己发布的宝贝，分享给朋友来挖吧"):
    """Publishers do not dig for their own prizes."""


class NotYours(Refusal, error="not_yours", msg="只有发布者本人才能这样做"):
    """Only the task's publisher may do this."""


class NotAllowed(Refusal, error="not_allowed", msg="你的口令没有这个权限，请找有权限的同事操作"):
    """The operator's role does not allow this."""


class NotWon(Refusal, error="not_won", msg="你没有挖到这个宝贝，不能领取"):
    """The person has no prize in this task."""


class AlreadyThanked(Refusal, error="already_thanked", msg="你已经道过谢了，一份奖品谢一次"):
    """The prize has another sign of thanks."""


class AlreadyPaid(Refusal, error="already_paid", msg="这个红包已经支付过了，无需再付"):
    """The task is paid for, or open."""


class WrongAmount(Refusal, error="wrong_amount", msg="支付的金额不对，请按应付金额支付"):
    """The message says what is owed."""


class OverLimit(Refusal, error="over_limit", msg="支付的金额超过了上限，请过一天再试"):
    """The message names the limit. Nothing was ordered."""


class NothingToPay(Refusal, error="nothing_to_pay", msg="实物宝贝无需支付"):
    """The task gives goods."""


class WrongPickup(Refusal, error="wrong_pickup", msg="取件码不对，请向中奖者核对后再试"):
    """No prize of the task waits for this code."""


class Locked(Refusal, error="locked", msg="输错次数太多，请十分钟后再试"):
    """Too many wrong codes were tried for this task."""


class ClaimOver(Refusal, error="claim_over", msg="领奖期限已过，奖品已退回发布者"):
    """The prize was not claimed in time, or was taken back."""


class PayoutHeld(Refusal, error="payout_held", msg="这个红包正在人工核对，核对后就能领取，不会丢失"):
    """An operator decides about this prize."""


class PayoutWaits(
    Refusal, error="payout_waits", msg="第一次收这位发布者的红包，要等一会儿才能领取，不会丢失"
):
    """The reply says from when the red packet can be claimed (claim_from, unix ms), and the message why."""


class NotShippable(Refusal, error="not_shippable", msg="这个奖品现在不能寄出"):
    """The message says why."""


class AddressesClosed(Refusal, error="addresses_closed", msg="现在看不到收货地址"):
    """The message says why."""


class NotSent(Refusal, error="not_sent", msg="发布者还没有寄出，收到后再确认"):
    """The publisher has not noted a parcel yet."""


class NotEnded(Refusal, error="not_ended", msg="宝贝还没有结束，结束后才能查看验证信息"):
    """What is asked for is shown after the task's end."""


class HasDigs(Refusal, error="has_digs", msg="已经有人开挖，不能提前结束，等奖品挖完或到期"):
    """Somebody has dug, so the publisher cannot change or end the task."""


class NotAPicture(Refusal, error="not_a_picture", msg="这不是可以识别的图片，请上传 JPEG、PNG、WebP 或 GIF"):
    """The file cannot be decoded as a picture."""


class PictureTooLarge(
    Refusal, error="picture_too_large", msg="图片太大，请上传 10 MB、1600 万像素以内的图片"
):
    """The picture has too many bytes or pixels, or decoding it costs too much."""


class TooMany(Refusal, error="too_many", msg="操作太频繁，请稍后再试", http_status=429):
    """Too much at a time."""


class Busy(TooMany, msg="现在上传的人太多，请稍后再试"):
    """Other requests, perhaps the person's own, take all the room. These requests end within seconds."""

    retry_after_seconds = 5


class TooOften(TooMany):
    """A limit of the settings is reached. It is worth trying again after `seconds`."""

    def __init__(self, seconds: int) -> None:
        spoken = f"{seconds} 秒" if seconds < 60 else f"{-(-seconds // 60)} 分钟"
        super().__init__(f"操作太频繁，请 {spoken}后再试", retry_after=seconds)
        self.retry_after_seconds = seconds


class OutcomeUnknown(
    Refusal, error="outcome_unknown", msg="网络不稳，结果还不确定，请再试一次查看", http_status=503
):
    """The request may or may not have been carried out. Asking again is safe, and tells which."""


class Unavailable(Refusal, error="unavailable", msg="服务暂时不可用，请稍后再试", http_status=503):
    """A store does not answer, and nothing was changed."""


class DiskLow(Unavailable, msg="服务器空间不足，暂时不能发布宝贝和上传图片，请稍后再试"):
    """The server's disk is nearly full."""

    retry_after_seconds = 30


class Internal(
    Refusal, error="internal", msg="服务器出了点问题，我们会尽快修复，请稍后再试", http_status=500
):
    """A bug; the log has the trace_id."""


def refuse(why: Refusal | None) -> None:
    """Raise a refusal, if there is one."""
    try:
        if why is not None:
            raise why
    finally:
        # The refusal's traceback refers to this frame, and the frame to the refusal. This cycle would keep
        # the request in memory until a garbage collection.
        del why


REFUSALS: dict[str, type[Refusal]] = {refusal.error: refusal for refusal in Refusal.__subclasses__()}
