// Why the draw is fair: the commitment, its meaning, the rules, and after the end a check of the draw.

import { holdsHalf } from "../miniprogram/shared/halves.js";
import { FAIR, depthRules, fetchingWords, halfWords, provesWords, verdictWords, whoDrew, whoIsFirst } from "../miniprogram/shared/words.js";
import { get, needed, noteCommitment, notedCommitment, notedHalf } from "./api.js";
import { el, fill, icon, set, write } from "./dom.js";

/** Return the section's element with `show(task)`. */
export function fairness(task) {
  noteCommitment(task);
  const result = el("div.checks", { role: "status" });
  const button = el("button", { onclick: () => run() }, icon("lock", 18), FAIR.verify);
  const later = el("p.hint", {}, FAIR.later);
  const element = el(
    "section.panel.fair",
    {},
    el("h2", {}, FAIR.title),
    el("p", {}, whoDrew(task), FAIR.promised),
    ownHalf(task),
    el("p", {}, depthRules(task)),
    task.fair_start_ms ? el("p", {}, `${whoIsFirst(task.fair_start_ms)}。`) : null,
    el("p.label", {}, FAIR.commitment),
    el("code.hash", {}, task.commitment),
    halves(task),
    later,
    button,
    result,
  );

  async function run() {
    button.disabled = true;
    write(result, FAIR.verifying);
    try {
      const { verify, wholeProof } = await needed(() => import("../miniprogram/shared/verify.js"));
      const proof = await wholeProof(get, task.code, (next, all) => write(result, fetchingWords(next, all)));
      const published = notedCommitment(task.code);
      fill(result, report(verify(proof, published, notedHalf(task.code)), proof, published));
    } catch (error) {
      fill(result, el("p.problem", {}, error.message));
      if (!error.error) throw error;
    } finally {
      button.disabled = false;
    }
  }

  return {
    element,
    show({ status }) {
      set(button, { hidden: !status });
      set(later, { hidden: Boolean(status) });
    },
  };
}

/** Tell a publisher whether their half is in it. */
function ownHalf(task) {
  const half = notedHalf(task.code);
  if (!half) return null;
  const holds = holdsHalf(task, half);
  return el(holds ? "p.good" : "p.problem", { role: "status" }, halfWords(holds));
}

function halves({ rules_version, seed_hash, nonce }) {
  if (rules_version !== 2) return null;
  return el(
    "details.fold",
    {},
    el("summary", {}, FAIR.halves),
    el(
      "div.checks",
      {},
      el("p.label", {}, FAIR.servers),
      el("code.hash", {}, seed_hash),
      el("p.label", {}, FAIR.publishers),
      el("code.hash", {}, nonce),
    ),
  );
}

function report(checks, proof, published) {
  const holds = checks.every((check) => check.holds);
  return [
    el(`p.verdict.${holds ? "good" : "bad"}`, {}, verdictWords(holds)),
    el(
      "ul",
      {},
      checks.map((check) =>
        el(`li.${check.holds ? "good" : "bad"}`, {}, el("b", {}, check.holds ? "✓ " : "✗ "), check.what, el("code", {}, check.found)),
      ),
    ),
    el(
      "p.hint",
      {},
      published ? "" : FAIR.unseen,
      provesWords(proof),
    ),
    el("p.label", {}, FAIR.seed),
    el("code.hash", {}, proof.seed),
    el("p.label", {}, FAIR.params),
    el("code.hash", {}, proof.params),
    el("button.quiet", { onclick: () => download(proof) }, FAIR.save),
  ];
}

/** Save the whole proof as a file, for `python -m server verify` or anybody's own check. */
function download(proof) {
  const address = URL.createObjectURL(new Blob([JSON.stringify(proof)], { type: "application/json" }));
  el("a", { href: address, download: `proof-${JSON.parse(proof.params).code}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
