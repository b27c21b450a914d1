// The story of an ended treasure: a page for all who dug it, and a line of it where the treasure ended.

import { CARD, STORY, drawCard, ownWords, tell } from "../miniprogram/shared/story.js";
import { title } from "../miniprogram/shared/words.js";
import { get, lostOf } from "./api.js";
import { dialog } from "./dialog.js";
import { avatar, el, fill, icon, notice } from "./dom.js";
import { cameUp, named } from "./finds.js";
import { opening } from "./opening.js";
import { entitle } from "./router.js";
import { person } from "./session.js";
import { thanking } from "./thanks.js";

document.head.append(el("link", { rel: "stylesheet", href: new URL("story.css", import.meta.url).href }));

/** Write into `place` what the person's own digs of an ended treasure came to. Without an answer the place stays empty. */
export async function ownLine(place, task) {
  try {
    fill(place, ownWords(await get("/getStory", { code: task.code }), task, lostOf(task.code)));
  } catch (error) {
    if (!error.error) throw error;
  }
}

export function story(root, signal, code) {
  root.classList.add("narrow");
  opening(root, signal, async () => {
    const [{ data: task }, read] = await Promise.all([get("/getTaskDetails", { code }), get("/getStory", { code })]);
    if (signal.aborted) return;
    entitle(STORY.title);
    const told = tell(read, task, lostOf(code));
    fill(root,
      el("div.toolbar", {}, el("a.quiet", { href: `#/task/${code}` }, icon("back", 20), STORY.back)),
      el("header.stack.centred", {}, el("h1", {}, told.headline), el("p.hint", {}, title(task), " · ", el("bdi", {}, told.giver)), told.own ? el("p.won-by", {}, told.own) : null,
        told.dug ? el("button.primary", { onclick: () => showCard(task, read) }, STORY.card) : null),
      el("section.panel", { "aria-label": STORY.title }, el("dl.records", {}, told.records.map(({ label, name, what }) =>
        el("div", {}, el("dt", {}, label), el("dd", {}, el("bdi", {}, name), el("small", {}, what)))))),
      told.mayThank ? el("section.panel.stack", {}, thanking(task, signal)) : null,
      told.thanked ? el("section.panel.stack", {}, el("h2", {}, told.thanked), el("p.thanks", {}, told.thanks.map(({ sign, words, number }) =>
        el("span", {}, icon(sign), el("span.unseen", {}, words), number))), el("ul.thankers", {}, told.thankers.map(({ name, face, sign }) =>
        el("li", {}, avatar({ wxheadpic: face, wxname: name }, 32), el("bdi", {}, name), icon(sign, 16))))) : null,
      told.finds.length ? el("section.panel", {}, cameUp(told.finds)) : null,
      el("section.panel.dug-levels", {}, el("h2", {}, STORY.shaft), el("ol", {}, told.levels.map(level)), read.first > 1 ? el("p.hint", {}, STORY.older) : null));
  });
  return STORY.title;
}

function level({ depth, name, face, own, find, prize, sign }) {
  return el(`li${prize ? ".won" : ""}${own ? ".own" : ""}`, {},
    el("b", {}, depth), avatar({ wxheadpic: face, wxname: name }, 28), el("bdi.name", {}, name),
    prize ? el("em", {}, icon("trophy", 16), prize, sign ? icon(sign, 16) : null)
      : find ? named(find) : null);
}

/** Show the story card, to keep or to hand to another app. */
function showCard(task, read) {
  const canvas = el("canvas", { width: CARD.width, height: CARD.height, role: "img", "aria-label": ownWords(read, task) });
  drawCard(canvas.getContext("2d"), task, read, person);
  const keep = () => canvas.toBlob(async (blob) => {
    const file = new File([blob], "wabao.png", { type: blob.type });
    if (navigator.canShare?.({ files: [file] })) {
      await navigator.share({ files: [file] }).catch(({ name }) => name === "AbortError" || notice(name));
      return;
    }
    const link = el("a", { href: URL.createObjectURL(blob), download: file.name });
    link.click();
    URL.revokeObjectURL(link.href);
  });
  dialog(STORY.card, el("div.poster.story-card", {}, canvas), el("button.primary", { onclick: keep }, STORY.keep), el("p.hint", {}, STORY.cardHint));
}
