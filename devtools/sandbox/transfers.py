"""Transfers to people: `/v3/fund-app/mch-transfer/transfer-bills`."""

import secrets
from typing import Annotated

import msgspec
from msgspec import Meta

from devtools.sandbox.base import now_ms, state_of
from devtools.sandbox.content import DOUBTFUL, RISKY
from devtools.sandbox.notices import tell
from devtools.sandbox.orders import NotifyUrl
from devtools.sandbox.pay_call import DAY_REFUSED, PayCall, PayFailure, refusal
from devtools.sandbox.scenarios import PAYOUT_FAILS_WITH, plays
from devtools.sandbox.signing import beijing_time, day_begins_ms
from devtools.sandbox.store.merchant import SANDBOX_MCHID
from devtools.sandbox.store.pay import SandboxBill
from server.context import Context
from server.settings import SANDBOX_APPID

# A person has one day to confirm. https://pay.weixin.qq.com/doc/v3/merchant/4013778940
CONFIRM_MS = 86_400_000
# For how long WeChat answers queries about a bill: https://pay.weixin.qq.com/doc/v3/merchant/4012716437
KNOWN_MS = 30 * 86_400_000
# The least and most of a transfer; the default daily limits of a recipient and of a merchant (days begin at
# midnight in China). https://pay.weixin.qq.com/doc/v3/merchant/4013778940 and 4013747667
LEAST_FEN = 10
MOST_FEN = 200_00
PERSON_DAY_FEN = 2_000_00
MERCHANT_DAY_FEN = 50_000_00
# From this amount on WeChat wants the person's name, which this merchant does not know.
NAMED_FEN = 200_000
# https://pay.weixin.qq.com/doc/v3/merchant/4012711988: 1000 is 现金营销
SCENE = "1000"
REPORTED = {"活动名称", "奖励说明"}
PERCEPTIONS = {"活动奖励", "现金奖励"}
OPEN = ("ACCEPTED", "PROCESSING", "WAIT_USER_CONFIRM")


class ReportInfo(msgspec.Struct):
    """One piece of information that a transfer scene requires."""

    info_type: str
    info_content: Annotated[str, Meta(min_length=1, max_length=32)]


class TransferRequest(msgspec.Struct):
    """What `POST …/transfer-bills` takes, as far as this merchant uses it."""

    appid: str
    out_bill_no: Annotated[str, Meta(pattern=r"\A[0-9A-Za-z]{1,32}\Z")]
    transfer_scene_id: str
    openid: Annotated[str, Meta(min_length=1, max_length=64)]
    transfer_amount: Annotated[int, Meta(ge=1)]
    transfer_remark: Annotated[str, Meta(min_length=1, max_length=32)]
    transfer_scene_report_infos: list[ReportInfo]
    notify_url: NotifyUrl | None = None
    user_recv_perception: str | None = None


class MakeTransfer(PayCall):
    """POST /v3/fund-app/mch-transfer/transfer-bills."""

    call = "transfer"

    async def post(self) -> None:
        """Answer a bill that waits for the person to confirm.

        The same request again gives the same bill, with another package_info.
        """
        await self.serve()

    def body_number(self) -> str:
        """Return the out_bill_no."""
        return self.read(TransferRequest).out_bill_no

    async def act(self, number: str) -> dict[str, object]:
        """Store the bill, unless it exists."""
        asked = self.read(TransferRequest)
        _check(asked)
        now = now_ms()
        body = msgspec.json.encode(asked).decode()
        fail_reason = PAYOUT_FAILS_WITH if plays(asked.openid, "payout_fails") else ""
        if self.misbehaviour is not None and self.told("fail"):
            fail_reason = self.misbehaviour["code"] or PAYOUT_FAILS_WITH
        state = "FAIL" if fail_reason else "ACCEPTED" if self.told("accepted") else "WAIT_USER_CONFIRM"
        known = await find_bill(self.context, asked.out_bill_no)
        if known is None:
            given = await self.pay.transferred_fen(asked.openid, day_begins_ms(now))
            if given.merchant + asked.transfer_amount > MERCHANT_DAY_FEN:
                raise refusal(DAY_REFUSED)
            if given.person + asked.transfer_amount > PERSON_DAY_FEN:
                state = "FAIL"
                fail_reason = "DAY_RECEIVED_QUOTA_EXCEED"
            new: SandboxBill = {
                "_id": asked.out_bill_no,
                "asked": body,
                "openid": asked.openid,
                "amount_fen": asked.transfer_amount,
                "remark": asked.transfer_remark,
                "notify_url": asked.notify_url or "",
                "transfer_bill_no": f"13300{now}{secrets.randbelow(10**14):014d}",
                "package_info": [secrets.token_urlsafe(48)],
                "state": state,
                "fail_reason": fail_reason,
                "created_at_ms": now,
                "updated_at_ms": now,
                "expires_at_ms": now + CONFIRM_MS,
            }
            known = await self.pay.add_bill(new)
            if known is new:
                await tell_bill(self.context, known)
        if known["asked"] != body:
            raise PayFailure("INVALID_REQUEST", "商户单号已存在，且请求参数与首次请求时不一致，请核对后再试")
        if known["state"] == "ACCEPTED" and state == "WAIT_USER_CONFIRM":
            known = await self.pay.move_bill(known["_id"], ("ACCEPTED",), state, now) or known
        answer: dict[str, object] = {
            "out_bill_no": known["_id"],
            "transfer_bill_no": known["transfer_bill_no"],
            "create_time": beijing_time(known["created_at_ms"]),
            "state": known["state"],
        }
        if known["state"] == "WAIT_USER_CONFIRM":
            answer["package_info"] = package_info = secrets.token_urlsafe(48)
            await self.pay.add_package(known["_id"], package_info)
        if known["fail_reason"]:
            answer["fail_reason"] = known["fail_reason"]
        return answer


class QueryTransfer(PayCall):
    """GET …/transfer-bills/out-bill-no/{}."""

    call = "query_transfer"

    async def get(self, out_bill_no: str) -> None:
        """Answer the bill."""
        await self.serve(out_bill_no)

    async def act(self, number: str) -> dict[str, object]:
        """Return the bill. Raises PayFailure NOT_FOUND."""
        bill = await find_bill(self.context, number)
        if bill is None or bill["created_at_ms"] < now_ms() - KNOWN_MS:
            raise PayFailure("NOT_FOUND")
        return _describe(bill) | {"appid": SANDBOX_APPID, "transfer_remark": bill["remark"]}


class CancelTransfer(PayCall):
    """POST …/transfer-bills/out-bill-no/{}/cancel; its body is empty."""

    call = "cancel"

    async def post(self, out_bill_no: str) -> None:
        """Answer CANCELING; a query soon says CANCELLED."""
        await self.serve(out_bill_no)

    async def act(self, number: str) -> dict[str, object]:
        """Cancel the bill, unless it is final or the person has confirmed."""
        bill = await find_bill(self.context, number)
        if bill is None:
            raise PayFailure("NOT_FOUND")
        state = bill["state"]
        if state not in ("CANCELING", "CANCELLED"):
            to = "CANCELING" if self.told("pending") else "CANCELLED"
            moved = await self.pay.move_bill(number, OPEN, to, now_ms())
            if moved is None:
                raise PayFailure("INVALID_REQUEST", "当前转账单状态不支持撤销")
            await tell_bill(self.context, moved)
            bill = moved
            state = "CANCELING"
        return {
            "out_bill_no": number,
            "transfer_bill_no": bill["transfer_bill_no"],
            "state": state,
            "update_time": beijing_time(bill["updated_at_ms"]),
        }


async def find_bill(context: Context, out_bill_no: str) -> SandboxBill | None:
    """Return a bill. If its time to confirm has been over for a while, it fails first."""
    pay = state_of(context).pay
    failed = await pay.move_bill(out_bill_no, OPEN, "FAIL", now_ms(), "OVERDUE_CLOSE", expired=True)
    if failed is not None:
        await tell_bill(context, failed)
        return failed
    return await pay.find_bill(out_bill_no)


async def tell_bill(context: Context, bill: SandboxBill) -> None:
    """Send the notice of a bill that is final; do nothing for any other bill."""
    if bill["state"] not in ("SUCCESS", "FAIL", "CANCELLED"):
        return
    await tell(context, "MCHTRANSFER.BILL.FINISHED", bill["_id"], bill["notify_url"], _describe(bill))


def _describe(bill: SandboxBill) -> dict[str, object]:
    said: dict[str, object] = {
        "mch_id": SANDBOX_MCHID,
        "out_bill_no": bill["_id"],
        "transfer_bill_no": bill["transfer_bill_no"],
        "state": bill["state"],
        "transfer_amount": bill["amount_fen"],
        "openid": bill["openid"],
        "create_time": beijing_time(bill["created_at_ms"]),
        "update_time": beijing_time(bill["updated_at_ms"]),
    }
    if bill["fail_reason"]:
        said["fail_reason"] = bill["fail_reason"]
    return said


def _check(asked: TransferRequest) -> None:
    if asked.appid != SANDBOX_APPID:
        raise PayFailure("INVALID_REQUEST", "APPID不存在")
    if asked.transfer_scene_id != SCENE:
        raise PayFailure("INVALID_REQUEST", "你尚未获取该转账场景")
    infos = asked.transfer_scene_report_infos
    if len(infos) != len(REPORTED) or {info.info_type for info in infos} != REPORTED:
        raise PayFailure("PARAM_ERROR", "未传入完整且对应的转账场景报备信息，请根据接口文档检查")
    if asked.user_recv_perception not in (None, *PERCEPTIONS):
        raise PayFailure("INVALID_REQUEST", "暂不支持展示当前传入的用户收款感知")
    if any(word in asked.transfer_remark for word in (RISKY, DOUBTFUL)):
        raise PayFailure("TRANSFER_REMARK_SET_FAIL")
    if asked.transfer_amount >= NAMED_FEN:
        raise PayFailure("PARAM_ERROR", "转账金额大于等于2000元时，收款用户姓名必填")
    # https://developers.weixin.qq.com/community/develop/doc/00002eba8509c824ffe2895616fc00
    if not LEAST_FEN <= asked.transfer_amount <= MOST_FEN:
        raise PayFailure("INVALID_REQUEST", "超过单笔转账上下限，核实产品设置是否准确")
