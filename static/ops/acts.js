// What an operator may do. Each act asks for confirmation and a reason, and shows its outcome.

import { download, post } from "./api.js";
import { el, fill, write } from "./dom.js";
import { isolated } from "./format.js";
import { may } from "./me.js";
import { cash, t } from "./words.js";

/** Buttons for the acts that a task allows now; `done` is called after an act. */
export function taskActs(task, done) {
  const about = { target: task.name || task.code, done };
  const buttons = [];
  if (!may("act")) return buttons;
  if (!task.status && may(task.total_fen ? "money" : "act")) buttons.push(button("end", { ...about, path: "/ops/end", parameters: { code: task.code }, grave: true }));
  if (may("money")) {
    if (!task.status) buttons.push(button("end_fraud", { ...about, path: "/ops/end", parameters: { code: task.code, fraud: 1 }, grave: true }));
    buttons.push(payout("freeze", { what: "task", code: task.code, depth: 0 }, about.target, done));
  }
  const featured = task.featured ? 0 : 1;
  const reported = task.hidden && task.review === "held"; // reports alone hide it, for a day
  if (task.featured || (!task.status && !task.hidden)) buttons.push(button(featured ? "feature" : "unfeature", { ...about, path: "/ops/feature", parameters: { code: task.code, featured } }));
  if (task.daily || task.may_daily) buttons.push(button(task.daily ? "undaily" : "daily", { ...about, path: "/ops/daily", parameters: { code: task.code, daily: Number(!task.daily) } }));
  const seen = (act, hidden) => button(act, { ...about, path: "/ops/hide", parameters: { code: task.code, hidden }, more: reported && t(`ask_${act}_reported_text`) });
  if (!task.hidden || reported) buttons.push(seen("hide", 1));
  if (task.hidden && task.review !== "refused") buttons.push(seen("show", 0));
  return buttons;
}

/** The button that logs somebody out; `who` is `{ code, depth }`, with depth 0 the publisher, or `{ key }`. */
export function logOut(who, name) {
  return may("act") && button("signout", { target: name, path: "/ops/signout", parameters: who, done() {} });
}

/** The button that freezes, releases or returns prizes; `about` names them as the parameters of /ops/freeze do. */
export function payout(act, about, target, done) {
  const more = act === "freeze" ? about.what === "person" && t("ask_freeze_person_text") : about.bill && t("ask_release_bill_text");
  return may("money") && button(act, { target, path: `/ops/${act}`, parameters: about, done, grave: act !== "release", more });
}

/** The button that shows (approve) or refuses what is held for a review. */
export function decide(act, key, target, done) {
  return may("act") && button(act, { target, path: "/ops/decide", parameters: { key, shown: Number(act === "approve") }, done, grave: act === "refuse" });
}

/** The button that freezes the prizes of a person: the one who dug a depth of a task, or with 0 its publisher. */
export function freezePerson({ code, depth }, name) {
  return payout("freeze", { what: "person", code, depth }, name, () => {});
}

/** Buttons for the acts on a person, named as for `logOut`; `done` is called after an act. */
export function personActs(who, name, { banned, trusted }, done) {
  if (!may("act")) return [];
  const about = { target: name, parameters: who, done };
  return [
    banned ? button("unban", { ...about, path: "/ops/unban" }) : button("ban", { ...about, path: "/ops/ban", grave: true, asksDays: true }),
    logOut(who, name),
    who.code && freezePerson(who, name),
    cash && may("money") && button(trusted ? "distrust" : "trust", { ...about, parameters: { ...who, trusted: Number(!trusted) }, path: "/ops/trust" }),
  ];
}

/** The button that keeps a month's winners as a table, for a tax return. */
export function exportWinners() {
  return may("money") && button("export_prizes", { target: "", path: "/ops/winners", parameters: {}, done() {}, asksMonth: true, table: (asked) => `winners-${asked.month}.csv` });
}

const BAN_DAYS = [1, 7, 30, 365, 0];

function daysOf() {
  return el("select", { id: "days" }, BAN_DAYS.map((days) => el("option", { value: days }, days ? t("ban_days", days) : t("ban_for_good"))));
}

function lastMonth() {
  const at = new Date();
  at.setDate(0);
  return el("input", { id: "month", type: "month", required: true, pattern: "20\\d\\d-(0[1-9]|1[0-2])", value: `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}` });
}

function button(act, about) {
  return el(`button${about.grave ? ".grave" : ""}`, { type: "button", "data-act": act, onclick: () => ask(act, about) }, t(`act_${act}`));
}

function ask(act, { target, path, parameters, done, grave, asksDays, asksMonth, table, more }) {
  const result = el("p.result", { role: "status" });
  const reason = el("input", { id: "reason", required: true, maxlength: "200", pattern: ".*\\S.*", autocomplete: "off", "aria-describedby": "reason-hint" });
  const days = asksDays && daysOf();
  const month = asksMonth && lastMonth();
  const cancel = el("button", { type: "button", onclick: () => dialog.close() }, t("cancel"));
  const confirm = el(`button.primary${grave ? ".grave" : ""}`, { type: "submit" }, t("confirm", t(`act_${act}`)));
  const form = el(
    "form",
    {
      async onsubmit(event) {
        event.preventDefault();
        confirm.disabled = reason.disabled = true;
        result.className = "result";
        write(result, t("working"));
        try {
          const asked = { ...parameters, ...(days && { days: Number(days.value) }), ...(month && { month: month.value }), reason: reason.value.trim() };
          if (table) await download(path, asked, table(asked));
          else await post(path, asked);
        } catch (refused) {
          result.className = "result problem";
          write(result, refused.message);
          confirm.disabled = reason.disabled = false;
          return;
        }
        result.className = "result good";
        write(result, t(`done_${act}`));
        confirm.remove();
        write(cancel, t("close"));
        cancel.focus();
        done();
      },
    },
    el("h2", { id: "asked" }, t(`ask_${act}`, isolated(target))),
    el("p", {}, t(`ask_${act}_text`)),
    more && el("p", {}, more),
    days && el("label", { for: "days" }, t("ban_how_long")),
    days,
    month && el("label", { for: "month" }, t("export_month")),
    month,
    el("label", { for: "reason" }, t("reason")),
    reason,
    el("p.hint", { id: "reason-hint" }, t("reason_hint")),
    result,
    el("div.buttons", {}, cancel, confirm),
  );
  const dialog = openDialog(form);
  reason.focus();
}

function openDialog(form) {
  const dialog = fill(el("dialog", { "aria-labelledby": "asked" }), form);
  dialog.addEventListener("close", () => {
    dialog.remove();
    // The act may have removed the button that opened the dialog.
    if (document.activeElement === document.body) document.getElementById("page").focus({ preventScroll: true });
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
