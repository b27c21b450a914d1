"""The table of refusals: each code that a client may get, with its message in Chinese.

Only the table lives here. Refusals are raised anywhere and translated at two edges:
`handlers/base.py` (HTTP) and `handlers/push.py` (websocket).
"""

from __future__ import annotations

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

    def __init__(self, msg: str | None = None, *, param: str = "", **extra: Any) -> None:
        self.msg = msg or self.default_msg
        self.param = param
        self.extra = extra
        super().__init__(f"{self.error}: {self.msg}")


class BadRequest(Refusal):
    """The message says what a value must be. If the value is a parameter's, `param` names the parameter."""

    error = "bad_request"
    default_msg = "请求的内容有误，请检查后再试"


class BodyTooLarge(BadRequest):
    """A body too large to be read; the message says the limit."""

    http_status = 413


class BadToken(Refusal):
    error = "bad_token"
    default_msg = "登录已失效，请重新登录"


class TokenRequired(Refusal):
    error = "token_required"
    default_msg = "为了账号安全，请重新登录后再试"


class NoSuchPublisher(Refusal):
    error = "no_such_person"
    default_msg = "没有这个发布者，可能已经注销"


class BadCommitment(Refusal):
    """The seed that a publisher brought back is not one they were given, is too old, or was used."""

    error = "bad_commitment"
    default_msg = "服务器的那一半随机数不是发给你的，或者被改动过，请再点一次，换一份新的"

    def __init__(self, msg: str | None = None) -> None:
        super().__init__(msg, param="sealed_seed")


class NotLoggedIn(Refusal):
    error = "not_logged_in"
    default_msg = "还没有登录，请先登录"


class BadLoginCode(Refusal):
    error = "bad_login_code"
    default_msg = "登录凭证无效或已过期，请重新登录"


class Banned(Refusal):
    """The message says until when and why, to this person only."""

    error = "banned"
    default_msg = "你的账号已被停用"


class Leaving(Refusal):
    """The person is deleting their account. Until they cancel the deletion, they can begin nothing new."""

    error = "leaving"
    default_msg = "你正在注销账号，不能再开始新的；要继续用，先在“我的”里撤销注销"


class Obstacle(msgspec.Struct, frozen=True):
    """What has to end before an account can be deleted, and what to do about it.

    `opens` is the page of the treasure with this `code` where that is done: its own, that of its winners, or
    "" if there is none.
    """

    text: str
    code: str = ""
    opens: Literal["treasure", "winners", ""] = ""


class CannotLeave(Refusal):
    """The message says what has to end before the account can be deleted, and so do the reply's
    `obstacles`."""

    error = "cannot_leave"
    default_msg = "现在还不能注销账号"


class LoginBlocked(Refusal):
    error = "login_blocked"
    default_msg = "微信限制了这个账号登录，请联系微信客服"


class WeChatBusy(Refusal):
    error = "wechat_busy"
    default_msg = "微信繁忙，请稍后再试"


class BadUserData(Refusal):
    error = "bad_user_data"
    default_msg = "微信返回的用户信息无法验证，请重新授权登录"


class NoSuchTask(Refusal):
    error = "no_such_task"
    default_msg = "没有找到这个宝贝，请检查链接是否完整"


class NotShown(NoSuchTask):
    """The task is in review or was taken down. Only its publisher and its winners may know that it exists."""

    default_msg = "这个宝贝现在看不到：可能正在检查，也可能已经下架"


class NotPaid(Refusal):
    error = "not_paid"
    default_msg = "红包还没有支付，支付后才能开挖"


class Ended(Refusal):
    error = "ended"
    default_msg = "这个宝贝已经结束了，去广场看看别的吧"


class CoolingDown(Refusal):
    error = "cooling_down"
    default_msg = "慢了一步，请等冷却结束再挖"


class AlreadyWon(Refusal):
    error = "already_won"
    default_msg = "你已经挖到这个宝贝了，把机会留给别人吧"


class OwnTask(Refusal):
    error = "own_task"
    default_msg = "不能挖自己发布的宝贝，分享给朋友来挖吧"


class NotYours(Refusal):
    error = "not_yours"
    default_msg = "只有发布者本人才能这样做"


class NotAllowed(Refusal):
    error = "not_allowed"
    default_msg = "你的口令没有这个权限，请找有权限的同事操作"


class NotWon(Refusal):
    error = "not_won"
    default_msg = "你没有挖到这个宝贝，不能领取"


class AlreadyThanked(Refusal):
    error = "already_thanked"
    default_msg = "你已经道过谢了，一份奖品谢一次"


class AlreadyPaid(Refusal):
    error = "already_paid"
    default_msg = "这个红包已经支付过了，无需再付"


class WrongAmount(Refusal):
    """The message says what is owed."""

    error = "wrong_amount"
    default_msg = "支付的金额不对，请按应付金额支付"


class OverLimit(Refusal):
    """The message names the limit. Nothing was ordered."""

    error = "over_limit"
    default_msg = "支付的金额超过了上限，请过一天再试"


class NothingToPay(Refusal):
    error = "nothing_to_pay"
    default_msg = "实物宝贝无需支付"


class WrongPickup(Refusal):
    error = "wrong_pickup"
    default_msg = "取件码不对，请向中奖者核对后再试"


class Locked(Refusal):
    error = "locked"
    default_msg = "输错次数太多，请十分钟后再试"


class ClaimOver(Refusal):
    error = "claim_over"
    default_msg = "领奖期限已过，奖品已退回发布者"


class PayoutHeld(Refusal):
    """An operator decides about this prize."""

    error = "payout_held"
    default_msg = "这个红包正在人工核对，核对后就能领取，不会丢失"


class PayoutWaits(Refusal):
    """The reply says from when the red packet can be claimed (claim_from, unix ms), and the message why."""

    error = "payout_waits"
    default_msg = "第一次收这位发布者的红包，要等一会儿才能领取，不会丢失"


class NotShippable(Refusal):
    """The message says why."""

    error = "not_shippable"
    default_msg = "这个奖品现在不能寄出"


class AddressesClosed(Refusal):
    """The message says why."""

    error = "addresses_closed"
    default_msg = "现在看不到收货地址"


class NotSent(Refusal):
    error = "not_sent"
    default_msg = "发布者还没有寄出，收到后再确认"


class NotEnded(Refusal):
    error = "not_ended"
    default_msg = "宝贝还没有结束，结束后才能查看验证信息"


class HasDigs(Refusal):
    error = "has_digs"
    default_msg = "已经有人开挖，不能提前结束，等奖品挖完或到期"


class NotAPicture(Refusal):
    error = "not_a_picture"
    default_msg = "这不是可以识别的图片，请上传 JPEG、PNG、WebP 或 GIF"


class PictureTooLarge(Refusal):
    error = "picture_too_large"
    default_msg = "图片太大，请上传 10 MB、1600 万像素以内的图片"


class TooMany(Refusal):
    error = "too_many"
    default_msg = "操作太频繁，请稍后再试"
    http_status = 429


class Busy(TooMany):
    """Other requests, perhaps the person's own, take all the room. These requests end within seconds."""

    default_msg = "现在上传的人太多，请稍后再试"
    retry_after_seconds = 5


class TooOften(TooMany):
    """A limit of the settings is reached. It is worth trying again after `seconds`."""

    def __init__(self, seconds: int) -> None:
        spoken = f"{seconds} 秒" if seconds < 60 else f"{-(-seconds // 60)} 分钟"
        super().__init__(f"操作太频繁，请 {spoken}后再试", retry_after=seconds)
        self.retry_after_seconds = seconds


class OutcomeUnknown(Refusal):
    """The request may or may not have been carried out. Asking again is safe, and tells which."""

    error = "outcome_unknown"
    default_msg = "网络不稳，结果还不确定，请再试一次查看"
    http_status = 503


class Unavailable(Refusal):
    """A store does not answer, and nothing was changed."""

    error = "unavailable"
    default_msg = "服务暂时不可用，请稍后再试"
    http_status = 503


class DiskLow(Unavailable):
    """The server's disk is nearly full."""

    default_msg = "服务器空间不足，暂时不能发布宝贝和上传图片，请稍后再试"
    retry_after_seconds = 30


class Internal(Refusal):
    error = "internal"
    default_msg = "服务器出了点问题，我们会尽快修复，请稍后再试"
    http_status = 500


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
