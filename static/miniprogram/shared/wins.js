// Who got how much of a shared red packet (拼手气), for any client: the list that its group looks at.

import { asMoment } from "./clock.js";
import { pictureOf } from "./faces.js";
import { yuan } from "./words.js";

const AT_FIRST = 5;
const MOST_PAGES = 4; // of getDigs at first: a group's packets lie close together

export const WINS = { title: "谁挖到了多少", best: "手气最佳" };

const wonOf = ({ prize_num, prizes_left }) => prize_num - prizes_left;

/** Keep a win in `wins`, by depth: a row of getDigs, or a frame `prize`; `at` is when it was dug (unix ms). */
export function noteWin(wins, { depth, wxname, wxheadpic, rank, money_fen: fen }, at, { ranks }) {
  wins.set(depth, { depth, name: wxname, face: pictureOf({ wxname, wxheadpic }), fen, what: fen ? yuan(fen) : ranks[rank - 1].name, when: asMoment(at) });
}

/** Read who won, the newest digs first, until all wins are known or `pages` were read. `read(before)` resolves with rows of getDigs. */
export async function readWins(wins, task, read, pages = MOST_PAGES) {
  let before;
  for (let page = 0; page < pages && before !== 1 && wins.size < wonOf(task); page += 1) {
    const rows = await read(before);
    rows.filter(({ is_prize }) => is_prize).forEach((dig) => noteWin(wins, dig, dig.at, task));
    before = rows.length ? rows[rows.length - 1].depth : 1;
  }
}

/** The list: { count, rows, more }, the newest first, once it ended after the luckiest; `more` unfolds it, and is "" if `all` shows. */
export function shownWins(wins, task, all) {
  const number = wonOf(task);
  const rows = [...wins.values()].sort((one, other) => other.depth - one.depth);
  const sums = rows.map(({ fen }) => fen).filter(Boolean);
  const most = task.status && rows.length >= number && new Set(sums).size > 1 ? Math.max(...sums) : -1;
  const best = rows.find(({ fen }) => fen === most);
  const inOrder = best ? [best, ...rows.filter((row) => row !== best)] : rows;
  return {
    count: `${number} / ${task.prize_num} 份`,
    rows: inOrder.slice(0, all ? rows.length : AT_FIRST).map((row) => ({ ...row, best: row === best ? WINS.best : "" })),
    more: all || number <= AT_FIRST ? "" : `全部 ${number} 份`,
  };
}
