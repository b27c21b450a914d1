// Publisher and server draw together: the server gives the hash of its half, then this client draws a nonce. Both halves
// are kept until the treasure is there, and noted with it, so that what the server shows can be compared with them.

import { mayPass } from "./api.js";
import { sha256, utf8 } from "./hash.js";

const NOTED = 200;

/**
 * Return the functions that publish with your own half:
 *
 * - `get`, `post` and `person` are those of the interfaces.
 * - `random(bytes)` resolves with that many bytes from a cryptographic source.
 * - `next`, `noted` and `seen` each have `get()` and `set(value)`: the half to use next, what was published with which,
 *   and the commitments that this client saw while treasures ran.
 */
export function makeHalves({ get, post, person, random, next, noted, seen }) {
  /** Return the half to publish these fields with: the same one again, unless it may have published others. */
  async function takeHalf(fields) {
    const whose = person().unionid;
    const kept = next.get();
    if (kept && kept.whose === whose && (!kept.sent || kept.sent === JSON.stringify(fields))) return kept;
    const { seed_hash, sealed_seed } = await get("/commitment");
    const nonce = hex(await random(16));
    const half = { whose, seed_hash, sealed_seed, nonce, sent: "" };
    next.set(half);
    return half;
  }

  /** Publish. The same fields with the same half are published once, however often they are sent. */
  async function publishWith(half, fields) {
    const { seed_hash, sealed_seed, nonce } = half;
    next.set({ ...half, sent: JSON.stringify(fields) });
    try {
      const published = await post("/postTask", { ...fields, sealed_seed, nonce });
      noted.set([...(noted.get() || []), [published.code, seed_hash, nonce]].slice(-NOTED));
      next.set(null);
      return published;
    } catch (error) {
      // Take another half only if the server rejects this one and the person has read so.
      if (error.error === "bad_commitment") next.set(null);
      else if (error.error && !mayPass(error)) next.set(half);
      throw error;
    }
  }

  /** Return the halves of a treasure that was published here, {seed_hash, nonce}; null of any other. */
  function notedHalf(code) {
    const found = (noted.get() || []).find(([known]) => known === code);
    return found ? { seed_hash: found[1], nonce: found[2] } : null;
  }

  /** Note a running treasure's commitment: after the end, the proof must match it. */
  function noteCommitment({ code, commitment, status }) {
    const known = seen.get() || [];
    if (status || known.some(([each]) => each === code)) return;
    seen.set([...known, [code, commitment]].slice(-NOTED));
  }

  /** Return the commitment that was seen while a treasure ran, null if none was. */
  function notedCommitment(code) {
    const found = (seen.get() || []).find(([known]) => known === code);
    return found ? found[1] : null;
  }

  return { takeHalf, publishWith, notedHalf, noteCommitment, notedCommitment };
}

/** Whether a treasure's commitment covers these halves and the rules that are shown. */
export function holdsHalf({ code, fluctuation, forecast_num, interval, max_depth, prize_num, ranks = [], commitment }, { seed_hash, nonce }) {
  const drawn = ranks.length ? { ranks: ranks.map(drawnRank) } : {};
  const rules = { code, fluctuation, forecast_num, interval, max_depth, nonce, prize_num, ...drawn, seed_hash, version: 2 };
  return sha256(utf8(JSON.stringify(rules))) === commitment;
}

// The part of a kind of prizes that the draw commits to; JSON leaves out undefined fields.
function drawnRank({ prize_num, money_fen, sum_fen }) {
  return { fen: money_fen || sum_fen || undefined, num: prize_num, split: sum_fen ? 1 : undefined };
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
