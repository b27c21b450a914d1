// The form that lets an operator in.

import { post } from "./api.js";
import { el, fill, write } from "./dom.js";
import { t } from "./words.js";

/** Show the form in `root`, with the reason `why` if there is one; call `entered` once the server lets somebody in. */
export function login(root, entered, why = "") {
  const problem = el("p.problem", { role: "alert" }, why);
  const button = el("button.primary", { type: "submit" }, t("login_enter"));
  const form = el(
    "form.panel.login",
    {
      async onsubmit(event) {
        event.preventDefault();
        button.disabled = true;
        write(problem, "");
        try {
          await post("/ops/login", { name: form.elements.name.value.trim(), token: form.elements.token.value });
        } catch (refused) {
          write(problem, refused.message);
          form.elements.token.select();
          button.disabled = false;
          return;
        }
        await entered(); // `entered` replaces the form
      },
    },
    el("h1", {}, t("login_title")),
    field("name", t("login_name"), t("login_name_hint"), { autocomplete: "username", maxlength: "32" }),
    field("token", t("login_token"), t("login_token_hint"), { type: "password", required: true, autocomplete: "current-password", maxlength: "256" }),
    problem,
    button,
  );
  fill(root, form);
  form.elements.name.focus();
}

function field(name, label, hint, attributes) {
  const id = `login-${name}`;
  return el(
    "div.field",
    {},
    el("label", { for: id }, label),
    el("input", { id, name, "aria-describedby": `${id}-hint`, ...attributes }),
    el("p.hint", { id: `${id}-hint` }, hint),
  );
}
