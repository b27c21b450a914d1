// Building the page. Text from people becomes text nodes and attribute values here, never markup.

/**
 * Return a new element: `el("button.primary", {onclick: dig}, "挖一锹")`.
 *
 * Attributes that begin with "on" are listeners; true and false are present and absent; null is absent;
 * `style` is an object of properties. Children may be nodes, texts, numbers, arrays of these, or null.
 */
export function el(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.classList.add(...classes);
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

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
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

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Call `listener` when the page is shown again, perhaps after hours without timers. */
export function onReturn(listener, signal) {
  document.addEventListener("visibilitychange", () => document.hidden || listener(), { signal });
  addEventListener("pageshow", ({ persisted }) => persisted && listener(), { signal });
}

// One transparent pixel: what it is shown in has the colour of an empty place.
const NOBODY = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/** Return a picture of a person, who may have none. It has no alternative text: their name is beside it. */
export function avatar(address, size = 36) {
  const image = el("img.avatar", { alt: "", width: size, height: size, loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => (image.src = NOBODY), { once: true });
  image.src = address || NOBODY;
  return image;
}

/** Show a line at the foot of the screen for a while. */
export function notice(...words) {
  const line = el("p.notice", {}, ...words);
  document.getElementById("notices").append(line);
  setTimeout(() => line.remove(), 5000);
}
