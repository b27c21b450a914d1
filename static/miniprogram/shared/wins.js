// Who got how much of red packets, for any client: the list that its group looks at.

import { SPREAD_MS } from "./afterwards.js";
import { asMoment } from "./clock.js";
import { pictureOf } from "./faces.js";
import { keepShown } from "./renewing.js";
import { yuan } from "./words.js";

const AT_FIRST = 5;
const PAGE = 50; // of getDigs

export const WINS = { title: "谁挖到了多少", best: "手气最佳", own: "我" };

const wonOf = ({ prize_num, prizes_left }) => prize_num - prizes_left;

/** Whether packets may pay different sums, so that somebody may be luckier than others. */
const sumsDiffer = ({ ranks }) => ranks.length > 1 || ranks.some(({ sum_fen }) => sum_fen);

function rowOf({ depth, no, wxname, wxheadpic, rank, money_fen }, at, { ranks, money }) {
  const fen = rank ? money_fen : 100 * money; // where all are alike, a win does not say how much
  return { depth, no, name: wxname, face: pictureOf({ wxname, wxheadpic }), fen, what: fen ? yuan(fen) : ranks[rank - 1].name, when: asMoment(at) };
}

/** Keep a win in `wins`, by depth: a row of getDigs, or a frame `prize`; `at` is when it was dug (unix ms). */
export function noteWin(wins, win, at, task) {
  wins.set(win.depth, rowOf(win, at, task));
}

/** Show a win, if it is known, in the list or as the luckiest, by the name and the face that its winner has now; `no` is their place. */
export function renameWin(wins, luck, { no, wxname, wxheadpic }) {
  for (const win of [...wins.values(), luck.best]) if (win && win.no === no) Object.assign(win, { name: wxname, face: pictureOf({ wxname, wxheadpic }) });
}

/** Read a page of who won, unless all are known: the newest, or with `earlier` those before the known. `read(asked)` resolves with the reply of getDigs. */
export async function readWins(wins, task, read, earlier) {
  if (wins.size >= wonOf(task)) return;
  const before = earlier && wins.size ? Math.min(...wins.keys()) : undefined;
  const { data } = await read({ code: task.code, won: 1, before });
  if (before && !data.length) return readWins(wins, task, read); // the newest are missing
  const least = data.length ? data[data.length - 1].depth : 0;
  for (const depth of wins.keys()) if (!before && depth < least) wins.delete(depth); // some between may be missing: they come with earlier pages
  data.forEach((dig) => noteWin(wins, dig, dig.at, task));
}

/** The luckiest in an ended packet's story, as a row of the list; null where all won the same, or the story is cut. */
async function readBest(task, get) {
  const { code } = task;
  const { first, fen } = await get("/getStory", { code });
  const most = Math.max(...fen);
  if (first > 1 || fen.every((each) => !each || each === most)) return null;
  const { data: [dig] } = await get("/getDigs", { code, won: 1, before: first + fen.lastIndexOf(most) + 1 });
  return rowOf(dig, dig.at, task);
}

/** Where more won than the first page lists, seek the luckiest once at the end, some seconds later, into `luck.best`: all who watch find it ended at once. */
export function seekBest(luck, task, get, show) {
  if (luck.sought || !task.status || wonOf(task) <= PAGE || !sumsDiffer(task)) return;
  luck.sought = true;
  setTimeout(() => readBest(task, get).then((best) => show(Object.assign(luck, { best })), keepShown), Math.random() * SPREAD_MS);
}

/**
 * The list: { count, rows, more }, the newest first, once it ended after the luckiest, which may be known as `found`; `more` shows
 * `all` that are known, then asks for earlier ones.
 */
export function shownWins(wins, task, all, found = null) {
  const number = wonOf(task);
  const rows = [...wins.values()].sort((one, other) => other.depth - one.depth);
  const sums = rows.map(({ fen }) => fen).filter(Boolean);
  const most = task.status && rows.length >= number && new Set(sums).size > 1 ? Math.max(...sums) : -1;
  const best = rows.find(({ fen }) => fen === most) ?? found;
  const inOrder = best ? [best, ...rows.filter(({ depth }) => depth !== best.depth)] : rows;
  const shown = inOrder.slice(0, all ? inOrder.length : AT_FIRST);
  const left = number - shown.length;
  return {
    count: `${number} / ${task.prize_num} 份`,
    rows: shown.map((row) => ({ ...row, best: row === best ? WINS.best : "", own: row.no === task.no ? WINS.own : "" })),
    more: left <= 0 ? "" : !all && number <= PAGE ? `全部 ${number} 份` : `再看 ${Math.min(left, PAGE)} 份`,
  };
}
