// The publisher's side of a prize: who won, where to send it, and the pick-up codes.

import { get, post } from "./api.js";
import { avatar, el, fill, notice, write } from "./dom.js";
import { icon } from "./icons.js";

export function winners(root, signal, code) {
  const list = el("ul.winners");
  const said = el("p.blank", { role: "status" }, "正在读取…");
  const pickup = el("section.panel.stack", { hidden: true }, el("h2", {}, "核对取件码"), pickupForm());
  root.classList.add("narrow");
  fill(root, el("div.toolbar", {}, el("a.quiet", { href: `#/task/${code}` }, icon("back", 20), "回到宝贝")), el("h1", {}, "中奖者和发奖"), pickup, list, said);

  async function load() {
    try {
      const { data } = await get("/getWinners", { code });
      if (signal.aborted) return;
      fill(list, data.map(row));
      pickup.hidden = !data.some((winner) => winner.draw_type === 1 && winner.goods_type === 2 && !winner.is_draw);
      write(said, data.length ? "" : "还没有人挖到");
    } catch (error) {
      write(said, error.message);
    }
  }

  function row(winner) {
    return el("li.panel", {},
      avatar(winner.wxheadpic, 44),
      el("div", {},
        el("b", {}, winner.wxname),
        el("p.hint", {}, `第 ${winner.depth} 层 · ${winner.is_draw ? "已领取" : "未领取"}`),
        winner.address ? el("p.address", {}, `${winner.receiver}，${winner.phone}，${winner.address}`) : null));
  }

  function pickupForm() {
    const problem = el("p.problem", { role: "alert" });
    const input = el("input", {
      id: "pickup", name: "pickup", inputmode: "numeric", pattern: "[0-9]{6}", maxlength: 6, required: true, autocomplete: "off",
    });
    const confirm = async (event) => {
      event.preventDefault();
      write(problem, "");
      try {
        await post("/confirmDraw", { code, pickup: input.value });
        input.value = "";
        notice("取件码正确，可以发奖了");
        await load();
      } catch (error) {
        write(problem, error.message);
      }
    };
    return el("form.stack", { onsubmit: confirm },
      el("label", { for: "pickup" }, "中奖者的 6 位取件码"), el("div.row", {}, input, el("button.primary", { type: "submit" }, "核对")), problem);
  }

  load();
  return "中奖者";
}
