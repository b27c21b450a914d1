// What people read where prizes are claimed and handed out, on their own page and a publisher's, in any client: no first view needs it.

import { asMoment, secondsUntil } from "./clock.js";
import { hasGoods, isOverdue } from "./prizes.js";
import { OWN, title, wonWords, worded, yuan } from "./words.js";

// What a winner reads and presses where a prize is claimed.
const ADDRESS_KEPT = "收到奖品后 90 天删除，没有寄出的在填写后 90 天删除";

export const CLAIM = {
  title: "你的奖品", go: "去领奖",
  take: "领取红包", paid: "红包已到账。", later: "微信正在处理，过一会儿再来看看",
  unconfirmed: "还没有确认收款。再点一次就接着领，在期限之前都可以",
  outdated: "这个微信收不了红包。请用手机上最新的微信来领，在期限之前都可以", update: "更新微信",
  onSite: "现场领取：凭取件码向发布者领奖。", show: "出示取件码", shown: "当面出示取件码，或让对方扫码：",
  taken: "已经领到了", gone: "奖品已经领走了。",
  ask: `填写收货地址。它加密保存，只有发布者看得到；${ADDRESS_KEPT}。`, choose: "从微信选地址", askAgain: "重新提交就会替换之前的地址。",
  receiver: "收货人", phone: "电话", address: "详细地址", submit: "提交地址",
  named: "只写名字，比如：王小明", phones: "手机号，或带区号的座机；境外的以 + 开头", whole: "从省、市写到街道和门牌",
  handed: "地址已交给发布者，等着收货吧。", deleted: `收货地址已删除：${ADDRESS_KEPT}。`,
  change: "更改地址",
  sent: "发布者已经寄出。", arrived: "确认收到", arrives: "寄出 15 天后会自动确认。", received: "已经收到。",
  again: "再试一次",
};

/** From when on a prize that waits for another day can be claimed; "" if it does not wait. */
export const laterWords = ({ claim_from }) => (secondsUntil(claim_from) ? `${asMoment(claim_from)} 以后可以领取，不会丢失。` : "");

const WAITS = {
  held: "这个红包正在人工核对，核对后就能领取，不会丢失。",
  expiring: "已过领奖期限，或被平台退回：奖品正在退回发布者。",
  returned: "已过领奖期限，或被平台退回：奖品已退回发布者。",
};
const FROZEN = {
  1: "这个红包被平台冻结了，暂时不能领取；有疑问请联系客服。",
  2: "这个奖品被平台冻结了，暂时不能领取，也不会寄出；有疑问请联系客服。",
};

/** Why a winner does not get a prize, or not for now; "" if they do. Only red packets are held. */
export function waitWords(task) {
  if (isOverdue(task)) return "已过领奖期限，奖品会退回发布者。";
  return task.prize_state === "frozen" ? FROZEN[task.goods_type] : WAITS[task.prize_state] || "";
}

// The publisher's side of the prizes.
export const WINNERS = {
  title: OWN.winners, table: "下载表格（CSV）", send: "取表格（CSV），再发到聊天", fetched: "表格取好了，发到聊天",
  check: "核对取件码", pickup: "中奖者的 6 位取件码", compare: "核对", scan: "扫取件码", notPickup: "这不是这个宝贝的取件码",
  carrier: "快递公司", choose: "请选择", number: "运单号", sent: "已寄出", corrected: "保存", correct: "改快递信息",
  deleted: `收货地址已删除：${ADDRESS_KEPT}`,
  frozen: "平台冻结了它，先不要交付；有疑问请联系客服",
  overdue: "地址填好三天了，还没有寄出", more: "更多", empty: "这里没有",
  upload: "上传填好快递的表格（CSV）", allNoted: (number) => `${number} 行快递都记下了`,
  nothing: "表格里没有新的快递信息：请填上快递公司和运单号",
  someNoted: (noted, refused) => `${noted ? `记下了 ${noted} 行；` : ""}下面 ${refused} 行没有记下：`,
};

// Your lists: of each its title, and what is said of an empty one.
export const MINE = {
  won: { title: "我得的奖", none: "还没有得过奖，去挖一锹试试" },
  dug: { title: "我挖过的", none: "还没有挖成过一锹" },
  published: { title: "我发布的", none: "还没有发布过宝贝" },
  digs: { title: "足迹", none: "还没有挖成过一锹" },
  finds: { title: "图鉴" },
};

/** One of your digs: at which level, how likely, and what came of it. */
export function footprintWords({ depth, is_prize, prize, money_fen, was_one_in, find }) {
  const chance = was_one_in ? `机会 1/${was_one_in}` : "这一层本来就没有奖";
  const won = ["挖到了", prize, money_fen ? yuan(money_fen) : ""].filter(Boolean).join("，");
  return [`第 ${depth} 层`, chance, is_prize ? won : find ? "没挖到奖，收进图鉴" : "没挖到"].filter(Boolean).join(" · ");
}

// What somebody is told before they delete their account.
export const LEAVING = [
  "提出以后会退出登录，有七天可以反悔：重新登录，在“我的”里点“撤销注销”。",
  "这七天里可以查看、领已经挖到的奖品；不能挖、发布、上传、举报和改名字。",
  "七天以后删除账号、名字、头像、收货地址、上传的图片和消息，不能恢复；没有领的奖品到期退回发布者。",
  "活动规则、挖过和挖到的记录换成随机代号，保留至少两年。",
];

// What a person reads above the list of what stops the deletion of their account, and the way to each.
export const STOPPED = { title: "现在还不能注销，先办完这些：", treasure: "去看看", winners: "去发奖" };

// Who brings goods by mail.
export const CARRIERS = ["顺丰", "中通", "圆通", "韵达", "申通", "极兔", "京东", "EMS", "邮政", "德邦", "其他"];

export const PARCEL = { copy: "复制单号" };

/** When a parcel was sent and came; "" before it is sent. */
export function parcelWords({ sent_at, received_at }) {
  if (!sent_at) return "";
  return `${asMoment(sent_at)} 寄出${received_at ? `，${asMoment(received_at)} 收到` : ""}`;
}

/** The filters of a publisher's list of prizes, by state, as `getWinners` names them; `mailed`: some are goods by mail. */
export const wantedOf = (mailed) => [["all", "全部"], ...(mailed ? [["to_send", "待寄出"]] : []), ["open", "待领取"], ["done", "已发出"], ["gone", "退回"]];

/** What came of the rows of an uploaded table: what is said, and a line for each row that was refused. */
export function shippedWords(rows) {
  const refused = rows.filter((row) => row.refused);
  if (!rows.length) return { said: WINNERS.nothing, lines: [] };
  const said = refused.length ? WINNERS.someNoted(rows.length - refused.length, refused.length) : WINNERS.allNoted(rows.length);
  return { said, lines: refused.map(({ row, depth, refused: why }) => `第 ${row} 行${depth ? `（第 ${depth} 层）` : ""}：${why}`) };
}

/** Until when winners may claim; "" while the treasure runs, and once all `number` of them are among `winners` and none waits. */
export const claimsEnd = (moment, winners, number) =>
  (moment && (winners.length < number || winners.some(({ state }) => ["won", "claiming"].includes(state))) ? `${asMoment(moment)} 截止领奖` : "");

/** A treasure's numbers that its frames tell: [label, number, unit]. */
export const liveNumbers = ({ participants, now_depth, prizes_left, prize_num }) => [
  ["挖的人", participants, "人"],
  ["挖到第", now_depth, "层"],
  ["奖品剩", prizes_left, `/ ${prize_num} 份`],
];

/** The numbers of a statement that the server gave: [label, number, unit]. */
export function statementNumbers(found) {
  const people = [["打开过", found.opened, "人"], ["分享过", found.sharers, "人"], ["通过分享来", found.brought, "人"]];
  const money = [["已付", found.paid_fen], ["已发", found.given_fen], ["已退", found.refunded_fen], ["在账上", found.held_fen]];
  const gone = found.paid_fen ? money.map(([label, fen]) => [label, yuan(fen), ""]) : [["已领奖", found.prizes_given, `/ ${found.prizes_won} 份`]];
  if (!found.prizes_sent) return [...people, ...gone];
  return [...people, ...gone, ["已寄出", found.prizes_sent, "份"], ["已收到", found.prizes_received, "份"]];
}

/** What a publisher reads of what they paid for a treasure, by its statement; "" if they paid nothing. */
export function receiptWords(task, found) {
  const { paid_fen: paid, given_fen: given, refunded_fen: refunded, held_fen: held, prizes_won: won, prize_num: all } = found;
  if (!paid) return "";
  const sums = [`已付 ${yuan(paid)}`, `挖到 ${won} / ${all} 份`, `领走 ${yuan(given)}`, refunded && `已退回 ${yuan(refunded)}`, held && `没领走的还有 ${yuan(held)}`];
  return `${sums.filter(Boolean).join("，")}。${held ? backWords(task, found) : ""}`;
}

/** When the refunds begin of what nobody won, and of what winners do not claim. When the money is there, WeChat says. */
function backWords({ status, expires_at, claim_until }, { refunded_fen: refunded, prizes_won: won, prizes_given: claimed, prize_num: all }) {
  const unclaimed = claim_until ? `没有领的，${asMoment(claim_until)} 以后开始退回` : "挖到没有领的，过了领奖期限开始退回";
  const back = status
    ? [won < all && !refunded && "没有人挖到的正在退回", claimed < won && unclaimed] // those nobody won are refunded first
    : [won < all && `没有人挖到的，${expires_at ? `最晚 ${asMoment(expires_at)} ` : "结束后"}开始退回`, unclaimed];
  return `${back.filter(Boolean).join("；") || "剩下的正在退回"}，退到付款的账户。`;
}

/** What a publisher reads above those who won, of money; "" where goods are handed over. */
export const packetsWords = (task) => (hasGoods(task) ? "" : "红包由挖到的人自己领，不用你发。");

/** What somebody won, for its publisher: a red packet's sum is said too where all are alike. */
export const givenWords = (won, task) => wonWords(won, task) || (won.money_fen ? yuan(won.money_fen) : "");

/** What a publisher reads if nobody won; `moment` is that of `claimsEnd`. */
export const noWinners = (moment) => (moment ? "没有人挖到" : "还没有人挖到");

/** What a publisher is told after the right pick-up code. */
export function pickupRight(won, task) {
  const prize = wonWords(won, task);
  return `取件码正确，可以把奖品${prize ? `“${prize}”` : ""}交给 ${won.wxname}`;
}

/** What one's digs are told with: which of them are listed, and after the first the expected number of wins, beside the actual one. */
export const luckWords = ({ digging_num, expected_wins, wins_counted }) => [
  "这里有你挖成的每一锹；慢了一步、抽签没抽中的不算。",
  digging_num ? `按概率应该挖到 ${Number(expected_wins.toFixed(expected_wins < 1 ? 2 : 1))} 次，实际挖到 ${wins_counted} 次。` : "",
].join("");

/** A person's numbers: [label, number, unit]. */
export const personNumbers = ({ digging_num, partake_num, release_num }) => [
  ["挖了", digging_num, "锹"], ["挖过", partake_num, "个宝贝"], ["发布", release_num, "个宝贝"],
];

/** How a winner reaches the publisher, "" if nothing is known of that. */
export const contactWords = ({ contact }) => (contact ? `联系发布者：${contact}` : "");

/** Return what a person who deletes their account reads; `moment` is when it will be deleted, in words. */
export const leavesAt = (moment) => `账号将在 ${moment} 以后删除。在那以前可以查看、领已经挖到的奖品，或者撤销。`;

/** What a friend reads above a shared link, or beside it. */
export function inviteWords(task) {
  if (task.status) return `「${task.name}」已结束`;
  return task.mine ? `来挖我埋的宝：${title(task)}` : `来挖「${task.name}」`;
}

// Why somebody may report a treasure. WeChat's action sheet holds six.
export const REASONS = {
  fraud: "欺诈，不给奖品",
  illegal: "违法违规",
  vulgar: "色情低俗",
  infringing: "侵权、冒充",
  abusive: "辱骂、骚扰",
  other: "其他",
};

// Above this many yuan the tax is named: the docs say why (docs/launch.md).
export const TAXED_YUAN = 800;

/** Return what a winner reads about the tax on their prize, "" if there is none. */
export function winnersTax({ value, rank, ranks }) {
  const yuan = rank ? ranks[rank - 1].value : value;
  if (!(yuan > TAXED_YUAN)) return "";
  return `这份奖品值 ${yuan} 元。得奖可能要按“偶然所得”缴 20% 的个人所得税，由发布者代扣代缴；他可能为此问你要报税的信息。`;
}

const PROFILE = {
  checking: "新的名字和头像正在检查，通过以后别人才看得到。",
  held: "新的名字和头像正在等平台的人看一看，通过以后别人才看得到。",
  refused: "新的名字和头像没有通过，请换一个。",
};

/** Return what a person is told about the name and picture they chose last, "" if others see them. */
export const profileInReview = (review, note) => worded(PROFILE[review], note);

const RECEIVER_CHARACTERS = 32; // as the server has it

/** What is wrong with the name of a receiver, "" if it may be one: many type the address there, which has digits or is longer. */
export const receiverProblem = (name) => ([...name.trim()].length > RECEIVER_CHARACTERS || /[0-9０-９]/.test(name)
  ? "“收货人”只写名字，最多 32 个字，不能有数字；地址写在下面的“详细地址”里" : "");

/** Until when a winner may change the address of goods; `until` is `/drawPrize`'s `change_until`. */
export const changeWords = (until) => (secondsUntil(until) ? `${asMoment(until)} 以前可以更改。` : "超过 24 小时，这里不能再改；要改请联系发布者。");

/** What a red packet is, before it is claimed. */
export const packetWords = (task) => `${yuan(task.money_fen)}红包，领取后进入微信零钱。${laterWords(task)}`;

/** What a winner is told after they were asked to confirm a transfer, by what the server then says of it. */
export function transferWords({ is_draw, package_info }) {
  if (is_draw) return CLAIM.paid;
  return package_info ? CLAIM.unconfirmed : CLAIM.later;
}

/** A publisher's page, and whom you follow. */
export const PUBLISHER = {
  follow: "关注", unfollow: "取消关注", none: "还没有公开的宝贝", followed: "我关注的人",
  nobody: "还没有关注谁。点宝贝上发布者的名字，就能关注 TA。",
};

/** How a publisher treats those who win. */
export function handedWords({ handed, handed_all, handed_in_ms }) {
  if (!handed) return "还没有人领过奖品";
  const number = `送出过 ${handed} 份${handed_all ? "" : "以上的"}奖品`;
  return handed_in_ms ? `${number}，实物一般在领奖后 ${asSpan(handed_in_ms)}送出` : number;
}

/** What a winner who is asked for an address reads of the publisher: while getPublisher is asked, and by its reply. */
export const HANDED = { reading: "正在看发布者送出过几份奖品…" };
export const senderWords = (found) => (found.handed ? `发布者${handedWords(found)}。`
  : "还没有发布者送出奖品的记录，第一次送都是这样。要是一直没寄来，就在这一页点“举报”，平台的人会看。");

function asSpan(ms) {
  const hours = ms / 3_600_000;
  if (hours >= 47.5) return `${Math.round(hours / 24)} 天`;
  return hours >= 1 ? `${Math.round(hours)} 小时` : `${Math.ceil(hours * 60)} 分钟`;
}

// What is checked of a proof.
export const CHECKS = {
  rules: "规则写法正确，数值都在允许的范围内",
  alone: { commitment: "种子和规则的哈希就是公布的承诺", depths: "奖品位置由种子算出，分毫不差" },
  together: { commitment: "规则的哈希就是公布的承诺", depths: "奖品位置由两半随机数算出，分毫不差" },
  published: "与你在结束之前看到的承诺一致",
  seed: "种子就是服务器在发布者选数之前定下的那一个",
  mine: "两半随机数就是你发布时的那两半",
  ranks: "每份是什么，也由它们算出",
  digs: "每一锹的结果都与位置相符",
  finds: "每一锹挖出的东西也由种子算出",
};

// Asking for a name, which WeChat does not tell.
export const NAMING = {
  seen: "别人现在看到的你是：",
  ask: "起个名字", change: "改名字", label: "名字", save: "保存",
  publishing: "宝贝上会写着是谁埋的。", claiming: "起个名字，发布者就认得出是你挖到的。", mine: "起个名字，大家才知道是你。",
};

// A newer version of the mini-program.
export const UPDATE = { title: "有新版本", text: "新版本已经下载好，重新打开就能用。", agree: "重新打开" };
