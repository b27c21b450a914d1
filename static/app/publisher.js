// A publisher's page: how they treat winners, their treasures, and following them. It also lists whom you
// follow.

import { get, post } from "./api.js";
import { cardSet } from "./cards.js";
import { consent } from "./consent.js";
import { mayRepeat } from "../miniprogram/shared/api.js";
import { observeCard } from "../miniprogram/shared/clock.js";
import { PUBLISHER, handedWords } from "../miniprogram/shared/words-later.js";
import { AFTER, layersMark } from "../miniprogram/shared/words.js";
import { cameUp } from "./finds.js";
import { arrange, attempt, avatar, el, fill, set, write } from "./dom.js";

const PAGE = 20;

export function publisher(root, signal, publisher_id) {
  const face = el("div");
  const name = el("h1");
  const handed = el("p.facts");
  const finds = el("div");
  const problem = el("p.problem", { role: "alert" });
  const follow = el("button", { hidden: true, onclick: turn });
  const offer = consent(signal);
  const shown = cardSet();
  const list = paged(signal, async (page) => {
    const found = await get("/getPublisher", { publisher_id, page });
    if (page === 1) show(found);
    found.data.forEach(observeCard);
    return found.data;
  }, (cards) => shown.show([...shown.all(), ...cards]), PUBLISHER.none);
  let following = 0;
  let turning = false;
  root.classList.add("wide");
  const who = el("section.panel.me", { hidden: true }, face, el("div", {}, name, handed, finds, el("p.buttons", {}, follow), problem));
  fill(root, el("div.stack", {}, who, offer.element, list));

  function show(found) {
    set(who, { hidden: false });
    fill(face, avatar(found, 64));
    fill(name, found.wxname, found.layers ? el("small.hint", {}, ` ${layersMark(found)}`) : null);
    fill(finds, cameUp(found.finds));
    write(handed, handedWords(found));
    set(follow, { hidden: Boolean(found.mine) });
    mark(found.following);
  }

  function mark(now) {
    following = now;
    write(follow, now ? PUBLISHER.unfollow : PUBLISHER.follow);
    offer.showFollow(now ? publisher_id : "");
  }

  // The button is not `disabled` meanwhile: it would lose the focus.
  async function turn() {
    if (turning) return;
    turning = true;
    write(problem, "");
    await attempt(problem, async () => {
      await post("/follow", { publisher_id, following: following ? 0 : 1 });
      mark(following ? 0 : 1);
    }).finally(() => { turning = false; });
  }

  const ticking = setInterval(shown.tick, 500);
  signal.addEventListener("abort", () => clearInterval(ticking));
}

export function follows(root, signal) {
  const rows = [];
  const list = paged(signal, async (page) => (await get("/getMyFollows", { page })).data, (people) => {
    rows.push(...people.map(({ publisher_id, wxname, wxheadpic }) =>
      el("li", {}, el("a.by.panel", { href: `#/by/${publisher_id}` }, avatar({ wxheadpic, wxname }, 40), el("span.name", {}, wxname)))));
    return rows;
  }, PUBLISHER.nobody);
  fill(root, el("div.stack", {}, el("h1", {}, PUBLISHER.followed), list));
}

/** Return the elements of a list that is read page by page; `show(rows)` returns what it then holds. */
function paged(signal, read, show, none) {
  const list = el("ul.cards");
  const said = el("p.blank", { role: "status" }, "正在读取…");
  const more = el("button", { hidden: true, onclick: load });
  const square = el("div.buttons.middle", { hidden: true }, el("a.button", { href: "#/" }, AFTER.square));
  let pages = 0;

  async function load() {
    set(more, { disabled: true });
    try {
      const rows = await read(pages + 1);
      if (signal.aborted) return;
      pages += 1;
      arrange(list, show(rows));
      write(said, list.children.length ? "" : none);
      write(more, "更多");
      set(more, { hidden: rows.length < PAGE });
    } catch (error) {
      write(said, error.message);
      write(more, "再试一次");
      set(more, { hidden: !mayRepeat(error) });
      set(square, { hidden: mayRepeat(error) });
      if (!error.error) throw error;
    } finally {
      set(more, { disabled: false });
    }
  }

  load();
  return [list, said, more, square];
}
