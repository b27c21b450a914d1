// Deleting your account, and keeping it after all within seven days.

import { asMoment } from "../miniprogram/shared/clock.js";
import { LEAVING, STOPPED, leavesAt } from "../miniprogram/shared/words-later.js";
import { post } from "./api.js";
import { dialog } from "./dialog.js";
import { attempt, el, fill, notice } from "./dom.js";
import { remember } from "./session.js";

/** Ask whether somebody wants to delete their account, and say what stops it. */
export function askToLeave() {
  const problem = el("div.problem", { role: "alert" });
  const leave = el("button.primary", { onclick: () => send() }, "注销账号");
  const opened = dialog("注销账号", el("div.stack", {}, LEAVING.map((text) => el("p", {}, text)), problem,
    el("div.buttons", {}, el("button", { onclick: () => opened.close() }, "取消"), leave)));

  async function send() {
    leave.disabled = true;
    try {
      const { delete_at } = await post("/deleteAccount");
      opened.close();
      remember(null);
      notice(leavesAt(asMoment(delete_at)));
    } catch (error) {
      const { obstacles = [] } = error.reply ?? {};
      fill(problem, obstacles.length ? stopped(obstacles) : error.message);
      if (!error.error) throw error;
    } finally {
      leave.disabled = false;
    }
  }
}

/** Return the list of what stops the deletion, with the way to each. */
function stopped(obstacles) {
  return [STOPPED.title, el("ul.obstacles", {}, obstacles.map(({ text, code, opens }) => el("li", {}, text,
    opens ? [" ", el("a", { href: `#/${opens === "winners" ? "winners" : "task"}/${code}` }, STOPPED[opens])] : null)))];
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
