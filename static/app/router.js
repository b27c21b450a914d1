// Which page is shown: the address after # says it. A page is a function that fills an element.

import { fill, write } from "./dom.js";

let current = null;

/**
 * Return a function that shows the page that the address names. The caller checks who may see it.
 *
 * `routes` are [pattern, page]: `page(root, signal, ...groups)` fills `root` and returns its title; `signal`
 * aborts when another page takes its place.
 */
export function route(routes, onOpen) {
  const open = () => {
    const path = location.hash.slice(1);
    const [found, page] = routes
      .map(([pattern, candidate]) => [path.match(pattern), candidate])
      .find(([match]) => match) ?? [["/"], routes[0][1]];
    show((root, signal) => page(root, signal, ...found.slice(1)));
    onOpen(found[0]);
  };
  history.scrollRestoration = "manual"; // pages that keep their place restore it themselves
  return open;
}

/** Show a page whatever the address says. */
export function show(page) {
  const first = current === null;
  current?.abort();
  current = new AbortController();
  const root = document.getElementById("page");
  for (const opened of document.querySelectorAll("dialog")) opened.close();
  fill(root);
  root.className = "";
  scrollTo(0, 0);
  entitle(page(root, current.signal));
  if (!first && !root.contains(document.activeElement)) focusHeading(root);
}

/** Focus the page's heading, so that the keyboard and screen readers begin there. */
export function focusHeading(root) {
  const heading = root.querySelector("h1") ?? root;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

export function entitle(title) {
  write(document.querySelector("title"), title ? `${title} · 挖宝` : "挖宝");
}
