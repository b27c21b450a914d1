// What is held until an operator has looked at it, the oldest first: picture, text, and two keys to decide.

import { decide } from "./acts.js";
import { get } from "./api.js";
import { Part, el } from "./dom.js";
import { isolated, moment } from "./format.js";
import { listPage } from "./lists.js";
import { keyLink } from "./person.js";
import { t } from "./words.js";

const KEYS = { a: "approve", r: "refuse" }; // the keys that decide about the first of the list

/** Show the queue. While no dialog is open, `a` approves its first entry and `r` refuses it. */
export function reviewsPage(root) {
  const list = new Part();
  const note = el("p.note");
  const stopped = new AbortController();
  const page = listPage(root, t("reviews"), el("div.found", {}, note, list.element), () => get("/ops/reviews"), ({ data, checks }) => {
    note.textContent = checks ? t("reviews_keys") : t("reviews_off");
    list.show(data, () => (data.length ? el("ol.log.panel.reviews", {}, data.map((row) => held(row, page.again))) : el("p.blank", {}, t("reviews_none"))));
  });
  document.addEventListener("keydown", (event) => {
    const act = KEYS[event.key];
    const busy = event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || event.target.closest?.("input, textarea");
    if (!act || busy) return;
    event.preventDefault(); // else the key is written into the reason, which has the focus by then
    list.element.querySelector(`li [data-act=${act}]`)?.click();
  }, { signal: stopped.signal });
  return { ...page, stop() { stopped.abort(); page.stop(); } };
}

function held({ key, code, name, wxname, text, pic, more, why, created_at: since }, again) {
  const target = text.split("\n")[0] || t("a_picture");
  return el(
    "li",
    {},
    el("time", {}, moment(since)),
    [pic, ...more].filter(Boolean).map((each) => el("a", { href: each, target: "_blank", rel: "noopener" }, el("img", { src: each, alt: t("a_picture"), width: "160" }))),
    el("div.text", {}, text.split("\n").map((line) => el("p", {}, isolated(line)))),
    el("span", {}, code ? [el("a", { href: `#/task/${code}` }, isolated(name || code)), " · "] : null, keyLink(key, isolated(wxname || t("a_profile")))),
    el("span.reason", {}, why),
    el("span.acts", {}, decide("approve", key, target, again), decide("refuse", key, target, again)),
  );
}
