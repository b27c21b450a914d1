// Publishing: first what is buried, then only the fields that apply to it, each with its range, and a summary before
// they are sent. A field that is left empty counts as its placeholder says. The filled-in form is kept until it is
// published. A problem is said beneath its field, which gets the focus.

import { get, mayPass, publishWith, takeHalf } from "./api.js";
import { copyOf, momentOf, packetOf, paysFen, planOf, planWarning, planWords, prizesOf, quickWords, wholeOf, zoneWords } from "../miniprogram/shared/planning.js";
import { AUDIENCE, FIELDS, GIVING, PACKET, PUBLISH, TEMPOS, WHATS, cooldownHint, deadlineWords, endsHint, fluctuationHint, publishersTax, rangeWords, sumMissing, sumRange } from "../miniprogram/shared/words-publish.js";
import { NAMING } from "../miniprogram/shared/words-later.js";
import { yuan } from "../miniprogram/shared/words.js";
import { ask } from "./dialog.js";
import { el, fill, icon, notice, redraw, set, write } from "./dom.js";
import { apply, blame, choice, field, forgive, number } from "./fields.js";
import { kindRows } from "./kinds.js";
import { askName } from "./naming.js";
import { opening } from "./opening.js";
import { pictureField } from "./picture.js";
import { pay, rules, takesCash } from "./payment.js";
import { keep, person, recall } from "./session.js";

const DRAFT = "wabao.draft"; // what is filled in: {whose, url, values by name, kinds, tempo: "" until one is chosen}
const SEVERAL = "0"; // the form's value for several kinds, in place of a goods_type
const ICONS = { thing: "trophy", more: "square" }; // a packet is drawn by a style
const NUMBERS = ["forecast_num", "interval", "fluctuation", "cd"]; // those that a tempo gives

/** With a `code`, bury that treasure again: the form is filled in with its details. */
export function publish(root, signal, code) {
  if (!code) return fillIn(root, signal);
  opening(root, signal, async () => {
    const { data } = await get("/getTaskDetails", { code });
    if (signal.aborted) return;
    const { url, values, kinds } = copyOf(data);
    keep("sessionStorage", DRAFT, { whose: person.unionid, url, values: { ...values, what: "more", ...(kinds.length ? { goods_type: SEVERAL } : {}) }, kinds, tempo: "own" });
    history.replaceState(null, "", "#/publish");
    fill(root);
    fillIn(root, signal);
  });
  return "发布";
}

function fillIn(root, signal) {
  const draft = draftOf(person.unionid);
  const { what, goods_type: before } = draft.values;
  if (!takesCash() && (what === "packet" || before === "1")) draft.values = {}; // from before
  const remember = (changes) => keep("sessionStorage", DRAFT, Object.assign(draft, changes));
  const picture = pictureField("picture", {
    label: "图片", hint: "JPEG、PNG、WebP 或 GIF，10 MB 以内", address: draft.url, uploaded: (url) => remember({ url }),
  });
  const changed = () => { adapt(form, fields, draft.tempo); remember({ values: filledIn(form), kinds: fields.rows.values() }); };
  const fields = { ...makeFields(draft.kinds ?? [], changed), picture: picture.element };
  const form = el(
    "form.stack",
    {
      novalidate: true, // its own problems are said in the words of this page
      oninput: ({ target }) => {
        if (target.name === "what") form.querySelectorAll("[aria-invalid]").forEach(forgive); // the next way has words of its own
        forgive(target);
        if (target.name === "tempo") draft.tempo = target.value;
        changed();
      },
    },
    el("div.stack", {}, fields.what, fields.about),
    el("section.panel.stack", {}, fields.kinds, fields.sum, fields.picture, fields.noPicture, fields.name, fields.synopsis, fields.wxname,
      fields.rows.element, el("div.pair", {}, fields.prize_num, fields.money, fields.value), fields.wish),
    el("section.panel.stack", {}, fields.giving, fields.place, fields.pickup_time, fields.not_sent_to, fields.contact, fields.audience),
    el("section.panel.stack", {},
      fields.tempo,
      fields.numbers,
      fields.warning,
      fields.summary,
      fields.deadline,
      fields.starts_at,
      fields.ends_at,
      fields.zone),
    fields.tax,
    fields.cash,
  );
  addSending(form, picture, fields, signal);
  root.classList.add("narrow");
  root.append(el("h1", {}, "埋下一个宝贝"), askName(signal, NAMING.publishing, () => {}), form);
  for (const [name, value] of Object.entries(draft.values)) if (form.elements[name]) form.elements[name].value = value;
  adapt(form, fields, draft.tempo);
  return "发布";
}

function draftOf(whose) {
  const kept = recall("sessionStorage", DRAFT);
  return kept?.whose === whose ? kept : { whose, url: "", values: {}, kinds: [], tempo: "" };
}

/** What one may bury here. */
const whats = () => WHATS.filter(([of]) => takesCash() || of !== "packet");

function makeFields(kept, changed) {
  const { mostYuan, taskDays } = document.documentElement.dataset; // this server's settings
  const own = {
    forecast_num: number("forecast_num", FIELDS.forecast_num, 1, 1_000_000),
    interval: number("interval", FIELDS.interval, 1, 100_000),
    fluctuation: number("fluctuation", FIELDS.fluctuation, 0, 99_999),
    cd: number("cd", FIELDS.cd, 0, 3600),
  };
  return {
    ...textFields(),
    ...handingFields(),
    ...own,
    what: choice("what", PUBLISH.what, whats().map(([of, text]) => [of, text, ICONS[of] ? icon(ICONS[of], 28) : el("i.packet")]), false),
    about: el("div.hint", { role: "status" }),
    sum: field("sum", PACKET.sum, { type: "number", inputmode: "decimal", max: mostYuan, step: 0.01, required: true }, sumRange(mostYuan)),
    wish: field("wish", PACKET.wish, { maxlength: 50, placeholder: PACKET.unsaid }),
    prize_num: number("prize_num", FIELDS.prize_num, 1, 1000),
    money: number("money", FIELDS.money, 1, mostYuan, { required: true }),
    value: number("value", FIELDS.value, 1, 50_000, {}, PUBLISH.worth),
    tempo: choice("tempo", PUBLISH.tempo, TEMPOS),
    numbers: el("div.stack", {}, el("p.hint", {}, PUBLISH.own), own.forecast_num, el("div.pair", {}, own.interval, own.fluctuation), own.cd),
    starts_at: field("starts_at", FIELDS.starts_at, { type: "datetime-local" }, PUBLISH.starts),
    ends_at: field("ends_at", FIELDS.ends_at, { type: "datetime-local" }, endsHint(taskDays)),
    zone: el("p.hint", { role: "status" }),
    kinds: choice("goods_type", "埋什么", takesCash()
      ? [["2", "实物"], ["1", "现金红包"], [SEVERAL, "几种、拼手气"]] : [["2", "实物"], [SEVERAL, "几种奖品"]]),
    rows: kindRows(kept, { cash: takesCash(), mostYuan, changed }),
    warning: el("p.problem", { role: "status" }),
    giving: choice("draw_type", FIELDS.draw_type, GIVING),
    audience: choice("is_public", FIELDS.is_public, AUDIENCE),
    tax: el("p.hint", { role: "status" }),
    cash: el("div", { hidden: true }, rules()),
    noPicture: el("p.hint", { hidden: true }, PUBLISH.noPicture),
    summary: el("p.summary", { role: "status" }),
    deadline: el("p.hint", { role: "status" }),
  };
}

/** The fields for a treasure's texts. */
export function textFields() {
  return {
    name: field("name", FIELDS.name, { maxlength: 50, required: true, placeholder: PUBLISH.named }),
    synopsis: field("synopsis", FIELDS.synopsis, { maxlength: 2000, rows: 3, placeholder: PUBLISH.told }),
    wxname: field("wxname", FIELDS.wxname, { maxlength: 32, placeholder: `不填就是“${person.nickName}”` }, PUBLISH.signed),
  };
}

/** The fields about handing goods over. */
export function handingFields() {
  return {
    place: field("place", FIELDS.place, { maxlength: 100 }, PUBLISH.seen),
    pickup_time: field("pickup_time", FIELDS.pickup_time, { maxlength: 50 }, PUBLISH.seen),
    not_sent_to: field("not_sent_to", FIELDS.not_sent_to, { maxlength: 200, placeholder: PUBLISH.regions }, PUBLISH.notSentTo),
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
  form.addEventListener("input", () => write(problem, ""));
  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });

  async function send() {
    write(problem, "");
    const wrong = [...form.elements].find((input) => input.labels?.length && wrongWith(input, picture));
    if (wrong) return blame(wrong, wrongWith(wrong, picture));
    const { plan, ...asked } = contents(form, fields.rows);
    if (plan.misfit) return write(problem, plan.misfit);
    const quick = quickWords(plan);
    if (quick && !(await ask(PUBLISH.quick, quick, PUBLISH.agree))) return undefined;
    submit.disabled = true;
    let step = "picture";
    try {
      const url = picture.input.disabled ? undefined : await picture.ready();
      step = "half";
      if (!fields.rows.element.hidden) {
        await fields.rows.ready();
        asked.prizes = prizesOf(fields.rows.values()).prizes; // with the addresses of their pictures
      }
      asked.url = url;
      const half = await takeHalf(asked);
      if (signal.aborted) return undefined; // the person has left the page: do not publish
      step = "sent";
      const { code, need_pay, ...due } = await publishWith(half, asked);
      keep("sessionStorage", DRAFT, null);
      if (signal.aborted) return undefined;
      // It is published even if the payment fails: it can also be paid on the treasure's page.
      if (need_pay) await pay({ code, ...due }).catch(({ message }) => notice(message));
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

function adapt(form, fields, tempo) {
  const what = value(form, "what");
  const [packet, more] = [what === "packet", what === "more"];
  const ofKinds = more && value(form, "goods_type") === SEVERAL;
  const redPacket = packet || (more && value(form, "goods_type") === "1");
  const { rows } = fields;
  rows.apply(ofKinds);
  write(form.querySelector("[type=submit]"), packet ? PACKET.bury : PUBLISH.bury);
  form.toggleAttribute("data-unchosen", !what);
  redraw(fields.about, what, () => whats().filter(([of]) => !what || of === what).map(([, text, told]) => el("p", {}, what ? told : `${text}：${told}`)));
  for (const one of ["kinds", "synopsis", "wxname", "pickup_time", "not_sent_to", "contact", "audience", "starts_at", "ends_at", "zone"]) apply(fields[one], more);
  for (const one of ["sum", "wish"]) apply(fields[one], packet);
  for (const one of ["name", "picture"]) apply(fields[one], !packet);
  apply(fields.prize_num, !ofKinds && what !== "thing");
  set(form.elements.prize_num, { required: packet, placeholder: packet ? null : PUBLISH.one });
  write(fields.prize_num.querySelector("label"), packet ? PACKET.number : FIELDS.prize_num);
  apply(fields.money, redPacket && !ofKinds && !packet);
  apply(fields.value, more && !redPacket && !ofKinds);
  const goods = !packet && (!redPacket || ofKinds) && (!ofKinds || rows.values().some(({ kind }) => kind === "goods"));
  apply(fields.giving, goods);
  applyHanding(fields, goods ? whole(form, "draw_type") : 0);
  if (!more) for (const one of ["pickup_time", "not_sent_to", "contact"]) apply(fields[one], false);

  form.dataset.tempo = tempo;
  const { plan, goods_type: paid, prizes, starts_at, ends_at } = contents(form, rows);
  write(fields.zone, zoneWords(starts_at, ends_at));
  form.elements.tempo.value = plan.tempo;
  form.dataset.paid = paid === 1 ? "1" : "";
  set(fields.noPicture, { hidden: packet || paid !== 1 });
  set(fields.cash, { hidden: paid !== 1 });
  form.elements.sum.min = ((plan.prizes || 1) / 10).toFixed(2);
  const own = plan.tempo === "own";
  apply(fields.numbers, own);
  apply(fields.interval, own && plan.prizes > 1);
  apply(fields.fluctuation, own && plan.prizes > 1);
  const { least_cd, least_diggers } = paid === 1 ? cashLimits() : { least_cd: 0, least_diggers: 1 };
  const suited = { forecast_num: plan.forecast, interval: plan.interval, fluctuation: plan.fluctuation, cd: plan.cd };
  for (const [name, number] of Object.entries(suited)) form.elements[name].placeholder = number;
  limit(form, fields, "forecast_num", { min: plan.prizes > 1 ? 1 : Math.max(1, least_diggers) });
  limit(form, fields, "fluctuation", { max: Math.max(0, plan.interval - plan.gap) }, fluctuationHint(plan.interval, plan.gap));
  limit(form, fields, "cd", { min: least_cd }, cooldownHint(least_cd, Number(document.documentElement.dataset.fairStartMs)));
  write(fields.tax, publishersTax(ofKinds ? { ranks: prizes } : { value: fields.value.hidden ? 0 : whole(form, "value") }));
  const warning = plan.misfit || (own ? planWarning(plan) : "");
  write(fields.warning, warning);
  set(fields.warning, { hidden: !warning });
  const payFen = prizes ? paysFen(prizes) : paid === 1 ? plan.prizes * whole(form, "money") * 100 : 0;
  write(fields.summary, plan.misfit ? "" : summarise(plan, payFen));
  write(fields.deadline, deadlineWords({ group: packet, ends_at, paid: paid === 1, days: document.documentElement.dataset.taskDays }));
}

/** Set the least or the most of a number, and say so. */
function limit(form, fields, name, range, hint = "") {
  const input = Object.assign(form.elements[name], range);
  write(fields[name].querySelector(".hint"), hint || `${input.min} 到 ${input.max}`);
}

/** What is to be published, as `/postTask` takes it, and its `plan`. */
function contents(form, rows) {
  const { what, sum, wish, ...values } = Object.fromEntries(new FormData(form));
  const prizes = what === "packet" ? packetOf({ sum, wish, prize_num: values.prize_num }) : what === "thing" ? { goods_type: 2, prize_num: 1 } : chosen(values, rows);
  const typed = Object.fromEntries(NUMBERS.map((name) => [name, form.elements[name].value.trim()]));
  const plan = planOf({ prizes: prizes.prize_num, tempo: form.dataset.tempo, typed, cash: prizes.goods_type === 1, group: what === "packet", rules: cashLimits() });
  return { ...values, ...times(form), ...prizes, forecast_num: plan.forecast, interval: plan.interval, fluctuation: plan.fluctuation, cd: plan.cd, plan };
}

function chosen({ goods_type: kind, prize_num: number }, rows) {
  if (kind === SEVERAL) return prizesOf(rows.values());
  return { goods_type: Number(kind), prize_num: number ? wholeOf(number) : 1 };
}

/** This server's rules for red packets, as `planOf` takes them. */
function cashLimits() {
  const { cashCd, cashGap, cashDiggers } = document.documentElement.dataset;
  return { least_cd: Number(cashCd), least_gap: Number(cashGap), least_diggers: Number(cashDiggers) };
}

/** Return start and end of digging, in unix ms, if the person set them. */
function times(form) {
  const said = (name) => (form.elements[name].disabled ? undefined : momentOf(...value(form, name).split("T")));
  return { starts_at: said("starts_at"), ends_at: said("ends_at") };
}

function summarise(plan, payFen) {
  const words = planWords(plan);
  return words && `${words}${payFen ? `，要支付 ${yuan(payFen)}` : ""}。`;
}

/** Return what is wrong with a field before it is sent, "" if nothing is. */
function wrongWith(input, picture) {
  if (input === picture.input) return picture.chosen() || input.form.dataset.paid || input.disabled ? "" : PUBLISH.picture;
  if (input.disabled || input.validity.valid) return "";
  const label = input.labels[0].textContent;
  if (input.type !== "number") return `请填写“${label}”`;
  if (input.id === "sum" && input.validity.valueMissing) return sumMissing(input.min, input.max);
  if (input.min === input.max) return `“${label}”只能是 ${input.min}`;
  return rangeWords(label, input.min, input.max, input.step === "1");
}

/** Return the field that a parameter of the server comes from, if it is one that shows. */
export function fieldOf(parameter, form, picture) {
  const input = parameter === "url" ? picture.input : parameter && form.querySelector(`#${CSS.escape(parameter)}`);
  return input && !input.disabled ? input : null;
}
