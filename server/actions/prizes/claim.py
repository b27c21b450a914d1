"""Claiming a prize: a red packet by a bill, goods by mail or on site. Safe to repeat."""

import re
import secrets
import unicodedata
from dataclasses import dataclass

import msgspec

from server.actions.announce import announce_claim
from server.actions.digging.win import ensure_prize
from server.actions.prizes.freeze import apply_freezes
from server.context import Context
from server.decoding import decode
from server.errors import (
    BadRequest,
    ClaimOver,
    NotWon,
    OutcomeUnknown,
    WeChatBusy,
    refuse,
)
from server.game.amounts import DAY_MS
from server.game.prize import GIVEN, awaits_pickup, given_by_mail, is_claiming
from server.game.provinces import is_complete, province_of
from server.game.ranks import BY_MAIL, RED_PACKET
from server.game.reasons import why_frozen, why_held, why_not_claim
from server.game.task import Task
from server.store.prizes.prizes import Prize

PICKUP_DIGITS = 6
PICKUP_ATTEMPTS = 100
REPLACEABLE_MS = DAY_MS
LEAST_DIGITS = 5  # of a phone that was stored before its form was checked
MOBILE_DIGITS = 11
RECEIVER_CHARACTERS = 32
PHONE_CHARACTERS = 20
ADDRESS_CHARACTERS = 200
# As `_plain` leaves them: mobile phones of the mainland, landlines with the area code (also as Taiwan dials
# them) and 400 numbers, the first two also after 86, all with or without an extension; phones of other
# countries after their code (E.164).
PHONE = re.compile(
    r"(?:(?:\+?86-?)?1[3-9](?:-?[0-9]){9}|0[1-9](?:-?[0-9]){7,10}|\+?86-?0?(?:10|[2-9][0-9])(?:-?[0-9]){8,9}"
    r"|400(?:-?[0-9]){7})(?:-[0-9]{1,6})?|\+(?!86)[1-9](?:-?[0-9]){6,14}"
)
AROUND_DIGITS = re.compile(r"[\s()]")
DASHES = re.compile("[‐‑–—转]")

WRONG_PHONE = (
    "“电话”请写 11 位的手机号，或带区号的座机，比如：0755-12345678；"
    "境外的号码以 + 和国家或地区的代码开头，比如：+852 12345678"
)
WRONG_ADDRESS = (
    f"“详细地址”请从省、市写起，写到街道和门牌，最多 {ADDRESS_CHARACTERS} 个字，"
    "比如：广东省深圳市南山区科技路 1 号"
)
ADDRESS_IS_FINAL = "收货信息超过 24 小时不能再改，请联系发布者"
ADDRESS_OF_SENT = "奖品已经寄出，收货信息不能再改，请联系发布者"


class Address(msgspec.Struct, frozen=True):
    """Where goods are sent. It is stored sealed, and only the winner and the task's publisher may see it."""

    receiver: str
    phone: str
    address: str

    def __repr__(self) -> str:
        return "Address(…)"


@dataclass(frozen=True, slots=True)
class Claim:
    """How far a claim has come. `package_info` is what the winner confirms in WeChat; "" if there is none."""

    task: Task
    prize: Prize
    package_info: str = ""


async def claim(
    context: Context, code: str, person_id: str, receiver: str, phone: str, address: str
) -> Claim:
    """Claim the prize this person won. The last three arguments are only for goods by mail.

    Once the prize is given, only its address may still change: until the goods are sent, but for no longer
    than 24 hours.

    Raises NoSuchTask, NotWon, ClaimOver, PayoutHeld, BadRequest; for red packets PayoutWaits, OutcomeUnknown
    and WeChatBusy.
    """
    task = await context.store.tasks.get(code)
    prize = await ensure_prize(context, task, person_id)
    if prize is None:
        raise NotWon
    answer = await _claim(context, task, prize, (receiver, phone, address))
    if answer.prize != prize:
        await announce_claim(context, answer.prize)
    return answer


async def _claim(context: Context, task: Task, prize: Prize, where: tuple[str, str, str]) -> Claim:
    refuse(why_not_claim(task, prize, context.settings.claim_days, context.clock.now_ms()))
    if prize["goods_type"] == RED_PACKET:
        if context.cash is None:
            raise WeChatBusy("这里没有开通红包")
        return Claim(task, *await context.cash.claim(task, prize))
    # A freeze may have missed these goods while another freeze was being released.
    if prize["state"] == "won" and await apply_freezes(context, prize):
        raise why_frozen(prize)
    if prize["draw_type"] == BY_MAIL:
        if prize["state"] in GIVEN and not any(where):
            return Claim(task, prize)
        address = check_address(*where)
        _refuse_unsent(task, address.address)
        return await _claim_by_mail(context, task, prize, address)
    return await _claim_on_site(context, task, prize)


def _refuse_unsent(task: Task, address: str) -> None:
    """Raise BadRequest if the publisher does not send to this address, or if its province cannot be
    recognised."""
    if not (excluded := task.get("not_sent_to")):
        return
    province = province_of(address)
    if not province:
        msg = f"发布者不寄到{'、'.join(excluded)}，所以“详细地址”请从省级地区写起，比如：广东省深圳市"
        raise BadRequest(msg, param="address")
    if province in excluded:
        raise BadRequest(f"发布者不寄到{province}：请换一个收货地址，或联系发布者", param="address")


async def _claim_by_mail(context: Context, task: Task, prize: Prize, where: Address) -> Claim:
    now_ms = context.clock.now_ms()
    prizes = context.store.prizes
    sealed = context.keys.seal("address", msgspec.json.encode(where), prize["_id"])
    phone = context.keys.phone_hashes(phone_digits(where.phone))[0]
    given = await prizes.move(prize["_id"], given_by_mail(sealed, phone, now_ms, now_ms - REPLACEABLE_MS))
    if given is None:
        given = await context.store.prizes.get(prize["_id"])
        refuse(why_held(given))
        if given["state"] not in GIVEN:
            raise ClaimOver
        if open_address(context, given) != where:  # a success would mean that goods go to `where`
            raise ClaimOver(ADDRESS_IS_FINAL if given["state"] == "given" else ADDRESS_OF_SENT)
    return Claim(task, given)


async def _claim_on_site(context: Context, task: Task, prize: Prize) -> Claim:
    for _ in range(PICKUP_ATTEMPTS):
        if is_claiming(prize) or prize["state"] == "given":
            return Claim(task, prize)
        refuse(why_held(prize))
        if prize["state"] != "won":
            raise ClaimOver
        pickup = f"{secrets.randbelow(10**PICKUP_DIGITS):0{PICKUP_DIGITS}}"
        older = context.keys.pickup_hashes(prize["code"], pickup)[1:]
        if older and await context.store.prizes.find_pickup(prize["code"], older) is not None:
            continue
        sealed = context.keys.seal_pickup(pickup, prize["_id"])
        awaits = awaits_pickup(sealed, context.clock.now_ms())
        moved = await context.store.prizes.move_if_new(prize["_id"], awaits)
        prize = moved or await context.store.prizes.get(prize["_id"])
    raise OutcomeUnknown


def change_until_ms(prize: Prize) -> int:
    """Return until when the winner may change the address, in unix ms; 0 if they may not."""
    changes = prize["state"] == "given" and "address_box" in prize
    return prize["claimed_at"] + REPLACEABLE_MS if changes else 0


def check_address(receiver: str, phone: str, address: str) -> Address:
    """Return the address. Raises BadRequest, which names the wrong parameter and never repeats its value."""
    receiver = receiver.strip()
    phone = phone.strip()
    address = address.strip()
    if not 1 <= len(receiver) <= RECEIVER_CHARACTERS:
        raise BadRequest(f"“收货人”应为 1 到 {RECEIVER_CHARACTERS} 个字", param="receiver")
    if not (len(phone) <= PHONE_CHARACTERS and PHONE.fullmatch(_plain(phone))):
        raise BadRequest(WRONG_PHONE, param="phone")
    if not (len(address) <= ADDRESS_CHARACTERS and is_complete(address)):
        raise BadRequest(WRONG_ADDRESS, param="address")
    return Address(receiver, phone, address)


def _plain(phone: str) -> str:
    """Return a phone number as most people write it: its digits, with `-` between them and `+` before a
    country's code."""
    plain = DASHES.sub("-", AROUND_DIGITS.sub("", unicodedata.normalize("NFKC", phone)))
    return f"+{plain[2:]}" if plain.startswith("00") else plain


def phone_digits(phone: str) -> str:
    """Return a phone number's digits, without China's own +86; "" if the text is no phone number."""
    digits = _plain(phone).removeprefix("+").replace("-", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) >= LEAST_DIGITS):
        return ""
    return digits[2:] if len(digits) == MOBILE_DIGITS + 2 and digits.startswith("86") else digits


def open_pickup(context: Context, prize: Prize) -> str:
    """Return the pick-up code of goods that wait to be handed over, "" for other prizes. Only for the
    winner."""
    if "pickup" not in prize or not is_claiming(prize):
        return ""
    return context.keys.open("pickup", prize["pickup"], prize["_id"]).decode()


def open_address(context: Context, prize: Prize) -> Address | None:
    """Return where a prize is sent; None if it has no address. Only for the winner and the publisher."""
    sealed = prize.get("address_box")
    if sealed is None:
        return None
    return decode(context.keys.open("address", sealed, prize["_id"]), Address)
