// What people read where prizes are handed out and where an account is deleted, in any client: no first view needs it.

import { asMoment } from "./clock.js";
import { WINNERS, wonWords } from "./words.js";

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

/** The filters of a publisher's list of prizes, by state, as `getWinners` names them; `mailed`: some are goods by mail. */
export const wantedOf = (mailed) => [["all", "全部"], ...(mailed ? [["to_send", "待寄出"]] : []), ["open", "待领取"], ["done", "已发出"], ["gone", "退回"]];

/** What came of the rows of an uploaded table: what is said, and a line for each row that was refused. */
export function shippedWords(rows) {
  const refused = rows.filter((row) => row.refused);
  if (!rows.length) return { said: WINNERS.nothing, lines: [] };
  const said = refused.length ? WINNERS.someNoted(rows.length - refused.length, refused.length) : WINNERS.allNoted(rows.length);
  return { said, lines: refused.map(({ row, depth, refused: why }) => `第 ${row} 行${depth ? `（第 ${depth} 层）` : ""}：${why}`) };
}

/** Until when winners may claim; "" while the treasure runs. */
export const claimsEnd = (moment) => (moment ? `${asMoment(moment)} 截止领奖` : "");

/** What a publisher reads if nobody won; `moment` is that of `claimsEnd`. */
export const noWinners = (moment) => (moment ? "没有人挖到" : "还没有人挖到");

/** What a publisher is told after the right pick-up code. */
export function pickupRight(won, task) {
  const prize = wonWords(won, task);
  return `取件码正确，可以把奖品${prize ? `“${prize}”` : ""}交给 ${won.wxname}`;
}
