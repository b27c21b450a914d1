// Changing a treasure's texts, pictures and start, while nobody has dug it.

import { get, post } from "./api.js";
import { dayAndClock, handing, handingOf, momentOf, zoneWords } from "../miniprogram/shared/planning.js";
import { mayEdit } from "../miniprogram/shared/prizes.js";
import { FIELDS, KIND } from "../miniprogram/shared/words-publish.js";
import { EDIT } from "../miniprogram/shared/words.js";
import { el, fill, icon, write } from "./dom.js";
import { blame, field, forgive } from "./fields.js";
import { opening } from "./opening.js";
import { pictureField } from "./picture.js";
import { applyHanding, fieldOf, handingFields, textFields } from "./publish.js";

export function edit(root, signal, code) {
  root.classList.add("narrow");
  opening(root, signal, async () => {
    const { data } = await get("/getTaskDetails", { code });
    if (signal.aborted) return;
    fill(root, el("div.toolbar", {}, el("a.quiet", { href: `#/task/${code}` }, icon("back", 20), "回到宝贝")), el("h1", {}, EDIT.title),
      mayEdit(data) ? makeForm(data, signal) : el("p.problem", { role: "alert" }, EDIT.barred));
  });
  return EDIT.title;
}

function makeForm(task, signal) {
  const { name, synopsis, wxname } = textFields();
  const given = handingFields();
  const picture = pictureField("picture", { label: "图片", hint: EDIT.keeps, shown: task.thumbnail });
  const { day, clock } = dayAndClock(task.starts_at);
  const begun = day && `${day}T${clock}`;
  const start = field("starts_at", FIELDS.starts_at, { type: "datetime-local", value: begun }, begun ? null : EDIT.now);
  const chosen = () => momentOf(...start.querySelector("input").value.split("T"));
  const zone = el("p.hint", { role: "status" }, zoneWords(task.starts_at));
  start.addEventListener("input", () => write(zone, zoneWords(chosen())));
  const kinds = task.ranks.map(kindFields);
  const problem = el("p.problem", { role: "alert" });
  const save = el("button.primary", { type: "submit" }, EDIT.save);
  const form = el("form.stack", { novalidate: true, oninput: ({ target }) => forgive(target) },
    el("p.hint", {}, EDIT.until), el("section.panel.stack", {}, picture.element, name, synopsis, wxname, Object.values(given), start, zone),
    kinds.length ? el("section.panel.stack", {}, el("ol.kinds", {}, kinds.map(({ element }) => element))) : null, problem, save);
  const before = { name: task.name, synopsis: task.synopsis, wxname: task.signed ? task.wxname : "", ...handingOf(task) };
  for (const [of, value] of Object.entries(before)) form.elements[of].value = value;
  applyHanding(given, handing(task));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    write(problem, "");
    save.disabled = true;
    try {
      const url = await picture.ready();
      const prizes = kinds.length ? await Promise.all(kinds.map((kind) => kind.values())) : undefined;
      const { starts_at: starts, ...texts } = Object.fromEntries(new FormData(form));
      await post("/editTask", { code: task.code, ...texts, starts_at: starts === begun ? undefined : chosen(), url, prizes });
      if (!signal.aborted) location.hash = `#/task/${task.code}`;
    } catch (error) {
      const input = fieldOf(error.reply?.param, form, picture);
      if (input) blame(input, error.message);
      else write(problem, error.message);
      if (!error.error) throw error;
    } finally {
      save.disabled = false;
    }
  });
  return form;
}

/** The fields for the name and the picture of one kind of prizes. */
function kindFields({ name, thumbnail }, at) {
  const called = field(`kind-${at + 1}-name`, KIND.name, { name: null, value: name, maxlength: 20, required: true });
  const picture = pictureField(`kind-${at + 1}-picture`, { label: "图片", hint: thumbnail ? EDIT.keeps : KIND.picture, shown: thumbnail });
  return {
    element: el("li", {}, el("fieldset.stack", {}, el("legend", {}, KIND.title(at + 1)), called, picture.element)),
    values: async () => ({ name: called.querySelector("input").value, url: await picture.ready() }),
  };
}
