// The part of the publishing form for several kinds of prizes: a row for each.

import { MOST_KINDS } from "../miniprogram/shared/planning.js";
import { KIND, PUBLISH } from "../miniprogram/shared/words-publish.js";
import { el, set, write } from "./dom.js";
import { apply, field } from "./fields.js";
import { pictureField } from "./picture.js";

const NEW = { name: "", kind: "goods", number: "", amount: "", value: "", url: "" };
const LABELS = { each: "每个多少元", split: "一起分多少元" };

/**
 * Return the element. Its `values()` returns what is filled in, for `prizesOf`; the form begins with `kept`. `cash` is
 * whether the server takes red packets, of at most `mostYuan`. `changed` is called when a row is added or removed.
 */
export function kindRows(kept, { cash, mostYuan, changed }) {
  const list = el("ol.kinds");
  const more = el("button", { onclick: () => { add(NEW); renew(); changed(); rows.at(-1).focus(); } }, "再加一种");
  const element = el("div.stack", {}, list, more);
  const rows = [];
  let made = 0;

  function add(values) {
    const remove = () => {
      rows.splice(rows.indexOf(row), 1);
      row.element.remove();
      renew();
      changed();
      more.focus(); // the row's own button is gone
    };
    const row = kindRow(`kind-${made += 1}`, values, { cash, mostYuan, changed, remove });
    rows.push(row);
    list.append(row.element);
  }

  function renew() {
    set(more, { hidden: rows.length >= MOST_KINDS });
    rows.forEach((row, place) => row.renew(place + 1, rows.length > 1));
  }

  (kept.length ? kept : [NEW, NEW]).forEach(add);
  renew();
  return {
    element,
    values: () => rows.map((row) => row.values()),
    /** Resolves once all their pictures are uploaded, and throws if one was refused. */
    ready: () => Promise.all(rows.map((row) => row.ready())),
    /** Show and check the element, or, if it does not apply, do neither. */
    apply(applies) {
      apply(element, applies);
      if (applies) rows.forEach((row) => row.adapt());
    },
  };
}

function kindRow(id, values, { cash, mostYuan, changed, remove }) {
  let { url = "" } = values;
  const picture = pictureField(`${id}-picture`, {
    label: "图片", hint: KIND.picture, address: url, uploaded: (uploaded) => { url = uploaded; changed(); },
  });
  const legend = el("legend");
  const part = (name, label, attributes, ...children) => field(`${id}-${name}`, label, { name: null, value: values[name], required: true, ...attributes }, null, ...children);
  const name = part("name", KIND.name, { maxlength: 20, required: false });
  const kind = part("kind", "是什么", { value: null }, ...[["goods", "实物"], ["each", "红包"], ["split", "拼手气"]].slice(0, cash ? 3 : 1)
    .map(([value, text]) => el("option", { value, selected: value === values.kind }, text)));
  const number = part("number", "几份", { type: "number", inputmode: "numeric", min: 1, max: 1000, step: 1, placeholder: PUBLISH.one, required: false });
  const amount = part("amount", LABELS.each, { type: "number", inputmode: "decimal", min: 0.1, max: mostYuan, step: 0.01 });
  const value = part("value", "每份值多少元", { placeholder: "可以不填", type: "number", inputmode: "numeric", min: 1, max: 50_000, step: 1, required: false });
  // The second click of a double click on the form's own button can land here, since the page scrolls to what is wrong.
  const drop = el("button.link", { onclick: ({ detail }) => { if (detail < 2) remove(); } }, "去掉这一种");
  const inputs = Object.fromEntries(Object.entries({ name, kind, number, amount, value }).map(([of, made]) => [of, made.querySelector("input, select")]));
  return {
    element: el("li", {}, el("fieldset.stack", {}, legend, el("div.pair", {}, name, kind), el("div.pair", {}, number, amount, value), picture.element, drop)),
    values: () => ({ ...Object.fromEntries(Object.entries(inputs).map(([of, input]) => [of, input.value])), url }),
    ready: picture.ready,
    focus: () => inputs.name.focus(),
    renew(place, removable) {
      write(legend, KIND.title(place));
      inputs.name.placeholder = KIND.unnamed(place);
      set(drop, { hidden: !removable });
    },
    adapt() {
      const chosen = inputs.kind.value;
      apply(value, chosen === "goods");
      apply(amount, chosen !== "goods");
      write(amount.querySelector("label"), LABELS[chosen] ?? LABELS.each);
      inputs.amount.min = chosen === "split" ? (0.1 * (Number(inputs.number.value) || 1)).toFixed(2) : "0.10";
    },
  };
}
