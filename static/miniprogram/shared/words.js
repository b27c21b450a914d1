// What people read, by what the server calls it.

// What an operator writes, and people may read.
export const TEXTS = { agreement: "用户协议", privacy: "隐私政策" };

// What somebody is told before they delete their account.
export const LEAVING = [
  "提出以后会退出登录，有七天可以反悔：重新登录，在“我的”里点“撤销注销”。",
  "这七天里可以查看、领已经挖到的奖品；不能挖、发布、付款、上传、举报和改名字。",
  "七天以后删除账号、名字、头像、收货地址、上传的图片和消息，不能恢复；没有领的奖品到期退回发布者。",
  "活动规则、挖过和挖到的记录换成随机代号，保留至少两年。",
];

/** Return what is told to who deletes their account; `moment` is when that will be, in words. */
export const leavesAt = (moment) => `账号将在 ${moment} 以后删除。在那以前可以查看、领已经挖到的奖品，或者撤销。`;

// Why somebody may report a treasure. WeChat's action sheet holds six.
export const REASONS = {
  fraud: "欺诈，不给奖品",
  illegal: "违法违规",
  vulgar: "色情低俗",
  infringing: "侵权、冒充",
  abusive: "辱骂、骚扰",
  other: "其他",
};

// Who brings goods by mail.
export const CARRIERS = ["顺丰", "中通", "圆通", "韵达", "申通", "极兔", "京东", "EMS", "邮政", "德邦", "其他"];

// Why a treasure ended.
export const ENDINGS = {
  prizes_gone: "奖品全部挖完了",
  depth_reached: "已经挖到底了",
  expired: "时间到了，没有挖完",
  publisher: "发布者结束了这个宝贝",
  operator: "平台结束了这个宝贝",
  refused: "没有通过内容检查",
  credit: "发红包不能用信用卡：没有开始，付的钱全额退回",
};

/**
 * Return what a publisher is told before they pay for red packets. Without a figure (0), a limit is named without it;
 * null is no limit.
 */
export const cashRules = ({ credit = 0, privateYuan = 0, newcomerYuan = 0 } = {}) => [
  credit ? "" : "不能用信用卡付，付了会全额退回，也不会开挖。",
  privateYuan === null ? "" : `不公开的红包，一天发出的钱${privateYuan ? `最多 ${privateYuan} 元` : "有上限"}。`,
  newcomerYuan === null ? "" : `刚来的人，一天领到的钱${newcomerYuan ? `最多 ${newcomerYuan} 元` : "有上限"}。`,
  "超过的不会丢：第二天再领，或等平台的人核对。",
].join("");

/** Return what one of the goods is worth by its publisher, "" if they did not say. */
export const worth = ({ value }) => (value ? `值 ${value} 元` : "");

// From this many yuan on the tax is named: the docs say why (docs/launch.md).
const isTaxed = ({ value }) => value > 800;

/** Return what a winner is told of the tax on their prize, "" if nothing. */
export const winnersTax = (task) => (isTaxed(task)
  ? `这份奖品${worth(task)}。得奖可能要按“偶然所得”缴 20% 的个人所得税，由发布者代扣代缴；他可能为此问你要报税的信息。`
  : "");

/** Return what a publisher is told of it, "" if nothing. */
export const publishersTax = (task) => (isTaxed(task)
  ? `每份${worth(task)}：得奖的人可能要按“偶然所得”缴 20% 的个人所得税，由你这个主办者代扣代缴，请先向税务机关问清。`
  : "");

/** Return who drew where a treasure's prizes lie. */
export const whoDrew = ({ rules_version }) => (rules_version === 2
  ? "奖品的位置由发布者和服务器各出一半随机数定下，谁也不能单独挑位置。"
  : "奖品的位置由服务器单独抽出。");

/** Return what a publisher is told of the half they drew: whether the treasure's commitment covers it. */
export const halfWords = (holds) => (holds
  ? "你出的那一半在里面，服务器也没有换掉它先给出的那一半。"
  : "服务器没有按你出的那一半来抽，请不要相信这次抽奖，并留下这一页的截图。");

// About what is checked before others see it, or was taken down.
const TREASURE = {
  checking: "正在检查内容，通过以后大家才看得到、才能挖。一般几分钟。",
  held: "正在等平台的人看一看，通过以后大家才看得到、才能挖。",
  refused: "没有通过内容检查，别人看不到。付的钱会全额退回。",
  hidden: "平台下架了它：只有你和已经挖到的人看得到，也不能再挖。",
};
const PROFILE = {
  checking: "新的名字和头像正在检查，通过以后别人才看得到。",
  held: "新的名字和头像正在等平台的人看一看，通过以后别人才看得到。",
  refused: "新的名字和头像没有通过，请换一个。",
};

/** Return what a treasure's publisher is told, "" if everybody sees it. */
export const inReview = (review, note) => worded(TREASURE[review], note);

/** Return what a person is told about the name and picture they chose last, "" if others see them. */
export const profileInReview = (review, note) => worded(PROFILE[review], note);

function worded(text, note) {
  return text ? text + (note ? `理由：${note}。` : "") : "";
}
