// Dialogs: one thing at a time, closed by Escape, by its button or by a click beside it.

import { needed } from "./api.js";
import { el, fill, icon, notice } from "./dom.js";

let number = 0;

/** Open a dialog with a title and return it. It is gone once closed. */
export function dialog(title, ...children) {
  const opened = closed(title, ...children);
  document.body.append(opened);
  opened.showModal();
  return opened;
}

/** Return a dialog that the caller opens later, so that its contents are made and loaded before. */
export function closed(title, ...children) {
  number += 1;
  const id = `dialog-${number}`;
  const close = el("button.close", { "aria-label": "关闭", onclick: () => opened.close() }, icon("close", 20));
  const opened = el(
    "dialog",
    { "aria-labelledby": id },
    el("div.inside", {}, el("div.head", {}, el("h2", { id }, title), close), ...children),
  );
  opened.addEventListener("click", (event) => event.target === opened && opened.close());
  opened.addEventListener("close", () => opened.remove());
  return opened;
}

/** Return a listener that loads the module of a dialog and hands it to `use`. Meanwhile further presses do nothing. */
export function onceLoaded(load, use) {
  let loading = false;
  return () => {
    if (loading) return;
    loading = true;
    needed(load).then(use, ({ message }) => notice(message)).finally(() => { loading = false; });
  };
}

/** Fill a place in a dialog with what `read` resolves with. If it fails, the place says why, and offers another try. */
export async function readInto(place, waiting, read) {
  fill(place, el("p", { role: "status" }, waiting));
  try {
    fill(place, await read());
  } catch (error) {
    const again = () => {
      readInto(place, waiting, read);
      place.tabIndex = -1;
      place.focus(); // the button is gone
    };
    fill(place, el("p.problem", { role: "alert" }, error.message), el("div", {}, el("button", { onclick: again }, "再试一次")));
    if (!error.error) throw error;
  }
}

/** Ask before something that cannot be undone; resolves to whether it was agreed to. */
export function ask(title, text, agreement) {
  return new Promise((resolve) => {
    let agreed = false;
    const opened = dialog(
      title,
      el("p", {}, text),
      el(
        "div.buttons",
        {},
        el("button", { onclick: () => opened.close() }, "取消"),
        el("button.primary", { onclick: () => { agreed = true; opened.close(); } }, agreement),
      ),
    );
    opened.addEventListener("close", () => resolve(agreed));
  });
}
