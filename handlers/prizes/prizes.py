"""Prizes: claiming them, handing them over, and the list of winners."""

import asyncio
import base64
import io
from typing import Annotated, Literal, TypeAlias

import msgspec
import qrcode

from handlers.base import Interface, ProvenAct, Reply, of_document
from handlers.digging.cards import picture_url
from handlers.parameters import Code, Page, Unionid
from handlers.tables import BOM, csv_rows, moment
from server.actions.prizes.claim import Address, change_until_ms, claim, open_address, open_pickup
from server.actions.prizes.confirm import confirm_pickup
from server.actions.prizes.show_addresses import why_addresses_closed
from server.context import Context
from server.decoding import named
from server.errors import AddressesClosed
from server.game.amounts import DAY_MS, FEN_PER_YUAN, claim_days_of, claim_until_ms
from server.game.prize import GIVEN, GONE, UNCLAIMED, PrizeState
from server.game.ranks import BY_MAIL, is_mailed
from server.game.task import Task
from server.security.plain_text import LINES, ONE_LINE
from server.store.prizes.prizes import Prize, parcel

PAGE_SIZE = 20
# Goods are overdue if they are not sent this long after their address came.
OVERDUE_MS = 3 * DAY_MS
NO_ADDRESS = Address("", "", "")
ADDRESS_DELETED = "（已删除）"
_STATES = {
    "won": "待领取",
    "claiming": "领取中",
    "given": "已领取",
    "sent": "已寄出",
    "received": "已收到",
    "held": "核对中",
    "frozen": "已冻结",
    "expiring": "退回中",
    "returned": "已退回",
}
_BY_MAIL = _STATES | {"given": "待寄出"}  # the address has come
_COLUMNS = (
    "深度", "中奖者", "状态", "中奖时间", "领取时间", "收货人", "电话", "地址",
    "快递公司", "运单号", "寄出时间", "收到时间", "奖品",
)


class DrawPrizeRequest(msgspec.Struct):
    """The last three fields are only for goods by mail. They may be left out once the prize is given."""

    unionid: Unionid
    code: Code
    receiver: Annotated[str, named("收货人", "1 到 32 个字", extra=ONE_LINE)] = ""
    phone: Annotated[str, named("电话", "手机号、带区号的座机，或以 + 和国家代码开头的号码")] = ""
    address: Annotated[str, named("详细地址", "从省、市写到门牌，最多 200 个字", extra=LINES)] = ""


class ShownPrize(msgspec.Struct, kw_only=True):
    """The fields of a prize that its winner and its publisher see; see `DrawPrizeReply` and `WinnerRow`."""

    is_draw: int
    state: PrizeState
    goods_type: int
    draw_type: int
    money_fen: int
    rank: int
    receiver: str
    phone: str
    address: str
    carrier: str
    number: str
    sent_at: int
    received_at: int


class DrawPrizeReply(ShownPrize, kw_only=True):
    """How far the claim has come. `is_draw` 1: the prize is given.

    Red packets: `package_info`, `appid` and `mchid` are for `wx.requestMerchantTransfer`. Goods on site:
    `pickup` is the code that the winner shows until they are handed over. `pickup_pic` is its QR code, as a
    data: URL. Goods by mail: `receiver`, `phone` and `address` are the winner's, until they are deleted, and
    can be changed before `change_until`. Once `state` is sent, `carrier` and `number` are those of the
    parcel. Fields that do not apply are empty. Times are unix ms, 0 for never; `claim_until` is 0 while the
    task runs. `rank` is the prize's place in the details' `ranks`, from 1; it is 0 if all prizes are alike.
    """

    status: int = 0
    msg: str = ""
    money: int
    claim_until: int
    change_until: int
    package_info: str
    appid: str
    mchid: str
    pickup: str
    pickup_pic: str
    contact: str


class DrawPrize(ProvenAct, path="/drawPrize"):
    """Claim your prize. A claim is safe to repeat, even after the prize was given."""

    async def answer(self, request: DrawPrizeRequest) -> DrawPrizeReply:
        """Raises what `claim` raises."""
        person = await self.person()
        claimed = await claim(
            self.context, request.code, person["_id"], request.receiver, request.phone, request.address
        )
        settings = self.context.settings
        prize = claimed.prize
        pickup = open_pickup(self.context, prize)
        picture = ""
        if pickup:
            page = f"{settings.public_url}/?code={prize['code']}&pickup={pickup}"
            picture = await asyncio.to_thread(_qr_picture, page)
        confirms = bool(claimed.package_info)
        return DrawPrizeReply(
            is_draw=int(prize["state"] in GIVEN),
            state=prize["state"],
            goods_type=prize["goods_type"],
            draw_type=prize["draw_type"],
            money=prize["amount_fen"] // FEN_PER_YUAN,
            money_fen=prize["amount_fen"],
            rank=prize.get("rank", 0),
            claim_until=claim_until_ms(
                claimed.task["ended_at"],
                claim_days_of(claimed.task, settings.claim_days),
                prize.get("released_at", 0),
            ),
            change_until=change_until_ms(prize),
            package_info=claimed.package_info,
            appid=settings.appid if confirms else "",
            mchid=self.context.cash.mchid if self.context.cash is not None and confirms else "",
            pickup=pickup,
            pickup_pic=picture,
            **msgspec.structs.asdict(open_address(self.context, prize) or NO_ADDRESS),
            **parcel(prize),
            contact=claimed.task.get("contact", ""),
        )


def _qr_picture(text: str) -> str:
    drawn = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, box_size=8, border=4)
    drawn.add_data(text)
    buffer = io.BytesIO()
    drawn.make_image().save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


class ConfirmDrawRequest(msgspec.Struct):
    """`pickup` is the six-digit code that the winner shows."""

    unionid: Unionid
    code: Code
    pickup: Annotated[str, named("取件码", "6 位数字", pattern=r"\A[0-9]{6}\Z")]


class ConfirmDrawReply(Reply, kw_only=True):
    """The winner whose prize was handed over, and the depth at which they won it."""

    is_draw: int
    depth: int
    rank: int
    money_fen: int
    wxname: str
    wxheadpic: str


class ConfirmDraw(ProvenAct, path="/confirmDraw"):
    """The publisher confirms that goods were handed over on site."""

    async def answer(self, request: ConfirmDrawRequest) -> ConfirmDrawReply:
        """Raises what `confirm_pickup` raises."""
        publisher = await self.person()
        prize = await confirm_pickup(self.context, request.code, publisher["_id"], request.pickup)
        return ConfirmDrawReply(
            is_draw=1,
            depth=prize["depth"],
            rank=prize.get("rank", 0),
            money_fen=prize["amount_fen"],
            wxname=prize["wxname"],
            wxheadpic=picture_url(self.context, prize["wxheadpic"]),
        )


Wanted: TypeAlias = Literal["all", "to_send", "open", "done", "gone"]


class GetWinnersRequest(msgspec.Struct):
    """With `format` csv the reply is a table for spreadsheets (UTF-8 with a BOM) instead of JSON.

    `wanted` narrows the list. With `page` there are 20 a page, the overdue ones first.
    """

    unionid: Unionid
    code: Code
    wanted: Annotated[Wanted, named("进度", "五种进度之一")] = "all"
    page: Page | None = None
    format: Annotated[Literal["json", "csv"], named("格式", "JSON 或 CSV，用小写字母")] = "json"


class WinnerRow(ShownPrize, kw_only=True):
    """A winner's depth, how far the claim has come, and where to send the prize. Times are unix ms, 0 for
    never.

    `state`: won, claiming, given, frozen (by an operator), expiring, returned. Red packets may also be held.
    Goods by mail are given once the winner's address has come, then sent, then received. `address_deleted` is
    1 once the address was deleted: 90 days after the goods arrived or, if none were sent, after the address
    came. It is also deleted if the prize is returned or the winner erased. `rank` is the prize's place in the
    details' `ranks`, from 1, and `prize` is its name there. If all prizes are alike, `rank` is 0 and `prize`
    is the task's name. `overdue` is 1 if the address came more than three days ago and the goods are not
    sent. `thanks` is the sign by which the winner thanked, "" if they did not.
    """

    depth: int
    prize: str
    wxname: str
    wxheadpic: str
    won_at: int
    given_at: int
    address_deleted: int
    overdue: int
    thanks: str


class GetWinnersReply(Reply, kw_only=True):
    """Winners in order of depth; with `page`, the overdue ones first. `number` is how many `wanted` selects.

    `claim_until`: the last moment to claim, in unix ms; 0 while the task runs.

    If an operator released prizes that nobody has claimed yet, `claim_until` is that of the prize released
    last. `addresses_closed` says why no address is shown: the task is under report, taken down or frozen. It
    is "" if addresses are shown.
    """

    claim_until: int
    addresses_closed: str
    number: int
    data: list[WinnerRow]


class GetWinners(Interface, path="/getWinners", needs_token=True, gives_texts=("text/csv",)):
    """The winners of your task, and where to send their prizes, as JSON or CSV.

    There is no CSV of goods by mail while their addresses are closed.
    """

    async def answer(self, request: GetWinnersRequest) -> GetWinnersReply | bytes:
        """Raises NoSuchTask, NotYours unless the caller published the task, and AddressesClosed."""
        publisher = await self.person()
        store = self.context.store
        task = await store.tasks.get_own(request.code, publisher["_id"])
        of_task = store.prizes.of_task if request.page is None else store.prizes.keys_of_task
        prizes = await of_task(request.code)
        closed = await why_addresses_closed(self.context, task)
        if closed and request.format == "csv":
            raise AddressesClosed(closed)
        now_ms = self.context.clock.now_ms()
        wanted = [prize for prize in prizes if request.wanted in ("all", _stands(prize))]
        on_page = wanted
        if request.page is not None:
            first = (request.page - 1) * PAGE_SIZE
            wanted = sorted(wanted, key=lambda prize: not _is_overdue(prize, now_ms))
            keys = [prize["_id"] for prize in wanted[first:][:PAGE_SIZE]]
            found = {prize["_id"]: prize for prize in await store.prizes.find_all(keys)}
            on_page = [found[key] for key in keys]
        # Opening a thousand addresses takes a while.
        rows = await asyncio.to_thread(_winner_rows, self.context, task, on_page, closed)
        if request.format == "json":
            released = [p.get("released_at", 0) for p in prizes if p["state"] in UNCLAIMED]
            claim_days = claim_days_of(task, self.context.settings.claim_days)
            until_ms = claim_until_ms(task["ended_at"], claim_days, max(released, default=0))
            return GetWinnersReply(
                data=rows, number=len(wanted), claim_until=until_ms, addresses_closed=closed
            )
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="winners-{request.code}.csv"')
        return _csv_of(rows)


def _stands(prize: Prize) -> Wanted:
    """Return the list (a value of `wanted`) that a prize is on."""
    if prize["state"] in GONE:
        return "gone"
    if prize["state"] not in GIVEN:
        return "open"
    return "to_send" if prize["state"] == "given" and is_mailed(prize) else "done"


def _is_overdue(prize: Prize, now_ms: int) -> bool:
    return _stands(prize) == "to_send" and prize["given_at"] < now_ms - OVERDUE_MS


def _winner_rows(context: Context, task: Task, prizes: list[Prize], closed: str) -> list[WinnerRow]:
    rows = []
    ranks = task.get("ranks", [])
    now_ms = context.clock.now_ms()
    for prize in prizes:
        where = open_address(context, prize) if prize["state"] in GIVEN and not closed else None
        rows.append(
            of_document(
                WinnerRow,
                prize,
                rank=prize.get("rank", 0),
                prize=ranks[prize["rank"] - 1]["name"] if "rank" in prize else task["name"],
                money_fen=prize["amount_fen"],
                wxheadpic=picture_url(context, prize["wxheadpic"]),
                is_draw=int(prize["state"] in GIVEN),
                **msgspec.structs.asdict(where or NO_ADDRESS),
                address_deleted=prize.get("address_deleted", 0),
                overdue=int(_is_overdue(prize, now_ms)),
                thanks=prize.get("thanks", ""),
                **parcel(prize),
            )
        )
    return rows


def _csv_of(rows: list[WinnerRow]) -> bytes:
    return BOM + csv_rows([
        _COLUMNS,
        *(
            (
                str(row.depth),
                row.wxname,
                (_BY_MAIL if row.draw_type == BY_MAIL else _STATES)[row.state],
                moment(row.won_at),
                moment(row.given_at),
                row.receiver,
                row.phone,
                ADDRESS_DELETED if row.address_deleted else row.address,
                row.carrier,
                row.number,
                moment(row.sent_at),
                moment(row.received_at),
                row.prize,
            )
            for row in rows
        ),
    ])
