// Publishing: only the fields that apply, each with its range, and a summary before they are sent. The
// filled-in form is kept until it is published. A problem is said beneath its field, which gets the focus.

import { get, mayPass, publishWith, takeHalf } from "./api.js";
import { copyOf, paysFen, planWarning, planWords, prizesOf, spacing, wholeOf } from "../miniprogram/shared/planning.js";
import { AUDIENCE, FIELDS, GIVING, NAMING, PUBLISH, cooldownHint, fluctuationHint, publishersTax, yuan } from "../miniprogram/shared/words.js";
import { el, fill, set, write } from "./dom.js";
import { apply, choice, field, number } from "./fields.js";
import { kindRows } from "./kinds.js";
import { askName } from "./naming.js";
import { opening } from "./opening.js";
import { pictureField } from "./picture.js";
import { rules, takesCash } from "./payment.js";
import { keep, person, recall } from "./session.js";

const DRAFT = "wabao.draft"; // what is filled in: {whose, url, values by name, kinds, spaced: by hand}
const SEVERAL = "0"; // the form's value for several kinds, in place of a goods_type
const SPACING = ["interval", "fluctuation"];

/** With a `code`, bury that treasure again: the form is filled in with its details. */
export function publish(root, signal, code) {
  if (!code) return fillIn(root, signal);
  opening(root, signal, async () => {
    const { data } = await get("/getTaskDetails", { code });
    if (signal.aborted) return;
    const { url, values, kinds } = copyOf(data);
    keep("sessionStorage", DRAFT, { whose: person.unionid, url, values: kinds.length ? { ...values, goods_type: SEVERAL } : values, kinds, spaced: true });
    history.replaceState(null, "", "#/publish");
    fill(root);
    fillIn(root, signal);
  });
  return "发布";
}

function fillIn(root, signal) {
  const draft = draftOf(person.unionid);
  if (!takesCash() && draft.values.goods_type === "1") delete draft.values.goods_type; // from before
  const remember = (changes) => keep("sessionStorage", DRAFT, Object.assign(draft, changes));
  const picture = pictureField("picture", {
    label: "图片", hint: "JPEG、PNG、WebP 或 GIF，10 MB 以内", address: draft.url, uploaded: (url) => remember({ url }),
  });
  const changed = () => { adapt(form, fields, draft.spaced); remember({ values: filledIn(form), kinds: fields.rows.values() }); };
  const fields = makeFields(draft.kinds ?? [], changed);
  const form = el(
    "form.stack",
    {
      novalidate: true, // its own problems are said in the words of this page
      oninput: ({ target }) => {
        forgive(target);
        if (SPACING.includes(target.name)) draft.spaced = true;
        changed();
      },
    },
    el("section.panel.stack", {}, fields.kinds, picture.element, fields.noPicture, fields.name, fields.synopsis, fields.wxname),
    el("section.panel.stack", {},
      el("h2", {}, "奖品和难度"),
      fields.rows.element,
      el("div.pair", {}, fields.prize_num, fields.money, fields.value),
      fields.forecast_num,
      el("div.pair", {}, fields.interval, fields.fluctuation),
      fields.warning,
      fields.cd,
      fields.starts_at,
      fields.ends_at),
    el("section.panel.stack", {}, fields.giving, fields.place, fields.pickup_time, fields.not_sent_to, fields.contact, fields.audience),
    fields.summary,
    fields.tax,
    fields.cash,
  );
  addSending(form, picture, fields, signal);
  root.classList.add("narrow");
  root.append(el("h1", {}, "埋下一个宝贝"), askName(signal, NAMING.publishing, () => {}), form);
  for (const [name, value] of Object.entries(draft.values)) if (form.elements[name]) form.elements[name].value = value;
  adapt(form, fields, draft.spaced);
  return "发布";
}

function draftOf(whose) {
  const kept = recall("sessionStorage", DRAFT);
  return kept?.whose === whose ? kept : { whose, url: "", values: {}, kinds: [], spaced: false };
}

function makeFields(kept, changed) {
  const { mostYuan, cooldownSeconds } = document.documentElement.dataset; // this server's settings
  return {
    ...textFields(),
    ...handingFields(),
    prize_num: number("prize_num", FIELDS.prize_num, 1, 1000, 1),
    money: number("money", FIELDS.money, 1, mostYuan, 1),
    value: number("value", FIELDS.value, 1, 50_000, "", PUBLISH.worth),
    forecast_num: number("forecast_num", FIELDS.forecast_num, 1, 1_000_000, 20),
    interval: number("interval", FIELDS.interval, 1, 100_000, 10),
    fluctuation: number("fluctuation", FIELDS.fluctuation, 0, 99_999, 3),
    cd: number("cd", FIELDS.cd, 0, 3600, cooldownSeconds),
    starts_at: field("starts_at", FIELDS.starts_at, { type: "datetime-local" }, PUBLISH.starts),
    ends_at: field("ends_at", FIELDS.ends_at, { type: "datetime-local" }, PUBLISH.ends),
    kinds: choice("goods_type", "埋什么", takesCash()
      ? [["2", "实物"], ["1", "现金红包"], [SEVERAL, "几种、拼手气"]] : [["2", "实物"], [SEVERAL, "几种奖品"]]),
    rows: kindRows(kept, { cash: takesCash(), mostYuan, changed }),
    warning: el("p.problem", { role: "status" }),
    giving: choice("draw_type", FIELDS.draw_type, GIVING),
    audience: choice("is_public", FIELDS.is_public, AUDIENCE),
    tax: el("p.hint", { role: "status" }),
    cash: el("p.hint", { hidden: true }, rules()),
    noPicture: el("p.hint", { hidden: true }, PUBLISH.noPicture),
    summary: el("p.summary", { role: "status" }),
  };
}

/** The fields for a treasure's texts. */
export function textFields() {
  return {
    name: field("name", FIELDS.name, { maxlength: 50, required: true, placeholder: "1 到 50 个字" }),
    synopsis: field("synopsis", FIELDS.synopsis, { maxlength: 2000, rows: 3, placeholder: "可以不填，最多 2000 个字" }),
    wxname: field("wxname", FIELDS.wxname, { maxlength: 32, placeholder: person.nickName }, PUBLISH.signed),
  };
}

/** The fields about handing goods over. */
export function handingFields() {
  return {
    place: field("place", FIELDS.place, { maxlength: 100 }, PUBLISH.seen),
    pickup_time: field("pickup_time", FIELDS.pickup_time, { maxlength: 50 }, PUBLISH.seen),
    not_sent_to: field("not_sent_to", FIELDS.not_sent_to, { maxlength: 200 }, PUBLISH.notSentTo),
    contact: field("contact", FIELDS.contact, { maxlength: 50 }, PUBLISH.contact),
  };
}

/** Show the fields that apply: goods are given on site (1), by mail (2), or there are none (0). */
export function applyHanding(fields, given) {
  apply(fields.place, given === 1);
  apply(fields.pickup_time, given === 1);
  apply(fields.not_sent_to, given === 2);
  apply(fields.contact, given > 0);
}

/** Add to the form the button that sends it, and the text about sending. */
function addSending(form, picture, fields, signal) {
  const problem = el("p.problem", { role: "alert" });
  const submit = el("button.primary", { type: "submit" }, PUBLISH.bury);
  form.append(problem, submit);
  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });

  async function send() {
    write(problem, "");
    const wrong = [...form.elements].find((input) => input.labels?.length && wrongWith(input, picture));
    if (wrong) return blame(wrong, wrongWith(wrong, picture));
    submit.disabled = true;
    let step = "picture";
    try {
      const url = await picture.ready();
      step = "half";
      if (value(form, "goods_type") === SEVERAL) await fields.rows.ready();
      const asked = { ...Object.fromEntries(new FormData(form)), ...contents(form, fields.rows), ...times(form) };
      const half = await takeHalf({ ...asked, url });
      if (signal.aborted) return undefined; // the person has left the page: do not publish
      step = "sent";
      const { code } = await publishWith(half, { ...asked, url });
      keep("sessionStorage", DRAFT, null);
      if (!signal.aborted) location.hash = `#/task/${code}`;
    } catch (error) {
      const uploading = step === "picture"; // its problem is shown beside it already
      const input = uploading ? picture.input : fieldOf(error.reply?.param, form, picture);
      if (input) blame(input, uploading ? "" : error.message);
      else write(problem, step === "sent" && mayPass(error) ? PUBLISH.maybe : error.message);
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
  return wholeOf(value(form, name));
}

function adapt(form, fields, byHand) {
  const ofKinds = value(form, "goods_type") === SEVERAL;
  fields.rows.apply(ofKinds);
  const { goods_type: kind, prize_num: prizes, prizes: kinds = [] } = contents(form, fields.rows);
  const redPacket = kind === 1;
  const several = prizes > 1;
  form.dataset.paid = redPacket ? "1" : "";
  apply(fields.prize_num, !ofKinds);
  apply(fields.money, redPacket && !ofKinds);
  const goods = !redPacket || fields.rows.values().some((row) => ofKinds && row.kind === "goods");
  apply(fields.giving, goods);
  applyHanding(fields, goods ? whole(form, "draw_type") : 0);
  apply(fields.value, !redPacket && !ofKinds);
  apply(fields.interval, several);
  apply(fields.fluctuation, several);
  set(fields.noPicture, { hidden: !redPacket });
  set(fields.cash, { hidden: !redPacket });
  const { cashCd, cashGap, fairStartMs } = document.documentElement.dataset;
  const gap = redPacket ? Math.max(1, Number(cashGap)) : 1;
  const forecast = whole(form, "forecast_num");
  if (several && forecast && !byHand) for (const [name, number] of Object.entries(spacing({ prizes, forecast, gap }))) form.elements[name].value = number;
  const interval = whole(form, "interval");
  form.elements.fluctuation.max = Math.max(0, interval - gap);
  write(fields.fluctuation.querySelector(".hint"), fluctuationHint(interval, gap));
  const least = redPacket ? Number(cashCd) : 0;
  form.elements.cd.min = least;
  write(fields.tax, publishersTax(ofKinds ? { ranks: kinds } : redPacket ? {} : { value: whole(form, "value") }));
  write(fields.cd.querySelector(".hint"), cooldownHint(least, Number(fairStartMs)));
  const plan = { prizes, forecast, interval, fluctuation: whole(form, "fluctuation"), cd: whole(form, "cd") };
  const payFen = ofKinds ? paysFen(kinds) : redPacket ? prizes * whole(form, "money") * 100 : 0;
  write(fields.warning, planWarning(plan));
  set(fields.warning, { hidden: !planWarning(plan) });
  write(fields.summary, summarise(plan, payFen));
}

/** Return what is to be published, as `planning.js` and `/postTask` take it. */
function contents(form, kinds) {
  const chosen = value(form, "goods_type");
  if (chosen === SEVERAL) return prizesOf(kinds.values());
  return { goods_type: Number(chosen), prize_num: whole(form, "prize_num") };
}

/** Return start and end of digging, in unix ms, if the person set them. */
function times(form) {
  const said = (name) => Date.parse(value(form, name)) || undefined;
  return { starts_at: said("starts_at"), ends_at: said("ends_at") };
}

function summarise(plan, payFen) {
  const words = planWords(plan);
  if (!words) return "";
  const deepest = plan.prizes > 1 ? plan.prizes * (plan.interval + plan.fluctuation) : plan.forecast;
  return `${words}。最深 ${deepest} 层${payFen ? `，要支付 ${yuan(payFen)}` : ""}。`;
}

/** Return what is wrong with a field before it is sent, "" if nothing is. */
function wrongWith(input, picture) {
  if (input === picture.input) return picture.chosen() || input.form.dataset.paid ? "" : PUBLISH.picture;
  if (input.disabled || input.validity.valid) return "";
  const label = input.labels[0].textContent;
  if (input.type !== "number") return `请填写“${label}”`;
  if (input.min === input.max) return `“${label}”只能是 ${input.min}`;
  return `“${label}”应为 ${input.min} 到 ${input.max}${input.step === "1" ? " 的整数" : "，最多两位小数"}`;
}

/** Return the field that a parameter of the server comes from, if it is one that shows. */
export function fieldOf(parameter, form, picture) {
  const input = parameter === "url" ? picture.input : parameter && form.querySelector(`#${CSS.escape(parameter)}`);
  return input && !input.disabled ? input : null;
}

export function forgive(input) {
  if (!input.hasAttribute("aria-invalid")) return;
  set(input, { "aria-invalid": null, "aria-errormessage": null });
  input.closest(".field").querySelector(":scope > .problem.own")?.remove();
}

/** Say beneath a field what is wrong with it, and go there. */
export function blame(input, text) {
  const field = input.closest(".field");
  const id = `${input.id}-problem`;
  forgive(input);
  if (text) field.append(el("p.problem.own", { id, role: "alert" }, text));
  set(input, { "aria-invalid": "true", "aria-errormessage": text ? id : null });
  field.scrollIntoView({ block: "center" });
  input.focus({ preventScroll: true });
}
