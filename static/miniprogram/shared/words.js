// What people read, in any client, by what the server calls it.

import { asMoment, asTime, secondsUntil } from "./clock.js";
import { endsFirst } from "./prizes.js";

/** A treasure's name as people see it; for a red packet, with its amount before it. A treasure that was taken down has no name. */
export function title({ goods_type, money, name, ranks = [] }) {
  if (!name) return "看不到的宝贝";
  if (ranks.length) return name;
  return goods_type === 1 ? `【现金红包${money}元】${name}` : name;
}

// What a list says of a treasure.
export const CARD_STATES = { ended: "已结束", unpaid: "待支付", mine: "我发布的", won: "已挖到", open: "可以挖", gone: "看不到了", away: "刚离开广场" };

/** What waits for a person, by the server's word for the act: what it says, and its button. */
export const TO_DO = {
  claim: { says: ({ until }) => (until ? `${asMoment(until)} 截止领奖` : "挖到了，还没有领"), act: "去领奖" },
  receive: { says: ({ until }) => `已经寄出，收到了就确认；${asMoment(until)} 自动确认`, act: "确认收到" },
  ship: { says: ({ unsent }) => `${unsent} 份奖品等你寄出`, act: "去寄出" },
  pay: { says: ({ owed_fen, until }) => `待支付 ${yuan(owed_fen)}，${asMoment(until)} 以后自动删除`, act: "去支付" },
};
export const WAITING = { title: "等你来做" };

/** What stands beside the name of somebody in whose book of finds layers are whole; "" beside others. */
export const layersMark = ({ layers }) => (layers ? `集齐 ${layers} 层` : "");

/** What a screen reader says of the number at the tab. */
export const waitingWords = (number) => `，${number} 件事等你来做`;

// The filters of the square by kind of prizes, as `getTaskList` names them.
export const KINDS = [["", "全部"], ["red_packet", "红包"], ["by_mail", "邮寄"], ["on_site", "现场领"], ["upcoming", "预告"]];
export const SQUARE = {
  reading: "正在看谁埋了宝贝…", byName: "搜宝贝或发布者", over: "已经结束", end: "就这些了", unfound: "没有找到，换个词试试", noneOf: "这一类现在没有宝贝", noneRuns: "现在没有能挖的，下面这些已经结束",
  none: "还没有宝贝，", bury: "埋一个", featured: "精选",
};

/** How its prizes are given, and what goods are worth. */
export function howGiven({ goods_type, draw_type, value, ranks = [] }) {
  if (ranks.length === 1) return kindWords(ranks[0]);
  if (ranks.length) return `${ranks.length} 种奖品`;
  if (goods_type === 1) return "现金红包";
  return [draw_type === 1 ? "现场领取" : "邮寄到家", worth({ value })].filter(Boolean).join(" · ");
}

/** Where and when goods are handed over, or where they are not sent to: a line each. */
export const handingLines = ({ place, pickup_time, not_sent_to = [] }) => [
  place && `领取地点：${place}`, pickup_time && `领取时间：${pickup_time}`, not_sent_to.length && `不寄到${not_sent_to.join("、")}`,
].filter(Boolean);

/** Where and when goods on site are handed over, in one line of a card; "" if nothing is said of that. */
export function whereWords({ place, pickup_time }) {
  const said = [place, pickup_time].filter(Boolean).join(" · ");
  return said ? `现场领：${said}` : "";
}

/** What one kind of prizes is. */
function kindWords({ goods_type, draw_type, value, money_fen, sum_fen }) {
  if (sum_fen) return `拼手气，一起分 ${yuan(sum_fen)}`;
  return goods_type === 1 ? `红包，每个 ${yuan(money_fen)}` : howGiven({ goods_type, draw_type, value });
}

/** The kinds of prizes of a treasure, to be listed, last those of which none is left; [] if its facts say it all. */
export const rankLines = ({ ranks = [] }) => (ranks.length === 1 && ranks[0].goods_type === 1 ? [] : [...ranks]).sort((one, other) => Number(!one.prizes_left) - Number(!other.prizes_left)).map((rank) => ({
  name: rank.name, thumbnail: rank.thumbnail, what: kindWords(rank), left: `剩 ${rank.prizes_left} / ${rank.prize_num} 份`,
}));

// How many kinds of prizes show at first, so that the button that digs is in sight.
export const KINDS_AT_FIRST = 3;

/** The button that shows the other kinds; "" if all show. */
export const moreKinds = ({ ranks = [] }) => (ranks.length > KINDS_AT_FIRST + 1 ? `还有 ${ranks.length - KINDS_AT_FIRST} 种奖品` : "");

/** What somebody won, as a dig, a frame, a card or a winner's row tells it; "" if all prizes of the treasure are alike. */
export const wonWords = ({ rank, money_fen }, { ranks = [] }) => (ranks[rank - 1]
  ? ranks[rank - 1].name + (money_fen ? `，${yuan(money_fen)}` : "") : "");

/** What somebody's own prize is, in large letters: an amount, or the name. */
export const heroWords = ({ goods_type, money_fen, rank, ranks = [], name }) => (goods_type === 1 ? yuan(money_fen) : rank ? ranks[rank - 1].name : name);

/** Who gave somebody's own prize, and in which treasure. */
export const giverWords = (task) => `${task.wxname} 埋的${heroWords(task) === task.name ? "" : `“${task.name}”`}`;

/** How many prizes a treasure has, or has left. */
export const prizesLeft = ({ prize_num, prizes_left, status }) => (prize_num === 1 ? (status && prizes_left === 0 ? "奖品已挖到" : "1 份奖品") : `剩 ${prizes_left} / ${prize_num} 份`);

// Where a treasure is dug next that nobody has dug.
export const GROUND = "地面";

/** How deep a treasure is dug. */
export const depthWords = ({ now_depth }) => (now_depth ? `挖到第 ${now_depth} 层` : "还没有人挖");

/** How long one waits between two digs. */
export function cooldownWords({ cd }) {
  if (!cd) return "没有冷却";
  if (cd % 3600 === 0) return `冷却 ${cd / 3600} 小时`;
  return cd >= 60 && cd % 60 === 0 ? `冷却 ${cd / 60} 分钟` : `冷却 ${cd} 秒`;
}

/** What is said of a dig, after the digger's name: what it `did`, and that its cooldown is everybody's. */
export const dugWords = (task, did = "挖了一锹") => ` ${did}${task.cd ? `，大家一起等${cooldownWords(task).replace("冷却", "")}` : ""}`;

/** What is said once a treasure that was announced starts, and once a cooldown has ended. */
export const OVER = ["开挖了，大家一起抢！", "冷却结束，大家一起抢！"];
export const overWords = ({ now_depth }) => OVER[now_depth ? 1 : 0];

/** What a press reads while a random order decides who is tried first; "" where none does. */
export const drawingWords = ({ cd_until, fair_start_ms }) => (secondsUntil(cd_until + fair_start_ms) ? "同时按下的一起抽签…" : "");

/** When a treasure that was announced starts; "" if it has started. */
export const startWords = ({ starts_at, now_depth }) => (starts_at && !now_depth && secondsUntil(starts_at) ? `${asMoment(starts_at)} 开挖` : "");

/** When a treasure ends at the latest, which is some weeks ahead, so that no year is said; "" if it has ended, or that is not known. */
export const endsWords = ({ status, need_pay, expires_at }) => (!status && !need_pay && expires_at ? `${asMoment(expires_at).replace(/\d{4}年/g, "")} 截止` : "");

/** What a treasure's page says of it in short, a fact each: the last one is of its digs to come. */
export const facts = (task) => [prizesLeft(task), howGiven(task), ...(task.status || task.gone ? [] : [startWords(task) || (task.cd ? "每锹" : "") + cooldownWords(task)])];

/** What follows the publisher's name on the same line, because there is no room for another line. Whoever may dig reads that it is free. */
export const buriedWords = (task) => [task.mine || task.status || task.gone ? "埋下" : "埋的宝，免费挖", endsWords(task)].filter(Boolean).join("，");

// What an operator writes, and people may read.
export const TEXTS = { agreement: "用户协议", privacy: "隐私政策" };

export const REPORT = {
  name: "举报", title: "举报这个宝贝", hint: "补充说明（可不填，200 字以内）", done: "已收到举报，我们会尽快处理",
};

// Why a treasure ended.
export const ENDINGS = {
  prizes_gone: "奖品全部挖完了",
  depth_reached: "已经挖到底了",
  expired: "时间到了，没有挖完",
  publisher: "发布者结束了这个宝贝",
  operator: "平台结束了这个宝贝",
  refused: "没有通过内容检查",
  credit: "发红包不能用信用卡，没有开始；付的钱全额退回",
};

// What somebody reads who has never dug, at the treasure that a link opened.
export const NEWCOMER = { ask: "第一次挖？可以先练练手。", begin: "先练三锹", skip: "不用了" };

// After an end: why it was fair in a sentence, and where to dig next.
export const AFTER = {
  title: "接下来挖哪个", cut: "这个链接打不开了，请朋友重新发一次", gone: "这个宝贝下架了，或者正在检查，现在不能挖。",
  proof: "奖品的位置在发布的那一刻就定下了，挖的时候没有动过；可以在这里自己重算一遍。",
  square: "去广场看看", story: "这次的故事：谁挖了哪一层",
};

/** What offers to publish one's own, after an end. */
export const buryWords = ({ goods_type, ranks = [] }) => (goods_type === 1 || ranks.some((rank) => rank.goods_type === 1) ? "我也包一个" : "我也埋一个");

/** Who won what of an ended treasure: `named` are [{ wxname, what }], of `number` winners. */
export function wonByWords(named, number) {
  if (!number) return "没有人挖到。";
  if (!named.length) return `${number} 份奖品被挖到了。`;
  const people = named.map(({ wxname, what }) => `${wxname}${what ? `（${what}）` : ""}`).join("、");
  return number > named.length ? `${people} 等 ${number} 人挖到了。` : `${people} 挖到了。`;
}

// Folds the limits of `cashRules`.
export const CASH_LIMITS = "每天的限额";

/** Return what a publisher is told before they pay for red packets, by the server's `cash`: { how, limits }, each "" if there is nothing to tell. */
export function cashRules({ no_credit, private_yuan: ofPrivate, newcomer_yuan: ofNewcomers }) {
  const limits = [
    ofPrivate ? `不公开的红包，一天发出的钱最多 ${ofPrivate} 元。` : "",
    ofNewcomers ? `刚来的人，一天领到的钱最多 ${ofNewcomers} 元。` : "",
  ].join("");
  return {
    how: no_credit ? "用零钱或储蓄卡付。信用卡付的会全额退回，不会开挖。" : "",
    limits: limits && `${limits}超过的不会丢：第二天再领，或等平台的人核对。`,
  };
}

/** Return what one of the goods is worth, as its publisher says; "" if they did not say. */
export const worth = ({ value }) => (value ? `值 ${value} 元` : "");

/** Return what a publisher is told of the half they drew: whether the treasure's commitment covers it. */
export const halfWords = (holds) => (holds
  ? "你出的那一半在里面，服务器也没有换掉它先给出的那一半。"
  : "服务器没有按你出的那一半来抽，请不要相信这次抽奖，并留下这一页的截图。");

/** Return the rule by which somebody is first after a cooldown; "" where each is tried as it comes. `fairStartMs` is the server's FAIR_START_MS. */
export const whoIsFirst = (fairStartMs) => (fairStartMs ? `冷却结束后 ${fairStartMs / 1000} 秒内按下的，由抽签决定先后` : "");

/** Return what a frame or a reply says of the digs to come. */
export const outlookOf = ({ one_in, nearest, deepest }) => ({ one_in, nearest, deepest });

/** The layers of finds, and the depths at which they begin. */
export const LAYERS = [["表土", 1], ["近世", 11], ["明清", 31], ["唐宋", 71], ["秦汉", 151], ["远古", 301]];

/** Return how likely the next layer holds a prize, by the rules of the draw. Who comes to dig it is another matter. */
export function chanceWords({ status, one_in, nearest, now_depth, rules_version, review, why }) {
  if (status || !nearest || review !== "shown" || ["not_paid", "no_such_task"].includes(why)) return "";
  if (one_in) return `${one_in === 1 ? "下一层一定有奖" : `下一层有奖的机会 1/${one_in}`}，谁挖到归谁`;
  const finds = rules_version === 1 ? "" : `，下一层还能挖出“${LAYERS.filter(([, from]) => Number(from) <= now_depth + 1).pop()[0]}”的小玩意`;
  return `大家再挖 ${nearest - now_depth - 1} 层，就可能挖到下一份${finds}`;
}

/**
 * Return why a dig was refused; `made` is the frame of the dig that a random order favoured, or that came first, null while
 * that is not known. A cooldown is counted down beside these words, so they have no seconds that would not.
 *
 * @param {any} refused
 * @param {any} made
 */
export function refusedWords({ error, message, reply }, made = null) {
  if (error !== "cooling_down") return message;
  if (reply.pressed) return `你和另外 ${reply.pressed - 1} 人同时按下，抽中了${made ? made.wxname : "别人"}`;
  return made ? `慢了一步：${made.wxname} 先挖了第 ${made.now_depth} 层，你的一锹才到` : "慢了一步";
}

/** Whether a dig was refused because of who asked: they cannot dig anywhere. */
export const isShutOut = ({ error }) => error === "banned" || error === "leaving";

/** Whether a random order decided about a dig that was refused. */
export const wasDrawn = ({ reply }) => Boolean(reply && reply.pressed);

/** What answers a press that lost the last prize, else "". `lostSeq`: of the dig it lost to, infinite after the end. */
export const lastLostWords = ({ end_reason, is_prize, seq }, lostSeq) => (end_reason === "prizes_gone" && !is_prize && lostSeq >= seq
  ? "最后一份没抢到，谢谢你一起挖！下面看看接下来挖哪个" : "");

/** Whether a refused dig lost to the dig of this frame. */
export const lostAgainst = (refused, { cd_until }) => wasDrawn(refused) || refused.reply.cd_until === cd_until;

// What the winner reads when the ground opens, and the choice whether it makes a sound.
export const WIN = { title: "恭喜，你挖到了！", claim: "去领取", signal: "挖到时响一声、震一下" };
export const placeWords = ({ now_depth, no }) => `挖到第 ${now_depth} 层，你是第 ${no} 个来挖的人`;

/** What is said of one's own dig that won nothing and brought up nothing, and of one that won. */
export const emptyWords = ({ now_depth }) => `你挖了第 ${now_depth} 层，什么也没有`;
export const ownWinWords = ({ now_depth }) => `你在第 ${now_depth} 层挖到了！`;

/** Return what winners read if the reply to their dig comes after they left its page. */
export const lateWin = (task, reply) => `${title(task)}：${ownWinWords(reply)}`;

/** Return within which level the prizes lie, or those that are left: each win may make it less deep. */
export function deepestWords({ status, deepest, prize_num, prizes_left }) {
  const which = `${prizes_left < prize_num ? "剩下的" : "奖品"}${prizes_left > 1 ? "都" : ""}`;
  return status ? "" : deepest === 1 ? `${which}就在第 1 层` : `${which}在第 ${deepest} 层以内`;
}

export const ASK_OPENING = "以后一打开宝贝就先帮我挖一锹？";
/** Whether there is time for that question, or still is if it is being asked, with so many seconds until one may dig. */
export const asksOpening = (asking, seconds) => seconds >= (asking ? 3 : 10);

// Whether opening a treasure digs: the two choices; `now` says which one holds, `change` labels the button that changes to it.
export const OPENING = [
  { opens: "digs", words: "好", now: "打开宝贝时自动挖一次", change: "改成自动挖" },
  { opens: "waits", words: "我自己挖", now: "打开宝贝时等我来挖", change: "改成自己挖" },
];

// What people may cheer with, by the server's signs.
export const CHEER = "喝彩";
export const CHEERS = { heart: "喜欢", fire: "热闹", clover: "好运", laugh: "哈哈", wow: "哇", star: "厉害" };

// About what is checked before others see it, or was taken down.
const TREASURE = {
  checking: "正在检查内容，通过以后大家才看得到、才能挖。一般几分钟。",
  held: "正在等平台的人看一看，通过以后大家才看得到、才能挖。",
  refused: "没有通过内容检查，别人看不到。付的钱会全额退回。",
  hidden: "平台下架了它：只有你和已经挖到的人看得到，现在不能挖。有疑问请联系客服。",
};

/** Return what a treasure's publisher is told, "" if everybody sees it. */
export const inReview = (review, note) => worded(TREASURE[review], note);

/** A text and the reason that was given, "" for no text. */
export function worded(text, note) {
  return text ? text + (note ? `理由：${note}。` : "") : "";
}

/** Until when a prize can be claimed. */
export const untilWords = (moment) => `请在 ${asMoment(moment)} 之前领取`;

const PRIZE = { won: "待领取", claiming: "领取中", given: "已领取", held: "核对中", frozen: "已冻结", expiring: "退回中", returned: "已退回" };
const MAILED = { won: "待填地址", given: "待寄出", sent: "已寄出", received: "已收到" };

/** How far a prize is, in a word or two. */
export const prizeWords = ({ goods_type, draw_type }, state) => (goods_type === 2 && draw_type === 2 && MAILED[state]) || PRIZE[state];

// The publisher's side of a treasure.
export const OWN = {
  title: "我发布的", winners: "中奖者和发奖", end: "提前结束", ask: "提前结束？", agree: "结束", numbers: "这个宝贝的数据", open: "等别人来挖",
  discard: "不要了", edit: "改文字和图片", again: "再埋一个", story: "看结局", buried: "埋好了，叫朋友来挖吧", thanks: "谢谢你",
};

/** Why a publisher can neither change nor end a treasure, and what becomes of it; "" if they can, or it has ended. */
export function lockedWords({ mine, status, now_depth, goods_type, expires_at }) {
  if (!mine || status || !now_depth) return "";
  const rest = goods_type === 1 ? "结束以后，没有人挖到的红包开始退回；挖到没有领的，过了领奖期限再退回。" : "";
  return `大家正在挖，挖完就结束，最晚 ${asMoment(expires_at)} 结束。${rest}有人挖过就不能改了，想换一换，可以再埋一个。`;
}

/** Changing what a treasure says and shows. */
export const EDIT = {
  title: "改文字和图片", until: "有人开挖以前都可以改，改动的文字和图片会再检查一次。奖品的份数、金额和难度不能改。", now: "现在就能挖；选个时间，可以推后", save: "保存",
  keeps: "不选就还用这一张", barred: "只有发布者可以改，有人开挖以后就不能再改了",
  changed: "发布者刚改了这个宝贝的文字或图片",
};

/** What a publisher is asked before they end a treasure. */
export const endWords = ({ goods_type }) => [
  "还没有人开挖，现在可以结束。",
  goods_type === 1 ? "结束后不能恢复，已付而没有人挖到的红包会退回。" : "结束后不能恢复。",
].join("");

/** Fen as people read them: 6 元, 6.50 元, 1,000 元. A phone may not know by itself how China writes numbers. */
export function yuan(fen) {
  const whole = String(Math.floor(fen / 100)).replace(/\B(?=(\d{3})+$)/g, ",");
  return `${whole}${fen % 100 ? `.${String(fen % 100).padStart(2, "0")}` : ""} 元`;
}

// Paying for a red packet.
export const payWords = ({ prize_num, money, owed_fen, ranks = [] }) => [
  ranks.length ? `${prize_num} 份奖品里的红包` : `${prize_num} 个红包，每个 ${money} 元`,
  `，共 ${yuan(owed_fen)}。支付成功后开挖，没人挖到的、没人领的都会退回。`,
].join("");
export const PAY = { title: "支付后开挖" };

/** Until when it can be paid for; `until` is 0 while that is not known. */
export function payUntilWords(until) {
  if (!until) return "24 小时内没有支付会自动删除；结束时间更早的，到时就删除。";
  return secondsUntil(until) ? `${asMoment(until)} 以前没有支付会自动删除。` : "没有支付，已经自动删除。";
}

/** Until when a treasure can be paid for, by what `/getMyInfo` says waits; 0 if it says nothing of that. */
export function payUntil({ code, review }, toDo) {
  const due = toDo.find((each) => each.act === "pay" && each.code === code);
  return due && review === "shown" ? due.until : 0; // during a check it is kept
}
export const paidWords = ({ owed_fen }) => `已付 ${yuan(owed_fen)}`;
export const payDue = ({ owed_fen }) => `待支付 ${yuan(owed_fen)}`;
export const payButton = ({ owed_fen }) => `支付 ${yuan(owed_fen)}`;

// Why somebody may not dig, at the button.
export const WHY_NOT = {
  ended: "已结束",
  not_paid: "等发布者付款",
  no_such_task: "已下架",
  own_task: "我的宝贝",
  already_won: "已挖到",
  in_check: "还在检查",
  banned: "账号已停用",
  leaving: "正在注销账号",
};

const SHUT = ["no_such_task", "in_check", "banned", "leaving"]; // and no time changes it
const LOCKED = ["ended", "not_paid", ...SHUT];

/** Why somebody cannot dig now, by its name; "" if they can, perhaps after a cooldown. */
export function whyNot(task, seconds) {
  if (task.status || (endsFirst(task) && !seconds)) return "ended";
  if (task.why === "own_task" && task.review !== "shown") return task.review === "hidden" ? "no_such_task" : "in_check";
  return task.why === "cooling_down" ? "" : task.why; // may say so when the time is over; the other reasons stay true
}

/**
 * The button that digs: { kind, icon, big, small }. `kind` is "cooling", "ready" or "closed"; `icon` is shown where there is no `big`,
 * a time. `seconds` are those until one may dig, or until the end if that is sooner; `busy`: a dig is under way.
 */
export function pressOf(task, busy, seconds, online = true) {
  const why = whyNot(task, seconds);
  const then = endsFirst(task) ? "截止" : startWords(task) ? "开挖" : why ? "别人可挖" : "大家可挖";
  if (seconds && !SHUT.includes(why)) return { kind: "cooling", icon: "", big: asTime(seconds), small: `${seconds < 60 ? "秒" : ""}后${then}` };
  const digging = !online ? "等网络" : drawingWords(task) ? "抽签中" : "挖…";
  return {
    kind: why || busy ? "closed" : "ready", icon: LOCKED.includes(why) ? "lock" : "shovel", big: "",
    small: task.need_pay && why === "not_paid" ? "等你付款" : why === "own_task" ? OWN.open : why ? WHY_NOT[why] ?? "暂不能挖" : busy ? digging : "挖一锹",
  };
}

/** What answers a press in a cooldown: how long to wait, or who may dig then; "" while there is none. For a moment only: it does not count down. */
export function tooSoonWords(task, seconds) {
  const { kind, big, small } = pressOf(task, false, seconds);
  if (kind !== "cooling") return "";
  return whyNot(task, seconds) || endsFirst(task) ? `${big} ${small}` : `还要等 ${big}${seconds < 60 ? " 秒" : ""}`;
}
export const TOO_SOON_MS = 1500;

// The people who dug a treasure.
export const PEOPLE = { title: "一起挖的人", won: "挖到了", own: "我挖到了" };

/** What is said where nobody has dug. */
export const undug = ({ status }) => (status ? "没有人挖过" : "还没有人挖过");

// What is wrong with the connection, and with the server as it says itself.
export const LINK = { lost: "连接断开，正在重新连接…", offline: "网络已断开，恢复后自动重连", over: "连接被服务器关闭，" };
export const SERVICE = {
  ok: "",
  late: "服务器有点慢，画面可能晚一两秒，不影响挖宝",
  down: "服务器暂时没有响应，现在挖不了，恢复后会自动继续",
};

// Who dug which depth.
export const DIGS = { title: "谁挖了哪一层", more: "更早的", won: "挖到了" };

// Sharing a treasure.
export const SHARE = {
  title: "来挖宝", short: "分享", send: "分享给朋友", poster: "海报", keep: "转发或保存海报", drawing: "正在画海报…", broken: "海报没有加载出来，请再试一次",
  fair: "分享只是叫朋友来玩，不会更容易挖到。",
};

// Messages to people who left, by the occasion at which they are offered.
export const OFFERS = {
  won: { kinds: ["won", "claim_ends"], text: "领奖有期限。离开后也能在微信里收到提醒。", button: "到期前提醒我", done: "好，会在微信里提醒你领奖。" },
  published: { kinds: ["ended", "refused"], text: "宝贝结束时，在微信里告诉你结果。", button: "结束时通知我", done: "好，结束时会在微信里通知你。" },
  follow: { kinds: ["announced"], text: "TA 埋下新宝贝时，可以在微信里告诉你一次。", button: "有新宝贝时告诉我", done: "好，有新宝贝时会在微信里告诉你。" },
  cooldown: { kinds: ["cooldown_over"], text: "冷却还要一会儿，不用一直等着。", button: "冷却结束提醒我", done: "好，冷却结束时会在微信里提醒你。" },
  opening: { kinds: ["cooldown_over"], text: "还没开挖，不用一直等着。", button: "开挖时提醒我", done: "好，开挖时会在微信里提醒你。" },
};

export const NOT_OFFERED = "没有开启提醒。";

export const NO_PRIVACY = "没有同意《用户隐私保护指引》，这一步做不了";

// What WeChat did not do for a mini-program, by the function of `wx`: its own words are English, and not for people.
export const NOT_DONE = {
  login: "微信登录没有成功，请稍后再试",
  getRandomValues: "手机没有给出随机数，请再试一次",
  chooseMedia: "没有拿到图片，请再选一次",
  requestPayment: "没有付款成功，可以再付一次",
  requestSubscribeMessage: "微信没有打开提醒，请稍后再试",
  requirePrivacyAuthorize: NO_PRIVACY,
  showModal: "没有打开，请再试一次",
  downloadFile: "没有下载成功，请检查网络后再试",
  canvasToTempFilePath: "故事卡没有画出来，请再试一次",
  showShareImageMenu: "没有打开分享，长按图片也可以保存",
  previewImage: "没有打开图片，请再试一次",
  chooseMessageFile: "没有拿到表格，请再选一次",
  readFile: "表格读不出来，请再选一次",
  shareFileMessage: "没有发出去，请再试一次",
  chooseAddress: "没有拿到收货地址，可以自己填",
  setClipboardData: "没有复制成功，可以长按来选",
  scanCode: "没有扫到，可以把取件码输进来",
  updateWeChatApp: "请在应用商店里更新微信",
};

// Why a draw is fair, and how anybody checks it.
export const FAIR = {
  title: "公平", how: "怎样保证公平", numbers: "规则、承诺和随机数", commitment: "承诺（SHA-256）",
  halves: "两半随机数", servers: "服务器的一半，先公布它的 SHA-256", publishers: "发布者的一半，后选",
  verify: "验证这次抽奖", verifying: "正在验证…",
  seeds: "种子和规则原文", seed: "种子", params: "规则原文", save: "保存验证文件",
  unseen: "你在结束之前没有打开过这个页面，所以只能和现在公布的承诺核对。",
};

/**
 * What an ordinary person asks of a draw, and the answers: [question, answer]. `noted`: this client kept a commitment of
 * it while it ran. `holds` is what a check on this client came to, null before.
 */
export function fairAnswers(task, { noted = false, holds = null } = {}) {
  const together = task.rules_version === 2;
  const moved = {
    null: task.status
      ? "点下面的“验证这次抽奖”，就在这台设备上重算一遍。"
      : `还没有结束，现在不能说出位置。${noted ? "这台设备已经记下承诺，" : ""}结束后种子公开，就能自己重算一遍。`,
    true: "没有：这台设备刚刚重算过，全部相符。",
    false: "有不相符的地方：不要相信这次抽奖，请截图并联系客服。",
  }[holds];
  return [
    ["位置是在我挖以前就定好的吗？", `是，${asMoment(task.created_at)} 发布时就定好，同时公布了承诺，谁都改不了。`],
    ["有人挑过位置吗？", together
      ? "谁也不能单独挑位置：发布者和服务器各出一半随机数，合起来才是。"
      : "是服务器单独抽的。要相信它没有挑，只能靠平台的信用。"],
    ["位置动过吗？", moved],
  ];
}

/** Where a treasure's prizes may lie, and what follows for the next dig. */
export function depthRules({ prize_num, forecast_num, interval, fluctuation, ranks = [] }) {
  const kinds = ranks.length ? "哪一份是什么，也由这些随机数定下。" : "";
  const next = kinds + "在还没挖、又可能有下一份奖品的每一层，机会一样大：“下一层有奖的机会”就这样算出，人人看得到。";
  if (prize_num === 1) return `规则：1 份奖品，藏在第 1 到 ${forecast_num} 层中的某一层。${next}`;
  const spread = fluctuation ? `${interval - fluctuation} 到 ${interval + fluctuation}` : interval;
  return `规则：${prize_num} 份奖品，每份比上一份深 ${spread} 层，第一份从地面算起，最深 ${prize_num * (interval + fluctuation)} 层。${next}`;
}

export const fetchingWords = (next, all) => `正在取回第 ${next} 锹起的记录，共 ${all} 锹…`;

/** What came of checking a proof. */
export const verdictWords = (holds) => (holds ? "验证通过：全部相符" : "验证不通过：有不相符的地方");

/** What a proof shows, and what it does not. */
export const provesWords = ({ params }) => (JSON.parse(params).version === 2
  ? "它证明：位置在发布之后没有动过，发布者和服务器谁也没有单独挑位置。它不能证明：平台事先不知道位置、没有丢掉过别的抽奖结果、没有和发布者串通。"
  : "它证明：位置在发布之后没有动过。它不能证明：平台没有挑选、事先不知道位置。");
