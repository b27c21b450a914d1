// Paying for a red packet. In WeChat `wx.requestPayment` takes the order's five values; here the sandbox
// plays the person who pays.

import { callWeChat, get, post } from "./api.js";
import { countDown } from "../miniprogram/shared/clock.js";
import { keepShown } from "../miniprogram/shared/renewing.js";
import { CASH_LIMITS, PAY, cashRules, paidWords, payButton, payUntil, payUntilWords, payWords } from "../miniprogram/shared/words.js";
import { attempt, el, notice, set, write } from "./dom.js";

const APPID = "wxsandbox000000000"; // the appid of the sandbox's mini-program; a real one knows its own

/** Pay what a red packet owes, and say so. */
export async function pay({ code, owed, owed_fen }) {
  const order = await post("/payTask", { code, money: owed });
  const { timeStamp, nonceStr, signType, paySign } = order;
  await callWeChat("/pay", { appId: APPID, package: order.package, timeStamp, nonceStr, signType, paySign });
  notice(paidWords({ owed_fen }));
}

/** Return the section in which the publisher pays for `task`; `paid` is called afterwards. */
export function payment(task, signal, paid) {
  const said = el("p.problem", { role: "alert" });
  const button = el("button.primary", { onclick: () => press() }, payButton(task));
  const deleted = el("span", {}, payUntilWords(0));

  function press() {
    button.disabled = true;
    write(said, "");
    attempt(said, async () => {
      await pay(task);
      if (!signal.aborted) await paid(); // `paid` reads the details, which asks WeChat if the notice is late
    }).finally(() => { button.disabled = false; });
  }

  get("/getMyInfo").then(({ to_do }) => {
    const until = payUntil(task, to_do);
    if (!until || signal.aborted) return;
    const stop = countDown(until, (seconds) => {
      write(deleted, payUntilWords(until));
      set(button, { hidden: !seconds });
    });
    signal.addEventListener("abort", stop);
  }).catch(keepShown);

  return el(
    "section.panel.stack",
    {},
    el("h2", {}, PAY.title),
    el("p", {}, payWords(task)),
    rules(),
    said,
    button,
    el("p.hint", {}, "开发环境：由沙箱代为付款，不花真钱。", deleted),
  );
}

/** Whether this server takes red packets at all. */
export function takesCash() {
  return document.documentElement.dataset.cash === "1";
}

/** Elements that say how to pay for red packets on this server, and folded the limits; a limit of 0 means none. */
export function rules() {
  const { cashPrivate, cashNewcomer, cashCredit } = document.documentElement.dataset;
  const { how, limits } = cashRules({ no_credit: 1 - Number(cashCredit), private_yuan: Number(cashPrivate), newcomer_yuan: Number(cashNewcomer) });
  return [el("p.hint", {}, how), limits ? el("details.fold", {}, el("summary", {}, CASH_LIMITS), el("p.hint", {}, limits)) : null];
}
