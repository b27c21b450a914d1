// Why the draw is fair: the commitment, its meaning, the rules, and after the end a check of the draw.

import { holdsHalf } from "../miniprogram/shared/halves.js";
import { FAIR, depthRules, fairAnswers, fetchingWords, halfWords, provesWords, verdictWords, whoIsFirst } from "../miniprogram/shared/words.js";
import { get, needed, noteCommitment, notedCommitment, notedHalf } from "./api.js";
import { el, fill, icon, redraw, set, write } from "./dom.js";

/** Return the section's element with `show(task)`; `check()` leads to it and checks the draw. */
export function fairness(task) {
  noteCommitment(task);
  let holds = null; // null until this device has checked the draw
  const answers = el("dl.answers", { "aria-live": "polite" });
  const result = el("div.checks", { role: "status" });
  const button = el("button", { onclick: () => run() }, icon("lock", 18), FAIR.verify);
  const element = el(
    "section.panel.fair",
    {},
    el("h2", {}, FAIR.title),
    answers,
    ownHalf(task),
    button,
    result,
    el("details.fold", {},
      el("summary", {}, FAIR.numbers),
      el("div.checks", {},
        el("p", {}, depthRules(task)),
        task.fair_start_ms ? el("p", {}, `${whoIsFirst(task.fair_start_ms)}。`) : null,
        el("p.label", {}, FAIR.commitment),
        el("code.hash", {}, task.commitment),
        halves(task))),
  );
  let running = false;

  function answer() {
    const found = fairAnswers(task, { noted: Boolean(notedCommitment(task.code)), holds });
    redraw(answers, found.map(([question]) => question), (all) => all.map((question) => [el("dt", {}, question), el("dd")]));
    found.forEach(([, words], at) => write(answers.children[2 * at + 1], words)); // only what changed is laid out and read out
  }

  // The button is not `disabled` meanwhile: it would lose the focus.
  async function run() {
    if (running) return;
    running = true;
    write(result, FAIR.verifying);
    try {
      const { verify, wholeProof } = await needed(() => import("../miniprogram/shared/verify.js"));
      const proof = await wholeProof(get, task.code, (next, all) => write(result, fetchingWords(next, all)));
      const published = notedCommitment(task.code);
      const checks = verify(proof, published, notedHalf(task.code));
      holds = checks.every((check) => check.holds);
      fill(result, report(checks, holds, proof, published));
      answer();
    } catch (error) {
      fill(result, el("p.problem", {}, error.message));
      if (!error.error) throw error;
    } finally {
      running = false;
    }
  }

  return {
    element,
    check() {
      element.scrollIntoView({ block: "start" });
      button.focus({ preventScroll: true });
      return run();
    },
    show({ status }) {
      task.status = status;
      answer();
      set(button, { hidden: !status });
    },
  };
}

/** Tell a publisher whether their half is in the commitment. */
function ownHalf(task) {
  const half = notedHalf(task.code);
  if (!half) return null;
  const holds = holdsHalf(task, half);
  return el(holds ? "p.good" : "p.problem", { role: "status" }, halfWords(holds));
}

function halves({ rules_version, seed_hash, nonce }) {
  if (rules_version !== 2) return null;
  return [
    el("p.label", {}, FAIR.servers),
    el("code.hash", {}, seed_hash),
    el("p.label", {}, FAIR.publishers),
    el("code.hash", {}, nonce),
  ];
}

function report(checks, holds, proof, published) {
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
    el("details.fold", {},
      el("summary", {}, FAIR.seeds),
      el("div.checks", {},
        el("p.label", {}, FAIR.seed),
        el("code.hash", {}, proof.seed),
        el("p.label", {}, FAIR.params),
        el("code.hash", {}, proof.params))),
    el("button.quiet", { onclick: () => download(proof) }, FAIR.save),
  ];
}

/** Save the whole proof as a file, for `python -m server verify` or anybody's own check. */
function download(proof) {
  const address = URL.createObjectURL(new Blob([JSON.stringify(proof)], { type: "application/json" }));
  el("a", { href: address, download: `proof-${JSON.parse(proof.params).code}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
