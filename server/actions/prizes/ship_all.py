"""The parcels of many prizes at once: the winners' table, with carriers and numbers filled in."""

import asyncio
import csv
import io
import re
from typing import NamedTuple

import msgspec

from server.actions.prizes.claim import open_address
from server.actions.prizes.ship import CARRIERS, carrier_named, ship
from server.context import Context
from server.errors import BadRequest, NotShippable
from server.security.plain_text import is_formula, text_of
from server.store.prizes.prizes import Prize

MOST_CHANGES = 100
# Less than a request's limit. The reply names the rows that were not reached by then; they can be sent again.
SECONDS = 3.5
NUMBER = re.compile(r"[0-9A-Za-z]{5,40}")
COLUMNS = ("深度", "中奖者", "快递公司", "运单号")
# A row has no receiver if the publisher could not read the address yet, or any more.
_WHERE = ("收货人", "地址")
# Spreadsheets also save tables in UTF-16, or with tabs or semicolons, in which no column is found.
_RIGHT = "请用下载的表格填好快递，存成“CSV UTF-8（逗号分隔）”再传"
_NOT_TRIED = "没有轮到，再传一次就接着记"


class Parcel(NamedTuple):
    """What a row of the table says: its place in the file, and its cells as they are."""

    row: int
    depth: str
    winner: str
    carrier: str
    number: str
    receiver: str
    address: str


class ShippedRow(msgspec.Struct):
    """A row of the table that has a parcel. `refused` says why it was not noted, "" if it was."""

    row: int
    depth: int
    refused: str


def parcels_of(table: bytes) -> list[Parcel]:
    """Return the rows that name a parcel. Raises BadRequest if the table lacks a column, or is no CSV."""
    try:
        lines = list(csv.reader(io.StringIO(_decoded(table)), strict=True))
    except csv.Error:
        raise BadRequest(f"这不是 CSV 表格：{_RIGHT}", param="table") from None
    head = [cell.strip() for cell in lines[0]] if lines else []
    missing = [name for name in COLUMNS if name not in head]
    if missing:
        raise BadRequest(f"表格里没有“{'、'.join(missing)}”这一列：{_RIGHT}", param="table")
    places = [head.index(name) if name in head else len(head) for name in (*COLUMNS, *_WHERE)]
    found = []
    for row, line in enumerate(lines[1:], 2):
        cells = [line[place].strip() if place < len(line) else "" for place in places]
        cells[2] = carrier_named(cells[2])
        if cells[2] or cells[3]:
            found.append(Parcel(row, *cells))
    return found


def _decoded(table: bytes) -> str:
    """Return a table's text. Spreadsheets in China save it in GB 18030."""
    try:
        return table.decode("utf-8-sig")
    except UnicodeDecodeError:
        return table.decode("gb18030", errors="replace")


async def ship_all(context: Context, code: str, person_id: str, parcels: list[Parcel]) -> list[ShippedRow]:
    """Note these parcels, each as `ship` does; return the outcome of each row that changes something.

    Raises NoSuchTask; BadRequest, with nothing noted, if too many rows would change something.
    """
    await context.store.tasks.get_own(code, person_id)
    known = {str(prize["depth"]): prize for prize in await context.store.prizes.of_task(code)}
    new = [parcel for parcel in parcels if not _is_noted(parcel, known.get(parcel.depth))]
    if len(new) > MOST_CHANGES:
        raise BadRequest(
            f"有 {len(new)} 行是新的，一次最多 {MOST_CHANGES} 行；什么都没有记，请分几次传", param="table"
        )
    until = asyncio.get_running_loop().time() + SECONDS
    outcomes = []
    for parcel in new:
        prize = known.get(parcel.depth)
        refused = _why_not(parcel, prize, [each.depth for each in new])
        if not refused and asyncio.get_running_loop().time() > until:
            refused = _NOT_TRIED
        if not refused and prize is not None and _is_elsewhere(context, parcel, prize):
            refused = "中奖者改过地址，和表格里的不同：请核对，没寄错就在名单里单独记"
        if not refused and prize is not None:
            carrier = CARRIERS[CARRIERS.index(parcel.carrier)]
            try:
                await ship(context, code, person_id, prize["depth"], carrier, _plain(parcel.number))
            except NotShippable as refusal:
                refused = refusal.msg
        outcomes.append(ShippedRow(parcel.row, prize["depth"] if prize else 0, refused))
    return outcomes


def _is_elsewhere(context: Context, parcel: Parcel, prize: Prize) -> bool:
    """Whether the winner changed the address after the publisher took the table.

    Some spreadsheets write ? for a rare character.
    """
    where = open_address(context, prize) if prize["state"] == "given" else None
    told = text_of(_plain(parcel.address)) if parcel.receiver else ""
    return where is not None and bool(told) and "?" not in told and told != text_of(_plain(where.address))


def _plain(text: str) -> str:
    return "".join(text.split())


def _is_noted(parcel: Parcel, prize: Prize | None) -> bool:
    noted = (prize.get("carrier"), prize.get("number")) if prize else None
    return noted == (parcel.carrier, _plain(parcel.number))


def _why_not(parcel: Parcel, prize: Prize | None, depths: list[str]) -> str:
    """Return why a row is refused before it is tried, "" if it is not."""
    if any(is_formula(cell.lstrip("'")) for cell in (parcel.depth, parcel.carrier, parcel.number)):
        return "像是公式，不能用：请填文字"
    if prize is None:
        return "这一层没有人中奖，可能是别的宝贝的表格"
    if text_of(parcel.winner) != text_of(prize["wxname"].strip()):
        return "这一层的中奖者不是他，可能是别的宝贝的表格"
    if depths.count(parcel.depth) > 1:
        return "同一层写了两行，不知道该用哪一行"
    if parcel.carrier not in CARRIERS:
        return f"不认识这个快递公司，请填{'、'.join(CARRIERS)}之一"
    if not NUMBER.fullmatch(_plain(parcel.number)):
        return "运单号要 5 到 40 位字母或数字；变成了科学记数的，请先把这一列设成文本"
    return ""
