// As much of Markdown as the documents have, in elements: paragraphs, lists, `code`.

function inline(React, text) {
  return text.split(/`([^`]+)`/).map((piece, at) => (at % 2 ? React.createElement("code", {key: at}, piece) : piece));
}

function block(React, text, key) {
  const lines = text.split("\n");
  if (!lines.every((line) => line.startsWith("- "))) {
    return React.createElement("p", {key}, ...inline(React, text));
  }
  const items = lines.map((line) => React.createElement("li", {key: line}, ...inline(React, line.slice(2))));
  return React.createElement("ul", {key}, items);
}

/** Return an element with the Markdown, null without any. */
export function markdown(React, source, labels) {
  if (!source) return null;
  const text = source.replace(/<i>(.*?)<\/i>/g, (_, label) => labels[label] ?? label); // Swagger UI's "<i>Default value</i>"
  const blocks = text.split(/\n\n+/).map((each, at) => block(React, each, at));
  return React.createElement("div", {className: "markdown"}, blocks);
}
