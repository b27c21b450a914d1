// Deleting your account, and keeping it after all within seven days.

import { asMoment } from "../miniprogram/shared/clock.js";
import { LEAVING, leavesAt } from "../miniprogram/shared/words.js";
import { post } from "./api.js";
import { dialog } from "./dialog.js";
import { attempt, el, notice } from "./dom.js";
import { remember } from "./session.js";

/** Ask whether somebody wants to delete their account, and say what stops it. */
export function askToLeave() {
  const problem = el("p.problem", { role: "alert" });
  const leave = el("button.primary", {
    onclick: () => {
      leave.disabled = true;
      attempt(problem, async () => {
        const { delete_at } = await post("/deleteAccount");
        opened.close();
        remember(null);
        notice(leavesAt(asMoment(delete_at)));
      }).finally(() => { leave.disabled = false; });
    },
  }, "注销账号");
  const opened = dialog("注销账号", el("div.stack", {}, LEAVING.map((text) => el("p", {}, text)), problem,
    el("div.buttons", {}, el("button", { onclick: () => opened.close() }, "取消"), leave)));
}

/** Return what says that the account will be deleted at `moment` (unix ms), and the button that keeps it. */
export function keeping(moment, kept) {
  const problem = el("p.problem", { role: "alert" });
  const keep = el("button.primary", {
    onclick: () => {
      keep.disabled = true;
      attempt(problem, async () => {
        await post("/keepAccount");
        await kept();
      }).finally(() => { keep.disabled = false; });
    },
  }, "撤销注销");
  return [el("p", {}, leavesAt(asMoment(moment))), problem, el("div", {}, keep)];
}
