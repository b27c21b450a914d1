// Reasons as people read them, by what the server calls them.

// Why somebody may report a treasure. WeChat's action sheet holds six.
export const REASONS = {
  fraud: "欺诈，不给奖品",
  illegal: "违法违规",
  vulgar: "色情低俗",
  infringing: "侵权、冒充",
  abusive: "辱骂、骚扰",
  other: "其他",
};

// Why a treasure ended.
export const ENDINGS = {
  prizes_gone: "奖品全部挖完了",
  depth_reached: "已经挖到底了",
  expired: "时间到了，没有挖完",
  publisher: "发布者结束了这个宝贝",
  operator: "平台结束了这个宝贝",
  refused: "没有通过内容检查",
};
