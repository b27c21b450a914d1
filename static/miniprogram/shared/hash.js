// SHA-256 and HMAC. Mini-programs have no cryptography, and browsers only on HTTPS.

const WORD = 2 ** 32;
const START = [];
const ROUND = [];

for (let number = 2; ROUND.length < 64; number += 1) {
  let divisor = 2;
  while (number % divisor) divisor += 1;
  if (divisor === number) { // a prime: the constants are the fractions of its roots
    if (START.length < 8) START.push((number ** (1 / 2) * WORD) | 0);
    ROUND.push((number ** (1 / 3) * WORD) | 0);
  }
}

const turn = (word, by) => (word >>> by) | (word << (32 - by));

/** Return the bytes of a text in UTF-8. Half a character becomes U+FFFD, as TextEncoder does it. */
export function utf8(text) {
  const bytes = [];
  for (const character of text) {
    const found = character.codePointAt(0);
    const code = found >= 0xd800 && found <= 0xdfff ? 0xfffd : found;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
  }
  return bytes;
}

/** Return the bytes that hex digits spell. */
export const unhex = (digits) => (digits.match(/../g) || []).map((pair) => Number.parseInt(pair, 16));

/** Return the SHA-256 of bytes, as hex: `state` is the hash after `before` bytes, whole blocks of 64. */
export function sha256(bytes, state = START, before = 0) {
  const words = new Array((((bytes.length + 8) >> 6) + 1) * 16).fill(0);
  for (let at = 0; at <= bytes.length; at += 1) {
    words[at >> 2] |= (at < bytes.length ? bytes[at] : 0x80) << (24 - (at % 4) * 8);
  }
  words[words.length - 1] = (before + bytes.length) * 8;
  let hash = state;
  for (let at = 0; at < words.length; at += 16) hash = mix(hash, words.slice(at, at + 16));
  return hash.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

/** Return a function that gives the HMAC-SHA-256 of bytes, as hex, under a key of at most 64 bytes. */
export function hmac(key) {
  const keyed = (pad) => {
    const block = new Array(16).fill(0);
    for (let at = 0; at < 64; at += 1) block[at >> 2] |= ((at < key.length ? key[at] : 0) ^ pad) << (24 - (at % 4) * 8);
    return mix(START, block);
  };
  const inner = keyed(0x36);
  const outer = keyed(0x5c);
  return (bytes) => sha256(unhex(sha256(bytes, inner, 64)), outer, 64);
}

function mix(hash, block) {
  let [a, b, c, d, e, f, g, h] = hash;
  for (let round = 0; round < 64; round += 1) {
    if (round > 15) {
      const [early, late] = [block[round - 15], block[round - 2]];
      const small = turn(early, 7) ^ turn(early, 18) ^ (early >>> 3);
      const large = turn(late, 17) ^ turn(late, 19) ^ (late >>> 10);
      block.push((block[round - 16] + small + block[round - 7] + large) | 0);
    }
    const chosen = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUND[round] + block[round];
    const most = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    [a, b, c, d, e, f, g, h] = [(chosen + most) | 0, a, b, c, (d + chosen) | 0, e, f, g];
  }
  return [a, b, c, d, e, f, g, h].map((word, place) => (word + hash[place]) | 0);
}
