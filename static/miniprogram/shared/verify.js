// The draw, recomputed from its proof. Nothing here shows anything.

import { hmac, sha256, unhex, utf8 } from "./hash.js";
import { CHECKS } from "./words-later.js";

const ALONE = ["code", "fluctuation", "forecast_num", "interval", "max_depth", "prize_num"];
const TOGETHER = ["code", "fluctuation", "forecast_num", "interval", "max_depth", "nonce", "prize_num", "ranks", "seed_hash", "version"];
const LEAST_FEN = 10;
const LAYER_ENDS = [10, 30, 70, 150, 300]; // the depths at which the layers of finds end

/**
 * Check a proof from getProof. `published` is the commitment that this client saw while the task ran, `mine` the halves
 * {seed_hash, nonce} that it published with; each may be null. Returns what was checked: [{holds, what, found}].
 */
export function verify(proof, published, mine = null) {
  const checks = [];
  const check = (holds, what, found) => checks.push({ holds, what, found });
  const rules = rulesOf(proof);
  check(rules !== null, CHECKS.rules, `第 ${(rules && rules.version) || 1} 版规则`);
  if (!rules) return checks;
  const seed = unhex(proof.seed);
  const together = rules.version === 2;
  const words = together ? CHECKS.together : CHECKS.alone;
  const params = utf8(proof.params);
  const recomputed = sha256(together ? params : [...seed, ...utf8("\n"), ...params]);
  const seedHash = sha256(seed);
  const number = numbers(seed, rules.nonce);
  const depths = winningDepths(number, rules);
  const ranks = winningRanks(number, rules);
  const fen = winningFen(number, rules, ranks);

  check(recomputed === proof.commitment, words.commitment, recomputed);
  if (published) check(recomputed === published, CHECKS.published, published);
  if (together) check(seedHash === rules.seed_hash, CHECKS.seed, seedHash);
  if (mine) check(seedHash === mine.seed_hash && rules.nonce === mine.nonce, CHECKS.mine, mine.nonce);
  check(same(depths, proof.winning_depths), words.depths, `第 ${listed(depths)} 层`);
  const drawn = same(ranks, proof.winning_ranks || []) && same(fen, proof.winning_fen || []);
  if (ranks.length || !drawn) check(drawn, CHECKS.ranks, `第 ${listed(ranks)} 种`);
  const wrong = wrongDig(proof, new Set(depths), rules.max_depth);
  check(wrong === null, CHECKS.digs, wrong || `共 ${proof.digs.length} 锹`);
  if (proof.digs.some(({ find }) => (find ?? null) !== null)) { // a proof that was saved before digs brought up finds has none
    const other = proof.digs.find(({ depth, find }) => find !== findAt(number, rules, depth));
    if (together || other) check(!other, CHECKS.finds, other ? `第 ${other.depth} 层的出土物与种子不符` : `共 ${proof.digs.filter(({ find }) => find).length} 件`);
  }
  return checks;
}

/** Return the rules of a proof, null if they are not spelled as they must be, or not possible. */
function rulesOf({ seed, params }) {
  let rules;
  try {
    rules = JSON.parse(params);
  } catch {
    return null;
  }
  const names = rules?.version === undefined ? ALONE : TOGETHER;
  const ranks = Array.isArray(rules?.ranks) ? rules.ranks.map(spelledRank) : rules?.ranks;
  const spelled = JSON.stringify(Object.fromEntries(names.map((name) => [name, name === "ranks" ? ranks : rules?.[name]]))) === params;
  return spelled && /^[0-9a-f]{64}$/i.test(seed) && possible(rules) ? rules : null;
}

function spelledRank(rank) {
  return { fen: rank?.fen || undefined, num: rank?.num, split: rank?.split || undefined };
}

function possible(rules) {
  const { ranks } = rules;
  return possibleDepths(rules) && (ranks === undefined || (rules.version === 2 && possibleRanks(ranks, rules.prize_num)));
}

function possibleRanks(ranks, prizes) {
  const whole = (number, least, most) => Number.isInteger(number) && number >= least && number <= most;
  return Array.isArray(ranks) && whole(ranks.length, 1, 10)
    && ranks.every(({ fen = 0, num, split = 0 }) => whole(num, 1, prizes) && whole(split, 0, 1)
      && whole(fen, split ? LEAST_FEN * num : fen && LEAST_FEN, 100_000_000))
    && ranks.reduce((sum, { num }) => sum + num, 0) === prizes;
}

function possibleDepths({ code, prize_num, forecast_num, interval, fluctuation, max_depth, version, nonce, seed_hash }) {
  const within = (number, least, most) => Number.isInteger(number) && number >= least && number <= most;
  const several = prize_num > 1;
  return typeof code === "string" && within(prize_num, 1, 1000) && within(forecast_num, 1, 1_000_000)
    && within(interval, several ? 1 : 0, several ? 100_000 : 0) && within(fluctuation, 0, several ? interval - 1 : 0)
    && max_depth === Math.max(forecast_num, prize_num * (interval + fluctuation))
    && (version === undefined || (version === 2 && typeof seed_hash === "string" && /^[0-9a-f]{32}$/.test(nonce)));
}

/** Return a function that draws a number below a bound from the seed, the nonce and a word. */
function numbers(seed, nonce) {
  const keyed = hmac(seed);
  return (word, below) => Array.from(keyed(utf8(nonce ? `${nonce}:${word}` : word)))
    .reduce((rest, digit) => (rest * 16 + Number.parseInt(digit, 16)) % below, 0);
}

/** The depths that win, ascending, one per prize. */
function winningDepths(number, { prize_num, max_depth, interval, fluctuation }) {
  if (prize_num === 1) return [1 + number("prize:1", max_depth)];
  const depths = [];
  let depth = 0;
  for (let k = 1; k <= prize_num; k += 1) {
    depth += interval - fluctuation + number(`prize:${k}`, 2 * fluctuation + 1);
    depths.push(depth);
  }
  return depths;
}

/** The rank of each prize, from 1, in order of depth; [] without ranks. */
function winningRanks(number, { ranks = [] }) {
  const row = ranks.flatMap(({ num }, place) => Array(num).fill(place + 1));
  for (let k = row.length; k > 1; k -= 1) {
    const other = number(`rank:${k}`, k);
    [row[k - 1], row[other]] = [row[other], row[k - 1]];
  }
  return row;
}

/** What each prize pays, in order of depth, 0 for goods; [] without ranks. */
function winningFen(number, { ranks = [] }, won) {
  const shares = ranks.map(({ fen = 0, num, split }, place) => (split ? sharesOf(number, place + 1, num, fen) : Array(num).fill(fen)));
  return won.map((rank) => shares[rank - 1].shift());
}

function sharesOf(number, rank, num, fen) {
  const spare = fen - LEAST_FEN * num;
  const cuts = [0, spare];
  for (let i = 1; i < num; i += 1) cuts.push(number(`split:${rank}:${i}`, spare + 1));
  cuts.sort((one, other) => one - other);
  return cuts.slice(1).map((end, place) => LEAST_FEN + end - cuts[place]);
}

/** The find of the dig at a depth, from 1; 0 in version 1. */
function findAt(number, { version }, depth) {
  if (version !== 2) return 0;
  const drawn = number(`find:${depth}`, 1000); // its last three digits say all that matters
  const [tens, r] = [Math.floor(drawn / 100), drawn % 100];
  const place = r < 70 ? tens % 5 : r < 95 ? 5 + (tens % 2) : 7;
  return 8 * LAYER_ENDS.filter((end) => end < depth).length + place + 1;
}

function wrongDig({ dug, digs }, winning, maxDepth) {
  if (digs.length !== dug) return `只有 ${digs.length} 锹的记录，应有 ${dug} 锹`;
  if (digs.length > maxDepth) return `记录了 ${digs.length} 锹，超过了最大深度`;
  for (const [place, { depth, is_prize }] of digs.entries()) {
    if (depth !== place + 1) return `第 ${place + 1} 锹记在了第 ${depth} 层`;
    if (is_prize !== Number(winning.has(depth))) return `第 ${depth} 层的结果与种子不符`;
  }
  return null;
}

function same(one, other) {
  return one.length === other.length && one.every((value, place) => value === other[place]);
}

function listed(depths) {
  return depths.length > 12 ? `${depths.slice(0, 12).join("、")}…（共 ${depths.length} 处）` : depths.join("、");
}

/** Put a proof together from its pages; `fetching(next, all)` is told how far it is. */
export async function wholeProof(get, code, fetching) {
  const proof = await get("/getProof", { code });
  for (let page = 2; proof.digs.length < proof.dug; page += 1) {
    fetching(proof.digs.length + 1, proof.dug);
    const { digs } = await get("/getProof", { code, page });
    if (!digs.length) break;
    proof.digs.push(...digs);
  }
  return proof;
}
