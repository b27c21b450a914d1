// SHA-256 of a text of ASCII, as hex. Mini-programs have no cryptography, and browsers only on HTTPS.

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

export function sha256(text) {
  const words = new Array((((text.length + 8) >> 6) + 1) * 16).fill(0);
  for (let at = 0; at <= text.length; at += 1) {
    words[at >> 2] |= (at < text.length ? text.charCodeAt(at) : 0x80) << (24 - (at % 4) * 8);
  }
  words[words.length - 1] = text.length * 8;
  let hash = START;
  for (let at = 0; at < words.length; at += 16) hash = mix(hash, words.slice(at, at + 16));
  return hash.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
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
