// A person's own page: numbers, name and picture, and the treasures published, dug and won.

import { get, logOut } from "./api.js";
import { cardSet } from "./cards.js";
import { keepNew } from "./channel.js";
import { calendar } from "./daily.js";
import { observeCard } from "../miniprogram/shared/clock.js";
import { LISTS, firstList } from "../miniprogram/shared/lists.js";
import { keepShown } from "../miniprogram/shared/renewing.js";
import { arrange, avatar, el, fill, set, showNumbers, write } from "./dom.js";
import { askToLeave, keeping } from "./leaving.js";
import { askName } from "./naming.js";
import { book, named } from "./finds.js";
import { editProfile } from "./profile.js";
import { preferences } from "./preferences.js";
import { MINE, NAMING, PUBLISHER, footprintWords, luckWords, personNumbers, profileInReview } from "../miniprogram/shared/words-later.js";
import { AFTER, title } from "../miniprogram/shared/words.js";
import { focusHeading } from "./router.js";
import { person } from "./session.js";
import { parcel } from "./shipping.js";
import { textLinks } from "./texts.js";
import { showWaiting, waitingPanel } from "./waiting.js";

const RENEW_MS = 20_000;
const RENEWED_PAGES = 5; // cards further down are not renewed
const PAGE = 20;

/** Show the list `which`, or without it the one where the person looks first. `known` is getMyInfo's reply, if it was just read. */
export function mine(root, signal, which, known = null) {
  if (!which) {
    fill(root, el("p.blank", { role: "status" }, "正在读取…"));
    readFirst().then((found) => {
      if (signal.aborted) return;
      mine(root, signal, found ? firstList(found) : "won", found);
      if (document.activeElement === root) focusHeading(root);
    });
    return "我的";
  }
  const numbers = el("dl.numbers");
  const uncounted = el("p.problem", { role: "alert" });
  const inCheck = el("p.review", { role: "status" });
  const leaving = el("section.panel.stack", { role: "status", hidden: true });
  const leave = el("button.link", { onclick: askToLeave }, "注销账号");
  const asking = askName(signal, NAMING.mine);
  const luck = el("p.panel.luck", { role: "status", hidden: true });
  const list = which === "digs" ? footprints(signal, begin) : which === "finds" ? book(signal, begin) : makeList(which, signal, begin);
  const days = el("div");
  let leavesAt = 0;
  root.classList.add("wide");
  fill(
    root,
    el("section.panel.me", {},
      avatar({ wxheadpic: person.avatarUrl, wxname: person.nickName }, 64),
      el("div", {}, el("h1", {}, person.nickName), el("p.buttons", {},
        el("button.link", { onclick: () => editProfile(signal) }, "改名字和头像"),
        el("a.link", { href: "#/follows" }, PUBLISHER.followed))),
      numbers),
    waitingPanel,
    leaving,
    uncounted,
    inCheck,
    asking,
    el("nav.tabs", { "aria-label": "我的宝贝" }, Object.entries(MINE).map(([name, { title }]) =>
      el("a", { href: `#/mine/${name}`, "aria-current": name === which ? "page" : null }, title))),
    luck,
    list.elements,
    days,
    preferences(),
    el("div.texts", {}, textLinks(), el("button.link", { onclick: logOut }, "退出登录"), leave),
  );

  async function readNumbers(told = null) {
    const found = told ?? await get("/getMyInfo");
    if (!person) return; // logged out meanwhile
    const { review, review_note, delete_at } = found;
    if (delete_at && delete_at !== leavesAt) fill(leaving, keeping(delete_at, readNumbers));
    set(leaving, { hidden: !delete_at });
    set(leave, { hidden: Boolean(delete_at) });
    leavesAt = delete_at;
    write(uncounted, "");
    write(inCheck, profileInReview(review, review_note));
    set(asking, { hidden: person.named !== 0 || ["checking", "held"].includes(review) }); // they chose one already
    showNumbers(numbers, personNumbers(found));
    if (!signal.aborted) showWaiting(found.to_do);
    const words = which === "digs" ? luckWords(found) : "";
    set(luck, { hidden: !words });
    write(luck, words);
  }

  /** Read the list and the numbers. What failed is said once, beside what reads both again. */
  async function begin() {
    const listed = list.load();
    const told = known;
    known = null; // a retry reads them anew
    try {
      await readNumbers(told);
    } catch (error) {
      if (!error.error) throw error;
      if (await listed) fill(uncounted, error.message, " ", el("button.link", { onclick: () => list.renew(readNumbers).catch(keepShown) }, "再试一次"));
    }
  }

  begin();
  calendar(days).catch(keepShown);
  keepNew(RENEW_MS, () => list.renew(readNumbers), signal);
  const ticking = setInterval(list.tick, 500);
  signal.addEventListener("abort", () => clearInterval(ticking));
  return "我的";
}

/** Read the numbers by which to choose a list; null if that fails, which reading them again will tell. */
async function readFirst() {
  try {
    return await get("/getMyInfo");
  } catch (error) {
    if (!error.error) throw error;
    return null;
  }
}

/**
 * Return one of the lists, with `load()` for its next page, which resolves with whether it was read, and
 * `renew(readNumbers)`. Where nothing was read, its button calls `begin`.
 */
function makeList(which, signal, begin) {
  const { path, whose, foot } = LISTS[which];
  const { none } = MINE[which];
  const list = el("ul.cards");
  const said = el("p.blank", { role: "status" }, "正在读取…");
  const way = wayOn(which);
  const more = el("button", { hidden: true, onclick: () => (pages ? load() : begin()) });
  const shown = cardSet((card) => footer(card, foot(card)));
  let pages = 0;
  let after = ""; // where the next page begins
  let loading = false;

  function show(cards) {
    arrange(list, shown.show(cards));
    write(said, cards.length ? "" : none);
    write(more, "更多");
    set(way, { hidden: cards.length > 0 });
  }

  async function load() {
    if (loading) return false;
    loading = true;
    set(more, { hidden: true });
    try {
      const { cards, next } = await read(path, after ? { after } : { page: 1 }, whose);
      if (signal.aborted) return false;
      pages += 1;
      after = next;
      show([...shown.all(), ...cards]);
      set(more, { hidden: !next });
      return true;
    } catch (error) {
      write(said, error.message);
      write(more, "再试一次");
      set(more, { hidden: false });
      if (!error.error) throw error;
      return false;
    } finally {
      loading = false;
    }
  }

  async function renew(readNumbers) {
    if (document.hidden || loading) return;
    const before = pages;
    const renewed = Math.min(Math.max(pages, 1), RENEWED_PAGES);
    const [, ...found] = await Promise.all([readNumbers(), ...Array.from({ length: renewed }, (_, at) => read(path, { page: at + 1 }, whose))]);
    if (signal.aborted || loading || pages !== before) return; // `load` has read newer cards meanwhile
    pages = Math.max(pages, 1);
    const cards = found.flatMap((each) => each.cards);
    show(pages > renewed ? withFurther(cards, shown.all().slice(renewed * PAGE)) : cards);
    if (pages > renewed) return;
    after = found.at(-1).next;
    set(more, { hidden: !after });
  }

  return { elements: [list, said, way, more], load, renew, tick: shown.tick };
}

/** Return the list of this person's digs, in the form of `makeList`. Its rows never change. */
function footprints(signal, begin) {
  const { path } = LISTS.digs;
  const list = el("ul.footprints");
  const said = el("p.blank", { role: "status" }, "正在读取…");
  const way = wayOn("digs");
  const more = el("button", { hidden: true, onclick: () => (list.children.length ? load() : begin()) });
  let after = "";

  async function load() {
    set(more, { hidden: true });
    try {
      const { data, next } = await get(path, after ? { after } : { page: 1 });
      if (signal.aborted) return false;
      after = next;
      list.append(...data.map((dig) => el("li", {},
        el("a", { href: `#/task/${dig.code}` }, title(dig)),
        el(dig.is_prize ? "p.good" : "p.hint", {}, footprintWords(dig)), dig.find ? named(dig.find) : null)));
      write(said, list.children.length ? "" : MINE.digs.none);
      set(way, { hidden: list.children.length > 0 });
      write(more, "更多");
      set(more, { hidden: !next });
      return true;
    } catch (error) {
      write(said, error.message);
      write(more, "再试一次");
      set(more, { hidden: false });
      if (!error.error) throw error;
      return false;
    }
  }

  return { elements: [list, said, way, more], load, renew: (readNumbers) => document.hidden || readNumbers(), tick() {} };
}

/** Return the button beneath an empty list, hidden. */
function wayOn(which) {
  const [href, label] = which === "published" ? ["#/publish", "埋一个"] : ["#/", AFTER.square];
  return el("div.buttons.middle", { hidden: true }, el("a.button", { href }, label));
}

async function read(path, asked, whose) {
  const { data, next } = await get(path, asked);
  data.forEach(observeCard);
  return { cards: data.map((card) => ({ ...card, ...whose(card) })), next };
}

function withFurther(cards, further) {
  const codes = new Set(cards.map(({ code }) => code));
  return [...cards, ...further.filter(({ code }) => !codes.has(code))];
}

/** Return what a card's foot says and leads to, an element or null. */
function footer(card, foot) {
  if (!foot) return null;
  const { said, act, opens, urgent, again } = foot;
  const path = opens === "winners" ? "winners" : "task";
  const link = act ? el(urgent ? "a.button.primary" : "a.button", { href: `#/${path}/${card.code}` }, act) : null;
  const copy = again ? el("a.button", { href: `#/publish/${card.code}` }, again) : null;
  return el("div.stack", {}, said ? el(act ? "p.hint" : "p.good", {}, said) : null, parcel(card), link || copy ? el("div.buttons", {}, link, copy) : null);
}
