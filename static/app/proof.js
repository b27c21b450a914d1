// Why the draw is fair: the commitment, its meaning, the rules, and after the end a check of the draw.

import { get, Refused } from "./api.js";
import { el, fill, icon, set, write } from "./dom.js";
import { keep, recall } from "./session.js";
import { verify } from "./verify.js";

const KEY = "wabao.commitments";
const KEPT = 200;

/** Note a running task's commitment: after the end, the proof must match it. */
function noteCommitment({ code, commitment, status }) {
  const noted = recall("localStorage", KEY) ?? [];
  if (status || noted.some(([known]) => known === code)) return;
  keep("localStorage", KEY, [...noted, [code, commitment]].slice(-KEPT));
}

function notedCommitment(code) {
  return recall("localStorage", KEY)?.find(([known]) => known === code)?.[1] ?? null;
}

/** Return the section's element with `show(task)`. */
export function fairness(task) {
  noteCommitment(task);
  const result = el("div.checks", { role: "status" });
  const button = el("button", { onclick: () => run() }, icon("lock", 18), "验证这次抽奖");
  const later = el("p.hint", {}, "结束后，种子会公开，任何人都能在自己的浏览器里重新算一遍。");
  const element = el(
    "section.panel.fair",
    {},
    el("h2", {}, "公平"),
    el("p", {}, "发布的那一刻，奖品的位置就由一个随机种子定好，并公布了它的“承诺”。位置此后再也无法改动。"),
    el("p", {}, rulesOf(task)),
    task.fair_start_ms ? el("p", {}, `冷却结束后 ${task.fair_start_ms / 1000} 秒内来挖的人，抽签决定先后，手快不占便宜。`) : null,
    el("p.label", {}, "承诺（SHA-256）"),
    el("code.hash", {}, task.commitment),
    later,
    button,
    result,
  );

  async function run() {
    button.disabled = true;
    write(result, "正在验证…");
    try {
      if (!globalThis.crypto?.subtle) throw new Refused({ msg: "浏览器只在 HTTPS 页面上提供所需的加密功能，请换用 HTTPS 打开", error: "no_webcrypto" });
      const proof = await get("/getProof", { code: task.code });
      const published = notedCommitment(task.code);
      fill(result, report(await verify(proof, published), proof, published));
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

function rulesOf({ prize_num, forecast_num, interval, fluctuation, max_depth }) {
  if (prize_num === 1) return `规则：1 份奖品，藏在第 1 到 ${forecast_num} 层中的某一层。`;
  const spread = fluctuation ? `相隔 ${interval - fluctuation} 到 ${interval + fluctuation} 层` : `正好相隔 ${interval} 层`;
  return `规则：${prize_num} 份奖品，一份接一份${spread}，最深 ${max_depth} 层。`;
}

function report(checks, proof, published) {
  const holds = checks.every((check) => check.holds);
  return [
    el(`p.verdict.${holds ? "good" : "bad"}`, {}, holds ? "验证通过：全部相符" : "验证不通过：有不相符的地方"),
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
      published ? "" : "你在结束之前没有打开过这个页面，所以只能和现在公布的承诺核对。",
      "它证明：位置在发布之后没有动过。它不能证明：运营者事先不知道位置。",
    ),
    el("p.label", {}, "种子"),
    el("code.hash", {}, proof.seed),
    el("p.label", {}, "规则原文"),
    el("code.hash", {}, proof.params),
  ];
}
