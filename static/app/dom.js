// Building the page. Text from people becomes text nodes and attribute values here, never markup.

import { faceOf } from "../miniprogram/shared/faces.js";

/**
 * Return a new element: `el("button.primary", {onclick: dig}, "挖一锹")`.
 *
 * Attributes that begin with "on" are listeners; true and false are present and absent; null is absent;
 * `style` is an object of properties. Children may be nodes, texts, numbers, arrays of these, or null.
 * A button submits nothing, unless its `type` says so.
 */
export function el(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.classList.add(...classes);
  if (tag === "button") element.type = "button"; // not "submit"
  set(element, attributes);
  element.append(...nodes(children));
  return element;
}

export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (name === "style") {
      for (const [property, wanted] of Object.entries(value)) element.style.setProperty(property, wanted);
    } else if (value === true || value === false) {
      element.toggleAttribute(name, value);
    } else if (value === null || value === undefined) {
      element.removeAttribute(name);
    } else {
      element.setAttribute(name, value);
    }
  }
}

/** Like `el`, for an element of a drawing. */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(element, attributes);
  element.append(...children);
  return element;
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

const drawn = new WeakMap(); // what `redraw` filled an element with, as JSON

/** Fill an element with what `draw(what)` returns, unless it shows that: the focus stays, and nothing is laid out anew. */
export function redraw(element, what, draw) {
  const now = JSON.stringify(what);
  if (drawn.get(element) === now) return;
  drawn.set(element, now);
  fill(element, draw(what));
}

/** Like `fill`, but elements that stay are not touched, so that they keep focus and scrolling. */
export function arrange(element, children) {
  const kept = new Set(children);
  for (const child of [...element.children]) if (!kept.has(child)) child.remove();
  children.forEach((child, at) => {
    if (element.children[at] !== child) element.insertBefore(child, element.children[at] ?? null);
  });
}

/** Set an element's text if it differs, so that screen readers do not read it out twice. */
export function write(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

/** Resolve once the browser has painted, or soon where nobody looks: work that waits for it between parts delays no frame long. */
export function painted() {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, document.hidden ? 0 : 500);
  });
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Do `act`; if it is refused, say so in `place`. Any other error is a bug of ours, and is thrown. */
export async function attempt(place, act) {
  try {
    await act();
  } catch (error) {
    write(place, error.message);
    if (!error.error) throw error;
  }
}

/** Show numbers, each `[label, number, unit]`, in a list. */
export function showNumbers(list, numbers) {
  fill(list, numbers.map(([label, number, unit]) => el("div", {}, el("dt", {}, label), el("dd", {}, number, el("small", {}, unit)))));
}

// One transparent pixel: the element around it has the colour of an empty place.
const NOBODY = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/** Return a picture of a person, who may have chosen none. It has no alternative text: their name is beside it. */
export function avatar({ wxheadpic, wxname }, size) {
  const image = el("img.avatar", { alt: "", width: size, height: size, loading: "lazy", decoding: "async" });
  const drawn = faceOf(wxname) || NOBODY;
  image.addEventListener("error", () => (image.src = drawn), { once: true });
  image.src = wxheadpic || drawn;
  return image;
}

/** Show a line for some milliseconds, in place of an earlier one, over the bar, where it covers nothing that is read or dug. */
export function notice(words, ms = 5000) {
  const line = el("p.notice", {}, words);
  fill(document.getElementById("notices"), line);
  setTimeout(() => line.remove(), ms);
}

// The few icons, drawn in the colour of the text around them.
const PATHS = {
  square: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  publish: "M12 5v14M5 12h14",
  mine: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20c1-4 4-6 7.500-6s6.500 2 7.500 6",
  back: "M15 5l-7 7 7 7",
  watchers: "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  share: "M12 15V4M8 7.500L12 3.500l4 4M5 12v7h14v-7",
  shovel: "M19.500 2.500l2 2-9 9M10 10l4 4-2.500 5.500c-1.500 2-6 2.500-8 1s-1-6.500 1-8z",
  close: "M6 6l12 12M18 6L6 18",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  trophy: "M8 4h8v5a4 4 0 0 1-8 0zM8 5H5c0 4 1 5 3.500 5.500M16 5h3c0 4-1 5-3.500 5.500M12 13v4M8.500 20h7",
  heart: "M12 20s-7.500-4.600-7.500-10A4.200 4.200 0 0 1 12 7.500 4.200 4.200 0 0 1 19.500 10c0 5.400-7.500 10-7.500 10z",
  fire: "M12 3c1 4 6 6 6 11a6 6 0 0 1-12 0c0-3 2-4 2.500-6.500C10 8.500 10.500 10 10.500 11.500 12.500 9.500 12.500 6 12 3z",
  clover: "M12 11C7 11 6 8 7.500 6.500S12 6 12 11c0-5 3-6 4.500-4.500S17 11 12 11c5 0 6 3 4.500 4.500S12 16 12 11c0 5-3 6-4.500 4.500S7 11 12 11c.500 5 2 8 4 9.500",
  laugh: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17zM8 10l1.500-1.500L11 10M13 10l1.500-1.500L16 10M7.500 13h9a4.500 4.500 0 0 1-9 0z",
  wow: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17zM9 9.500v.500M15 9.500v.500M12 17.500a2 2.500 0 1 0 0-5 2 2.500 0 0 0 0 5z",
  star: "M12 3.500l2.600 5.400 5.900.800-4.300 4.100 1 5.900L12 16.900l-5.200 2.800 1-5.900-4.300-4.100 5.900-.800z",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9.500h.01",
};

export function icon(name, size = 24) {
  const attributes = { viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true", class: "icon" };
  return svg("svg", attributes, svg("path", { d: PATHS[name] }));
}
