// Why somebody may report a treasure, by what the server calls it. WeChat's action sheet holds six.

export const REASONS = {
  fraud: "欺诈，不给奖品",
  illegal: "违法违规",
  vulgar: "色情低俗",
  infringing: "侵权、冒充",
  abusive: "辱骂、骚扰",
  other: "其他",
};
