// Every text of the screen, in Chinese and English. The browser's languages decide which of the two is shown.

import { ACTS } from "./words/acts.js";
import { FINDINGS } from "./words/findings.js";
import { PAGES } from "./words/pages.js";
import { REFUSALS } from "./words/refusals.js";
import { SCREEN } from "./words/screen.js";

const chinese = navigator.languages.some((tag) => tag.startsWith("zh")) && !navigator.language.startsWith("en");
export const language = chinese ? "zh-CN" : "en";

const WORDS = { ...SCREEN, ...PAGES, ...ACTS, ...FINDINGS, ...REFUSALS };

/** Whether there are red packets here. */
export const cash = document.documentElement.dataset.cash === "1";

/** Return a text, with `{0}`, `{1}` … filled in. Without red packets, a text with `_no_cash` in its key goes before. */
export function t(key, ...values) {
  const text = ((!cash && WORDS[`${key}_no_cash`]) || WORDS[key])[chinese ? 0 : 1];
  return values.length ? text.replace(/\{(\d)\}/g, (_, place) => values[place]) : text;
}

/** Whether there is a text of this key. */
export const known = (key) => Object.hasOwn(WORDS, key);

/** Return who did something, by the log's word for them: an operator's name, or ours for who acts without one. */
export function actorName(actor) {
  if (actor === "the person themselves") return t("by_themselves");
  const [, user] = /^command line: (.*)$/.exec(actor) ?? [];
  return user ? t("by_command_line", user) : actor;
}

/** Return the text for a name that the server sent, or the name itself if there is none. */
export function named(kind, name) {
  const key = `${kind}_${name}`;
  return known(key) ? t(key) : name;
}
