// Faces of people who chose no picture: a pattern that follows from their names, alike in each client.

// Of each the ground and the ink.
const COLOURS = ["#f6e3c3 #9a4a0c", "#dcefdc #2a6432", "#d8e8f5 #1f5f8b", "#efe0f5 #7a3b8f", "#fbe0dc #a8261c", "#f7edc4 #7d5f00", "#d6efec #0f6b66", "#eee2d6 #5a4632"];
const ERASED = "已注销";

/** Return the picture of a person, as lists and frames tell of them. */
export const pictureOf = ({ wxheadpic, wxname }) => wxheadpic || faceOf(wxname);

/** Return the address of a picture with 5 × 5 cells, the left half mirrored; "" of somebody who was erased. */
export function faceOf(name) {
  if (!name || name === ERASED) return "";
  let hash = 0;
  for (const character of `${name}.`) {
    hash = Math.imul(hash ^ character.codePointAt(0), 0x5bd1e995);
    hash ^= hash >>> 13;
  }
  const [ground, ink] = COLOURS[hash >>> 29].split(" ");
  let cells = "";
  for (let at = 0; at < 15; at += 1) {
    const [column, row] = [at % 3, Math.floor(at / 3)];
    if (hash & (1 << at)) cells += `M${column} ${row}h1v1h-1zM${4 - column} ${row}h1v1h-1z`;
  }
  const drawn = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 7 7"><path fill="${ground}" d="M-1-1h7v7h-7z"/><path fill="${ink}" d="${cells || "M2 2h1v1h-1z"}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(drawn)}`;
}
