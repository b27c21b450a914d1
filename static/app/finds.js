// Finds: what a dig brought up, what came up in a treasure, and the book of them. Loaded once one of these is shown.

import { BOOK, besidesWords, bookOf, broughtWords, countWords, explainOnce, findName, foundWords, placeOf } from "../miniprogram/shared/finds.js";
import { get } from "./api.js";
import { attempt, el, fill, notice, write } from "./dom.js";
import { stored } from "./session.js";

const style = el("link", { rel: "stylesheet", href: new URL("finds.css", import.meta.url).href });
document.head.append(style);

/** Return a find's picture; a silhouette unless it was `found`. */
export function picture(find, found = true) {
  const [column, row] = placeOf(find);
  return el(found ? "i.find" : "i.find.unfound", { "aria-hidden": "true", style: { "--column": column, "--row": row } });
}

/** Return a find's small picture and its name. */
export const named = (find) => el("span.named-find", {}, picture(find), findName(find));

/** What a dig that won nothing brought up: words, and a picture. The first time, a notice explains it. */
export function brought(reply) {
  explainOnce(stored("localStorage", "wabao.found"), notice);
  return [foundWords(reply), picture(reply.find)];
}

/** What a dig that won brought up besides. */
export const besides = besidesWords;

/** What somebody else's dig brought up: what it did, and a picture. */
export const broughtBy = (find) => [broughtWords(find), picture(find)];

/** Return what came up in a treasure, or in those of a publisher; null if nothing did. */
export function cameUp(finds) {
  return finds.length ? el("div.came-up", {}, el("p.hint", {}, `${BOOK.cameUp} ${finds.length} 种`),
    el("ul", {}, [...finds].sort((one, other) => one - other).map((find) => el("li", {}, named(find))))) : null;
}

/** Return the book, in the form of `makeList` in mine.js. */
export function book(signal, begin) {
  const said = el("p.blank", { role: "status" }, "正在读取…");
  const again = el("button", { hidden: true, onclick: begin }, BOOK.again);
  const layers = el("div.book");

  async function load() {
    again.hidden = true;
    await attempt(said, async () => {
      const { data, layers: whole } = await get("/getMyFinds");
      if (signal.aborted) return;
      write(said, "");
      fill(layers, el("p.hint", {}, el("b", {}, countWords(data, whole)), " ", BOOK.rule), bookOf(data).map(layer));
    });
    again.hidden = layers.children.length > 0;
    return again.hidden;
  }

  return { elements: [said, again, layers], load, renew: (readNumbers) => document.hidden || Promise.all([readNumbers(), load()]), tick() {} };
}

function layer({ name, depths, number, finds }) {
  return el("section.panel", {}, el("h2", {}, name, el("small", {}, `${depths} · ${number}`)),
    el("ul.finds", {}, finds.map(({ find, code, name: called, when, seldom }) => el("li", {},
      code ? el("a", { href: `#/task/${code}`, title: BOOK.there }, picture(find), called, el("small", {}, when))
        : [picture(find, false), called],
      seldom ? el("small", {}, seldom) : null))));
}
