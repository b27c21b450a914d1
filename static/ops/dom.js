// Building the page. Text from people becomes text nodes and attribute values here, never markup.

/**
 * Return a new element: `el("button.act", { onclick: end }, "End")`.
 *
 * Attributes that begin with "on" are listeners; true and false are present and absent; null is absent.
 * Children may be nodes, texts, numbers, arrays of these, or null.
 */
export function el(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...nodes(children));
  return element;
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/** Set an element's text if it differs: layout is costly, and most numbers do not change each second. */
export function write(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

/** Put elements into a list in this order, moving only elements that are out of place; if there are none, show the text `none`. */
export function order(list, elements, none) {
  if (!elements.length) {
    if (list.children.length !== 1 || !list.firstElementChild.matches(".blank")) fill(list, el("li.blank", {}, none));
    return;
  }
  const kept = new Set(elements);
  for (const child of [...list.children]) if (!kept.has(child)) child.remove();
  elements.forEach((element, place) => {
    if (list.children[place] !== element) list.insertBefore(element, list.children[place] ?? null);
  });
}

/** A part of a page that is made anew only if its data changed, so that a selection or the focus in it stays. */
export class Part {
  element;
  #said;

  constructor(selector = "div") {
    this.element = el(selector);
  }

  /** Show what `make(data)` returns. */
  show(data, make) {
    const said = JSON.stringify(data);
    if (said === this.#said) return;
    this.#said = said;
    fill(this.element, make(data));
  }
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== "");
}
