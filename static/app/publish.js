// Publishing: only the fields that apply, each with its range, and a summary before they are sent. What was filled in
// is kept until it is published. A problem is said beneath its field, which gets the focus.

import { mayPass, publishWith, takeHalf } from "./api.js";
import { NAMING, publishersTax, whoIsFirst } from "../miniprogram/shared/words.js";
import { el, set, write } from "./dom.js";
import { askName } from "./naming.js";
import { pictureField } from "./picture.js";
import { rules, takesCash } from "./payment.js";
import { keep, person, recall } from "./session.js";

const DRAFT = "wabao.draft"; // what is filled in: {whose, url, values by name}
const WORTH = "可以不填，1 到 50000；大家看得到";
const DAY_SECONDS = 86_400;
const MAYBE = "没有收到回音，可能已经埋下了。再点一次就知道，不会埋下两个";

export function publish(root, signal) {
  const draft = draftOf(person.unionid);
  if (!takesCash()) delete draft.values.goods_type; // a draft of a red packet, from before
  const remember = (changes) => keep("sessionStorage", DRAFT, Object.assign(draft, changes));
  const picture = pictureField("picture", {
    label: "图片", hint: "JPEG、PNG、WebP 或 GIF，10 MB 以内", address: draft.url, uploaded: (url) => remember({ url }),
  });
  const fields = makeFields();
  const form = el(
    "form.stack",
    {
      novalidate: true, // its own problems are said in the words of this page
      oninput: ({ target }) => { forgive(target); adapt(form, fields); remember({ values: filledIn(form) }); },
    },
    el("section.panel.stack", {}, fields.kinds, picture.element, fields.noPicture, fields.name, fields.synopsis, fields.wxname),
    el("section.panel.stack", {},
      el("h2", {}, "奖品和难度"),
      el("div.pair", {}, fields.prize_num, fields.money, fields.value),
      fields.forecast_num,
      el("div.pair", {}, fields.interval, fields.fluctuation),
      fields.cd),
    el("section.panel.stack", {}, fields.giving, fields.audience),
    fields.summary,
    fields.cash,
  );
  addSending(form, picture, signal);
  root.classList.add("narrow");
  root.append(el("h1", {}, "埋下一个宝贝"), askName(signal, NAMING.publishing, () => {}), form);
  for (const [name, value] of Object.entries(draft.values)) if (form.elements[name]) form.elements[name].value = value;
  adapt(form, fields);
  return "发布";
}

function draftOf(whose) {
  const kept = recall("sessionStorage", DRAFT);
  return kept?.whose === whose ? kept : { whose, url: "", values: {} };
}

function makeFields() {
  const { mostYuan, cooldownSeconds } = document.documentElement.dataset; // this server's settings
  return {
    name: field("name", "物品名", { maxlength: 50, required: true, placeholder: "1 到 50 个字" }),
    synopsis: field("synopsis", "简介", { maxlength: 2000, rows: 3, placeholder: "可以不填，最多 2000 个字" }),
    wxname: field("wxname", "署名", { maxlength: 32, placeholder: person.nickName }, "可以不填，最多 32 个字；不填就用你的名字和头像，填了会标明是署名"),
    prize_num: number("prize_num", "奖品数量", 1, 1000, 1),
    money: number("money", "每个红包多少元", 1, mostYuan, 1),
    value: number("value", "每份值多少元", 1, 50_000, "", WORTH),
    forecast_num: number("forecast_num", "预计挖多少锹", 1, 1_000_000, 20),
    interval: number("interval", "每隔多少层一份奖品", 1, 100_000, 10),
    fluctuation: number("fluctuation", "上下浮动多少层", 0, 99_999, 3),
    cd: number("cd", "每锹之后冷却几秒", 0, 3600, cooldownSeconds),
    kinds: choice("goods_type", "埋什么", [["2", "实物"], ["1", "现金红包"]].slice(0, takesCash() ? 2 : 1)),
    giving: choice("draw_type", "怎么给", [["2", "邮寄"], ["1", "现场领取"]]),
    audience: choice("is_public", "谁能看到", [["1", "出现在广场"], ["0", "只有拿到链接的人"]]),
    cash: el("p.hint", { hidden: true }, rules()),
    noPicture: el("p.hint", { hidden: true }, "不选图片，就用画好的红包图。"),
    summary: el("p.summary", { role: "status" }),
  };
}

/** Add to the form the button that sends it, and what is said of that. */
function addSending(form, picture, signal) {
  const problem = el("p.problem", { role: "alert" });
  const submit = el("button.primary", { type: "submit" }, "埋下宝贝");
  form.append(problem, submit);
  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });

  async function send() {
    write(problem, "");
    const wrong = [...form.elements].find((input) => input.labels?.length && wrongWith(input, picture));
    if (wrong) return blame(wrong, wrongWith(wrong, picture));
    submit.disabled = true;
    let step = "picture";
    try {
      const asked = Object.fromEntries(new FormData(form));
      const url = await picture.ready();
      step = "half";
      const half = await takeHalf({ ...asked, url });
      if (signal.aborted) return undefined; // the person has left the page: do not publish
      step = "sent";
      const { code } = await publishWith(half, { ...asked, url });
      keep("sessionStorage", DRAFT, null);
      if (!signal.aborted) location.hash = `#/task/${code}`;
    } catch (error) {
      const uploading = step === "picture"; // beside the picture, its problem stands already
      const input = uploading ? picture.input : fieldOf(error.reply?.param, form, picture);
      if (input) blame(input, uploading ? "" : error.message);
      else write(problem, step === "sent" && mayPass(error) ? MAYBE : error.message);
      if (!error.error) throw error;
    } finally {
      submit.disabled = false;
    }
    return undefined;
  }
}

/** All values by name, also of fields that do not apply now. */
function filledIn(form) {
  const named = [...form.elements].filter(({ name, type, checked }) => name && (type !== "radio" || checked));
  return Object.fromEntries(named.map((input) => [input.name, input.value]));
}

function value(form, name) {
  return form.elements[name].value.trim();
}

function whole(form, name) {
  return Number.parseInt(value(form, name), 10) || 0;
}

function adapt(form, fields) {
  const redPacket = value(form, "goods_type") === "1";
  const several = whole(form, "prize_num") > 1;
  apply(fields.money, redPacket);
  apply(fields.giving, !redPacket);
  apply(fields.value, !redPacket);
  apply(fields.interval, several);
  apply(fields.fluctuation, several);
  set(fields.noPicture, { hidden: !redPacket });
  set(fields.cash, { hidden: !redPacket });
  const { cashCd, cashGap, fairStartMs } = document.documentElement.dataset;
  const gap = redPacket ? Math.max(1, Number(cashGap)) : 1;
  const most = Math.max(0, whole(form, "interval") - gap);
  form.elements.fluctuation.max = most;
  const less = gap > 1 ? `发红包时至少比间隔小 ${gap}` : "小于间隔";
  write(fields.fluctuation.querySelector(".hint"), `0 到 ${most}，${less}；0 就是人人都知道位置`);
  const least = redPacket ? Number(cashCd) : 0;
  set(fields.kinds, { hidden: !takesCash() });
  form.elements.cd.min = least;
  const tax = redPacket ? "" : publishersTax({ value: whole(form, "value") });
  write(fields.value.querySelector(".hint"), tax || WORTH);
  write(fields.cd.querySelector(".hint"), [`${least} 到 3600`, whoIsFirst(Number(fairStartMs))].filter(Boolean).join("；"));
  write(fields.summary, summarise(form, redPacket, several));
}

function summarise(form, redPacket, several) {
  const prizes = whole(form, "prize_num");
  const forecast = whole(form, "forecast_num");
  const deepest = several ? prizes * (whole(form, "interval") + whole(form, "fluctuation")) : forecast;
  if (!deepest) return "";
  const pay = redPacket ? `，要支付 ${prizes * whole(form, "money")} 元` : "";
  return `最深 ${deepest} 层，挖到底至少要 ${duration(deepest * whole(form, "cd"))}${pay}。`;
}

/** Return what is wrong with a field before it is sent, "" if nothing is. */
function wrongWith(input, picture) {
  if (input === picture.input) return picture.chosen() || value(input.form, "goods_type") === "1" ? "" : "请先选一张图片";
  if (input.disabled || input.validity.valid) return "";
  const label = input.labels[0].textContent;
  return input.type === "number" ? `“${label}”应为 ${input.min} 到 ${input.max} 的整数` : `请填写“${label}”`;
}

/** Return the field that a parameter of the server comes from, if it is one that shows. */
function fieldOf(parameter, form, picture) {
  const input = parameter === "url" ? picture.input : parameter && form.querySelector(`#${CSS.escape(parameter)}`);
  return input && !input.disabled ? input : null;
}

function forgive(input) {
  if (!input.hasAttribute("aria-invalid")) return;
  set(input, { "aria-invalid": null, "aria-errormessage": null });
  input.closest(".field").querySelector(":scope > .problem.own")?.remove();
}

/** Say beneath a field what is wrong with it, and go there. */
function blame(input, text) {
  const field = input.closest(".field");
  const id = `${input.id}-problem`;
  forgive(input);
  if (text) field.append(el("p.problem.own", { id, role: "alert" }, text));
  set(input, { "aria-invalid": "true", "aria-errormessage": text ? id : null });
  field.scrollIntoView({ block: "center" });
  input.focus({ preventScroll: true });
}

function duration(seconds) {
  if (seconds < 60) return `${seconds} 秒`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} 分钟`;
  if (seconds < 2 * DAY_SECONDS) return `${Math.ceil(seconds / 3600)} 小时`;
  return `${Math.ceil(seconds / DAY_SECONDS)} 天`;
}

function field(name, label, attributes, hint = null) {
  const tag = attributes.rows ? "textarea" : "input";
  return el(
    "div.field",
    {},
    el("label", { for: name }, label),
    el(tag, { id: name, name, autocomplete: "off", "aria-describedby": hint ? `${name}-hint` : null, ...attributes }),
    hint ? el("p.hint", { id: `${name}-hint` }, hint) : null,
  );
}

function number(name, label, least, most, initial, optional = "") {
  const attributes = { type: "number", inputmode: "numeric", min: least, max: most, step: 1, value: initial, required: !optional };
  return field(name, label, attributes, optional || `${least} 到 ${most}`);
}

function choice(name, label, options) {
  return el(
    "fieldset.field",
    {},
    el("legend", {}, label),
    el("div.segments", {}, options.map(([value, text], place) =>
      el("label", {}, el("input", { type: "radio", name, value, checked: place === 0 }), el("span", {}, text)))),
  );
}

// A field that does not apply is neither shown, nor checked by the browser, nor sent.
function apply(element, applies) {
  element.hidden = !applies;
  for (const input of element.querySelectorAll("input, textarea")) input.disabled = !applies;
}
