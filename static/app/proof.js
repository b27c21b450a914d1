// Why the draw is fair: the commitment, its meaning, the rules, and after the end a check of the draw.

import { holdsHalf } from "../miniprogram/shared/halves.js";
import { halfWords, whoDrew, whoIsFirst } from "../miniprogram/shared/words.js";
import { get, notedHalf, Refused } from "./api.js";
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
    el("p", {}, whoDrew(task), "发布的那一刻就公布了它们的“承诺”，此后再也无法改动。"),
    ownHalf(task),
    el("p", {}, rulesOf(task), "下一份奖品在它可能的、还没挖的每一层，机会一样大：“这一锹”的机会就这样算出，人人看得到。"),
    task.fair_start_ms ? el("p", {}, `${whoIsFirst(task.fair_start_ms)}。`) : null,
    el("p.label", {}, "承诺（SHA-256）"),
    el("code.hash", {}, task.commitment),
    halves(task),
    later,
    button,
    result,
  );

  async function run() {
    button.disabled = true;
    write(result, "正在验证…");
    try {
      if (!globalThis.crypto?.subtle) throw new Refused({ msg: "浏览器只在 HTTPS 页面上提供所需的加密功能，请换用 HTTPS 打开", error: "no_webcrypto" });
      const proof = await wholeProof(task.code, result);
      const published = notedCommitment(task.code);
      fill(result, report(await verify(proof, published, notedHalf(task.code)), proof, published));
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

/** Put the proof together from its pages. */
async function wholeProof(code, progress) {
  const proof = await get("/getProof", { code });
  for (let page = 2; proof.digs.length < proof.dug; page += 1) {
    write(progress, `正在取回第 ${proof.digs.length + 1} 锹起的记录，共 ${proof.dug} 锹…`);
    const { digs } = await get("/getProof", { code, page });
    if (!digs.length) break;
    proof.digs.push(...digs);
  }
  return proof;
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
    el("summary", {}, "两半随机数"),
    el(
      "div.checks",
      {},
      el("p.label", {}, "服务器的一半，先公布它的 SHA-256"),
      el("code.hash", {}, seed_hash),
      el("p.label", {}, "发布者的一半，后选"),
      el("code.hash", {}, nonce),
    ),
  );
}

function rulesOf({ prize_num, forecast_num, interval, fluctuation }) {
  if (prize_num === 1) return `规则：1 份奖品，藏在第 1 到 ${forecast_num} 层中的某一层。`;
  const spread = fluctuation ? `相隔 ${interval - fluctuation} 到 ${interval + fluctuation} 层` : `正好相隔 ${interval} 层`;
  return `规则：${prize_num} 份奖品，一份接一份${spread}，最深 ${prize_num * (interval + fluctuation)} 层。`;
}

const isTogether = ({ params }) => JSON.parse(params).version === 2;

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
      isTogether(proof)
        ? "它证明：位置在发布之后没有动过，发布者和服务器谁也没有单独挑位置。它不能证明：运营者事先不知道位置、没有拒绝过别的抽取、没有和发布者串通。"
        : "它证明：位置在发布之后没有动过。它不能证明：运营者没有挑选、事先不知道位置。",
    ),
    el("p.label", {}, "种子"),
    el("code.hash", {}, proof.seed),
    el("p.label", {}, "规则原文"),
    el("code.hash", {}, proof.params),
    el("button.quiet", { onclick: () => download(proof) }, "保存验证文件"),
  ];
}

/** Save the whole proof as a file, for `python -m server verify` or anybody's own check. */
function download(proof) {
  const address = URL.createObjectURL(new Blob([JSON.stringify(proof)], { type: "application/json" }));
  el("a", { href: address, download: `proof-${JSON.parse(proof.params).code}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
