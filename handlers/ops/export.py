"""The month's winners for a tax return: a table that is sent part by part."""

import asyncio
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

import msgspec
from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError

from handlers.ops.acts import Reason
from handlers.ops.operators import OperatorAct
from handlers.prizes.prizes import ADDRESS_DELETED
from handlers.tables import BOM, csv_rows, moment
from server.actions.operate import Won, export_given
from server.decoding import named
from server.game.amounts import BEIJING, FEN_PER_YUAN
from server.runtime.deadline import paused
from server.store.people.erasure import NAME

# A client that has not read a part after this long is cut off.
TAKEN_SECONDS = 20.0
_COLUMNS = (
    "领取时间", "中奖时间", "宝贝编号", "宝贝", "发布者", "奖品", "种类", "价值（元）",
    "深度", "中奖者", "姓名", "电话",
)


class OpsWinnersRequest(msgspec.Struct):
    """The table has the prizes that were given in `month` (Beijing time), for which tax is deducted."""

    month: Annotated[str, named("月份", "年-月，如 2026-11", pattern=r"\A20[0-9]{2}-(0[1-9]|1[0-2])\Z")]
    reason: Reason


class OpsWinners(OperatorAct, path="/ops/winners", role="money", gives_texts=("text/csv",)):
    """All winners of a month, with name and phone as they gave them, as CSV."""

    async def answer(self, request: OpsWinnersRequest) -> bytes:
        """Send the table part by part, each once the client has taken the one before; return what is left.

        If the table is cut off, client and log can tell.
        """
        year, month = map(int, request.month.split("-"))
        begins = datetime(year, month, 1, tzinfo=BEIJING)
        ends = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=BEIJING)
        from_ms, until_ms = (int(each.timestamp() * 1000) for each in (begins, ends))
        found = export_given(self.context, self.actor, request.month, from_ms, until_ms, request.reason)
        table = BOM + csv_rows([_COLUMNS])
        begun = False
        try:
            with paused():
                async with aclosing(found) as parts:
                    async for part in parts:
                        rows = table + csv_rows(map(_row, part))
                        self._name_table(request.month)
                        begun = True
                        self.write(rows)
                        table = b""
                        async with asyncio.timeout(TAKEN_SECONDS):
                            await self.flush()
        except Exception as error:
            if not begun:
                raise
            # Too late for a refusal: cut the reply off, so that nobody takes a part for the whole.
            if not isinstance(error, TimeoutError):  # that is a client that hung up
                self.log_exception(type(error), error, error.__traceback__)
            if isinstance(self.request.connection, HTTP1Connection):
                self.request.connection.close()
            raise StreamClosedError from None
        if not begun:
            self._name_table(request.month)
        return table

    def _name_table(self, month: str) -> None:
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="winners-{month}.csv"')


def _row(won: Won) -> tuple[str, ...]:
    prize, task, where = won
    rank = task["ranks"][prize["rank"] - 1] if "rank" in prize else None
    said = task.get("value") if rank is None else rank.get("value")
    worth = prize["amount_fen"] / FEN_PER_YUAN if prize["amount_fen"] else said
    return (
        moment(prize["given_at"]),
        moment(prize["won_at"]),
        prize["code"],
        task["name"],
        task["wxname"],
        rank["name"] if rank is not None else task["name"],
        "红包" if prize["amount_fen"] else "实物",
        "" if worth is None else f"{worth:.2f}",
        str(prize["depth"]),
        # All erased people have the same name; their ids tell them apart.
        f"{prize['wxname']} {prize['person_id']}" if prize["wxname"] == NAME else prize["wxname"],
        where.receiver if where else ADDRESS_DELETED if "address_deleted" in prize else "",
        where.phone if where else "",
    )
