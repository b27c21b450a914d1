"""The rules of a task in words (活动规则), made from its record. Pure."""

from server.game.amounts import claim_days_of, claim_until_ms, in_words, spoken
from server.game.chance import outlook
from server.game.draw import read_rules
from server.game.ranks import GOODS, RED_PACKET, Kind, TaskRank, is_mailed
from server.game.task import Task

# Above this many yuan the rules mention the winner's tax.
_NAMED_TAX_YUAN = 800
_TAX = "。得奖的人可能要按“偶然所得”缴 20% 的个人所得税，由发布者代扣代缴，怎样办以税务机关的答复为准"
_PUBLIC = (
    "打开这个宝贝的人都看得到谁挖了哪一层、挖出什么、图鉴集齐几层，结束后还有谁道了谢。道谢和分享不带来任何好处"
)
_FINDS = (
    "每一锹还会挖出图鉴里的一件东西，也由随机数定下，可以验算。它只供收藏：没有价值，不能买卖、转送，不影响得奖的机会"
)
SUPPORT = "小程序“我的”里的“联系客服”"


def activity_rules(task: Task, *, task_days: int, claim_days: int, contact: str) -> list[tuple[str, str]]:
    """Return title and text of each rule, in the order in which people read them.

    `contact` is how the operator is reached, "" if only in the mini-program.
    """
    signed = "（署名）" if task.get("signed") else ""
    return [
        ("主办者", f"发布者“{task['wxname']}”{signed}提供并给出奖品。联系方式：{contact or SUPPORT}"),
        ("奖品", _prize(task)),
        ("数量", f"{task['prize_num']} 份，每人最多得一份"),
        ("怎么抽", _draw(task)),
        ("时间", _time(task, task_days)),
        ("怎么领", _how_to_get(task, claim_days_of(task, claim_days))),
        ("没有人领的", _unclaimed(task)),
        ("公开什么", _PUBLIC),
        *([("挖出的东西", _FINDS)] if read_rules(task["params"]).version == 2 else []),
        ("谁可以参加", "满 18 周岁的人；未满 18 周岁的，要由监护人同意并陪同。参加不收费"),
    ]


def _prize(task: Task) -> str:
    if "ranks" in task:
        dear = any(rank.get("value", 0) > _NAMED_TAX_YUAN for rank in task["ranks"])
        return "；".join(f"{_rank(rank)}，{rank['prize_num']} 份" for rank in task["ranks"]) + _TAX * dear
    if task["goods_type"] == RED_PACKET:
        return f"“{task['name']}”，现金红包，每份 {task['money']} 元"
    value = task.get("value", 0)
    return _goods(task["name"], task, value) + _TAX * (value > _NAMED_TAX_YUAN)


def _rank(rank: TaskRank) -> str:
    if rank["goods_type"] == GOODS:
        return _goods(rank["name"], rank, rank.get("value", 0))
    amount = in_words(rank["fen"])
    pays = f"一起分 {amount}，各份多少由随机数定" if rank["split"] else f"每份 {amount}"
    return f"“{rank['name']}”，现金红包，{pays}"


def _goods(name: str, kind: Kind, value: int) -> str:
    worth = f"，发布者说每份值 {value} 元" if value else ""
    return f"“{name}”，实物，{'邮寄' if is_mailed(kind) else '现场领取'}{worth}"


def _draw(task: Task) -> str:
    deepest = outlook(read_rules(task["params"]), 0, 0, task["prize_num"]).deepest
    depth = f"一锹一层，最深 {deepest} 层；挖到奖品所在那一层的人得奖"
    return f"{depth}。位置在开挖前由随机数定下，同时公布承诺，结束后任何人都能验算"


def _time(task: Task, task_days: int) -> str:
    if task["status"]:
        began = f"{spoken(task['opened_at'])} 开始，" if 0 < task["opened_at"] <= task["ended_at"] else ""
        return f"{began}{spoken(task['ended_at'])} 已经结束"
    if not task["expires_at"]:
        starts = f"，不早于 {spoken(task['starts_at'])}" if "starts_at" in task else ""
        lasts = f"到 {spoken(task['ends_at'])}" if "ends_at" in task else f"开始后最长 {task_days} 天"
        return f"还没有开始{starts}；{lasts}，奖品挖完或挖到底就提前结束"
    return f"{spoken(task['opened_at'])} 到 {spoken(task['expires_at'])}，奖品挖完或挖到底就提前结束"


def _how_to_get(task: Task, claim_days: int) -> str:
    ways = {
        "红包：在宝贝的页面上点“领取红包”，到微信零钱"
        if each["goods_type"] == RED_PACKET
        else f"邮寄：在宝贝的页面上填写收货人、电话和地址，由发布者寄出{_not_sent_to(task)}"
        if is_mailed(each)
        else f"现场领取：在宝贝的页面上取得取件码，当面给发布者核对{_where(task)}": None
        for each in task.get("ranks", [task])
    }
    how = "。".join(ways) if len(ways) > 1 else next(iter(ways)).partition("：")[2]
    if task["status"]:
        until = spoken(claim_until_ms(task["ended_at"], claim_days))
        return f"{how}。{until} 截止；被核对或冻结过的，放行后至少还有三天"
    return f"{how}。挖到就可以领，到宝贝结束后 {claim_days} 天截止"


def _where(task: Task) -> str:
    said = ("地点", task.get("place")), ("时间", task.get("pickup_time"))
    return "".join(f"；{what}：{text}" for what, text in said if text)


def _not_sent_to(task: Task) -> str:
    return f"；不寄到{'、'.join(task['not_sent_to'])}" if task.get("not_sent_to") else ""


def _unclaimed(task: Task) -> str:
    kinds = {each["goods_type"] for each in task.get("ranks", [task])}
    if kinds == {RED_PACKET, GOODS}:
        return "没有挖到的、过了期限没有领的，归发布者，红包的钱退回"
    to = "钱退回发布者" if kinds == {RED_PACKET} else "归发布者"
    return f"没有挖到的、过了期限没有领的，{to}"
