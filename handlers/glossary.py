"""What each field of the interfaces and frames means, in Chinese, for those who write clients.

A field means the same in all structs. Exceptions are named "Struct.field"; they hold in that struct and in
those that derive from it. `/openapi.json` and `/asyncapi.json` take their descriptions from here, and a test
holds that none is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from handlers.languages import Language, say
from server.errors import REFUSALS


class Meaning(NamedTuple):
    """What a field means, with its unit. `values` has the meaning of each value, if there are only a few."""

    text: str
    values: Mapping[Any, str] = {}

    def sentence(self, must_be: str, language: Language) -> str:
        """Return meaning and values as one text. `must_be` is the condition that a refusal names."""
        comma, colon, empty = (", ", ": ", "empty") if language == "en" else ("，", "：", "空")
        values = comma.join(
            f"{empty if value == '' else value} {say(says, language)}" for value, says in self.values.items()
        )
        if not values and self.text in must_be:
            return say(must_be, language)
        parts = (say(self.text, language), values or say(must_be, language))
        return colon.join(part for part in parts if part)


NO_YES = {0: "否", 1: "是"}
RUNNING_ENDED = {0: "进行中", 1: "已结束"}
END_REASONS = {
    "prizes_gone": "奖品被挖完",
    "depth_reached": "挖到了最大深度",
    "expired": "到期",
    "publisher": "发布者在无人开挖时结束",
    "operator": "运营者结束，理由在 end_note",
    "refused": "没有通过内容检查，理由在 end_note；付的钱全额退回",
    "credit": "用信用卡付的，没有开始，付的钱全额退回",
}
REVIEWS = {
    "checking": "正在检查，只有发布者看得到，还不能挖",
    "shown": "大家都看得到",
    "held": "等运营者看过再决定，只有发布者和已中奖的人看得到，不能挖",
    "refused": "没有通过，只有发布者看得到",
    "hidden": "运营者已下架，只有发布者和已中奖的人看得到，不能挖",
}
PRIZE_STATES = {
    "won": "待领取",
    "claiming": "领取中（红包待微信确认收款，现场领取待核销取件码）",
    "given": "已领取；邮寄的是地址已填，待寄出",
    "sent": "邮寄的已寄出",
    "received": "邮寄的已收到",
    "held": "红包正在人工核对，核对后可以领取",
    "frozen": "被运营者冻结，暂时不能领取，也不能寄出",
    "expiring": "已过领奖期限，或被运营者退回，正在退回",
    "returned": "已退回发布者",
}
WHY_NOT = {
    "": "可以挖",
    "ended": "已结束",
    "no_such_task": "已经下架，见 review",
    "not_paid": "红包还没有支付",
    "own_task": "自己发布的",
    "already_won": "已经挖到了",
    "cooling_down": "冷却中",
}

MESSAGE_KINDS = {
    "won": "挖到了，到什么时候要领",
    "claim_ends": "领奖期限还剩一天",
    "ended": "发布的宝贝结束了",
    "refused": "发布的宝贝没有通过审核",
    "cooldown_over": "想挖的宝贝冷却结束了",
    "announced": "关注的人埋了新宝贝",
}

MEANINGS = {
    # Each reply and refusal.
    "status": Meaning("这次请求的结果", {0: "成功", 1: "被拒绝，error 和 msg 说明原因"}),
    "msg": Meaning("给用户看的中文提示，可原样显示；成功时为空"),
    "error": Meaning("拒绝的代码", {error: refusal.default_msg for error, refusal in REFUSALS.items()}),
    "trace_id": Meaning("这次请求在服务器日志中的编号，反馈问题时请附上"),
    "param": Meaning("哪个参数有误；与参数无关时没有或为空"),
    "RefusalReply.retry_after": Meaning("只在到了限额的 too_many 时有：多少秒后再试才有用"),
    "Error.retry_after": Meaning("到了限额时，多少秒后再试才有用；其他为 0"),
    "RefusalReply.is_cd": Meaning("只在 cooling_down 时有，固定为 1：正在冷却"),
    "RefusalReply.time": Meaning("只在 cooling_down 时有：冷却还剩多少秒，向上取整"),
    "delete_at": Meaning("账号在什么时刻删除（unix 毫秒），在那以前可以撤销；没有申请注销为 0"),
    "claim_from": Meaning("从什么时刻起可以领取（unix 毫秒）；不用等时为 0，拒绝里只在 payout_waits 时有"),
    "RefusalReply.cd_until": Meaning("只在 cooling_down 时有：冷却结束的时刻（unix 毫秒）"),
    "data": Meaning("返回的内容；列表为空（[]）表示没有更多"),
    "UserLoginReply.data": Meaning("登录的人和登录凭证"),
    "GetTaskDetailsReply.data": Meaning("宝贝的全部字段再列一遍，其中 status 是宝贝的状态"),
    # A task.
    "code": Meaning("宝贝编号"),
    "GetTaskDetailsRequest.code": Meaning("哪个宝贝"),
    "DigRequest.code": Meaning("挖哪个宝贝；有 code 就是挖宝"),
    "ConnectRequest.code": Meaning("连接时直接关注的宝贝编号；也可以连接后再发 subscribe"),
    "Error.code": Meaning("出错的请求所说的宝贝编号；与宝贝无关时为空"),
    "name": Meaning("物品的名字"),
    "synopsis": Meaning("物品简介，可有换行"),
    "goods_type": Meaning("奖品类型", {1: "红包", 2: "实物"}),
    "PublishRequest.goods_type": Meaning("奖品类型；有 goods_type 就是发布", {1: "红包", 2: "实物"}),
    "draw_type": Meaning("领奖方式，红包固定为 1", {1: "现场领取", 2: "邮寄"}),
    "money": Meaning("每个奖品的金额（元，整数），实物为 0"),
    "PublishRequest.money": Meaning("每个红包的金额（元，整数），只用于红包"),
    "PayTaskRequest.money": Meaning("每个奖品的金额或全部奖品的总额（元，整数），两者都按总额下单"),
    "value": Meaning("发布者说每份实物值多少元（整数）；没有说、或是红包，为 0"),
    "PublishRequest.value": Meaning("每份实物值多少元（整数），可不填；在卡片、宝贝和活动规则里显示"),
    "money_fen": Meaning("奖品的金额（分），实物为 0"),
    "sum_fen": Meaning("拼手气：这几份一起分多少分；不是拼手气为 0"),
    "owed_fen": Meaning("还要付多少分宝贝才能开挖，0 表示不用付"),
    "rank": Meaning("是第几种奖品，从 1 起，次序同 ranks；没有中奖或只有一种奖品时为 0"),
    "ranks": Meaning("各种奖品；只有一种时为空"),
    "ranks_left": Meaning("各种奖品还剩几份，次序同 ranks；只有一种时为空"),
    "RankRow.pic": Meaning("这种奖品自己的图片；没有则为空"),
    "RankRow.thumbnail": Meaning("同一图片的缩略图"),
    "RankTextsRequest.url": Meaning("这种奖品的图片，可不填"),
    "RankRow.name": Meaning("这种奖品的名字"),
    "RankRow.money_fen": Meaning("这种红包每份多少分；实物和拼手气为 0"),
    "RankRow.prize_num": Meaning("这种奖品共几份"),
    "RankRow.prizes_left": Meaning("这种奖品还剩几份"),
    "WinnerRow.prize": Meaning("得到的奖品的名字"),
    "EditRequest.prizes": Meaning("各种奖品的名称和图片，次序同 ranks，表单里写成 JSON；不传就不改"),
    "PublishRequest.prizes": Meaning("各种奖品，最多 10 种，表单里写成 JSON；不传就是只有一种"),
    "RankTextsRequest.name": Meaning("这种奖品的名字"),
    "RankRequest.prize_num": Meaning("这种奖品有几份；加起来要等于 prize_num"),
    "RankRequest.money": Meaning("这种红包每份多少元；和 money_fen、sum_fen 只填一个，都不填是实物"),
    "RankRequest.money_fen": Meaning("这种红包每份多少分"),
    "RankRequest.sum_fen": Meaning("拼手气：这几份一起分多少分，每份多少由随机数定，至少 10 分"),
    "pic": Meaning("物品图片的完整地址，最长边 1600 像素；没有通过检查或已下架为空"),
    "thumbnail": Meaning("同一图片的缩略图地址，最长边 300 像素；同样可能为空"),
    "GetSharePicReply.pic": Meaning("分享海报的完整地址，750 × 1334 像素"),
    "url": Meaning(
        "图片的完整地址，发布和 setProfile 用它，只限上传者本人；"
        "别人看得到它以前，地址带签名，一两个小时后打不开"
    ),
    "PublishRequest.url": Meaning("物品图片，实物必传；红包可不传，由服务器画一张"),
    "prize_num": Meaning("奖品总数"),
    "prize_type": Meaning("奖品是一个还是多个", {1: "一个", 2: "多个"}),
    "prizes_left": Meaning("还没有被挖走的奖品数"),
    "PublishRequest.forecast_num": Meaning(
        "预计挖多少次（锹数，不是人数）；只有一个红包时至少 10（CASH_LEAST_DIGGERS 的默认值）"
    ),
    "forecast_num": Meaning("预计挖多少次（锹数，不是人数）"),
    "interval": Meaning("相邻两个奖品平均相隔多少层，只有一个奖品时为 0"),
    "PublishRequest.interval": Meaning(
        "相邻两个奖品平均相隔多少层，多个奖品时必填；多个红包时奖品数 ×（interval + fluctuation）至少 10"
        "（CASH_LEAST_DIGGERS 的默认值）"
    ),
    "fluctuation": Meaning("间隔的上下浮动（层），只有一个奖品时为 0"),
    "PublishRequest.fluctuation": Meaning(
        "间隔的上下浮动（层），多个奖品时必填，必须小于 interval；"
        "多个红包时至少小 2（CASH_LEAST_GAP 的默认值）"
    ),
    "max_depth": Meaning("最多能挖到的层数"),
    "one_in": Meaning("按抽奖的规则，下一锹挖到的可能是几分之一；0 表示下一锹不可能挖到"),
    "nearest": Meaning("下一份奖品最浅在第几层；没有剩下的奖品时为 0"),
    "deepest": Meaning("剩下的奖品最深在第几层，再深不会有"),
    "now_depth": Meaning("已经挖到的层数，等于总锹数"),
    "seq": Meaning("最近一锹的序号，等于它的层数；重连时作 since"),
    "cd": Meaning("每一锹之后冷却多少秒"),
    "PublishRequest.cd": Meaning(
        "每一锹之后冷却多少秒，不传则用服务器的默认值；红包至少 3（CASH_LEAST_CD_SECONDS 的默认值）"
    ),
    "is_cd": Meaning("是否在冷却", {0: "没有", 1: "冷却中"}),
    "TaskPage.is_cd": Meaning("这个人现在是否不能挖：冷却中，或 why 所说的原因", {0: "能挖", 1: "不能挖"}),
    "time": Meaning("冷却还剩多少秒，向上取整；没有冷却时为 0"),
    "TaskPage.time": Meaning(
        "冷却还剩多少秒，向上取整；没有冷却时是挖一锹会开始的冷却秒数，这时不能挖的人至少得到 10"
    ),
    "Tick.time": Meaning("冷却还剩多少秒；0 表示刚刚结束"),
    "cd_until": Meaning("冷却结束的时刻（unix 毫秒），没有冷却时为 0；倒计时以它为准"),
    "Snapshot.cd_until": Meaning("最近一锹的冷却结束的时刻（unix 毫秒），可能已经过去；还没有人挖时为 0"),
    "Cd.cd_until": Meaning("这一锹的冷却结束的时刻（unix 毫秒）"),
    "Cd.time": Meaning("这一锹之后冷却多少秒；这一锹结束了宝贝时为 0"),
    "fair_start_ms": Meaning("冷却结束后这么多毫秒内来挖的，到时由抽签决定先后；0 表示先到先得"),
    "server_time": Meaning("服务器此刻的时间（unix 毫秒），用来校正手机的时钟"),
    "Cd.server_time": Meaning("挖下这一锹时服务器的时间（unix 毫秒）"),
    "participants": Meaning("参与人数，一人只算一次"),
    "cheers": Meaning("最近一秒的喝彩，每种各几次；没有人喝彩时没有"),
    "sign": Meaning("用哪种喝彩"),
    "watchers": Meaning("正在看这个宝贝的人数，所有进程合计"),
    "commitment": Meaning("开奖承诺：埋宝位置的 SHA-256（十六进制），发布时就已固定"),
    "rules_version": Meaning(
        "位置由谁抽", {1: "服务器单独抽", 2: "发布者和服务器各出一半随机数，谁也不能单独挑位置"}
    ),
    "seed_hash": Meaning("服务器那一半随机数（种子）的 SHA-256（十六进制），在发布者给出 nonce 之前就已固定"),
    "nonce": Meaning("发布者的那一半随机数"),
    "PublishRequest.nonce": Meaning(
        "你的那一半随机数，要用密码学安全的随机数生成；收到 seed_hash 之后再选，和 sealed_seed 一起传"
    ),
    "sealed_seed": Meaning("服务器那一半随机数，密封着；发布时原样传回，只能由领到它的人用一次"),
    "PublishRequest.starts_at": Meaning("从什么时候起可以挖（unix 毫秒），在 30 天之内；不传就是马上"),
    "PublishRequest.ends_at": Meaning("到什么时候结束（unix 毫秒）；不传就是能挖多久挖多久"),
    "expires_at": Meaning("最晚结束的时刻（unix 毫秒），开挖以前是发布者定的；不知道或已结束时为 0"),
    "starts_at": Meaning("发布者定的开挖时刻（unix 毫秒），没有定的为 0；在那之前和冷却一样"),
    "CommitmentReply.expires_at": Meaning("在这个时刻（unix 毫秒）之前发布才有效"),
    "Card.status": Meaning("宝贝的状态", RUNNING_ENDED),
    "TaskPageData.status": Meaning("宝贝的状态", RUNNING_ENDED),
    "Snapshot.status": Meaning("宝贝的状态", RUNNING_ENDED),
    "BoardTask.status": Meaning("宝贝的状态", RUNNING_ENDED),
    "task_status": Meaning("这一锹之后宝贝的状态", RUNNING_ENDED),
    "end_reason": Meaning("为什么结束", {"": "还没有结束", **END_REASONS}),
    "End.end_reason": Meaning("为什么结束", END_REASONS),
    "end_note": Meaning("结束它的理由，看得到它的人都可见；没有则为空"),
    "review": Meaning("别人看不看得到", REVIEWS),
    "SetProfileReply.review": Meaning(
        "别人看不看得到新的名字或头像", {"checking": "微信检查之后才看得到", "shown": "已经看得到"}
    ),
    "red_packets": Meaning("这里能不能发布红包", NO_YES),
    "cash": Meaning("发红包的规矩"),
    "least_cd": Meaning("红包的冷却至少几秒"),
    "least_gap": Meaning("多个红包时，上下浮动至少比间隔小几层"),
    "private_yuan": Meaning("一位发布者不公开的红包，一天最多发出几元，0 为不限"),
    "newcomer_yuan": Meaning("刚来的人一天最多领到几元，0 为不限"),
    "no_credit": Meaning("红包是不是不能用信用卡付", NO_YES),
    "GetMyInfoReply.review": Meaning(
        "别人看不看得到最近选的名字或头像",
        {
            "checking": "正在检查，别人还看到原来的",
            "shown": "看得到",
            "held": "等运营者看过再决定",
            "refused": "没有通过，请换一个",
        },
    ),
    "edited": Meaning("发布者改过几次文字或图片"),
    "review_note": Meaning("没有展示的理由；没有则为空"),
    "need_pay": Meaning(
        "还要不要支付，只对发布者为 1",
        {0: "不用", 1: "要先支付才能开挖；过了 24 小时，或先到了 ends_at，还没有支付就删除"},
    ),
    "owed": Meaning("发布者还应支付的总额（元，整数）"),
    "users": Meaning("最早参与的 50 人，按参与顺序，即 getTaskUser 的第 1 页"),
    "can_dig": Meaning("这个人现在能不能挖", {0: "不能", 1: "能"}),
    "why": Meaning("为什么不能挖", WHY_NOT),
    "share": Meaning("这个人对这个宝贝的分享码（20 位），放进分享链接和海报，代替 unionid"),
    "is_public": Meaning("是否出现在广场", {0: "只能凭编号或分享打开", 1: "出现在广场"}),
    # People.
    "unionid": Meaning("请求的人，不要放进分享链接"),
    "templates": Meaning("这里用到的订阅消息模板，没有开通时为空"),
    "SubscribedRequest.templates": Meaning("wx.requestSubscribeMessage 答 accept 的模板"),
    "OfferedTemplate.kind": Meaning("这种消息说什么", MESSAGE_KINDS),
    "template_id": Meaning("模板的 id，传给 wx.requestSubscribeMessage 的 tmplIds"),
    "OfferedTemplate.left": Meaning("这个人还同意收几条，为 0 时才值得再问"),
    "User.unionid": Meaning("这个人的 id，以后的请求都要带上；不要放进分享链接"),
    "openid": Meaning("这个人在本小程序的 openid"),
    "token": Meaning("登录凭证，放进请求头 Authorization: Bearer；30 天有效"),
    "ConnectRequest.token": Meaning("登录时得到的 token，websocket 只能放在查询参数里"),
    "OpsLoginRequest.token": Meaning("运营者的口令"),
    "wxname": Meaning("显示的名字"),
    "publisher_id": Meaning("发布者的编号，打开 TA 的页面用；已经注销则为空"),
    "GetPublisherRequest.publisher_id": Meaning("发布者的编号，卡片和宝贝的页面里有"),
    "GetPublisherReply.wxname": Meaning("发布者的名字"),
    "FollowRequest.following": Meaning("1：关注；0：不再关注", NO_YES),
    "following": Meaning("是不是关注着这个发布者", NO_YES),
    "handed": Meaning("送到别人手里的奖品数，最多数 500 份；邮寄的寄出才算"),
    "handed_all": Meaning("上面是不是全部，0 则不止这么多", NO_YES),
    "handed_in_ms": Meaning("从领奖到送出通常多久（毫秒，实物的中位数），没有送过则为 0"),
    "Card.wxname": Meaning("发布者的署名，没有署名则是自己的名字"),
    "TaskPage.wxname": Meaning("发布者的署名，没有署名则是自己的名字"),
    "Card.wxheadpic": Meaning("发布者头像的完整地址"),
    "TaskPage.wxheadpic": Meaning("发布者头像的完整地址"),
    "PublishRequest.wxname": Meaning("发布时的署名，不传则用自己的名字"),
    "DigReply.wxname": Meaning("挖下这一锹的人的名字"),
    "Cd.wxname": Meaning("挖下这一锹的人的名字"),
    "Cd.wxheadpic": Meaning("挖下这一锹的人的头像"),
    "Join.wxname": Meaning("挖下这一锹的人的名字"),
    "Prize.wxname": Meaning("挖下这一锹的人的名字"),
    "SetProfileRequest.wxname": Meaning("以后别人看到的名字，不传则不变"),
    "wxheadpic": Meaning("头像的完整地址"),
    "SetProfileRequest.wxheadpic": Meaning("以后别人看到的头像（uploadFile 返回的地址），不传则不变"),
    "wxheadimgurl": Meaning("发布者的头像，与 wxheadpic 相同，原接口文档如此命名"),
    "signed": Meaning("wxname 是不是发布者另起的署名；是则不要与头像并排显示", NO_YES),
    "no": Meaning("这个人是第几个参与的，从 1 起，永不变"),
    "is_prize": Meaning("这个人有没有挖到奖品", NO_YES),
    "DigReply.is_prize": Meaning("这一锹有没有挖到奖品", NO_YES),
    "Join.is_prize": Meaning("这一锹有没有挖到奖品", NO_YES),
    "ProvedDig.is_prize": Meaning("这一锹有没有挖到奖品", NO_YES),
    "OpsDig.is_prize": Meaning("这一锹有没有挖到奖品", NO_YES),
    "featured": Meaning("这一页里运营者精选的宝贝的编号，不按顺序"),
    "mine": Meaning("是不是自己发布的，结束后也是", NO_YES),
    "SquareReply.mine": Meaning("这一页进行中的宝贝里，自己发布的宝贝编号"),
    "SquareReply.won": Meaning("这一页进行中的宝贝里，自己已经挖到的宝贝编号"),
    "is_draw": Meaning("奖品有没有领到", {0: "还没有", 1: "已领取"}),
    "nickName": Meaning("名字：自己设置的，没有则是微信给的"),
    "avatarUrl": Meaning("头像的完整地址：自己设置的，没有则是微信给的"),
    "gender": Meaning("微信给的性别", {0: "未知", 1: "男", 2: "女"}),
    "city": Meaning("微信给的城市，多半为空"),
    "province": Meaning("微信给的省份，多半为空"),
    "country": Meaning("微信给的国家，多半为空"),
    "digging_num": Meaning("总共挖了多少锹"),
    "release_num": Meaning("发布了多少个宝贝"),
    "to_do": Meaning("在等这个人做的事，最先到期的在前，最多 50 件；没有则为空"),
    "ToDo.act": Meaning(
        "要做什么", {"claim": "领奖", "receive": "确认收到", "ship": "寄出奖品", "pay": "支付，然后才能开挖"}
    ),
    "ToDo.until": Meaning("到什么时刻为止（unix 毫秒）；没有期限为 0"),
    "unsent": Meaning("有几份奖品等着寄出；act 不是 ship 时为 0"),
    "ToDo.owed_fen": Meaning("还要付多少分；act 不是 pay 时为 0"),
    "expected_wins": Meaning("挖过的每一锹的机会加起来，就是按概率该挖到几次"),
    "wins_counted": Meaning("这些锹实际挖到了几次"),
    "was_one_in": Meaning("这一锹当时挖到的机会是几分之一；0 表示当时不可能挖到"),
    "OwnDigRow.prize": Meaning("得到的是哪一种奖品；没有挖到或只有一种奖品时为空"),
    "OwnDigRow.is_prize": Meaning("这一锹有没有挖到奖品", NO_YES),
    "TaskPage.created_at": Meaning("发布的时刻（unix 毫秒），奖品的位置从这时起就定下了"),
    "wanted": Meaning(
        "只看进行到哪一步的",
        {"all": "全部", "to_send": "邮寄的待寄出", "open": "还没有领", "done": "已经发出", "gone": "退回"},
    ),
    "GetWinnersReply.number": Meaning("要看的一共有几份"),
    "overdue": Meaning("地址填好三天了，还没有寄出", NO_YES),
    "table": Meaning("getWinners 的表格，填好了快递公司和运单号"),
    "row": Meaning("表格的第几行，表头是第 1 行"),
    "refused": Meaning("为什么没有记下这一行；记下了则为空"),
    "ShippedRow.depth": Meaning("第几层；这一层没有人中奖时为 0"),
    "partake_num": Meaning("挖过多少个不同的宝贝"),
    # What a client sends.
    "UserLoginRequest.code": Meaning("只能用一次，5 分钟内有效"),
    "iv": Meaning("加密的初始向量"),
    "encryptedData": Meaning("加密的用户数据"),
    "page": Meaning("第几页"),
    "GetTaskUserRequest.page": Meaning("第几页，不传是第 2 页：第 1 页就是 getTaskDetails 的 users"),
    "OwnListRequest.page": Meaning("第几页，每页 20 个；不传则返回最新的 500 个"),
    "is_share": Meaning("是不是从分享链接打开", NO_YES),
    "from_unionid": Meaning("谁带来的，只在 is_share 为 1 时有用"),
    "dig_id": Meaning("客户端为这一锹取的编号，每锹一个；重发时不变，就不会多挖一锹"),
    "publish_id": Meaning("客户端为这次发布取的编号，每个宝贝一个；重发时不变，就不会多埋一个"),
    "joined": Meaning("这一锹是不是让这个人成了新的参与者", NO_YES),
    "repeated": Meaning("是不是先前那一锹的回复，重发时为 1", NO_YES),
    "format": Meaning("返回的格式", {"json": "JSON", "csv": "表格文件（UTF-8，带 BOM）"}),
    "file": Meaning("图片文件，JPEG、PNG、WebP 或 GIF，10 MB、1600 万像素（WebP 800 万）以内"),
    "file_id": Meaning("图片的编号"),
    # Paying and claiming.
    "timeStamp": Meaning("wx.requestPayment 的 timeStamp"),
    "nonceStr": Meaning("wx.requestPayment 的 nonceStr"),
    "package": Meaning("wx.requestPayment 的 package（prepay_id=…）"),
    "signType": Meaning("wx.requestPayment 的 signType，固定为 RSA"),
    "paySign": Meaning("wx.requestPayment 的 paySign"),
    "state": Meaning("领奖进行到哪一步", PRIZE_STATES),
    "SquareRequest.upcoming": Meaning("1：即将开挖的，最早的在前；0：已经开挖的"),
    "prize_state": Meaning("这个人的奖品到哪一步", {"": "没有挖到", **PRIZE_STATES}),
    "carrier": Meaning("快递公司，还没有寄出时为空"),
    "ShipmentReply.number": Meaning("快递的运单号"),
    "ShipPrizeRequest.number": Meaning("快递的运单号，空格会去掉"),
    "PrizeCard.number": Meaning("快递的运单号，还没有寄出时为空"),
    "DrawPrizeReply.number": Meaning("快递的运单号，还没有寄出时为空"),
    "WinnerRow.number": Meaning("快递的运单号，还没有寄出时为空"),
    "sent_at": Meaning("寄出的时刻（unix 毫秒），还没有寄出时为 0"),
    "received_at": Meaning("收到的时刻（unix 毫秒），还没有收到时为 0"),
    "prizes_won": Meaning("挖走的奖品数"),
    "prizes_given": Meaning("已经领取的奖品数，邮寄的从填好地址算起"),
    "prizes_sent": Meaning("已经寄出的奖品数，收到的也算"),
    "prizes_received": Meaning("已经收到的邮寄奖品数"),
    "GetStatementReply.digs": Meaning("一共挖了多少锹"),
    "before": Meaning("只要比这一层浅的，不传就从最新的开始"),
    "named": Meaning("有没有自己的名字，没有时别人看到的是“还没起名”", NO_YES),
    "SquareRequest.kind": Meaning(
        "只看里面是什么的", {"red_packet": "现金红包", "by_mail": "邮寄的实物", "on_site": "现场领取的实物"}
    ),
    "SquareRequest.name": Meaning("只看名字或署名里有它的；几个词用空格隔开，要都有"),
    "claim_until": Meaning(
        "领奖的最后时刻（unix 毫秒），宝贝还没有结束时为 0；被核对或冻结过的红包，放行后至少还有三天"
    ),
    "package_info": Meaning("wx.requestMerchantTransfer 的 package；为空则无需用户确认"),
    "appid": Meaning("wx.requestMerchantTransfer 的 appId"),
    "mchid": Meaning("wx.requestMerchantTransfer 的 mchId"),
    "pickup": Meaning("现场领取的 6 位取件码；不适用时为空"),
    "pickup_pic": Meaning("取件码的二维码图片（data: 地址）；不适用时为空"),
    "receiver": Meaning("收件人，只用于邮寄"),
    "phone": Meaning("收件电话，只用于邮寄"),
    "address": Meaning("收货地址，只用于邮寄"),
    "address_waits": Meaning("收货信息是否已经填好，但要先寄出前面的才会打开", NO_YES),
    "addresses_closed": Meaning("看不到收货地址的理由；能看到则为空"),
    "address_deleted": Meaning("收货信息是否已经删除", NO_YES),
    "depth": Meaning("第几层"),
    "won_at": Meaning("中奖的时刻（unix 毫秒）"),
    "given_at": Meaning("领到的时刻（unix 毫秒），还没有领到时为 0"),
    # Reporting.
    "ReportRequest.code": Meaning("举报哪个宝贝"),
    "ReportRequest.reason": Meaning(
        "举报的原因",
        {
            "fraud": "欺诈，不给奖品",
            "illegal": "违法违规",
            "vulgar": "色情低俗",
            "infringing": "侵权、冒充",
            "abusive": "辱骂、骚扰",
            "other": "其他",
        },
    ),
    "ReportRequest.text": Meaning("补充说明"),
    # What a review asks for.
    "agreement": Meaning("用户协议，纯文本，可有换行"),
    "privacy": Meaning("隐私政策，纯文本，可有换行"),
    "contact": Meaning("怎样联系运营者；没有填写时为空"),
    "TextsRequest.contact": Meaning("怎样联系发布者，只给中奖的人看"),
    "TaskPage.contact": Meaning("怎样联系发布者；只有发布者和中奖的人看得到，没有则为空"),
    "DrawPrizeReply.contact": Meaning("怎样联系发布者；没有则为空"),
    "place": Meaning("现场领取的地点；没有则为空"),
    "pickup_time": Meaning("现场领取的时间，由发布者写；没有则为空"),
    "not_sent_to": Meaning("邮寄的不寄到哪些省级地区；有的话，收货地址要从省级地区写起"),
    "rules": Meaning("活动规则，按阅读的先后"),
    "ActivityRule.title": Meaning("这一条说的是什么"),
    "ActivityRule.text": Meaning("这一条的内容"),
    # The proof.
    "seed": Meaning("随机种子（十六进制）"),
    "params": Meaning("参与哈希的规则，原样的字符串"),
    "winning_depths": Meaning("全部中奖的层数，从浅到深"),
    "winning_ranks": Meaning("这些层数上各是第几种奖品，从 1 起；只有一种奖品时为空"),
    "winning_fen": Meaning("这些层数上的奖品各付多少分，实物为 0；只有一种奖品时为空"),
    "GetProofRequest.page": Meaning("第几页，每页 500 锹"),
    "GetProofReply.dug": Meaning("一共挖了多少锹；各页的 digs 连起来就是全部"),
    "GetProofReply.digs": Meaning("这一页每一锹的层数和结果，由浅到深"),
    # The websocket.
    "type": Meaning("帧的类型"),
    "action": Meaning("要做什么"),
    "since": Meaning("已经收到的最后一锹的 seq，补发它之后的每一锹"),
    "ticks": Meaning("要不要每秒一个 tick；自己倒计时的客户端应关掉"),
    "Service.state": Meaning(
        "服务器自己的状态", {"ok": "正常", "late": "消息可能晚一两秒", "down": "现在不能挖，恢复后会再说"}
    ),
    "ConnectRequest.ticks": Meaning("要不要每秒一个 tick", {0: "不要", 1: "要"}),
    "Join.participants": Meaning("算上这个人的参与人数"),
}
