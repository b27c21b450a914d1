// Reporting a treasure in two taps: open the dialog, choose a reason. A text may be added before.

import { post } from "./api.js";
import { dialog } from "./dialog.js";
import { attempt, el, notice } from "./dom.js";
import { REASONS } from "../miniprogram/shared/words-later.js";
import { REPORT } from "../miniprogram/shared/words.js";

export function report(task) {
  const text = el("textarea", { rows: 2, maxlength: 200, placeholder: REPORT.hint, "aria-label": "补充说明" });
  const problem = el("p.problem", { role: "alert" });
  const buttons = Object.entries(REASONS).map(([reason, label]) =>
    el("button", { onclick: () => send(reason) }, label));
  const opened = dialog(REPORT.title, text, el("div.reasons", {}, buttons), problem);

  async function send(reason) {
    buttons.forEach((button) => { button.disabled = true; });
    await attempt(problem, async () => {
      await post("/report", { code: task.code, reason, text: text.value });
      opened.close();
      notice(REPORT.done);
    }).finally(() => buttons.forEach((button) => { button.disabled = false; }));
  }
}
