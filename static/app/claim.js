// Claiming a prize: an address for the post, a code to pick it up, or a bill to confirm.

import { callWeChat, get, post } from "./api.js";
import { attempt, el, fill, write } from "./dom.js";
import { askName } from "./naming.js";
import { winnersTax } from "../miniprogram/shared/words.js";
import { parcel } from "./shipping.js";

const LOOK_MS = 20_000; // the frame `claim` tells it at once, unless it is lost
// Why a winner does not get a prize, or not for now. Only red packets are held.
const HELD = {
  held: "这个红包正在人工核对，核对后就能领取，不会丢失。",
  expiring: "已过领奖期限，或被运营者退回：奖品正在退回发布者。",
  returned: "已过领奖期限，或被运营者退回：奖品已退回发布者。",
};
const FROZEN = {
  1: "这个红包被运营者冻结了，暂时不能领取；有疑问请联系客服。",
  2: "这个奖品被运营者冻结了，暂时不能领取，也不会寄出；有疑问请联系客服。",
};
const LATER = "微信正在处理，过一会儿再来看看";

/** What a claim shows follows from these; a prize that is `claiming` is claimed on as one that is `won`. */
export function stateOf({ is_prize, is_draw, prize_state }) {
  return `${is_prize} ${is_draw} ${!prize_state || prize_state === "claiming" ? "won" : prize_state}`;
}

/** Return whether a winner may still claim, so that the page says until when. */
export function isClaimable({ claim_until, is_draw, prize_state }) {
  return claim_until && !is_draw && !["withheld", "expiring", "returned"].includes(prize_state);
}

/** Return the section in which the winner of `task` claims the prize; `deadline` is an element that says until when. */
export function claim(task, signal, deadline) {
  const body = el("div.stack");
  const said = el("p.problem", { role: "alert" });
  const section = el("section.panel.stack.claim", { tabindex: -1, "aria-label": "领奖" }, el("h2", {}, "领奖"), deadline, body, said,
    el("p.hint", {}, winnersTax(task)),
    askName(signal, "起个名字，发布者好认出中奖的人。", () => {}));
  const panel = { task, deadline, section, said, show, step, done, looking: 0 };

  /** Do one step; a refusal is shown here. */
  async function step(act) {
    write(said, "");
    const control = document.activeElement;
    section.inert = true; // which also takes the focus away
    await attempt(said, act).finally(() => {
      section.inert = false;
      (section.contains(control) ? control : section).focus({ preventScroll: true });
    });
  }

  function show(...children) {
    clearInterval(panel.looking);
    if (signal.aborted) return;
    const focused = body.contains(document.activeElement);
    section.dataset.state = stateOf(task);
    fill(body, children);
    if (focused) section.focus({ preventScroll: true });
  }

  function done(text) {
    Object.assign(task, { is_draw: 1, prize_state: "given" });
    write(deadline, "");
    show(el("p.good", {}, text));
  }

  begin(panel);
  signal.addEventListener("abort", () => clearInterval(panel.looking));
  return section;
}

function begin(panel) {
  const { task, show } = panel;
  const waits = task.prize_state === "withheld" ? FROZEN[task.goods_type] : HELD[task.prize_state];
  if (waits) show(el("p", {}, waits));
  else if (task.goods_type === 1) redPacket(panel);
  else if (task.draw_type === 1) onSite(panel);
  else if (task.is_draw) reopen(panel);
  else byMail(panel);
}

function draw({ code }, parameters = {}) {
  return post("/drawPrize", { code, ...parameters });
}

function redPacket({ task, said, show, step, done }) {
  const take = async () => {
    let { is_draw, package_info } = await draw(task);
    if (package_info) {
      // In WeChat `wx.requestMerchantTransfer` asks the winner to confirm; here the sandbox plays that.
      await callWeChat("/confirm", { package: package_info });
      ({ is_draw } = await draw(task));
    }
    if (is_draw) done("红包已到账。");
    else write(said, LATER);
  };
  if (task.is_draw) return done("红包已到账。");
  return show(
    el("p", {}, `${task.money} 元红包，领取后进入微信零钱。`),
    el("button.primary", { onclick: () => step(take) }, "领取红包"),
  );
}

function onSite(panel) {
  const { task, show, step, done } = panel;
  const offer = async () => {
    const { is_draw, pickup, pickup_pic } = await draw(task);
    if (is_draw) return done("奖品已经领走了。");
    show(
      el("p", {}, "当面出示取件码，或让对方扫码："),
      el("p.pickup", {}, pickup),
      el("img.code", { src: pickup_pic, alt: "取件码的二维码", width: 200, height: 200 }),
      el("button", { onclick: () => step(offer) }, "已经领到了"),
    );
    panel.looking = setInterval(look, LOOK_MS, panel);
    return undefined;
  };
  if (task.is_draw) return done("奖品已经领走了。");
  return show(
    el("p", {}, "现场领取：凭取件码向发布者领奖。"),
    el("button.primary", { onclick: () => step(offer) }, "出示取件码"),
  );
}

/** Look whether the publisher has confirmed the pick-up, in case that frame was lost. */
async function look({ task, section, done }) {
  if (document.hidden || section.inert) return;
  try {
    const { data } = await get("/getTaskDetails", { code: task.code });
    if (data.is_draw) done("奖品已经领走了。");
  } catch (error) {
    if (!error.error) throw error; // after a refusal keep the code; the next look comes soon
  }
}

function byMail(panel, before = {}) {
  const { task, show, step } = panel;
  const field = (name, label, { rows, ...attributes }) =>
    el("div.field", {}, el("label", { for: name }, label),
      el(rows ? "textarea" : "input", { id: name, name, rows, required: true, value: before[name], ...attributes },
        rows ? before[name] : null));
  const form = el(
    "form.stack",
    { onsubmit: (event) => { event.preventDefault(); step(send); } },
    el("p", {}, task.is_draw ? "重新提交就会替换之前的地址。" : "填写收货地址。它加密保存，只有发布者看得到。"),
    field("receiver", "收货人", { maxlength: 32, autocomplete: "name" }),
    field("phone", "电话", { minlength: 5, maxlength: 20, type: "tel", autocomplete: "tel" }),
    field("address", "详细地址", { maxlength: 200, rows: 2, autocomplete: "street-address" }),
    el("button.primary", { type: "submit" }, "提交地址"),
  );
  const send = async () => {
    sent(panel, await draw(task, Object.fromEntries(new FormData(form))));
  };
  show(form);
}

function sent(panel, goods) {
  const { task, deadline, show } = panel;
  const { state, receiver, phone, address } = goods;
  task.is_draw = 1;
  task.prize_state = state;
  write(deadline, "");
  if (state === "received") return show(el("p.good", {}, "已经收到。"), parcel(goods));
  if (state === "sent") return onItsWay(panel, goods);
  const where = [el("bdi", {}, receiver), "，", el("bdi", {}, phone), el("br"), el("bdi", {}, address)];
  return show(
    el("p.good", {}, "地址已交给发布者，等着收货吧。"),
    el("p.address", {}, address ? where : "收货地址已删除：领取后保留 90 天。"),
    address ? el("p.hint", {}, "24 小时内可以更改。") : null,
    address ? el("button", { onclick: () => byMail(panel, { receiver, phone, address }) }, "更改地址") : null,
  );
}

function onItsWay(panel, goods) {
  const { task, show, step } = panel;
  const arrived = async () => {
    await post("/receivePrize", { code: task.code });
    sent(panel, await draw(task));
  };
  show(
    el("p", {}, "发布者已经寄出。"),
    parcel(goods),
    el("button.primary", { onclick: () => step(arrived) }, "确认收到"),
    el("p.hint", {}, "寄出 15 天后会自动确认。"),
  );
}

async function reopen(panel) {
  const { task, show } = panel;
  show(el("p.hint", { role: "status" }, "正在读取地址…"));
  try {
    sent(panel, await draw(task));
  } catch (error) {
    show(el("p.problem", { role: "alert" }, error.message), el("button", { onclick: () => reopen(panel) }, "再试一次"));
    if (!error.error) throw error;
  }
}
