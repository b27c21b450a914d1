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

/** Set an element's text where it differs: most numbers do not change each second, and layout costs. */
export function write(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== "");
}
