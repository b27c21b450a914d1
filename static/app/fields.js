// Fields of a form, each with its label and what may be filled in.

import { el, set } from "./dom.js";

export function field(name, label, attributes, hint = null, ...children) {
  const tag = attributes.rows ? "textarea" : children.length ? "select" : "input";
  return el(
    "div.field",
    {},
    el("label", { for: name }, label),
    el(tag, { id: name, name, autocomplete: "off", "aria-describedby": hint ? `${name}-hint` : null, ...attributes }, ...children),
    hint ? el("p.hint", { id: `${name}-hint` }, hint) : null,
  );
}

export function number(name, label, least, most, further = {}, hint = `${least} 到 ${most}`) {
  return field(name, label, { type: "number", inputmode: "numeric", min: least, max: most, step: 1, ...further }, hint);
}

/** One of `options`, each `[value, text, icon]`, in which `icon` may be left out; with `chosen`, the first of them is. */
export function choice(name, label, options, chosen = true) {
  return el(
    "fieldset.field",
    {},
    el("legend", {}, label),
    el("div.segments", {}, options.map(([value, text, icon = null], place) =>
      el("label", {}, el("input", { type: "radio", name, value, checked: chosen && place === 0 }), el("span", {}, icon, text)))),
  );
}

// A field that does not apply is neither shown, nor checked by the browser, nor sent.
export function apply(element, applies) {
  element.hidden = !applies;
  for (const input of element.querySelectorAll("input, textarea, select")) input.disabled = !applies;
}

/** Say no longer that a field is wrong. */
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
