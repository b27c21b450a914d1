// The draw, recomputed from its proof with WebCrypto. This file neither asks the server nor shows anything.

const encoder = new TextEncoder();

/**
 * Check a proof from getProof. `published` is the commitment that this client saw while the task ran,
 * or null. Returns what was checked: [{holds, what, found}].
 */
export async function verify(proof, published) {
  const seed = bytes(proof.seed);
  const rules = JSON.parse(proof.params);
  const recomputed = await commitment(seed, proof.params);
  const depths = await winningDepths(seed, rules);
  const checks = [];
  const check = (holds, what, found) => checks.push({ holds, what, found });

  check(recomputed === proof.commitment, "种子和规则的哈希就是公布的承诺", recomputed);
  if (published) check(recomputed === published, "与你在结束之前看到的承诺一致", published);
  check(rules.max_depth === deepest(rules), "最大深度符合规则", `${rules.max_depth} 层`);
  check(same(depths, proof.winning_depths), "奖品位置由种子算出，分毫不差", `第 ${listed(depths)} 层`);
  const wrong = wrongDig(proof.digs, new Set(depths), rules.max_depth);
  check(wrong === null, "每一锹的结果都与位置相符", wrong ?? `共 ${proof.digs.length} 锹`);
  return checks;
}

/** Hex SHA-256 of seed ‖ "\n" ‖ params. */
async function commitment(seed, params) {
  const tail = encoder.encode(`\n${params}`);
  const whole = new Uint8Array(seed.length + tail.length);
  whole.set(seed);
  whole.set(tail, seed.length);
  return hex(await crypto.subtle.digest("SHA-256", whole));
}

/** The depths that win, ascending, one per prize. */
async function winningDepths(seed, { prize_num, max_depth, interval, fluctuation }) {
  const key = await crypto.subtle.importKey("raw", seed, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const number = async (k) => BigInt(`0x${hex(await crypto.subtle.sign("HMAC", key, encoder.encode(`prize:${k}`)))}`);
  if (prize_num === 1) return [1 + Number((await number(1)) % BigInt(max_depth))];
  const depths = [];
  let depth = 0;
  for (let k = 1; k <= prize_num; k += 1) {
    depth += interval - fluctuation + Number((await number(k)) % BigInt(2 * fluctuation + 1));
    depths.push(depth);
  }
  return depths;
}

function deepest({ prize_num, forecast_num, interval, fluctuation }) {
  return prize_num === 1 ? forecast_num : Math.max(forecast_num, prize_num * (interval + fluctuation));
}

function wrongDig(digs, winning, maxDepth) {
  if (digs.length > maxDepth) return `记录了 ${digs.length} 锹，超过了最大深度`;
  for (const [place, { depth, is_prize }] of digs.entries()) {
    if (depth !== place + 1) return `第 ${place + 1} 锹记在了第 ${depth} 层`;
    if (Boolean(is_prize) !== winning.has(depth)) return `第 ${depth} 层的结果与种子不符`;
  }
  return null;
}

function same(one, other) {
  return one.length === other.length && one.every((value, place) => value === other[place]);
}

function listed(depths) {
  return depths.length > 12 ? `${depths.slice(0, 12).join("、")}…（共 ${depths.length} 处）` : depths.join("、");
}

function bytes(digits) {
  return Uint8Array.from(digits.match(/../g), (pair) => Number.parseInt(pair, 16));
}

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
