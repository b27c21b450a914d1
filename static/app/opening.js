// The first reading of a page, without which there is nothing to show.

import { mayRepeat } from "../miniprogram/shared/api.js";
import { AFTER } from "../miniprogram/shared/words.js";
import { el, fill } from "./dom.js";
import { focusHeading } from "./router.js";

/** Let `open()` read and fill a page. If that fails, the page says why, and offers another try where one may succeed. */
export function opening(root, signal, open) {
  fill(root, el("p.blank", { role: "status" }, "正在打开…"));
  open().then(() => {
    if (!signal.aborted && document.activeElement === root) focusHeading(root);
  }, (error) => {
    if (signal.aborted) return;
    const again = () => {
      opening(root, signal, open);
      focusHeading(root); // the button is gone
    };
    fill(root, el("p.blank", { role: "alert" }, error.message), el("div.buttons.middle", {},
      mayRepeat(error) ? el("button", { onclick: again }, "再试一次") : null,
      el("a.button", { href: "#/" }, AFTER.square)));
    if (!error.error) throw error;
  });
}
