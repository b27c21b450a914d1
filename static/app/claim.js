// Claiming a prize: an address for the post, a code to pick it up, or a bill to confirm.

import { secondsUntil } from "../miniprogram/shared/clock.js";
import { claimStep, isOverdue, stateOf } from "../miniprogram/shared/prizes.js";
import { CLAIM, HANDED, NAMING, changeWords, contactWords, packetWords, receiverProblem, senderWords, transferWords, waitWords, winnersTax } from "../miniprogram/shared/words-later.js";
import { handingLines, heroWords } from "../miniprogram/shared/words.js";
import { callWeChat, get, needed, post } from "./api.js";
import { attempt, el, fill, set, write } from "./dom.js";
import { blame, field, forgive } from "./fields.js";
import { askName } from "./naming.js";
import { recall } from "./session.js";
import { parcel } from "./shipping.js";
import { askWaiting } from "./waiting.js";

const LOOK_MS = 20_000; // the frame `claim` tells it at once, unless it is lost
const TICK_MS = 500;

/** Return the section in which the winner of `task` claims the prize; `deadline` is an element that says until when. */
export function claim(task, signal, deadline) {
  const body = el("div.stack");
  const said = el("p.problem", { role: "alert" });
  const after = el("div.stack"); // thanks, and where to go next, once it is claimed
  const section = el("section.panel.stack.claim", { tabindex: -1, "aria-label": CLAIM.title }, el("h2", {}, CLAIM.title), el("p.prize-name", {}, heroWords(task)), deadline, body, said, after,
    el("p.hint", {}, winnersTax(task)),
    askName(signal, NAMING.claiming, () => {}));
  const panel = { task, after, deadline, section, said, show, step, done, looking: 0 };

  /** Do one step; a refusal is shown here. */
  async function step(act) {
    write(said, "");
    const control = document.activeElement;
    section.inert = true; // this also takes the focus away
    await attempt(said, act).finally(() => {
      section.inert = false;
      (section.contains(control) && !control.disabled ? control : section).focus({ preventScroll: true });
    });
    askWaiting();
  }

  function show(...children) {
    clearInterval(panel.looking);
    if (signal.aborted) return;
    const focused = body.contains(document.activeElement);
    section.dataset.state = stateOf(task);
    if (task.is_draw && !after.firstChild) needed(() => import("./thanks.js")).then(({ thanks }) => fill(after, thanks(task, signal)), ({ message }) => write(said, message));
    fill(body, children);
    if (focused) section.focus({ preventScroll: true });
  }

  function done(text) {
    Object.assign(task, { is_draw: 1, prize_state: "given" });
    write(deadline, "");
    show(el("p.good", {}, text));
  }

  begin(panel);
  const ticking = setInterval(() => {
    if (!isOverdue(task) || section.dataset.state === stateOf(task)) return;
    write(deadline, "");
    begin(panel);
  }, TICK_MS);
  signal.addEventListener("abort", () => {
    clearInterval(panel.looking);
    clearInterval(ticking);
  });
  return section;
}

function begin(panel) {
  const { task, show, done } = panel;
  const steps = {
    waits: () => show(el("p", {}, waitWords(task))),
    packet: () => redPacket(panel),
    paid: () => done(CLAIM.paid),
    onSite: () => onSite(panel),
    gone: () => done(CLAIM.gone),
    address: () => byMail(panel),
    mailed: () => reopen(panel),
  };
  steps[claimStep(task)]();
}

function draw({ code }, parameters = {}) {
  return post("/drawPrize", { code, ...parameters });
}

function redPacket(panel) {
  const { task, said, show, step, done } = panel;
  const take = async () => {
    let claimed = await draw(task).catch((error) => {
      if (error.error === "payout_waits") task.claim_from = error.reply.claim_from; // the details do not tell each wait
      tick();
      throw error;
    });
    if (claimed.package_info) {
      // In WeChat `wx.requestMerchantTransfer` asks the winner to confirm; here the sandbox plays that. Whatever it says,
      // it may have paid: the server knows.
      await callWeChat("/confirm", { user: recall("sessionStorage", "wabao.user"), package: claimed.package_info }).catch((error) => {
        if (error.error !== "wechat") throw error;
      });
      claimed = await draw(task);
    }
    if (claimed.is_draw) done(CLAIM.paid);
    else write(said, transferWords(claimed));
  };
  const words = el("p");
  const button = el("button.primary", { onclick: () => step(take) }, CLAIM.take);
  const tick = () => {
    write(words, packetWords(task));
    set(button, { disabled: secondsUntil(task.claim_from) > 0 });
  };
  tick();
  show(words, button);
  panel.looking = setInterval(tick, TICK_MS);
}

function onSite(panel) {
  const { task, show, step, done } = panel;
  const offer = async () => {
    const { is_draw, pickup, pickup_pic, contact } = await draw(task);
    if (is_draw) return done(CLAIM.gone);
    show(
      el("p", {}, CLAIM.shown),
      el("p.pickup", {}, pickup),
      [...handingLines(task), contactWords({ contact })].map((line) => el("p", {}, line)),
      el("img.code", { src: pickup_pic, alt: "取件码的二维码", width: 200, height: 200 }),
      el("button", { onclick: () => step(offer) }, CLAIM.taken),
    );
    panel.looking = setInterval(look, LOOK_MS, panel);
    return undefined;
  };
  show(
    el("p", {}, CLAIM.onSite),
    el("button.primary", { onclick: () => step(offer) }, CLAIM.show),
  );
}

/** Look whether the publisher has confirmed the pick-up, in case that frame was lost. */
async function look({ task, section, done }) {
  if (document.hidden || section.inert) return;
  try {
    const { data } = await get("/getTaskDetails", { code: task.code });
    if (data.is_draw) done(CLAIM.gone);
  } catch (error) {
    if (!error.error) throw error; // after a refusal keep the code; the next look comes soon
  }
}

/** Say how many prizes the publisher has sent; nothing if that cannot be read. */
function sender({ publisher_id }) {
  const line = el("p.hint", { role: "status" }, HANDED.reading);
  get("/getPublisher", { publisher_id }).then((found) => write(line, senderWords(found)), (error) => {
    write(line, "");
    if (!error.error) throw error;
  });
  return line;
}

function byMail(panel, before = {}) {
  const { task, show, step } = panel;
  const form = el(
    "form.stack",
    {
      novalidate: true, // the server says what is wrong, and what would be right
      oninput: ({ target }) => forgive(target),
      onsubmit: (event) => { event.preventDefault(); submit(); },
    },
    el("p", {}, task.is_draw ? CLAIM.askAgain : CLAIM.ask),
    sender(task),
    handingLines(task).map((line) => el("p.hint", {}, line)),
    field("receiver", CLAIM.receiver, { autocomplete: "name", value: before.receiver }, CLAIM.named),
    field("phone", CLAIM.phone, { maxlength: 20, type: "tel", autocomplete: "tel", value: before.phone }, CLAIM.phones),
    field("address", CLAIM.address, { maxlength: 200, rows: 2, autocomplete: "street-address" }, CLAIM.whole, before.address),
    el("button.primary", { type: "submit" }, CLAIM.submit),
  );
  const submit = async () => {
    const wrong = receiverProblem(form.elements.receiver.value);
    if (wrong) return blame(form.elements.receiver, wrong);
    let refused = null;
    await step(async () => {
      try {
        sent(panel, await draw(task, Object.fromEntries(new FormData(form))));
      } catch (error) {
        refused = form.elements[error.reply?.param] ? error : null;
        if (!refused) throw error;
      }
    });
    if (refused) blame(form.elements[refused.reply.param], refused.message);
    return undefined;
  };
  show(form);
}

function sent(panel, goods) {
  const { task, deadline, show } = panel;
  const { state, receiver, phone, address } = goods;
  task.is_draw = 1;
  task.prize_state = state;
  write(deadline, "");
  if (state === "received") return show(el("p.good", {}, CLAIM.received), parcel(goods));
  if (state === "sent") return onItsWay(panel, goods);
  const contact = contactWords(goods) ? el("p", {}, contactWords(goods)) : null;
  if (!address) return show(el("p", {}, CLAIM.deleted), contact);
  const until = el("p.hint");
  const change = el("button", { onclick: () => byMail(panel, { receiver, phone, address }) }, CLAIM.change);
  const tick = () => {
    write(until, changeWords(goods.change_until));
    set(change, { hidden: !secondsUntil(goods.change_until) });
  };
  tick();
  show(
    el("p.good", {}, CLAIM.handed),
    el("p.address", {}, el("bdi", {}, receiver), "，", el("bdi", {}, phone), el("br"), el("bdi", {}, address)),
    contact,
    until,
    change,
  );
  panel.looking = setInterval(tick, TICK_MS);
  return undefined;
}

function onItsWay(panel, goods) {
  const { task, show, step } = panel;
  const arrived = async () => {
    await post("/receivePrize", { code: task.code });
    sent(panel, await draw(task));
  };
  show(
    el("p", {}, CLAIM.sent),
    parcel(goods),
    el("button.primary", { onclick: () => step(arrived) }, CLAIM.arrived),
    el("p.hint", {}, CLAIM.arrives),
  );
}

async function reopen(panel) {
  const { task, show } = panel;
  show(el("p.hint", { role: "status" }, "正在读取地址…"));
  try {
    sent(panel, await draw(task));
  } catch (error) {
    show(el("p.problem", { role: "alert" }, error.message), el("button", { onclick: () => reopen(panel) }, CLAIM.again));
    if (!error.error) throw error;
  }
}
