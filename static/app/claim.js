// Claiming a prize: an address for the post, a code to pick it up, or a transfer to confirm.

import { plain, post } from "./api.js";
import { el, fill, write } from "./dom.js";

/** Return the section in which the winner of `task` claims the prize. */
export function claim(task, signal) {
  const body = el("div.stack");
  const said = el("p.problem", { role: "alert" });
  const section = el("section.panel.stack.claim", {}, el("h2", {}, "领奖"), body, said);

  async function draw(parameters = {}) {
    write(said, "");
    section.inert = true;
    try {
      return await post("/drawPrize", { code: task.code, ...parameters });
    } catch (error) {
      write(said, error.message);
      if (!error.error) throw error;
      return null;
    } finally {
      section.inert = false;
    }
  }

  const done = (text) => {
    if (signal.aborted) return;
    task.is_draw = 1;
    fill(body, el("p.good", {}, text));
  };

  function byMail() {
    const field = (name, label, attributes) => [
      el("label", { for: name }, label),
      el(attributes.rows ? "textarea" : "input", { id: name, name, required: true, ...attributes }),
    ];
    const form = el(
      "form.stack",
      {
        onsubmit: async (event) => {
          event.preventDefault();
          if (await draw(Object.fromEntries(new FormData(form)))) done("地址已交给发布者，等着收货吧。24 小时内可以改。");
        },
      },
      el("p", {}, task.is_draw ? "地址已经填过，24 小时内可以更改：" : "填写收货地址。它加密保存，只有发布者看得到。"),
      field("receiver", "收货人", { maxlength: 32, autocomplete: "name" }),
      field("phone", "电话", { maxlength: 20, type: "tel", autocomplete: "tel" }),
      field("address", "详细地址", { maxlength: 200, rows: 2, autocomplete: "street-address" }),
      el("button.primary", { type: "submit" }, "提交地址"),
    );
    fill(body, form);
  }

  function onSite() {
    const show = async () => {
      const reply = await draw();
      if (!reply || signal.aborted) return;
      if (reply.is_draw) return done("奖品已经领走了。");
      fill(
        body,
        el("p", {}, "当面把取件码给发布者看："),
        el("p.pickup", {}, reply.pickup),
        reply.pic ? el("img.code", { src: reply.pic, alt: "取件码的二维码", width: 200, height: 200 }) : null,
      );
    };
    if (task.is_draw) done("奖品已经领走了。");
    else fill(body, el("p", {}, "现场领取：凭取件码向发布者领奖。"), el("button.primary", { type: "button", onclick: show }, "出示取件码"));
  }

  function redPacket() {
    const take = async () => {
      const reply = await draw();
      if (!reply || signal.aborted) return;
      if (reply.is_draw) return done("红包已到账。");
      await confirm(reply.package_info);
    };
    // In WeChat `wx.requestMerchantTransfer` asks the winner to confirm; here the sandbox plays that.
    const confirm = async (packageInfo) => {
      await plain("/sandbox/confirm", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ package_info: packageInfo }),
      });
      const reply = await draw();
      if (reply?.is_draw) done("红包已到账。");
      else if (reply) write(said, "微信还在处理，过一会儿再看");
    };
    if (task.is_draw) done("红包已到账。");
    else fill(body, el("p", {}, `${task.money} 元红包，领取后进入微信零钱。`), el("button.primary", { type: "button", onclick: take }, "领取红包"));
  }

  if (task.goods_type === 1) redPacket();
  else if (task.draw_type === 1) onSite();
  else byMail();
  return section;
}
