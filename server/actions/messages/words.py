"""What a message says, read from the store just before it is sent, so that it is true then."""

from dataclasses import dataclass, field

from server.actions.messages.write import REMIND_MS
from server.context import Context
from server.game.amounts import RELEASED_MS, claim_days_of, claim_until_ms, in_words, total_fen, unwon_fen
from server.game.prize import AWAITING_OPERATOR, UNCLAIMED
from server.game.ranks import BY_MAIL, RED_PACKET
from server.game.review import IN_REVIEW, is_shown, is_taken_down, review_of
from server.game.task import Task
from server.store.messages.messages import Message
from server.store.prizes.prizes import Prize
from server.wechat.messages import Values, yuan

HELD_MS = 600_000
# How often to look whether others see a task again. They do after the check of an edit, or after an
# operator's decision.
LOOK_MS = 60_000
ENDINGS = {
    "prizes_gone": "奖品全部挖完了",
    "depth_reached": "已经挖到底了",
    "expired": "时间到了，没有挖完",
    "operator": "平台结束了这个宝贝",
    "credit": "发红包不能用信用卡",
}


@dataclass(frozen=True, slots=True)
class Words:
    """The values that a template may show. `moot` says that nobody needs the message any more.

    If the message is not true yet, `later_ms` is when to look again (unix ms). `until_ms` prolongs the time
    in which the message is of use; 0 leaves it as it was written.
    """

    values: Values = field(default_factory=dict)
    moot: bool = False
    later_ms: int = 0
    until_ms: int = 0


MOOT = Words(moot=True)


async def words_of(context: Context, message: Message) -> Words:
    """Return the values of a message, read from the store now; MOOT if nobody needs it any more."""
    task = await context.store.tasks.find(message["code"])
    if task is None:
        return MOOT
    if message["kind"] in ("won", "claim_ends"):
        prize = await context.store.prizes.find(message["prize"])
        return MOOT if prize is None else _of_prize(context, message, task, prize)
    if message["kind"] == "ended":
        return _of_end(task)
    if message["kind"] == "refused":
        return _of_refusal(task)
    if message["kind"] == "announced":
        return _of_announcement(context, task)
    return await _of_cooldown(context, message, task)


def _of_prize(context: Context, message: Message, task: Task, prize: Prize) -> Words:
    if prize["state"] in AWAITING_OPERATOR:  # once an operator releases it, its winner has to hear of it
        later_ms = context.clock.now_ms() + HELD_MS
        return Words(later_ms=later_ms, until_ms=later_ms + RELEASED_MS)
    if prize["state"] not in UNCLAIMED:
        return MOOT
    # While the task runs, nobody knows when it ends; a winner can claim at least until this time.
    days = claim_days_of(task, context.settings.claim_days)
    ended_at_ms = task["ended_at"] or context.clock.now_ms()
    until_ms = claim_until_ms(ended_at_ms, days, prize.get("released_at", 0))
    first = message["kind"] == "won"
    note = f"第 {prize['depth']} 层挖到的，点开领取" if first else "快到期了，没领的会退回发布者"
    return Words(
        {
            "name": task["name"],
            "prize": _prize(task, prize),
            "until": until_ms,
            "status": "待领取" if first else "将到期",
            "note": note,
        },
        until_ms=until_ms if "released_at" in prize else 0,
    )


def _prize(task: Task, prize: Prize) -> str:
    name = f"{task['ranks'][prize['rank'] - 1]['name']}，" if "rank" in prize else ""
    if prize["goods_type"] == RED_PACKET:
        return f"{name}{in_words(prize['amount_fen'])}红包"
    return name + ("实物，邮寄到家" if prize["draw_type"] == BY_MAIL else "实物，现场领取")


def _of_end(task: Task) -> Words:
    refund_fen = unwon_fen(task) if task["open"] else 0
    return Words(
        {
            "name": task["name"],
            "how": ENDINGS.get(task["end_reason"], "已经结束"),
            "at": task["ended_at"],
            "refund": refund_fen,
            "status": "已结束",
            "note": _note_of_end(task, refund_fen),
        }
    )


def _note_of_end(task: Task, refund_fen: int) -> str:
    if task["end_reason"] == "credit":
        return "付的钱全额退回，请换零钱或储蓄卡再发"
    found = f"{task['prize_num']} 份挖出 {task['prize_num'] - task['prizes_left']} 份"
    return f"{found}，退回 {yuan(refund_fen)}" if refund_fen else found


def _of_refusal(task: Task) -> Words:
    return Words(
        {
            "name": task["name"],
            "why": task.get("end_note", ""),
            "at": task["ended_at"],
            "status": "未通过",
            "note": "付过的钱全额退回，改好后可以再发" if total_fen(task) else "改好后可以再发一个",
        }
    )


def _of_hidden(context: Context, task: Task) -> Words:
    """Return when to look again at a task in review or reported; MOOT if it has ended or is taken down."""
    if task["status"] or is_taken_down(task) or review_of(task) not in IN_REVIEW:
        return MOOT
    later_ms = context.clock.now_ms() + LOOK_MS
    return Words(later_ms=later_ms, until_ms=later_ms + HELD_MS)


def _of_announcement(context: Context, task: Task) -> Words:
    if task["status"] or not is_shown(task):
        return _of_hidden(context, task)
    later = task["opened_at"] > context.clock.now_ms()
    return Words(
        {
            "name": task["name"],
            "who": task["wxname"],
            "at": task["opened_at"],
            "status": "即将开挖" if later else "可以挖了",
            "note": "你关注的人埋了新宝贝",
        }
    )


async def _of_cooldown(context: Context, message: Message, task: Task) -> Words:
    if not is_shown(task):
        return _of_hidden(context, task)
    if task["status"] or await context.store.prizes.find_won(task["_id"], message["person_id"]) is not None:
        return MOOT
    if task["cd_until"] > context.clock.now_ms():
        # Somebody else was faster, or the start was moved. A moved start is awaited however far away it is.
        moved_until_ms = 0 if task["now_depth"] else task["cd_until"] + REMIND_MS
        return Words(later_ms=task["cd_until"], until_ms=moved_until_ms)
    return Words(
        {
            "name": task["name"],
            "at": task["cd_until"],
            "status": "可以挖了",
            "note": "冷却结束，快来挖下一锹" if task["now_depth"] else "开挖了，快来挖第一锹",
        }
    )
