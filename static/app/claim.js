// Claiming a prize: an address for the post, a code to pick it up, or a transfer to confirm.

import { callWeChat, post } from "./api.js";
import { el, fill, write } from "./dom.js";

const LATER = "微信正在处理，过一会儿再来看看";

/** Return the section in which the winner of `task` claims the prize. */
export function claim(task, signal) {
  const body = el("div.stack");
  const said = el("p.problem", { role: "alert" });
  const section = el("section.panel.stack.claim", { tabindex: -1 }, el("h2", {}, "领奖"), body, said);

  /** Do one step; a refusal is shown here. */
  async function step(act) {
    write(said, "");
    const control = document.activeElement;
    section.inert = true; // which also takes the focus away
    try {
      await act();
    } catch (error) {
      write(said, error.message);
      if (!error.error) throw error;
    } finally {
      section.inert = false;
      (section.contains(control) ? control : section).focus({ preventScroll: true });
    }
  }

  const draw = (parameters = {}) => post("/drawPrize", { code: task.code, ...parameters });

  function show(...children) {
    if (!signal.aborted) fill(body, children);
  }

  function done(text) {
    task.is_draw = 1;
    show(el("p.good", {}, text));
  }

  function byMail() {
    const field = (name, label, { rows, ...attributes }) =>
      el("div.field", {}, el("label", { for: name }, label),
        el(rows ? "textarea" : "input", { id: name, name, rows, required: true, ...attributes }));
    const form = el(
      "form.stack",
      { onsubmit: (event) => { event.preventDefault(); step(send); } },
      el("p", {}, task.is_draw ? "地址已经填过。24 小时内重新提交就会替换。" : "填写收货地址。它加密保存，只有发布者看得到。"),
      field("receiver", "收货人", { maxlength: 32, autocomplete: "name" }),
      field("phone", "电话", { minlength: 5, maxlength: 20, type: "tel", autocomplete: "tel" }),
      field("address", "详细地址", { maxlength: 200, rows: 2, autocomplete: "street-address" }),
      el("button.primary", { type: "submit" }, "提交地址"),
    );
    const send = async () => {
      await draw(Object.fromEntries(new FormData(form)));
      done("地址已交给发布者，等着收货吧。24 小时内可以回到这里更改。");
    };
    show(form);
  }

  function onSite() {
    const offer = async () => {
      const { is_draw, pickup, pickup_pic } = await draw();
      if (is_draw) return done("奖品已经领走了。");
      return show(
        el("p", {}, "当面把取件码给发布者看，或让对方扫码："),
        el("p.pickup", {}, pickup),
        el("img.code", { src: pickup_pic, alt: "取件码的二维码", width: 200, height: 200 }),
        el("button", { type: "button", onclick: () => step(offer) }, "已经领到了"),
      );
    };
    if (task.is_draw) return done("奖品已经领走了。");
    return show(
      el("p", {}, "现场领取：凭取件码向发布者领奖。"),
      el("button.primary", { type: "button", onclick: () => step(offer) }, "出示取件码"),
    );
  }

  function redPacket() {
    const take = async () => {
      let { is_draw, package_info } = await draw();
      if (package_info) {
        // In WeChat `wx.requestMerchantTransfer` asks the winner to confirm; here the sandbox plays that.
        await callWeChat("/confirm", { package: package_info });
        ({ is_draw } = await draw());
      }
      if (is_draw) done("红包已到账。");
      else write(said, LATER);
    };
    if (task.is_draw) return done("红包已到账。");
    return show(
      el("p", {}, `${task.money} 元红包，领取后进入微信零钱。`),
      el("button.primary", { type: "button", onclick: () => step(take) }, "领取红包"),
    );
  }

  if (task.goods_type === 1) redPacket();
  else if (task.draw_type === 1) onSite();
  else byMail();
  return section;
}
