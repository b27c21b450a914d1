// The finds (地层图鉴), for any client: their words, and where each stands in the picture finds.svg.

import { asMoment } from "./clock.js";
import { LAYERS } from "./words.js";

const A_LAYER = 8;
const NAMES = [
  "玻璃弹珠", "瓶盖", "旧钥匙", "纽扣", "陀螺", "铁皮青蛙", "掌上游戏机", "时光胶囊",
  "煤油灯", "搪瓷杯", "银元", "老邮票", "算盘", "留声机", "怀表", "老相机",
  "青花碗", "折扇", "铜锁", "毛笔", "鼻烟壶", "紫砂壶", "景泰蓝瓶", "金元宝",
  "开元通宝", "建盏", "铜镜", "围棋子", "木梳", "三彩马", "汝窑瓶", "金步摇",
  "瓦当", "竹简", "铜箭头", "陶罐", "铜铃", "兵马俑", "青铜剑", "虎符",
  "石斧", "贝币", "彩陶盆", "骨针", "菊石", "甲骨", "玉琮", "恐龙蛋",
];

export const BOOK = {
  title: "地层图鉴", cameUp: "这里挖出过", there: "在这个宝贝里挖到", again: "再试一次",
  first: "小玩意不是奖品，收进“我的”里的图鉴。表土是最上面一层。",
  rule: "每一锹挖出的东西都归你，收在这里；是哪一件，也由抽奖的随机数定下。它只供收藏：没有价值，不能买卖、转送，不影响得奖的机会。",
};

/** Say once on a device, with the first find, where finds are kept and what layers are. `kept` is `{ get, set }` of a note. */
export function explainOnce(kept, say) {
  if (!kept.get()) say(BOOK.first);
  kept.set(1);
}

/** In which layer a depth is, from 0. */
export const layerOf = (depth) => LAYERS.filter(([, from]) => from <= depth).length - 1;

/** A find's name, and how seldom it comes up; "" for most. */
export const findName = (find) => NAMES[find - 1];
const seldom = (find) => ["少见", "少见", "难得"][((find - 1) % A_LAYER) - 5] ?? "";

/** A find's place in the picture: its column, from 0, and its row, the layer. */
export const placeOf = (find) => [(find - 1) % A_LAYER, Math.floor((find - 1) / A_LAYER)];

/** What one's own dig that won nothing brought up: a small thing, which nobody should take for a prize. It takes two rows of a phone at most. */
export function foundWords({ now_depth, find }) {
  const how = seldom(find);
  return `你挖了第 ${now_depth} 层，没有奖，小玩意“${findName(find)}”${how ? `（${how}）` : ""}收进图鉴`;
}

/** What somebody else's dig brought up: what they did. */
export const broughtWords = (find) => `挖出小玩意“${findName(find)}”`;

/** What a dig that won brought up besides; "" for nothing. */
export const besidesWords = ({ find }) => (find ? `还挖出小玩意“${findName(find)}”，收进图鉴` : "");

/** How many layers are whole and how many finds there are, as the book says above them. */
export const countWords = (found, layers) => [`${found.length} / ${NAMES.length} 件`, layers ? `集齐 ${layers} 层` : ""].filter(Boolean).join(" · ");

/** The book: its layers, each with its finds, whether they were found or not. `found` are those of getMyFinds. */
export function bookOf(found) {
  const known = new Map(found.map((each) => [each.find, each]));
  return LAYERS.map(([name, from], layer) => {
    const until = Number(LAYERS[layer + 1]?.[1]) - 1;
    const finds = NAMES.slice(layer * A_LAYER, (layer + 1) * A_LAYER).map((each, number) => {
      const find = layer * A_LAYER + number + 1;
      const { at = 0, code = "" } = known.get(find) ?? {};
      return { find, code, name: at ? each : "还没挖到", when: at ? asMoment(at).split(" ")[0] : "", seldom: seldom(find) };
    });
    const number = finds.filter(({ code }) => code).length;
    return { name, depths: until ? `第 ${from}–${until} 层` : `第 ${from} 层以下`, number: number === A_LAYER ? "集齐了" : `${number} / ${A_LAYER}`, finds };
  });
}
