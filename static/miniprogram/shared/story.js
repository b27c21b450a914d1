// What an ended treasure tells, for any client: who dug which level, what came up, and what one's own digs missed by.

import { pictureOf } from "./faces.js";
import { findName } from "./finds.js";
import { OWN, title, yuan } from "./words.js";

export const STORY = {
  title: "这次的故事", shaft: "一层一层", finds: "这里挖出过", card: "做一张故事卡", drawing: "正在画故事卡…", keep: "保存或发给朋友",
  back: "回到宝贝", none: "没有人挖过", older: "更浅的几层没有列出",
  cardHint: "卡上只有你和埋宝人的名字。发出去不会带来任何好处。",
};
export const THANKS = { done: "谢意送到了", next: "接下来" };

/** What a winner may say to the giver, by the server's signs: they are those of the cheers. */
export const THANK_YOUS = { heart: "好喜欢", fire: "真热闹", clover: "祝你好运", laugh: "乐坏了", wow: "没想到", star: "你真大方" };

/** How a winner thanked, beside the sign; "" if they did not. */
export const thankedWords = ({ thanks }) => (thanks ? `${OWN.thanks}：${THANK_YOUS[thanks]}` : "");

/** What asks a winner to thank the giver. */
export const thanksAsk = ({ wxname }) => `跟 ${wxname} 说声谢谢`;

/** What is said above those who thanked. */
const thankedBy = (number, { mine }) => `${number} 人${mine ? "对你" : ""}说了谢谢`;

const FACES = 40; // of those who thanked

const RECORDS = { best: "手气最佳", most: "挖得最多", miss: "没得奖里挖得最深" };
const SIGNS = Object.keys(THANK_YOUS);

/** What a level's prize is, in words: `won` and `fen` are those of getStory. */
function prizeAt({ won, fen }, at, task) {
  if (!won[at]) return "";
  return [rankAt(won, at, task) || (fen[at] ? "" : task.name), fen[at] ? yuan(fen[at]) : ""].filter(Boolean).join("，");
}

/** The name of a level's prize, "" if its treasure has one kind. */
const rankAt = (won, at, { ranks = [] }) => ranks[won[at] - 2]?.name ?? "";

/**
 * Return what a story tells of a treasure: { headline, giver, own, dug, mayThank, records, thanked, thanks, thankers, finds, levels }.
 * `story` is getStory's reply, `task` the details, `lost` as for `ownWords`.
 */
export function tell(story, task, lost = 0) {
  const { first, who, finds, won, fen, thanks, people, no: own } = story;
  const known = new Map(people.map((each) => [each.no, each]));
  const nameOf = (no) => known.get(no)?.wxname ?? `第 ${no} 位`;
  const levels = who.map((no, at) => ({
    depth: first + at, no, name: nameOf(no), face: known.has(no) ? pictureOf(known.get(no)) : "", own: no === own, find: finds[at], found: finds[at] ? findName(finds[at]) : "",
    prize: prizeAt(story, at, task), fen: fen[at], sign: SIGNS[thanks[at] - 1] ?? "",
  }));
  const dug = new Map();
  for (const no of who) dug.set(no, (dug.get(no) ?? 0) + 1);
  const winners = new Set(who.filter((_, at) => won[at]));
  const best = levels.filter(({ prize }) => prize).sort((one, other) => other.fen - one.fen || dug.get(one.no) - dug.get(other.no))[0];
  const [most] = [...dug].sort(([, one], [, other]) => other - one);
  const thankers = levels.filter(({ sign }) => sign);
  const alike = [...dug.values()].filter((number) => most && number === most[1]).length;
  const miss = [...levels].reverse().find(({ no }) => !winners.has(no));
  return {
    headline: headline(task, own),
    giver: `${task.wxname} 埋的`,
    own: ownWords(story, task, lost),
    dug: who.includes(own),
    mayThank: Boolean(task.is_prize && !task.thanks),
    records: [
      best && fen.some((each) => each && each !== best.fen) && [RECORDS.best, best.name, best.prize],
      most && [RECORDS.most, nameOf(most[0]) + (alike > 1 ? ` 等 ${alike} 人` : ""), `${most[1]} 锹`],
      miss && [RECORDS.miss, miss.name, `第 ${miss.depth} 层`],
    ].filter(Boolean).map(([label, name, what]) => ({ label, name, what })),
    thanked: thankers.length ? thankedBy(thankers.length, task) : "",
    thankers: thankers.slice(0, FACES).map(({ depth, name, face, sign }) => ({ depth, name, face, sign })),
    thanks: SIGNS.map((sign, at) => ({ sign, words: THANK_YOUS[sign], number: thanks.filter((each) => each === at + 1).length })).filter(({ number }) => number),
    finds: [...new Set(finds)].filter(Boolean).sort((one, other) => one - other),
    levels,
  };
}

/** How many dug a treasure, and how deep; `own` says that whoever reads it is one of them. */
export const headline = ({ participants, now_depth }, own) => `${own ? "我们 " : ""}${participants} 人挖了 ${now_depth} 层`;

/**
 * Return what one's own presses came to: how many of them dug, and what they won, or by how many levels they missed; and
 * how many lost to a random order, as far as this client knows. "" without one.
 */
export function ownWords(story, task, lost = 0) {
  return [dugWords(story, task), lost ? `${lost} 次和别人同时按下，没抽中` : ""].filter(Boolean).join("；");
}

function dugWords({ no, first, who, won, fen }, task) {
  const depths = who.flatMap((each, at) => (each === no ? [first + at] : []));
  if (!depths.length) return "";
  const mine = `你挖了 ${depths.length} 锹`;
  const wins = who.flatMap((_, at) => (won[at] ? [at] : []));
  const own = wins.find((at) => who[at] === no);
  if (own !== undefined) return `${mine}，挖到了${rankAt(won, own, task) || !fen[own] ? prizeAt({ won, fen }, own, task) : ` ${yuan(fen[own])}红包`}`;
  const missed = wins.map((at) => ({ at, by: Math.min(...depths.map((depth) => Math.abs(depth - first - at))) })).sort((one, other) => one.by - other.by)[0];
  if (!missed) return mine;
  const rank = rankAt(won, missed.at, task);
  const what = fen[missed.at] ? ` ${yuan(fen[missed.at])}的${rank || "红包"}` : rank || task.name;
  return `${mine}，离${what}差 ${missed.by} 层`;
}

/**
 * Draw the story card: `context` is that of a canvas of `CARD` pixels. It names the giver and whoever sends it, nobody else.
 */
export const CARD = { width: 600, height: 800 };
const LEAST_SIZE = 26; // a text is first made smaller, then cut
const LONGEST = 20; // characters of that size in a line
export function drawCard(context, task, story, { nickName }) {
  const { width, height } = CARD;
  const earth = context.createLinearGradient(0, 0, 0, height);
  for (const [at, colour] of [[0, "#8a4a16"], [0.4, "#6b3d18"], [1, "#2a1607"]]) earth.addColorStop(at, colour);
  context.fillStyle = earth;
  context.fillRect(0, 0, width, height);
  context.fillStyle = "rgba(0, 0, 0, 0.14)";
  for (let y = 40; y < height; y += 88) context.fillRect(0, y, width, 26);
  context.textAlign = "center";
  const line = (text, y, most, colour, bold = "") => {
    let size = most;
    const fits = () => {
      context.font = `${bold} ${size}px sans-serif`;
      return context.measureText(text).width <= width - 80;
    };
    while (!fits() && size > LEAST_SIZE) size -= 2;
    context.fillStyle = colour;
    context.fillText(fitting(context, text, width - 80), width / 2, y);
  };
  line(headline(task, true), 120, 52, "#ffd98a", "bold");
  line(title(task), 185, 34, "#fdeed6");
  line(`${task.wxname} 埋的`, 235, 28, "#e5c79c");
  drawLegend(context);
  drawLevels(context, story);
  line(nickName, 610, 36, "#ffd98a", "bold");
  const own = ownWords(story, task);
  line((own.length > LONGEST ? ownWords(story, { ...task, name: "奖品", ranks: [] }) : own).replace(/^你/, ""), 665, 32, "#fdeed6");
  line("挖宝", 755, 26, "#e5c79c");
}

// The colours of a card's squares: a level with a prize, one's own, another.
const COLOURS = { won: "#f2b632", own: "#fdeed6", other: "rgba(253, 238, 214, 0.22)" };
const LEGEND = [[COLOURS.won, "挖到奖品"], [COLOURS.own, "我挖的"], [COLOURS.other, "别人挖的"]];

/** Say in one line what the squares mean. */
function drawLegend(context) {
  const side = 18;
  const gap = 28;
  context.font = "26px sans-serif";
  const widths = LEGEND.map(([, words]) => side + 8 + context.measureText(words).width);
  let left = (CARD.width - widths.reduce((sum, width) => sum + width + gap, -gap)) / 2;
  context.textAlign = "left";
  LEGEND.forEach(([colour, words], at) => {
    context.fillStyle = colour;
    context.fillRect(left, 558 - side, side, side);
    context.fillStyle = "#e5c79c";
    context.fillText(words, left + side + 8, 557);
    left += widths[at] + gap;
  });
  context.textAlign = "center";
}

/** Draw each level as a square, the first one at the top left: one with a prize in gold, one's own in white. */
function drawLevels(context, { who, won, no }) {
  const [top, width, height] = [270, CARD.width - 80, 250];
  const columns = Math.min(who.length, Math.ceil(Math.sqrt((who.length * width) / height)));
  const side = Math.min(52, width / columns, height / Math.ceil(who.length / columns));
  who.forEach((each, at) => {
    context.fillStyle = won[at] ? COLOURS.won : each === no ? COLOURS.own : COLOURS.other;
    context.fillRect((CARD.width - side * columns) / 2 + side * (at % columns), top + side * Math.floor(at / columns), 0.84 * side, 0.84 * side);
  });
}

/** Cut a text to a width, between what people take for characters: an emoji of several code points is cut off whole. */
function fitting(context, text, width) {
  const { Segmenter } = typeof Intl === "undefined" ? /** @type {any} */ ({}) : /** @type {any} */ (Intl); // phones may lack both
  const characters = Segmenter ? Array.from(new Segmenter().segment(text), ({ segment }) => segment) : Array.from(text);
  if (context.measureText(text).width <= width) return text;
  while (characters.length && context.measureText(`${characters.join("")}…`).width > width) characters.pop();
  return `${characters.join("")}…`;
}
