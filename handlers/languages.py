"""What the descriptions of the interfaces say in the other language.

Fields, values, refusals and close codes are described in Chinese beside what they are about; here each text has its
English, as in gettext. Interfaces and frames are described by the first lines of their classes, in English; here each
class has its Chinese. A test holds that no text is missing and none is left over.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Language: TypeAlias = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


def say(text: str, language: Language) -> str:
    """Return a text of the descriptions in a language."""
    return (ENGLISH if language == "en" else CHINESE).get(text, text)


def summary(described: type, language: Language) -> str:
    """Return what an interface, message or frame is, in a line without Markdown."""
    english = (described.__doc__ or "").split("\n")[0].replace("`", "")
    return english if language == "en" else SUMMARIES.get(described.__name__, english)


SUMMARIES = {
    "UserLogin": "用微信的 code 登录，得知是谁；名字和头像由 setProfile 设置。",
    "GetTaskList": "广场：进行中的在前，然后是 7 天内结束的，都是新的在前；每页 20 个。",
    "GetTaskDetails": "一个宝贝的页面，按这个人能看到的。",
    "GetCommitment": "给这个发布者的一份新的随机数：它的哈希，和密封着的随机数本身。",
    "PostTask": "挖宝，或者发布一个宝贝。",
    "GetSharePic": "分享一个宝贝的海报，上面的码说明是谁分享的。",
    "GetTaskUser": "参与一个宝贝的人，按参与的先后；每页 50 人。",
    "GetDigs": "一个宝贝的每一锹，最新的在前。",
    "UploadFile": (
        "上传一张图片（JPEG、PNG、WebP 或 GIF），放在表单的 file 里：不超过 10 MB、1600 万像素（WebP 800 万）。"
    ),
    "GetMyInfo": "自己挖过和发布过多少。",
    "GetMyRelease": "自己发布的宝贝，包括没有支付的。",
    "GetMyPartake": "自己挖过的宝贝。",
    "GetMyDigs": "自己的每一锹：挖在哪里，机会多大，结果怎样。",
    "GetMyPrize": "自己挖到的宝贝。",
    "SetProfile": "选别人以后看到的名字和头像。",
    "Logout": "结束自己的所有登录凭证，在所有设备上，并关闭它们打开的连接。",
    "DeleteAccount": "七天后删除自己的账号，并结束登录。再次请求，仍是第一次定的那一天。",
    "KeepAccount": "还是保留自己的账号。可以重复。",
    "GetProof": "已结束的宝贝的验证信息。",
    "PayTask": "为自己的红包下单。再次请求得到同一张订单。",
    "DrawPrize": "领取奖品。可以重复，领到以后也可以。",
    "ConfirmDraw": "发布者确认现场交给了中奖的人。",
    "ShipPrize": "发布者说明邮寄的奖品怎样寄出。可以重复。",
    "ShipPrizes": "发布者一次说明许多份邮寄的奖品怎样寄出。可以重复。",
    "ReceivePrize": "中奖的人说邮寄的奖品收到了。可以重复；15 天后自动算收到。",
    "EditTask": "没有人挖过时，改自己宝贝的文字和图片。",
    "EndTask": "没有人挖过时，结束自己的宝贝。",
    "GetWinners": "自己宝贝的中奖者，和奖品寄到哪里，JSON 或 CSV。",
    "GetStatement": "自己宝贝的统计和账目。",
    "GetTemplates": "可以请这个人同意哪些消息。",
    "Subscribed": "记下这个人对每个模板又同意了一条；在等的消息会发出。",
    "Remind": "宝贝的冷却结束时，给这个人发一条消息。可以重复。",
    "ReportTask": "举报一个宝贝：每人每个宝贝一次，再举报不改变什么。",
    "GetTexts": "运营者的协议和政策，不读数据库。",
    "GetRules": "一个宝贝的活动规则：谁给什么，怎样抽，从什么时候到什么时候，怎样领。",
    "GetPublisher": "发布者的页面，登录的人都能看。",
    "Follow": "关注一个发布者，好得知 TA 的新宝贝；或不再关注。可以重复。",
    "GetMyFollows": "自己关注的人。",
    "OpsLogin": "运营者登录，12 小时有效。每分钟每个地址可以失败 10 次，全部共 300 次。",
    "OpsLogout": "结束运营者的登录，复制的 cookie 也不再有效。",
    "OpsMe": "登录的是谁。",
    "OpsSearch": "找人、宝贝和奖品。按电话找要有 act 权限。",
    "OpsList": "已隐藏、未支付、精选的宝贝，或代管着钱的宝贝。",
    "OpsMoney": "全部宝贝的钱。",
    "OpsAlarms": "现在的告警，和最近结束的告警。",
    "OpsTask": "一个宝贝的页面。",
    "OpsTimeline": "一个人、一个宝贝或一个奖品的经过，没有 id、地址和电话。",
    "OpsReports": "算数的人举报了的，运营者还没有决定。",
    "OpsPerson": "一个人做过什么，和 TA 的停用。",
    "OpsEnd": "结束一个宝贝。",
    "OpsHide": "把一个宝贝对发布者和中奖者以外的人隐藏，或重新展示。",
    "OpsFeature": "把一个宝贝放到广场最上面，或从那里拿下；最多五个。",
    "OpsDisconnect": "把一个进程的观看者送到其它进程。",
    "OpsSignOut": "结束一个人的所有登录。",
    "OpsPayouts": "待核对的奖品，和冻结着的对象。",
    "OpsFreeze": "不再给一个宝贝、某一层或某个人的奖品；已发出的转账单会撤销。",
    "OpsRelease": "让中奖的人领取冻结或待核对的奖品。",
    "OpsReturn": "让冻结或待核对的奖品退回发布者；钱和没有人领的一起退。",
    "OpsRing": "一个待核对的红包所在的那一圈人。",
    "OpsReleaseRing": "让中奖的人领取因为这一圈而待核对的全部红包。",
    "OpsReturnRing": "让因为这一圈而待核对的全部红包退回发布者。",
    "OpsWinners": "一个月的全部中奖者，和他们所填的名字和电话，CSV。",
    "OpsBan": "停用一个人：不能发布、上传、挖和举报，会看到理由。",
    "OpsUnban": "恢复一个停用的人。",
    "OpsErase": "让领导进程永久注销一个要求注销的人。",
    "OpsRun": "让领导进程重新密封存着的机密，或为这个版本准备数据库。",
    "OpsRuns": "这里开始过的后台操作，和它们的进展。",
    "OpsLog": "运营者做过什么。",
    "OpsExportLog": "操作记录，或其中要的部分，CSV。",
    "OpsReviews": "等运营者看的内容。",
    "OpsDecide": "对待审的内容作决定。",
    "Hello": "说明是谁在连接：请求头和查询参数都没有说时的第一条消息。",
    "Subscribe": "关注一个宝贝。since 是客户端已有的最后一锹的 seq。",
    "Unsubscribe": "不再关注一个宝贝。",
    "Cheer": "为这个连接关注着的宝贝喝彩，每人每秒最多一次。",
    "Ping": "请服务器回一个 pong。",
    "Snapshot": "宝贝的状态：关注之后、补发之后，以及缺得太多不能补发时发送。",
    "Cd": "wxname 挖了一锹，开始 time 秒的冷却，没有冷却为 0。",
    "Tick": "冷却中每秒一次，冷却结束时为 0。",
    "Join": "这一锹是这个人的第一锹：TA 现在是第 no 个参与者。",
    "Prize": "这一锹挖到了。rank 是奖品在 ranks 里的第几种，从 1 起，只有一种时为 0。",
    "Claim": "第 depth 层的奖品领取、付款、交付、寄出或收到了：请重新读取。",
    "Review": "宝贝展示、隐藏或审核了，或理由变了：请重新读取。",
    "Start": "红包已支付：可以开挖。",
    "End": "宝贝结束了。不是被挖结束的，seq 是挖到的层数。",
    "Watchers": "多少人在看，所有进程合计；人数变了或有人喝彩时发送。",
    "Service": "服务器自己的状态变了；此时才连接的页面先收到它。",
    "Error": "客户端请求的做不到，连接不断。param 是有误的参数，没有则为空。",
    "Pong": "对客户端 ping 的回答。",
}

# Neither a field nor a class.
CHINESE = {
    "The request is not valid HTTP. Only this reply has no body.": (
        "请求不是合法的 HTTP；只有这个回复没有内容。"
    ),
    "The interface takes another method.": "这个接口要用另一种请求方法。",
    "The body stopped coming.": "请求的内容没有发完。",
    "The body is too large.": "请求的内容太大。",
    "Too many tries, uploads or connections. `Retry-After` says when to ask again.": (
        "尝试、上传或连接太多；`Retry-After` 说明什么时候再试。"
    ),
    "The address or the headers are too long.": "地址或请求头太长。",
    "A bug. The log has the `trace_id`.": "程序出错，日志里有这个 `trace_id`。",
    "A store does not answer. `Retry-After` says when to ask again.": (
        "数据库没有响应；`Retry-After` 说明什么时候再试。"
    ),
    "`status` 0: done. `status` 1: refused, and `error` says why.": (
        "`status` 0：成功。`status` 1：被拒绝，`error` 说明原因。"
    ),
    "Refusals (`error`):": "拒绝的代码（`error`）：",
    "Close codes:": "关闭连接的代码：",
    "Live treasures: text frames of JSON, uncompressed.": "推送：文本帧，内容是 JSON，不压缩。",
    "What a client sends.": "客户端发送的消息。",
    "What the server sends.": "服务器发送的帧。",
    "A request without an identity is refused as `not_logged_in`, or where a token is required (always in production) as `token_required`.": (
        "没有说明身份的请求被拒绝为 `not_logged_in`；要求登录凭证的（生产环境总是要求）为 `token_required`。"
    ),
    "digging": "挖宝",
    "money": "奖品和钱",
    "people": "人",
    "messages": "消息",
    "reviews": "举报",
    "files": "图片和文字",
    "ops": "运营",
}

ENGLISH = {
    "预计挖多少次（锹数，不是人数）；只有一个红包时至少 10（CASH_LEAST_DIGGERS 的默认值）": (
        "after how many digs it should be won (digs, not people); at least 10 for a single red packet "
        "(the default of CASH_LEAST_DIGGERS)"
    ),
    "相邻两个奖品平均相隔多少层，多个奖品时必填；多个红包时奖品数 ×（interval + fluctuation）至少 10（CASH_LEAST_DIGGERS 的默认值）": (
        "levels between two prizes on average, needed with several prizes; of several red packets, number × "
        "(interval + fluctuation) is at least 10 (the default of CASH_LEAST_DIGGERS)"
    ),
    "间隔的上下浮动（层），多个奖品时必填，必须小于 interval；多个红包时至少小 2（CASH_LEAST_GAP 的默认值）": (
        "by how much the interval varies (levels), needed with several prizes, less than interval; of several "
        "red packets less by at least 2 (the default of CASH_LEAST_GAP)"
    ),
    "每一锹之后冷却多少秒，不传则用服务器的默认值；红包至少 3（CASH_LEAST_CD_SECONDS 的默认值）": (
        "seconds of cooldown after each dig, the server's default if absent; at least 3 for red packets (the "
        "default of CASH_LEAST_CD_SECONDS)"
    ),
    "第几页，不传是第 2 页：第 1 页就是 getTaskDetails 的 users": (
        "which page, 2 if absent: page 1 is users of getTaskDetails"
    ),
    "这次请求的结果": "the outcome of this request",
    "成功": "done",
    "被拒绝，error 和 msg 说明原因": "refused; error and msg say why",
    "给用户看的中文提示，可原样显示；成功时为空": (
        "a hint in Chinese for the person, to be shown as it is; empty if it was done"
    ),
    "拒绝的代码": "the code of the refusal",
    "请求的内容有误，请检查后再试": "something in the request is wrong",
    "登录已失效，请重新登录": "the login is no longer valid: log in again",
    "为了账号安全，请重新登录后再试": "for the account's safety, log in again",
    "没有这个发布者，可能已经注销": "there is no such publisher; they may have deleted their account",
    "服务器的那一半随机数不是发给你的，或者被改动过，请再点一次，换一份新的": (
        "the server's half of the draw was not given to you, or was changed: take a new one"
    ),
    "还没有登录，请先登录": "nobody is logged in: log in first",
    "登录凭证无效或已过期，请重新登录": "the login code is not valid or too old: log in again",
    "你的账号已被停用": "your account is banned",
    "你正在注销账号，不能再开始新的；要继续用，先在“我的”里撤销注销": (
        "you are deleting your account and cannot begin anything new; take that back first"
    ),
    "现在还不能注销账号": "the account cannot be deleted yet",
    "微信限制了这个账号登录，请联系微信客服": "WeChat does not let this account log in: ask WeChat",
    "微信繁忙，请稍后再试": "WeChat is busy: try again later",
    "微信返回的用户信息无法验证，请重新授权登录": (
        "what WeChat said of the person cannot be verified: ask for their consent again"
    ),
    "没有找到这个宝贝，请检查链接是否完整": "there is no such treasure: check the link",
    "红包还没有支付，支付后才能开挖": "the red packet is not paid yet",
    "这个宝贝已经结束了，去广场看看别的吧": "this treasure has ended",
    "慢了一步，请等冷却结束再挖": "too late: wait until the cooldown is over",
    "你已经挖到这个宝贝了，把机会留给别人吧": "you have won here already",
    "不能挖自己发布的宝贝，分享给朋友来挖吧": "nobody digs what they published",
    "只有发布者本人才能这样做": "only its publisher may do that",
    "你的口令没有这个权限，请找有权限的同事操作": (
        "your token does not allow that: ask a colleague whose token does"
    ),
    "你没有挖到这个宝贝，不能领取": "you have not won here",
    "这个红包已经支付过了，无需再付": "this red packet is paid already",
    "支付的金额不对，请按应付金额支付": "the amount is wrong: pay what is owed",
    "支付的金额超过了上限，请过一天再试": "the amount is above a limit: try again in a day",
    "实物宝贝无需支付": "goods are not paid for",
    "取件码不对，请向中奖者核对后再试": "the pick-up code is wrong: ask the winner",
    "输错次数太多，请十分钟后再试": "too many wrong tries: try again in ten minutes",
    "领奖期限已过，奖品已退回发布者": "the time to claim is over; the prize went back to its publisher",
    "这个红包正在人工核对，核对后就能领取，不会丢失": (
        "an operator looks at this red packet; then it can be claimed, and is not lost"
    ),
    "第一次收这位发布者的红包，要等一会儿才能领取，不会丢失": (
        "the first red packet of this publisher has to wait a while, and is not lost"
    ),
    "这个奖品现在不能寄出": "this prize cannot be sent now",
    "现在看不到收货地址": "the addresses cannot be seen now",
    "发布者还没有寄出，收到后再确认": "the publisher has not sent it yet",
    "宝贝还没有结束，结束后才能查看验证信息": "the treasure has not ended yet; its proof can be seen then",
    "已经有人开挖，不能提前结束": "somebody has dug: it cannot be ended early",
    "这不是可以识别的图片，请上传 JPEG、PNG、WebP 或 GIF": (
        "this is no picture that can be read: send JPEG, PNG, WebP or GIF"
    ),
    "图片太大，请上传 10 MB、1600 万像素以内的图片": (
        "the picture is too large: at most 10 MB and 16 megapixels"
    ),
    "操作太频繁，请稍后再试": "too many requests: try again later",
    "网络不稳，结果还不确定，请再试一次查看": "the outcome is not known: ask again to see",
    "服务暂时不可用，请稍后再试": "the service cannot answer now: try again later",
    "服务器出了点问题，我们会尽快修复，请稍后再试": "something went wrong in the server: try again later",
    "这次请求在服务器日志中的编号，反馈问题时请附上": (
        "the number of this request in the server's log; name it when you report a problem"
    ),
    "哪个参数有误；与参数无关时没有或为空": "which parameter is wrong; absent or empty if none is",
    "只在到了限额的 too_many 时有：多少秒后再试才有用": (
        "only with too_many of a reached limit: after how many seconds to ask again"
    ),
    "到了限额时，多少秒后再试才有用；其他为 0": (
        "of a reached limit: after how many seconds to ask again; else 0"
    ),
    "只在 cooling_down 时有，固定为 1：正在冷却": "only with cooling_down, always 1: it cools down",
    "只在 cooling_down 时有：冷却还剩多少秒，向上取整": (
        "only with cooling_down: seconds left of the cooldown, rounded up"
    ),
    "账号在什么时刻删除（unix 毫秒），在那以前可以撤销；没有申请注销为 0": (
        "when the account is deleted (unix ms), which can be taken back until then; 0 if nobody asked"
    ),
    "从什么时刻起可以领取（unix 毫秒）；不用等时为 0，拒绝里只在 payout_waits 时有": (
        "from when on it can be claimed (unix ms); 0 if at once, in a refusal only with payout_waits"
    ),
    "只在 cooling_down 时有：冷却结束的时刻（unix 毫秒）": (
        "only with cooling_down: when the cooldown ends (unix ms)"
    ),
    "返回的内容；列表为空（[]）表示没有更多": (
        "what was asked for; an empty list ([]) says that there is no more"
    ),
    "登录的人和登录凭证": "who logged in, and their token",
    "宝贝的全部字段再列一遍，其中 status 是宝贝的状态": (
        "all fields of the treasure once more; the status in it is that of the treasure"
    ),
    "宝贝编号": "the treasure's number",
    "哪个宝贝": "which treasure",
    "挖哪个宝贝；有 code 就是挖宝": "which treasure to dig; with code it is a dig",
    "连接时直接关注的宝贝编号；也可以连接后再发 subscribe": (
        "the treasure to watch from the start; one may also subscribe later"
    ),
    "出错的请求所说的宝贝编号；与宝贝无关时为空": "the treasure that the wrong request named; empty if none",
    "物品的名字": "the name of what is given",
    "物品简介，可有换行": "what it is, may have line breaks",
    "奖品类型": "what the prizes are",
    "红包": "a red packet",
    "实物": "goods",
    "奖品类型；有 goods_type 就是发布": "what the prizes are; with goods_type it is a publication",
    "领奖方式，红包固定为 1": "how it is handed over, always 1 for red packets",
    "现场领取": "on site",
    "邮寄": "by mail",
    "每个奖品的金额（元，整数），实物为 0": "what each prize pays (yuan, whole), 0 for goods",
    "每个红包的金额（元，整数），只用于红包": "what each red packet pays (yuan, whole), for red packets only",
    "每个奖品的金额或全部奖品的总额（元，整数），两者都按总额下单": (
        "what each prize pays or what all pay together (yuan, whole); either way all is ordered"
    ),
    "发布者说每份实物值多少元（整数）；没有说、或是红包，为 0": (
        "what the publisher says one of the goods is worth (yuan, whole); 0 if nothing was said, or "
        "for red packets"
    ),
    "每份实物值多少元（整数），可不填；在卡片、宝贝和活动规则里显示": (
        "what one of the goods is worth (yuan, whole), optional; cards, details and rules show it"
    ),
    "奖品的金额（分），实物为 0": "what the prize pays (fen), 0 for goods",
    "拼手气：这几份一起分多少分；不是拼手气为 0": "lucky draw: how many fen these share; 0 if it is none",
    "还要付多少分宝贝才能开挖，0 表示不用付": "how many fen must be paid before anybody digs, 0 for none",
    "是第几种奖品，从 1 起，次序同 ranks；没有中奖或只有一种奖品时为 0": (
        "which kind of prize, from 1, in the order of ranks; 0 if nothing was won or there is one "
        "kind only"
    ),
    "各种奖品；只有一种时为空": "the kinds of prizes; empty if there is one only",
    "各种奖品还剩几份，次序同 ranks；只有一种时为空": (
        "how many are left of each kind, in the order of ranks; empty if there is one only"
    ),
    "这种奖品自己的图片；没有则为空": "this kind's own picture; empty if it has none",
    "同一图片的缩略图": "the same picture as a thumbnail",
    "这种奖品的图片，可不填": "this kind's picture, optional",
    "这种奖品的名字": "this kind's name",
    "这种红包每份多少分；实物和拼手气为 0": "how many fen one of this kind pays; 0 for goods and lucky draws",
    "这种奖品共几份": "how many there are of this kind",
    "这种奖品还剩几份": "how many are left of this kind",
    "得到的奖品的名字": "the name of the prize that was won",
    "各种奖品，最多 10 种，表单里写成 JSON；不传就是只有一种": (
        "the kinds of prizes, at most 10, as JSON in a form; without it there is one kind"
    ),
    "这种奖品有几份；加起来要等于 prize_num": "how many there are of this kind; together they are prize_num",
    "这种红包每份多少元；和 money_fen、sum_fen 只填一个，都不填是实物": (
        "how many yuan one of this kind pays; at most one of it, money_fen and sum_fen, with none it "
        "is goods"
    ),
    "这种红包每份多少分": "how many fen one of this kind pays",
    "拼手气：这几份一起分多少分，每份多少由随机数定，至少 10 分": (
        "lucky draw: how many fen these share; chance says how much each gets, at least 10 fen"
    ),
    "物品图片的完整地址，最长边 1600 像素；没有通过检查或已下架为空": (
        "the picture's whole address, sides of at most 1600 pixels; empty if it was not passed or was "
        "taken down"
    ),
    "同一图片的缩略图地址，最长边 300 像素；同样可能为空": (
        "the same picture's thumbnail, sides of at most 300 pixels; may be empty, too"
    ),
    "分享海报的完整地址，750 × 1334 像素": "the poster's whole address, 750 × 1334 pixels",
    "图片的完整地址，发布和 setProfile 用它，只限上传者本人；别人看得到它以前，地址带签名，一两个小时后打不开": (
        "the picture's whole address, for publications and setProfile of its uploader alone; until "
        "others may see it the address is signed and opens for an hour or two"
    ),
    "物品图片，实物必传；红包可不传，由服务器画一张": (
        "the picture, needed for goods; the server draws one for a red packet without it"
    ),
    "奖品总数": "how many prizes there are",
    "奖品是一个还是多个": "whether there is one prize or several",
    "一个": "one",
    "多个": "several",
    "还没有被挖走的奖品数": "prizes that nobody has won yet",
    "预计挖多少次（锹数，不是人数）": "after how many digs it should be won (digs, not people)",
    "相邻两个奖品平均相隔多少层，只有一个奖品时为 0": (
        "levels between two prizes on average, 0 with one prize"
    ),
    "间隔的上下浮动（层），只有一个奖品时为 0": "by how much the interval varies (levels), 0 with one prize",
    "最多能挖到的层数": "the deepest level that can be dug",
    "按抽奖的规则，下一锹挖到的可能是几分之一；0 表示下一锹不可能挖到": (
        "the next dig wins with a chance of 1 / this, by the rules of the draw; 0: it cannot win"
    ),
    "下一份奖品最浅在第几层；没有剩下的奖品时为 0": (
        "the least level at which the next prize may lie; 0 if none is left"
    ),
    "剩下的奖品最深在第几层，再深不会有": "the deepest level at which a prize may lie",
    "已经挖到的层数，等于总锹数": "levels dug, which is the number of digs",
    "最近一锹的序号，等于它的层数；重连时作 since": (
        "the number of the last dig, which is its level; since when connecting again"
    ),
    "每一锹之后冷却多少秒": "seconds of cooldown after each dig",
    "是否在冷却": "whether it cools down",
    "没有": "no",
    "冷却中": "it cools down",
    "这个人现在是否不能挖：冷却中，或 why 所说的原因": (
        "whether this person cannot dig now: a cooldown, or what why says"
    ),
    "能挖": "can dig",
    "不能挖": "cannot dig",
    "冷却还剩多少秒，向上取整；没有冷却时为 0": (
        "seconds left of the cooldown, rounded up; 0 if there is none"
    ),
    "冷却还剩多少秒，向上取整；没有冷却时是挖一锹会开始的冷却秒数，这时不能挖的人至少得到 10": (
        "seconds left of the cooldown, rounded up; without one the seconds that a dig would begin, at "
        "least 10 for who cannot dig"
    ),
    "冷却还剩多少秒；0 表示刚刚结束": "seconds left of the cooldown; 0: it is just over",
    "冷却结束的时刻（unix 毫秒），没有冷却时为 0；倒计时以它为准": (
        "when the cooldown ends (unix ms), 0 if there is none; count down to it"
    ),
    "最近一锹的冷却结束的时刻（unix 毫秒），可能已经过去；还没有人挖时为 0": (
        "when the last dig's cooldown ends (unix ms), may be past; 0 before the first dig"
    ),
    "这一锹的冷却结束的时刻（unix 毫秒）": "when this dig's cooldown ends (unix ms)",
    "这一锹之后冷却多少秒；这一锹结束了宝贝时为 0": (
        "seconds of cooldown after this dig; 0 if it ended the treasure"
    ),
    "冷却结束后这么多毫秒内来挖的，到时由抽签决定先后；0 表示先到先得": (
        "digs that come within so many ms after a cooldown are tried in a random order; 0: as they "
        "come"
    ),
    "服务器此刻的时间（unix 毫秒），用来校正手机的时钟": (
        "the server's time now (unix ms), to correct the phone's clock"
    ),
    "挖下这一锹时服务器的时间（unix 毫秒）": "the server's time of this dig (unix ms)",
    "参与人数，一人只算一次": "how many people took part, each counted once",
    "最近一秒的喝彩，每种各几次；没有人喝彩时没有": (
        "the cheers of the last second by sign; absent if there were none"
    ),
    "用哪种喝彩": "which cheer",
    "正在看这个宝贝的人数，所有进程合计": "how many people watch it now, over all processes",
    "开奖承诺：埋宝位置的 SHA-256（十六进制），发布时就已固定": (
        "the commitment: the SHA-256 (hex) of where the prizes lie, fixed when it was published"
    ),
    "位置由谁抽": "who drew the places",
    "服务器单独抽": "the server alone",
    "发布者和服务器各出一半随机数，谁也不能单独挑位置": (
        "publisher and server with one half each; neither can choose a place alone"
    ),
    "服务器那一半随机数（种子）的 SHA-256（十六进制），在发布者给出 nonce 之前就已固定": (
        "the SHA-256 (hex) of the server's half (the seed), fixed before the publisher gives the "
        "nonce"
    ),
    "发布者的那一半随机数": "the publisher's half",
    "你的那一半随机数，要用密码学安全的随机数生成；收到 seed_hash 之后再选，和 sealed_seed 一起传": (
        "your half, from a cryptographic random source; choose it after seed_hash came, send it with "
        "sealed_seed"
    ),
    "服务器那一半随机数，密封着；发布时原样传回，只能由领到它的人用一次": (
        "the server's half, sealed; send it back as it is, once, as who got it"
    ),
    "从什么时候起可以挖（unix 毫秒），在 30 天之内；不传就是马上": (
        "from when on it is dug (unix ms), within 30 days; at once if absent"
    ),
    "到什么时候结束（unix 毫秒）；不传就是能挖多久挖多久": (
        "until when it is dug (unix ms); as long as may be if absent"
    ),
    "发布者定的开挖时刻（unix 毫秒），没有定的为 0；在那之前和冷却一样": (
        "when it starts, if the publisher said so (unix ms), else 0; until then it is as in a "
        "cooldown"
    ),
    "在这个时刻（unix 毫秒）之前发布才有效": "publish before this time (unix ms)",
    "宝贝的状态": "the treasure's state",
    "进行中": "running",
    "已结束": "ended",
    "这一锹之后宝贝的状态": "the treasure's state after this dig",
    "为什么结束": "why it ended",
    "还没有结束": "it has not ended",
    "奖品被挖完": "all prizes are won",
    "挖到了最大深度": "the deepest level was reached",
    "到期": "its time was over",
    "发布者在无人开挖时结束": "its publisher ended it before anybody dug",
    "运营者结束，理由在 end_note": "an operator ended it, end_note says why",
    "没有通过内容检查，理由在 end_note；付的钱全额退回": (
        "its contents were refused, end_note says why; what was paid goes back whole"
    ),
    "用信用卡付的，没有开始，付的钱全额退回": (
        "it was paid by credit card and did not start; what was paid goes back whole"
    ),
    "结束它的理由，看得到它的人都可见；没有则为空": (
        "why it was ended, for all who see it; empty if nothing was said"
    ),
    "别人看不看得到": "who sees it",
    "正在检查，只有发布者看得到，还不能挖": "it is being checked: only its publisher sees it, nobody digs",
    "大家都看得到": "everybody",
    "等运营者看过再决定，只有发布者和已中奖的人看得到，不能挖": (
        "an operator has to look: only its publisher and winners see it, nobody digs"
    ),
    "没有通过，只有发布者看得到": "it was refused: only its publisher sees it",
    "运营者已下架，只有发布者和已中奖的人看得到，不能挖": (
        "an operator took it down: only its publisher and winners see it, nobody digs"
    ),
    "别人看不看得到新的名字或头像": "whether others see the new name or picture",
    "微信检查之后才看得到": "once WeChat has checked it",
    "已经看得到": "already",
    "这里能不能发布红包": "whether red packets can be published here",
    "否": "no",
    "是": "yes",
    "别人看不看得到最近选的名字或头像": "whether others see the name or picture that was chosen last",
    "正在检查，别人还看到原来的": "it is being checked, others see the one before",
    "看得到": "they do",
    "等运营者看过再决定": "an operator has to look",
    "没有通过，请换一个": "it was refused, choose another",
    "发布者改过几次文字或图片": "how often the publisher changed texts or picture",
    "没有展示的理由；没有则为空": "why it is not shown; empty if there is no reason",
    "还要不要支付，只对发布者为 1": "whether it must be paid, 1 for its publisher only",
    "不用": "no",
    "要先支付才能开挖": "it must be paid before anybody digs",
    "发布者还应支付的总额（元，整数）": "what the publisher owes in all (yuan, whole)",
    "最早参与的 50 人，按参与顺序，即 getTaskUser 的第 1 页": (
        "the first 50 participants in the order of joining, page 1 of getTaskUser"
    ),
    "这个人现在能不能挖": "whether this person can dig now",
    "不能": "no",
    "能": "yes",
    "为什么不能挖": "why one cannot dig",
    "可以挖": "one can",
    "已经下架，见 review": "it was taken down, see review",
    "红包还没有支付": "the red packet is not paid",
    "自己发布的": "it is their own",
    "已经挖到了": "they have won here",
    "这个人对这个宝贝的分享码（20 位），放进分享链接和海报，代替 unionid": (
        "this person's share code for this treasure (20 characters), for links and posters in place "
        "of the unionid"
    ),
    "是否出现在广场": "whether it is on the square",
    "只能凭编号或分享打开": "only by number or share",
    "出现在广场": "on the square",
    "请求的人，不要放进分享链接": "who asks; never put it into a share link",
    "这里用到的订阅消息模板，没有开通时为空": (
        "the templates of messages that are used here, empty without any"
    ),
    "wx.requestSubscribeMessage 答 accept 的模板": (
        "the templates to which wx.requestSubscribeMessage said accept"
    ),
    "这种消息说什么": "what such a message says",
    "挖到了，到什么时候要领": "they won, and until when to claim",
    "领奖期限还剩一天": "one day is left to claim",
    "发布的宝贝结束了": "what they published has ended",
    "发布的宝贝没有通过审核": "what they published was refused",
    "想挖的宝贝冷却结束了": "the cooldown that they wait for is over",
    "关注的人埋了新宝贝": "whom they follow has a new treasure",
    "模板的 id，传给 wx.requestSubscribeMessage 的 tmplIds": (
        "the template's id, for tmplIds of wx.requestSubscribeMessage"
    ),
    "这个人还同意收几条，为 0 时才值得再问": "how many more this person allows; ask again only at 0",
    "这个人的 id，以后的请求都要带上；不要放进分享链接": (
        "this person's id, which all later requests have; never put it into a share link"
    ),
    "这个人在本小程序的 openid": "this person's openid in this mini-program",
    "登录凭证，放进请求头 Authorization: Bearer；30 天有效": (
        "the token, for the header Authorization: Bearer; valid for 30 days"
    ),
    "登录时得到的 token，websocket 只能放在查询参数里": (
        "the token of the login; websockets of old clients have it in the query"
    ),
    "运营者的口令": "the operator's token",
    "显示的名字": "the name that is shown",
    "发布者的编号，打开 TA 的页面用；已经注销则为空": (
        "the publisher's number, for their page; empty if they deleted their account"
    ),
    "发布者的编号，卡片和宝贝的页面里有": "the publisher's number, from cards and details",
    "发布者的名字": "the publisher's name",
    "1：关注；0：不再关注": "1: follow; 0: follow no more",
    "是不是关注着这个发布者": "whether one follows this publisher",
    "送到别人手里的奖品数，最多数 500 份；邮寄的寄出才算": (
        "how many prizes they handed over, counted up to 500; by mail once it is sent"
    ),
    "上面是不是全部，0 则不止这么多": "whether that is all; 0: there are more",
    "从领奖到送出通常多久（毫秒，实物的中位数），没有送过则为 0": (
        "how long from claim to sending (ms, the median of goods), 0 if nothing was sent"
    ),
    "发布者的署名，没有署名则是自己的名字": "the publisher's signature, else their own name",
    "发布者头像的完整地址": "the whole address of the publisher's picture",
    "发布时的署名，不传则用自己的名字": "a signature, one's own name if absent",
    "挖下这一锹的人的名字": "the name of who made this dig",
    "挖下这一锹的人的头像": "the picture of who made this dig",
    "以后别人看到的名字，不传则不变": "the name that others see from now on, unchanged if absent",
    "头像的完整地址": "the picture's whole address",
    "以后别人看到的头像（uploadFile 返回的地址），不传则不变": (
        "the picture that others see from now on (an address of uploadFile), unchanged if absent"
    ),
    "发布者的头像，与 wxheadpic 相同，原接口文档如此命名": (
        "the publisher's picture, the same as wxheadpic: the original document names it so"
    ),
    "wxname 是不是发布者另起的署名；是则不要与头像并排显示": (
        "whether wxname is a signature; if so show it without the picture"
    ),
    "这个人是第几个参与的，从 1 起，永不变": "as which participant this person joined, from 1, for good",
    "这个人有没有挖到奖品": "whether this person won",
    "这一锹有没有挖到奖品": "whether this dig won",
    "这一页里运营者精选的宝贝的编号，不按顺序": (
        "the numbers of this page's treasures that operators feature, in no order"
    ),
    "是不是自己发布的，结束后也是": "whether one published it, also after its end",
    "这一页进行中的宝贝里，自己发布的宝贝编号": "of this page's running treasures, those that one published",
    "这一页进行中的宝贝里，自己已经挖到的宝贝编号": (
        "of this page's running treasures, those in which one won"
    ),
    "奖品有没有领到": "whether the prize was claimed",
    "还没有": "not yet",
    "已领取": "claimed",
    "名字：自己设置的，没有则是微信给的": "the name: one's own choice, else WeChat's",
    "头像的完整地址：自己设置的，没有则是微信给的": (
        "the picture's whole address: one's own choice, else WeChat's"
    ),
    "微信给的性别": "the gender, from WeChat",
    "未知": "unknown",
    "男": "male",
    "女": "female",
    "微信给的城市，多半为空": "the city, from WeChat, mostly empty",
    "微信给的省份，多半为空": "the province, from WeChat, mostly empty",
    "微信给的国家，多半为空": "the country, from WeChat, mostly empty",
    "总共挖了多少锹": "how many digs in all",
    "发布了多少个宝贝": "how many treasures were published",
    "在等这个人做的事，最先到期的在前，最多 50 件；没有则为空": (
        "what waits for this person, what ends first first, at most 50; empty if nothing does"
    ),
    "要做什么": "what to do",
    "领奖": "claim",
    "确认收到": "say that it came",
    "寄出奖品": "send a prize",
    "支付，然后才能开挖": "pay, before anybody digs",
    "到什么时刻为止（unix 毫秒）；没有期限为 0": "until when (unix ms); 0 if there is no end",
    "有几份奖品等着寄出；act 不是 ship 时为 0": "how many prizes wait to be sent; 0 unless act is ship",
    "还要付多少分；act 不是 pay 时为 0": "how many fen are owed; 0 unless act is pay",
    "挖过的每一锹的机会加起来，就是按概率该挖到几次": (
        "the chances of all digs added up: so many wins are expected"
    ),
    "这些锹实际挖到了几次": "how many of these digs won",
    "有几锹挖在记录机会以前，没有算进去": "digs from before chances were noted, which are not counted",
    "这一锹当时挖到的机会是几分之一；0 表示当时不可能挖到，-1 表示没有记录": (
        "this dig won with a chance of 1 / this; 0: it could not win, -1: not noted"
    ),
    "得到的是哪一种奖品；没有挖到或只有一种奖品时为空": (
        "which kind of prize it won; empty if none, or if there is one kind only"
    ),
    "发布的时刻（unix 毫秒），奖品的位置从这时起就定下了": (
        "when it was published (unix ms); since then the places of the prizes are fixed"
    ),
    "只看进行到哪一步的": "only those that have come so far",
    "全部": "all",
    "邮寄的待寄出": "by mail, to be sent",
    "还没有领": "not claimed",
    "已经发出": "given or sent",
    "退回": "gone back",
    "要看的一共有几份": "how many there are in all of what was asked for",
    "地址填好三天了，还没有寄出": "the address is there since three days, and it was not sent",
    "getWinners 的表格，填好了快递公司和运单号": (
        "the table of getWinners, with carriers and numbers filled in"
    ),
    "表格的第几行，表头是第 1 行": "which row of the table; the head is row 1",
    "为什么没有记下这一行；记下了则为空": "why this row was not noted; empty if it was",
    "第几层；这一层没有人中奖时为 0": "which level; 0 if nobody won there",
    "挖过多少个不同的宝贝": "in how many different treasures they dug",
    "只能用一次，5 分钟内有效": "valid once, for 5 minutes",
    "加密的初始向量": "the initialization vector",
    "加密的用户数据": "the encrypted data of the person",
    "第几页": "which page",
    "第几页，每页 20 个；不传则返回最新的 500 个": "which page of 20; the newest 500 if absent",
    "是不是从分享链接打开": "whether it was opened from a share",
    "谁带来的，只在 is_share 为 1 时有用": "who brought them, only with is_share 1",
    "客户端为这一锹取的编号，每锹一个；重发时不变，就不会多挖一锹": (
        "the client's name for this dig, one for each; the same when it is sent again, so that it "
        "happens once"
    ),
    "客户端为这次发布取的编号，每个宝贝一个；重发时不变，就不会多埋一个": (
        "the client's name for this publication, one for each; the same when it is sent again, so "
        "that it happens once"
    ),
    "这一锹是不是让这个人成了新的参与者": "whether this dig made this person a participant",
    "是不是先前那一锹的回复，重发时为 1": (
        "whether it is the reply to an earlier dig, 1 when it was sent again"
    ),
    "返回的格式": "the format of the reply",
    "表格文件（UTF-8，带 BOM）": "a table (UTF-8, with BOM)",
    "图片文件，JPEG、PNG、WebP 或 GIF，10 MB、1600 万像素（WebP 800 万）以内": (
        "a picture: JPEG, PNG, WebP or GIF, at most 10 MB and 16 megapixels (WebP 8)"
    ),
    "图片的编号": "the picture's number",
    "wx.requestPayment 的 timeStamp": "timeStamp of wx.requestPayment",
    "wx.requestPayment 的 nonceStr": "nonceStr of wx.requestPayment",
    "wx.requestPayment 的 package（prepay_id=…）": "package of wx.requestPayment (prepay_id=…)",
    "wx.requestPayment 的 signType，固定为 RSA": "signType of wx.requestPayment, always RSA",
    "wx.requestPayment 的 paySign": "paySign of wx.requestPayment",
    "领奖进行到哪一步": "how far the claim has come",
    "待领取": "to be claimed",
    "领取中（红包待微信确认收款，现场领取待核销取件码）": (
        "being claimed (a red packet waits for the confirmation in WeChat, goods on site for the "
        "pick-up code)"
    ),
    "已领取；邮寄的是地址已填，待寄出": "given; by mail: the address is there, to be sent",
    "邮寄的已寄出": "by mail: sent",
    "邮寄的已收到": "by mail: received",
    "红包正在人工核对，核对后可以领取": "an operator looks at the red packet; then it can be claimed",
    "被运营者冻结，暂时不能领取，也不能寄出": "frozen by an operator: it can be neither claimed nor sent now",
    "已过领奖期限，或被运营者退回，正在退回": (
        "the time to claim is over, or an operator returned it: it goes back"
    ),
    "已退回发布者": "it went back to the publisher",
    "1：即将开挖的，最早的在前；0：已经开挖的": "1: what starts later, the first first; 0: what has started",
    "到期的时刻（unix 毫秒），已结束或红包还没有支付时为 0": (
        "until when it runs (unix ms), 0 if it has ended or the red packet is not paid"
    ),
    "这个人的奖品到哪一步": "how far this person's prize has come",
    "没有挖到": "nothing was won",
    "快递公司，还没有寄出时为空": "the carrier, empty until it is sent",
    "快递的运单号": "the parcel's number",
    "快递的运单号，空格会去掉": "the parcel's number; spaces are dropped",
    "快递的运单号，还没有寄出时为空": "the parcel's number, empty until it is sent",
    "寄出的时刻（unix 毫秒），还没有寄出时为 0": "when it was sent (unix ms), 0 until then",
    "收到的时刻（unix 毫秒），还没有收到时为 0": "when it was received (unix ms), 0 until then",
    "挖走的奖品数": "prizes won",
    "已经领取的奖品数，邮寄的从填好地址算起": "prizes given; by mail once the address is there",
    "已经寄出的奖品数，收到的也算": "prizes sent, also received ones",
    "已经收到的邮寄奖品数": "prizes by mail that were received",
    "一共挖了多少锹": "how many digs in all",
    "只要比这一层浅的，不传就从最新的开始": "only levels less than this, from the newest on if absent",
    "有没有自己的名字，没有时别人看到的是“还没起名”": (
        "whether they have a name; until then others see 还没起名"
    ),
    "只看里面是什么的": "only those that hold this",
    "现金红包": "red packets",
    "邮寄的实物": "goods by mail",
    "现场领取的实物": "goods on site",
    "只看名字或署名里有它的；几个词用空格隔开，要都有": (
        "only those with this in their name or signature; several words, apart by spaces, must all be "
        "there"
    ),
    "领奖的最后时刻（unix 毫秒），宝贝还没有结束时为 0；被核对或冻结过的红包，放行后至少还有三天": (
        "until when to claim (unix ms), 0 while it runs; a red packet that was held or frozen has "
        "three more days at least"
    ),
    "wx.requestMerchantTransfer 的 package；为空则无需用户确认": (
        "package of wx.requestMerchantTransfer; empty if nothing has to be confirmed"
    ),
    "wx.requestMerchantTransfer 的 appId": "appId of wx.requestMerchantTransfer",
    "wx.requestMerchantTransfer 的 mchId": "mchId of wx.requestMerchantTransfer",
    "现场领取的 6 位取件码；不适用时为空": "the pick-up code on site, 6 digits; empty if there is none",
    "取件码的二维码图片（data: 地址）；不适用时为空": (
        "the pick-up code as a QR picture (data: address); empty if there is none"
    ),
    "收件人，只用于邮寄": "who receives it, by mail only",
    "收件电话，只用于邮寄": "their phone, by mail only",
    "收货地址，只用于邮寄": "their address, by mail only",
    "收货信息是否已经填好，但要先寄出前面的才会打开": (
        "whether the address is there and opens once others are sent"
    ),
    "看不到收货地址的理由；能看到则为空": "why the addresses cannot be seen; empty if they can",
    "收货信息是否已经删除": "whether the address was deleted",
    "第几层": "which level",
    "中奖的时刻（unix 毫秒）": "when it was won (unix ms)",
    "领到的时刻（unix 毫秒），还没有领到时为 0": "when it was given (unix ms), 0 until then",
    "举报哪个宝贝": "which treasure is reported",
    "举报的原因": "why it is reported",
    "欺诈，不给奖品": "fraud: no prize is given",
    "违法违规": "against the law",
    "色情低俗": "vulgar",
    "侵权、冒充": "infringing, or under a false name",
    "辱骂、骚扰": "abusive",
    "其他": "something else",
    "补充说明": "what there is to add",
    "用户协议，纯文本，可有换行": "the agreement, plain text, may have line breaks",
    "隐私政策，纯文本，可有换行": "the privacy policy, plain text, may have line breaks",
    "怎样联系运营者；没有填写时为空": "how to reach the operator; empty if nothing was said",
    "怎样联系发布者，只给中奖的人看": "how to reach the publisher, for winners only",
    "怎样联系发布者；只有发布者和中奖的人看得到，没有则为空": (
        "how to reach the publisher; seen by publisher and winners only, empty if nothing was said"
    ),
    "怎样联系发布者；没有则为空": "how to reach the publisher; empty if nothing was said",
    "现场领取的地点；没有则为空": "where goods are handed over; empty if nothing was said",
    "现场领取的时间，由发布者写；没有则为空": (
        "when goods are handed over, in the publisher's words; empty if nothing was said"
    ),
    "邮寄的不寄到哪些省级地区；有的话，收货地址要从省级地区写起": (
        "provinces to which goods are not sent; if there are any, addresses must begin with the "
        "province"
    ),
    "活动规则，按阅读的先后": "the rules, in the order of reading",
    "这一条说的是什么": "what this rule is about",
    "这一条的内容": "what it says",
    "随机种子（十六进制）": "the seed (hex)",
    "参与哈希的规则，原样的字符串": "the rules that are hashed, exactly as text",
    "全部中奖的层数，从浅到深": "all winning levels, the least first",
    "这些层数上各是第几种奖品，从 1 起；只有一种奖品时为空": (
        "which kind of prize lies at each of these, from 1; empty if there is one kind only"
    ),
    "这些层数上的奖品各付多少分，实物为 0；只有一种奖品时为空": (
        "how many fen each of these pays, 0 for goods; empty if there is one kind only"
    ),
    "第几页，每页 500 锹": "which page of 500 digs",
    "一共挖了多少锹；各页的 digs 连起来就是全部": "how many digs in all; the digs of all pages are the whole",
    "这一页每一锹的层数和结果，由浅到深": "level and outcome of each dig of this page, the least first",
    "帧的类型": "the kind of frame",
    "已经收到的最后一锹的 seq，补发它之后的每一锹": (
        "the seq of the last dig that the client has; all later ones are sent again"
    ),
    "要不要每秒一个 tick；自己倒计时的客户端应关掉": (
        "whether to send a tick each second; clients that count down themselves should say no"
    ),
    "服务器自己的状态": "the server's own state",
    "正常": "fine",
    "消息可能晚一两秒": "frames may be a second or two late",
    "现在不能挖，恢复后会再说": "nobody can dig now; another frame says when that is over",
    "要不要每秒一个 tick": "whether to send a tick each second",
    "不要": "no",
    "要": "yes",
    "算上这个人的参与人数": "participants with this person",
    "谁的经过": "whose story",
    "宝贝": "a treasure",
    "一个奖品": "one prize",
    "一个人": "a person",
    "哪个宝贝；也可以用它的编号和层数说一个人": (
        "which treasure; with its number and a level it may also name a person"
    ),
    "哪一层的奖品，或挖到哪一层的人（0 是发布者）": (
        "the prize at which level, or who dug that level (0 is the publisher)"
    ),
    "哪个人：列表中的一条": "which person: an entry of a list",
    "只要早于这个时刻的（unix 毫秒）": "only what is older (unix ms)",
    "发生过的事，最新的在前": "what happened, the newest first",
    "还有没有更早的": "whether there is more that is older",
    "前 50 位中奖者的运气": "the luck of the first 50 winners",
    "什么时刻（unix 毫秒）": "when (unix ms)",
    "发生了什么；act_ 开头的是运营者的操作": "what happened; what begins with act_ was done by an operator",
    "哪个运营者；不是运营者做的为空": "which operator; empty if it was none",
    "理由；没有则为空": "the reason; empty if there is none",
    "它的结果或现在的状态；没有则为空": "its outcome or its state now; empty if there is none",
    "订单、转账或退款的单号；没有则为空": (
        "the number of the order, transfer or refund; empty if there is none"
    ),
    "哪一层；与哪一层无关时为 0": "which level; 0 if it is about none",
    "在这个宝贝里挖了多少锹；超过 1000 锹时为 1000": "how many digs here; 1,000 if there are more",
    "只凭运气，这么多锹至少中一次的概率；超过 1000 锹时为 null": (
        "how likely so many digs win at least once by luck alone; null above 1,000 digs"
    ),
    "要找的人、宝贝或奖品：名字的任何一段，或一个编号": (
        "who or what to find: any part of a name, or a number"
    ),
    "找到的宝贝，最多 50 个：编号对上的在前，其余最新的在前": (
        "the treasures found, at most 50: those whose number it is first, then the newest"
    ),
    "找到的人，最多 50 个：编号对上的在前；有两个记录的只列一次": (
        "the people found, at most 50: those whose number it is first; who has two records is listed "
        "once"
    ),
    "电话、快递单号或转账单号对上的奖品，最多 50 个": (
        "prizes with this phone, parcel or transfer, at most 50"
    ),
    "哪个人，可以在 /ops/person 查看": "which person, for /ops/person",
    "第一次登录的时刻（unix 毫秒）": "when they first logged in (unix ms)",
    "是否停用着": "whether they are banned",
    "什么对上了": "what matched",
    "电话": "the phone",
    "快递单号": "the parcel's number",
    "转账单号": "the transfer's number",
    "做什么": "what to do",
    "重新密封": "seal anew",
    "准备数据库": "prepare the database",
    "最近的 20 件，最新的在前": "the last 20, the newest first",
    "注销一个人": "erase a person",
    "什么时刻开始的（unix 毫秒）": "when it began (unix ms)",
    "用哪个密钥（指纹），或注销后的化名；准备数据库时为空": (
        "which key (fingerprint), or the pseudonym of who was erased; empty when preparing the "
        "database"
    ),
    "做了多少步": "how many steps are done",
    "一共多少步，还不知道时为 0": "how many steps there are, 0 if not known yet",
    "进展和结果：每条是一个代码和它的值": (
        "how far it has come and what came out: each is a code and its value"
    ),
    "结果": "the outcome",
    "还没结束": "not over yet",
    "完成": "done",
    "没有做": "not done",
    "有剩下的": "something is left",
    "出错，见日志": "failed, see the log",
    "这个进程的密钥的指纹，用来封存的在最前": (
        "the fingerprints of this process' keys, the one that seals first"
    ),
    "可能还有数据或进程用着的其它密钥的指纹": (
        "fingerprints of other keys that data or processes may still use"
    ),
    "哪个月领的奖（北京时间），年-月": "the month of the claims (Beijing time), year-month",
    "哪一种宝贝": "which kind of treasures",
    "已隐藏": "hidden",
    "红包未支付": "red packets that are not paid",
    "平台代管着钱": "those whose money the platform holds",
    "精选": "featured",
    "每个宝贝的代管金额（分），以编号为键；只在 of=held 时有": (
        "what the platform holds of each treasure (fen), by its number; only with of=held"
    ),
    "合计是什么时刻算的（unix 毫秒），还没有算过时为 0": "when the sums were made (unix ms), 0 if not yet",
    "哪一种告警": "which alarm",
    "Redis 没有响应": "Redis does not answer",
    "MongoDB 没有响应": "MongoDB does not answer",
    "数据库不对，已停止服务": "the database is not ours: nothing is served",
    "磁盘快满了，不能发布和上传": "the disk is nearly full: nobody can publish or upload",
    "有进程起不来": "a process does not start",
    "数据前后矛盾": "data contradict each other",
    "账目不平": "the books do not balance",
    "没有按时核对": "the books were not checked in time",
    "可疑的领奖": "suspicious claims",
    "有奖品等你处理": "prizes wait for you",
    "今天的转账额度快满了": "today's transfers are near their limit",
    "付款等你处理": "payments wait for you",
    "转账等你处理": "transfers wait for you",
    "退款等你处理": "refunds wait for you",
    "微信不收通知消息": "WeChat does not take messages",
    "微信迟迟没有检查完内容": "WeChat takes long to check contents",
    "有内容等你处理": "contents wait for you",
    "有关的宝贝编号；与宝贝无关时为空": "which treasure; empty if it is about none",
    "哪里不对；这种告警没有细节时为空": "what is wrong; empty if this alarm has no details",
    "告警开始的时刻（unix 毫秒）": "when the alarm began (unix ms)",
    "告警结束的时刻（unix 毫秒），还在告警时为 0": "when the alarm ended (unix ms), 0 if it goes on",
    "宝贝在看板上的一行": "the treasure as a row of the board",
    "是否从广场隐藏": "whether it is hidden from the square",
    "是否排在广场最上面": "whether it is on top of the square",
    "是否已经可以挖：实物发布即可挖，红包支付后可挖": (
        "whether it can be dug: goods once published, red packets once paid"
    ),
    "待审列表中的哪一条": "which entry of the reviews",
    "要审的文字：名字、署名、简介，各占一行；没有则为空": (
        "the texts to review: name, signature, synopsis, a line each; empty if there are none"
    ),
    "还要看的图片：各种奖品自己的": "further pictures to look at: those of the kinds of prizes",
    "要审的图片的完整地址；没有则为空": "the whole address of the picture to review; empty if there is none",
    "哪个宝贝；是一个人的名字或头像时为空": "which treasure; empty if it is a person's name or picture",
    "为什么要人看": "why somebody has to look",
    "什么时候提交的（unix 毫秒）": "when it was sent (unix ms)",
    "微信检查内容有没有打开": "whether WeChat checks contents",
    "怎么决定": "the decision",
    "不通过，发布者看得到理由": "refuse; the publisher reads the reason",
    "通过，大家都看得到": "pass; everybody sees it",
    "操作的理由；结束宝贝的理由所有人可见": "the reason of the act; that of an end is public",
    "这台服务器没有开通的功能：messages 给离开的人发的微信消息，checks 内容检查（真实的小程序才列出）": (
        "what this server is not set up for: messages to people who left, checks of contents (only "
        "listed with a real mini-program)"
    ),
    "哪个进程": "which process",
    "被举报的宝贝，等得最久的在前": "reported treasures, what waits longest first",
    "图片在本站的路径": "the picture's path here",
    "多少人举报，新账号和没有挖过的人不算": (
        "how many people reported it; new accounts and who never dug do not count"
    ),
    "最早一次举报的时刻（unix 毫秒）": "when it was first reported (unix ms)",
    "每种原因的举报数": "reports by reason",
    "举报人写的说明，最多 10 条": "what reporters wrote, at most 10",
    "这个人举报过多少次，处理过且很久以前的除外": (
        "how often this person reported, without what was settled long ago"
    ),
    "停用谁": "whom to ban",
    "停用谁：待审、举报或分享者列表中的一条": "whom to ban: an entry of reviews, reports or sharers",
    "停用多少天，0 表示直到解除": "for how many days, 0: until it is lifted",
    "停用的理由，只有本人能看到": "why they are banned; they alone read it",
    "恢复谁": "whose ban to lift",
    "恢复谁：待审、举报或分享者列表中的一条": "whose ban to lift: an entry of reviews, reports or sharers",
    "让谁退出登录：待审、举报或分享者列表中的一条": (
        "whom to log out: an entry of reviews, reports or sharers"
    ),
    "看谁": "whom to look at",
    "看谁：待审、举报或分享者列表中的一条": "whom to look at: an entry of reviews, reports or sharers",
    "这个人从谁的分享来过，最多 10 个": "through whose shares this person came, at most 10",
    "分享的是哪个宝贝": "which treasure was shared",
    "分享的人，可以在 /ops/person 查看": "who shared, for /ops/person",
    "分享的人的名字": "the name of who shared",
    "举报的人和所写的，最多 10 条": "who reported and what they wrote, at most 10",
    "举报的人，可以在 /ops/person 查看": "who reported, for /ops/person",
    "举报人写的说明；没有则为空": "what they wrote; empty if nothing",
    "这个人，冒号后面是编号；旧版本的记录没有编号时为空": (
        "this person, the number after the colon; records of older versions have no number"
    ),
    "第一次登录的时刻（unix 毫秒），旧版本的记录为 0": (
        "when they first logged in (unix ms), 0 in records of older versions"
    ),
    "别人看到的名字": "the name that others see",
    "挖到的奖品按状态的个数": "how many prizes they won, by state",
    "为红包付了多少（分），整单退款的不算": (
        "what they paid for red packets (fen), without orders that went back whole"
    ),
    "挖到多少现金（分）": "how much cash they won (fen)",
    "其中已经发给这个人的（分）": "how much of it was paid to them (fen)",
    "停用，没有停用过或已经解除时为 null": "the ban, null if there is none or it was lifted",
    "停用的时刻（unix 毫秒）": "since when they are banned (unix ms)",
    "停用到什么时刻（unix 毫秒），0 表示直到解除": (
        "until when they are banned (unix ms), 0: until it is lifted"
    ),
    "最近发布的 50 个宝贝": "the last 50 treasures that they published",
    "让谁退出登录": "whom to log out",
    "发布的时刻（unix 毫秒）": "when it was published (unix ms)",
    "开挖的时刻（unix 毫秒），红包还没有支付时为 0": (
        "when it opened (unix ms), 0 while a red packet is not paid"
    ),
    "到期的时刻（unix 毫秒），红包还没有支付时为 0": (
        "until when it runs (unix ms), 0 while a red packet is not paid"
    ),
    "结束的时刻（unix 毫秒），还没有结束时为 0": "when it ended (unix ms), 0 until then",
    "是否因为欺诈结束：是的话同时冻结它送出的奖品": (
        "whether it ends for fraud: then the prizes that it gave are frozen, too"
    ),
    "等运营者处理的奖品，等得最久的 200 个": "prizes that wait for an operator, the 200 that wait longest",
    "为什么没有给": "why it was not given",
    "待核对": "an operator has to look",
    "已冻结": "frozen",
    "已冻结，转账正在撤销": "frozen, its transfer is being cancelled",
    "被哪一条限制拦下；不是被限制拦下时为空": "which limit held it; empty if none did",
    "没有被限制拦下": "no limit held it",
    "这位发布者 7 天内给这位中奖者的超过上限": "above what this publisher may pay this winner in 7 days",
    "中奖者一天内领的超过上限": "above what a winner may claim a day",
    "中奖者 7 天内领的超过上限": "above what a winner may claim in 7 days",
    "微信认为中奖者风险高": "WeChat calls the winner risky",
    "几个人一天里互相领的超过上限": "above what a few people may pay each other a day",
    "7 天内挖到同一位发布者的好几个红包": "several red packets of the same publisher in 7 days",
    "挖到的次数凭运气几乎不可能": "luck alone hardly wins so often",
    "中奖者刚来，一个红包就超过一天的上限": (
        "the winner is new, and this red packet alone is above a day's limit"
    ),
    "不公开的红包，一个就超过发布者一天的上限": (
        "not on the square, and this red packet alone is above the publisher's limit of a day"
    ),
    "运营者冻结时写的理由：它、它的宝贝、中奖者或发布者的；旧版本没有记下": (
        "what operators wrote when they froze it, its treasure, its winner or its publisher; older "
        "versions noted nothing"
    ),
    "是否只能退回：微信没有说清上一笔转账的结果": (
        "whether it can only go back: WeChat did not say what became of the last transfer"
    ),
    "从什么时刻起没有给（unix 毫秒）": "since when it was not given (unix ms)",
    "正在冻结的对象，最新的 200 个": "what is frozen now, the newest 200",
    "冻结的对象": "what is frozen",
    "宝贝的全部奖品": "all prizes of a treasure",
    "一个人中的和送的奖品": "what a person won and gives",
    "运营者冻结时写的理由；旧版本没有记下，为空": (
        "what operators wrote when they froze it; empty in what older versions froze"
    ),
    "哪一层的奖品，或挖到哪一层的人（0 是发布者）；冻结的是宝贝时为 0": (
        "the prize at which level, or who dug that level (0 is the publisher); 0 if a treasure is "
        "frozen"
    ),
    "对什么做": "what it is done to",
    "哪一层的奖品，或挖到哪一层的人；0 是发布者，对宝贝时不用填": (
        "the prize at which level, or who dug that level; 0 is the publisher, not needed for a "
        "treasure"
    ),
    "这一圈的人，只有名字和这里的序号": "the people of this ring, only by name and by a number here",
    "这个人在这里的序号，从 1 起": "this person's number here, from 1",
    "30 天里发给这一圈的人（分）": "what they paid to people of this ring in 30 days (fen)",
    "30 天里从这一圈的人领到（分）": "what they won from people of this ring in 30 days (fen)",
    "这一圈是什么时刻看的（unix 毫秒，即它的 at）；此后才拦下的不在这次决定里": (
        "when this ring was looked at (unix ms, its at); what was held since is not decided"
    ),
    "谁和谁有关系，为什么": "who is tied to whom, and why",
    "一个人的序号": "the number of one person",
    "另一个人的序号": "the number of the other person",
    "其中一人付给另一人的宝贝数": "for how many treasures one paid the other",
    "其中一人带另一人来过的宝贝数": "to how many treasures one brought the other",
    "是不是来自同一个地址": "whether they come from the same address",
    "两个人之间一共付了多少（分）": "what they paid each other in all (fen)",
    "因此待核对的红包": "red packets that are held because of it",
    "发布者的序号": "the publisher's number",
    "中奖者的序号": "the winner's number",
    "今天（北京时间）发出的红包（分），按微信的每日额度计": (
        "red packets sent today (Beijing time; fen), as WeChat counts its day's limit"
    ),
    "一天最多发出多少（分），0 为不限": "how much may be sent a day (fen), 0: no limit",
    "等运营者核对或已冻结的红包（分），是欠中奖者的一部分": (
        "red packets that are held or frozen (fen), a part of what winners are owed"
    ),
    "分享带来多少人，只有数目": "how many people shares brought, only numbers",
    "打开过这个宝贝的人数": "how many opened this treasure",
    "带来过别人的人数": "how many brought others",
    "由分享带来的人数": "how many came by shares",
    "一个人最多带来多少人": "how many one person brought at most",
    "最近的 100 锹，新的在前": "the last 100 digs, the newest first",
    "时刻（unix 毫秒）": "when (unix ms)",
    "全部奖品一起付多少分，实物为 0": "what all prizes pay together (fen), 0 for goods",
    "这个宝贝的钱在哪里": "where this treasure's money is",
    "发布者已付（分）": "what the publisher paid (fen)",
    "已发给中奖者（分）": "what winners were paid (fen)",
    "已退给发布者（分）": "what went back to the publisher (fen)",
    "还在平台（分），等于已付减已发减已退": "what the platform holds (fen): paid less given less gone back",
    "平台还应付给中奖者和发布者（分）": "what the platform owes to winners and publisher (fen)",
    "各领奖状态的奖品数": "how many prizes are in each state",
    "订单、转账单和退款，最新的 100 个": "orders, transfers and refunds, the newest 100",
    "单号": "its number",
    "哪一种单": "what it is",
    "发布者的订单": "the publisher's order",
    "给中奖者的转账单": "a transfer to a winner",
    "无法开挖的付款，全额退回": "a payment that opened nothing, goes back whole",
    "没有人挖到的奖品，退回": "prizes that nobody won, go back",
    "过期没有领取的奖品，退回": "prizes that nobody claimed in time, go back",
    "金额（分）": "how much (fen)",
    "这张单进行到哪一步": "how far it has come",
    "为什么要运营者处理；不用处理时为空": "why an operator has to act; empty if none has to",
    "账上对不平的地方；都对得平时为空": "where the books do not balance; empty if they do",
    "哪里不平": "what does not balance",
    "有关的数值": "the values",
    "操作人的姓名，用共用的口令登录时写进操作记录": (
        "the operator's name, for the audit log when they use the shared token"
    ),
    "能做什么": "what they may do",
    "没有登录": "nobody is logged in",
    "只看": "look",
    "可操作": "act",
    "可动资金": "move money",
    "姓名是不是用共用的口令登录时自己填的": "whether they typed the name themselves beside the shared token",
    "已登录的操作人的姓名；没有登录时为空": "the name of who is logged in; empty if nobody is",
    "操作人的姓名": "the operator's name",
    "做了什么": "what was done",
    "对什么做的：宝贝编号、列表中的一条、进程或月份": (
        "to what: a treasure's number, an entry of a list, a process or a month"
    ),
    "只要这个操作人的": "only by this operator",
    "只要这种操作": "only this kind of act",
    "只要关于这个宝贝（编号）或这个人（编号，两个记录都算）的": (
        "only about this treasure or person (by number, both of their records)"
    ),
    "只要这个时刻起的（unix 毫秒），0 是不限": "only since then (unix ms), 0: from the first on",
    "只要早于这个时刻的（unix 毫秒），0 是不限；上一页最后一条的 at 接着往前": (
        "only before then (unix ms), 0: up to the last; the at of a page's last one for the next page"
    ),
    "只要早于这个时刻的（unix 毫秒），0 是不限": "only before then (unix ms), 0: up to the last",
    "操作，最新的在前": "the acts, the newest first",
    "关于哪个宝贝；与宝贝无关时为空": "about which treasure; empty if about none",
    "关于哪一层的奖品或人；没有时为 0": "about the prize or person at which level; 0 if about none",
    "这个宝贝的名字；已经没有时为空": "this treasure's name; empty if it is gone",
    "关于哪个人，可以在 /ops/person 查看；与人无关时为空": (
        "about whom, for /ops/person; empty if about nobody"
    ),
    "这个人的名字；已经注销时为空": "this person's name; empty if they deleted their account",
    "结果：done 完成，begun 中断而不知结果，其它是拒绝的代码": (
        "the outcome: done, begun (cut short, not known), else the code of the refusal"
    ),
    "发布者的署名": "the publisher's signature",
    "服务器要停了，或数据库没有响应：随机等 0 到 5 秒再连": (
        "the server stops, or the database does not answer: connect again after a random time of up "
        "to 5 s"
    ),
    "身份被拒绝，或已在别处退出登录：重新登录后再连": (
        "the identity was refused, or the person logged out elsewhere: log in, then connect again"
    ),
    "查询参数中的宝贝不存在：不要再连": "there is no such treasure as the query says: do not connect again",
    "收得太慢，或 10 秒内没有说是谁：带上 since 再连": (
        "it read too slowly, or did not say within 10 s who it is: connect again with since"
    ),
    "一条消息超过 4 KB、一秒超过 20 条，或查询参数、第一条消息读不懂：不要再连": (
        "a message above 4 KB, more than 20 a second, or a query or first message that cannot be "
        "read: do not connect again"
    ),
    "新连接太频繁，或没有说是谁的连接太多：按 error 帧的 retry_after 等这么多秒再连": (
        "too many new connections, or too many that do not say who they are: connect again after the "
        "error frame's retry_after (s)"
    ),
    "同一个人打开了更多页面，最早的连接被关闭：不要自动再连": (
        "the same person opened more pages, and the oldest connection was closed: do not connect "
        "again by itself"
    ),
    "微信登录得到的凭证": "what wx.login gave",
    "微信授权得到的内容": "what WeChat gave with the person's consent",
    "登录时得到的标识": "the id that the login gave",
    "1 到 1000000 的整数": "a whole number from 1 to 1000000",
    "红包、邮寄或现场领取三种之一": "red_packet, by_mail or on_site",
    "最多 50 个字": "at most 50 characters",
    "0 或 1": "0 or 1",
    "12 位字母或数字，或 20 位的分享码": "12 letters or digits, or a share code of 20",
    "分享者的标识或分享码": "the sharer's id or a share code",
    "8 到 64 位字母或数字": "8 to 64 letters or digits",
    "1 到 50 个字": "1 to 50 characters",
    "自己在这里上传过的图片": "a picture that one uploaded here",
    "1 到 32 个字": "1 to 32 characters",
    "不超过 2000 个字的文字": "a text of at most 2000 characters",
    "不超过 100 个字的文字": "a text of at most 100 characters",
    "不超过 50 个字的文字": "a text of at most 50 characters",
    "省级地区，用顿号或逗号隔开": "provinces, in Chinese, apart by 、 or commas",
    "1（红包）或 2（实物）": "1 (a red packet) or 2 (goods)",
    "1 到 1000 的整数": "a whole number from 1 to 1000",
    "1 以上的整数": "a whole number, at least 1",
    "1 到 50000 的整数": "a whole number from 1 to 50000",
    "1 到 100000 的整数": "a whole number from 1 to 100000",
    "0 以上的整数，小于间隔的层数": "a whole number, at least 0 and less than the interval",
    "最多 10 种奖品的 JSON 列表": "a JSON list of at most 10 kinds of prizes",
    "以后的时刻（毫秒时间戳）": "a time to come (unix ms)",
    "开挖以后的时刻（毫秒时间戳）": "a time after the start (unix ms)",
    "1（现场领取）或 2（邮寄）": "1 (on site) or 2 (by mail)",
    "0（只有拿到链接的人）或 1（广场）": "0 (only who has the link) or 1 (on the square)",
    "0 到 3600 的整数": "a whole number from 0 to 3600",
    "从服务器领到的那一份": "what the server gave",
    "16 字节，写成 32 位小写的十六进制": "16 bytes as 32 lower-case hex digits",
    "1 到 20 个字": "1 to 20 characters",
    "10 以上的整数": "a whole number, at least 10",
    "12 位字母或数字": "12 letters or digits",
    "1 到 100000000 的整数": "a whole number from 1 to 100000000",
    "应付的元数，1 以上的整数": "the yuan that are owed, a whole number, at least 1",
    "5 到 20 位的号码": "a number of 5 to 20 digits",
    "1 到 200 个字": "1 to 200 characters",
    "6 位数字": "6 digits",
    "顺丰、中通、圆通、韵达、申通、极兔、京东、EMS、邮政、德邦、其他之一": (
        "one of 顺丰, 中通, 圆通, 韵达, 申通, 极兔, 京东, EMS, 邮政, 德邦, 其他"
    ),
    "5 到 40 位字母或数字": "5 to 40 letters or digits",
    "填好的 CSV 文件，按 BASE64 传，最多 1 MB": "the filled-in CSV file as base64, at most 1 MB",
    "五种进度之一": "one of these five",
    "JSON 或 CSV，用小写字母": "json or csv, in lower case",
    "1 到 5 个模板的编号，用逗号隔开": "the ids of 1 to 5 templates, apart by commas",
    "六种之一": "one of these six",
    "不超过 200 个字的文字": "a text of at most 200 characters",
    "16 位字母和数字": "16 letters and digits",
    "运营口令": "an operator's token",
    "最长 32 个字": "at most 32 characters",
    "最多 64 个字：名字的任何一段，或人、宝贝、订单、转账、快递的编号，或电话": (
        "at most 64 characters: any part of a name, or the number of a person, treasure, order, "
        "transfer or parcel, or a phone"
    ),
    "隐藏、未支付、有钱或精选四种之一": "hidden, unpaid, held or featured",
    "0（发布者）或挖到的层数": "0 (the publisher) or the level that was dug",
    "列表中的一条": "an entry of a list",
    "宝贝、奖品或人三种之一": "task, prize or person",
    "时刻（毫秒时间戳），0 是从最新的开始": "a time (unix ms), 0: from the newest on",
    "12 位的标识": "an id of 12 digits",
    "挖到的层数": "the level that was dug",
    "这一圈的时刻（毫秒）": "the time of this ring (ms)",
    "年-月，如 2026-11": "year-month, as 2026-11",
    "0（直到解除）到 3650 的整数": "a whole number from 0 (until it is lifted) to 3650",
    "重新密封或准备数据库两种之一": "rotate or release",
    "最长 64 个字": "at most 64 characters",
    "一种操作的英文名": "the name of an act",
    "宝贝的 12 位编号，或人的 16 位编号": "a treasure's number (12 characters) or a person's (16)",
    "毫秒时间戳，0 是不限": "unix ms, 0: no limit",
    "待审列表中的一条": "an entry of the reviews",
    "0 以上的整数": "a whole number, at least 0",
    "这个宝贝的名字；与宝贝无关时为空": "this treasure's name; empty if it is about none",
    "这个宝贝的名字；是一个人的名字或头像时为空": (
        "this treasure's name; empty if it is a person's name or picture"
    ),
    "提交的人，别人现在看到的名字": "who sent it, by the name that others see now",
    "这个宝贝的名字": "this treasure's name",
    "举报的人的名字": "the name of who reported",
    "这个宝贝的记录是否前后一致、与承诺相符；不是宝贝或往前翻时为 null": (
        "whether this treasure's record holds and is as its commitment says; null of others, and of older pages"
    ),
    "发布时公布的承诺（十六进制）": "the commitment that was published with it, in hex",
    "是否已经结束；结束后谁都可以取证明": "whether it has ended; then anybody can get its proof",
    "是否数过每一锹；超过 20000 锹或正好有人在挖时没有": (
        "whether each dig was counted; not above 20,000 digs, or if somebody dug meanwhile"
    ),
    "对不上的地方；都对得上时为空": "what contradicts it; empty if nothing does",
}
