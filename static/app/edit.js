// Changing a treasure's texts and picture, while nobody has dug it.

import { get, post } from "./api.js";
import { handing, handingOf } from "../miniprogram/shared/planning.js";
import { EDIT } from "../miniprogram/shared/words.js";
import { attempt, el, fill, write } from "./dom.js";
import { pictureField } from "./picture.js";
import { applyHanding, blame, fieldOf, forgive, handingFields, textFields } from "./publish.js";

export function edit(root, signal, code) {
  const said = el("p.problem", { role: "alert" });
  root.classList.add("narrow");
  fill(root, el("h1", {}, EDIT.title), said);
  attempt(said, async () => {
    const { data } = await get("/getTaskDetails", { code });
    if (!signal.aborted) root.append(makeForm(data, signal));
  });
  return EDIT.title;
}

function makeForm(task, signal) {
  const { name, synopsis, wxname } = textFields();
  const given = handingFields();
  const picture = pictureField("picture", { label: "图片", hint: "不选就还用这一张", shown: task.thumbnail });
  const problem = el("p.problem", { role: "alert" });
  const save = el("button.primary", { type: "submit" }, EDIT.save);
  const form = el("form.stack", { novalidate: true, oninput: ({ target }) => forgive(target) },
    el("p.hint", {}, EDIT.until), el("section.panel.stack", {}, picture.element, name, synopsis, wxname, Object.values(given)), problem, save);
  const before = { name: task.name, synopsis: task.synopsis, wxname: task.signed ? task.wxname : "", ...handingOf(task) };
  for (const [of, value] of Object.entries(before)) form.elements[of].value = value;
  applyHanding(given, handing(task));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    write(problem, "");
    save.disabled = true;
    try {
      const url = await picture.ready();
      await post("/editTask", { code: task.code, ...Object.fromEntries(new FormData(form)), url });
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
