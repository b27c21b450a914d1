// The dialog in which a person chooses a name and a picture.

import { post } from "./api.js";
import { dialog } from "./dialog.js";
import { attempt, el, notice } from "./dom.js";
import { pictureField } from "./picture.js";
import { NAMING, profileInReview } from "../miniprogram/shared/words-later.js";
import { person, remember } from "./session.js";

/** Let the person choose a name and a picture. Then call `saved`; without it the page is shown anew. */
export function editProfile(signal, saved = () => dispatchEvent(new Event("hashchange"))) {
  const { unionid } = person;
  const problem = el("p.problem", { role: "alert" });
  const name = el("input", { id: "nick", required: true, maxlength: 32, value: person.named === 0 ? "" : person.nickName });
  const picture = pictureField("face", { label: "头像", hint: person.avatarUrl ? "不选就用现在的" : "可以不选", shown: person.avatarUrl });
  const submit = el("button.primary", { type: "submit" }, NAMING.save);
  const save = async () => {
    const [wxname, wxheadpic] = [name.value.trim(), await picture.ready()];
    const { review } = await post("/setProfile", { wxname, wxheadpic });
    if (person?.unionid !== unionid) return; // logged out meanwhile
    if (review === "checking") notice(profileInReview(review));
    else remember({ ...person, nickName: wxname, avatarUrl: wxheadpic || person.avatarUrl, named: 1 });
    opened.close();
    if (!signal.aborted) saved();
  };
  const onsubmit = (event) => {
    event.preventDefault();
    submit.disabled = true;
    attempt(problem, save).finally(() => { submit.disabled = false; });
  };
  const opened = dialog("名字和头像", el("form.stack", { onsubmit },
    el("div.field", {}, el("label", { for: "nick" }, NAMING.label), name), picture.element, problem, submit));
}
