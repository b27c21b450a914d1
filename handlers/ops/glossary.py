"""What the fields that only operators see mean; all others stand in `handlers/glossary.py`."""

from __future__ import annotations

from handlers.glossary import NO_YES, Meaning
from server.operation.webhook import TITLES

WHY_HELD = {
    "": "没有被限制拦下",
    "pair": "这位发布者 7 天内给这位中奖者的超过上限",
    "day": "中奖者一天内领的超过上限",
    "week": "中奖者 7 天内领的超过上限",
    "risk": "微信认为中奖者风险高",
}
FROZEN = {"task": "宝贝的全部红包", "prize": "一个红包", "person": "一个人收的和发的红包"}

OPS_MEANINGS = {
    "query": Meaning("要找的宝贝、发布者或中奖者"),
    "OpsTasksReply.winners": Meaning("名字以此开头的中奖者，最多 50 个"),
    "of": Meaning("哪一种宝贝", {"hidden": "已隐藏", "unpaid": "红包未支付", "held": "平台代管着钱"}),
    "OpsListReply.held_fen": Meaning("每个宝贝的代管金额（分），以编号为键；只在 of=held 时有"),
    "OpsMoneyReply.at": Meaning("合计是什么时刻算的（unix 毫秒），还没有算过时为 0"),
    "PastAlarm.kind": Meaning("哪一种告警", TITLES),
    "PastAlarm.code": Meaning("有关的宝贝编号；与宝贝无关时为空"),
    "PastAlarm.what": Meaning("哪里不对；这种告警没有细节时为空"),
    "begin_at": Meaning("告警开始的时刻（unix 毫秒）"),
    "end_at": Meaning("告警结束的时刻（unix 毫秒），还在告警时为 0"),
    "task": Meaning("宝贝在看板上的一行"),
    "hidden": Meaning("是否从广场隐藏", NO_YES),
    "open": Meaning("是否已经可以挖：实物发布即可挖，红包支付后可挖", NO_YES),
    "reason": Meaning("操作的理由；结束宝贝的理由所有人可见"),
    "off": Meaning("这台服务器没有开通的功能：messages 给离开的人发的微信消息"),
    "process": Meaning("哪个进程"),
    "OpsSignOutRequest.depth": Meaning("要下线谁"),
    "created_at": Meaning("发布的时刻（unix 毫秒）"),
    "opened_at": Meaning("开挖的时刻（unix 毫秒），红包还没有支付时为 0"),
    "expires_at": Meaning("到期的时刻（unix 毫秒），红包还没有支付时为 0"),
    "ended_at": Meaning("结束的时刻（unix 毫秒），还没有结束时为 0"),
    "fraud": Meaning("是否因为欺诈结束：是的话同时冻结它送出的红包", NO_YES),
    "OpsPayoutsReply.data": Meaning("等运营者处理的红包，等得最久的 200 个"),
    "HeldPayout.state": Meaning(
        "为什么没有付", {"held": "等核对", "withheld": "已冻结", "freezing": "已冻结，转账正在撤销"}
    ),
    "HeldPayout.why": Meaning("被哪一条限制拦下；不是被限制拦下时为空", WHY_HELD),
    "only_back": Meaning("是否只能退回：微信没有说清上一笔转账的结果", NO_YES),
    "HeldPayout.since": Meaning("从什么时刻起没有付（unix 毫秒）"),
    "OpsPayoutsReply.frozen": Meaning("正在冻结的对象，最新的 200 个"),
    "Frozen.what": Meaning("冻结的对象", FROZEN),
    "Frozen.depth": Meaning("哪一层的红包，或挖到哪一层的人（0 是发布者）；冻结的是宝贝时为 0"),
    "OpsPayoutRequest.what": Meaning("对什么做", FROZEN),
    "OpsPayoutRequest.depth": Meaning("哪一层的红包，或挖到哪一层的人；0 是发布者，对宝贝时不用填"),
    "withheld_fen": Meaning("等运营者核对或已冻结的红包（分），是欠中奖者的一部分"),
    "shares": Meaning("分享带来多少人，只有数目"),
    "opened": Meaning("打开过这个宝贝的人数"),
    "sharers": Meaning("带来过别人的人数"),
    "brought": Meaning("由分享带来的人数"),
    "most": Meaning("一个人最多带来多少人"),
    "OpsTaskReply.digs": Meaning("最近的 100 锹，新的在前"),
    "at": Meaning("时刻（unix 毫秒）"),
    "OpsTaskReply.money": Meaning("这个宝贝的钱在哪里"),
    "paid_fen": Meaning("发布者已付（分）"),
    "given_fen": Meaning("已发给中奖者（分）"),
    "refunded_fen": Meaning("已退给发布者（分）"),
    "held_fen": Meaning("还在平台（分），等于已付减已发减已退"),
    "owed_fen": Meaning("平台还应付给中奖者和发布者（分）"),
    "prizes": Meaning("各领奖状态的奖品数"),
    "payments": Meaning("订单、转账单和退款，最新的 100 个"),
    "number": Meaning("单号"),
    "kind": Meaning(
        "哪一种单",
        {
            "order": "发布者的订单",
            "bill": "给中奖者的转账单",
            "refund_whole": "无法开挖的付款，全额退回",
            "refund_unwon": "没有人挖到的奖品，退回",
            "refund_unclaimed": "过期没有领取的奖品，退回",
        },
    ),
    "amount_fen": Meaning("金额（分）"),
    "Payment.state": Meaning("这张单进行到哪一步"),
    "alarm": Meaning("为什么要运营者处理；不用处理时为空"),
    "differences": Meaning("账上对不平的地方；都对得平时为空"),
    "what": Meaning("哪里不平"),
    "values": Meaning("有关的数值"),
    "OpsLoginRequest.name": Meaning("操作人的姓名，用共用的口令登录时写进操作记录"),
    "OpsMeReply.role": Meaning(
        "能做什么", {"": "没有登录", "look": "只看", "act": "可操作", "money": "可动资金"}
    ),
    "shared": Meaning("姓名是不是用共用的口令登录时自己填的", NO_YES),
    "OpsMeReply.name": Meaning("已登录的操作人的姓名；没有登录时为空"),
    "operator": Meaning("操作人的姓名"),
    "act": Meaning("做了什么"),
    "target": Meaning("对什么做的：宝贝编号或进程"),
    "outcome": Meaning("结果：done 完成，begun 中断而不知结果，其它是拒绝的代码"),
    "BoardTask.wxname": Meaning("发布者的署名"),
}
