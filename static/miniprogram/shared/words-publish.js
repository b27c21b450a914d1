// What people read where they publish, in any client. It stands apart from the other words, since a first view does
// not need it.

import { asMoment } from "./clock.js";
import { TAXED_YUAN } from "./words-later.js";
import { whoIsFirst } from "./words.js";

// Publishing: the fields by the server's names for them, what may be chosen, and what is said.
export const FIELDS = {
  name: "物品名", synopsis: "简介", wxname: "署名", prize_num: "奖品数量", money: "每个红包多少元", value: "每份值多少元",
  forecast_num: "预计挖多少锹", interval: "每隔多少层一份奖品", fluctuation: "上下浮动多少层", cd: "每锹之后冷却几秒",
  starts_at: "什么时候开挖", ends_at: "什么时候结束", draw_type: "怎么给", is_public: "谁能看到",
  place: "领取地点", pickup_time: "领取时间", not_sent_to: "不寄到哪里", contact: "联系方式",
};
export const GIVING = [["2", "邮寄"], ["1", "现场领取"]];
export const AUDIENCE = [["1", "出现在广场"], ["0", "只有拿到链接的人"]];
export const PUBLISH = {
  named: "1 到 50 个字", told: "可以不填，最多 2000 个字",
  seen: "可以不填，大家看得到", regions: "比如：新疆、西藏", notSentTo: "可以不填，只写省级地区；填了的话，收货地址要从省写起，按它核对", contact: "可以不填，只给中奖的人看",
  worth: "可以不填，1 到 50000；公开", signed: "可以不填，最多 32 个字；不填就用你的名字和头像，填了会标明是署名",
  picture: "请先选一张图片", noPicture: "不选图片，就用画好的红包图。",
  starts: "不填就马上开挖；最多提前 30 天预告", bury: "埋下宝贝",
  maybe: "没有收到回音，可能已经埋下了。再点一次就知道，不会埋下两个",
  what: "选一种埋法", tempo: "快慢：大约多久挖完", own: "不填的，就用灰色的数", one: "不填就是 1",
  quick: "就这样埋下？", agree: "埋下",
};

// What one may bury, the most usual first: [of, name, what it is]. `packet` needs a server that takes red packets.
export const WHATS = [
  ["packet", "群红包", "大家一起挖，每份多少看手气。只有拿到链接的人看得到；想公开到广场，就选“更多”。"],
  ["thing", "一件东西", "选张图、起个名，放到广场上，谁都能来挖；挖到的人得到它。只给熟人，就选“更多”。"],
  ["more", "更多", "几份、几种奖品，预告开挖的时间，自己定难度。"],
];
/** Until when it can be dug at the latest, where a day can be chosen; `days` is this server's `task_days`. */
export const endsHint = (days) => `不填就到奖品挖完；最晚开挖后 ${days} 天`;
/** Until when it can be dug, whatever its tempo: a packet for a group for a day, others until `ends_at`, if it is set. */
export function deadlineWords({ group, ends_at, paid, days }) {
  const end = group ? "埋下 24 小时后" : ends_at ? asMoment(ends_at) : `开挖 ${days} 天后`;
  return `截止：不管快慢，${end}就结束${paid ? "，剩下的钱退给你" : ""}。`;
}
export const PACKET = { sum: "总金额（元）", number: "红包个数", wish: "祝福语", usual: "恭喜发财，大吉大利", unsaid: "不填就写“恭喜发财，大吉大利”", share: "拼手气红包", bury: "塞钱进红包" };
/** What asks for a sum that was not filled in, and what it may be, in yuan. */
export const sumMissing = (least, most) => `请填总金额，${least} 到 ${most} 元`;
/** What the sum of a red packet for a group may be, in yuan. */
export const sumRange = (most) => `每份至少 0.1 元，一共最多 ${most} 元`;
// The tempos, and the person's own numbers in place of one.
export const TEMPOS = [["minutes", "五分钟"], ["evening", "一晚上"], ["day", "一整天"], ["own", "自己定"]];
// What the kinds of prizes are called whose publisher gives them no names.
export const RANKS = ["一等奖", "二等奖", "三等奖", "四等奖", "五等奖", "六等奖", "七等奖", "八等奖", "九等奖", "十等奖"];

/** What a number of a form has to be. */
export const rangeWords = (label, least, most, whole) => `“${label}”应为 ${least} 到 ${most}${whole ? " 的整数" : "，最多两位小数"}`;

/** One of several kinds of prizes, in a form. */
export const KIND = { name: "名称", unnamed: (place) => `不填就叫“${RANKS[place - 1]}”`, picture: "可以不选，就用宝贝的图片", title: (place) => `第 ${place} 种` };

/** Return what a publisher reads about that tax, "" if there is none. */
export function publishersTax({ value = 0, ranks = [] }) {
  const yuan = Math.max(value, ...ranks.map((rank) => rank.value ?? 0));
  if (!(yuan > TAXED_YUAN)) return "";
  return `一份值 ${yuan} 元：得奖的人可能要按“偶然所得”缴 20% 的个人所得税，由你这个主办者代扣代缴，请先向税务机关问清。`;
}

/** Return what a cooldown can be in seconds, and who is first after it. */
export const cooldownHint = (least, fairStartMs) => [`${least} 到 3600`, whoIsFirst(fairStartMs)].filter(Boolean).join("；");

/** Return what a fluctuation can be: at least `gap` less than the interval. */
export const fluctuationHint = (interval, gap) => [
  interval ? `${interval > gap ? `0 到 ${interval - gap}` : "只能是 0"}，` : "", gap > 1 ? `发红包时至少比间隔小 ${gap}` : "小于间隔", "；0 就是人人都知道位置",
].join("");
