// What a page shows goes to another thread, as JSON: so only what differs from what it shows is sent.

/** Let a page show `next`: by name, what WXML reads there. Sends the paths that differ, and nothing if none does or it was left. */
export function tell(page, next) {
  if (page.life && page.life.aborted) return;
  const changed = {};
  Object.keys(next).forEach((name) => note(changed, name, page.data[name], next[name]));
  if (Object.keys(changed).length) page.setData(changed);
}

function note(changed, path, shown, next) {
  if (JSON.stringify(shown) === JSON.stringify(next)) return;
  const at = placesOf(shown, next);
  if (at) Object.keys(next).forEach((name) => note(changed, at(path, name), shown[name], next[name]));
  else changed[path] = next;
}

/** How setData names a part of both; null where the whole is sent, as of a list that became shorter. */
function placesOf(shown, next) {
  if (!shown || !next || typeof shown !== "object" || typeof next !== "object") return null;
  if (Array.isArray(next)) return Array.isArray(shown) && next.length >= shown.length ? (path, place) => `${path}[${place}]` : null;
  return (path, name) => `${path}.${name}`;
}
