// Shows phones in a browser: what the simulator rendered is sent there, as WeChat sends it from the thread of the
// mini-program's code to that of its view, and taps come back. The browser lays it out by app.wxss and wechat.css.
//
// GET /NUMBER is the screen of a phone, /NUMBER/changes its changes (server-sent events); POST /NUMBER/tap?node= taps
// on a node, /NUMBER/type?node=&text= types, /NUMBER/tab?url= taps on a tab, and /NUMBER/back on the arrow at the top.
// Other paths are files of the mini-program.

"use strict";

const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");

const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png", ".json": "application/json" };
const BUILT_IN = /(?<![\w.#[(-])(view|text|image|button|input|textarea|form|picker|switch|scroll-view|canvas)(?![\w-])/g;

/** Return the style sheet of a mini-program as one for a browser, which has `wx-view` where WXML has `view`. */
function styles(root) {
  const read = (file) => fs.readFileSync(file, "utf8")
    .replace(/@import "(.+?)";/g, (_, name) => read(path.resolve(path.dirname(file), name)))
    .replace(/100vh/g, "var(--view)")
    .replace(/[^{}]+(?=\{)/g, (selectors) => selectors.replace(BUILT_IN, "wx-$1").replace(/(?<![\w.#-])page(?![\w-])/g, "body")
      .replace(/\.(input|textarea)-placeholder/g, "wx-$1 $1::placeholder")); // the classes that WeChat gives, unless a page names others
  return fs.readFileSync(path.join(__dirname, "wechat.css"), "utf8") + read(path.join(root, "app.wxss"));
}

/** Serve the screens of phones, and return the address. `phoneOf(number)` has the `screen` that `screenOf` made. */
async function serve(root, phoneOf) {
  const send = (reply, type, body) => reply.writeHead(200, { "Content-Type": type }).end(body);
  const server = http.createServer((request, reply) => {
    const { pathname, searchParams } = new URL(request.url, "http://phone/");
    const [, number, what] = /^\/(\d+)(?:\/(\w+))?$/.exec(pathname) || [];
    if (pathname === "/screen.css") return send(reply, TYPES[".css"], styles(root));
    if (!number) {
      const file = path.join(root, path.normalize(decodeURI(pathname)));
      return fs.existsSync(file) ? send(reply, TYPES[path.extname(file)] || "text/plain", fs.readFileSync(file)) : reply.writeHead(404).end();
    }
    const { screen } = phoneOf(Number(number));
    if (request.method === "POST") {
      screen[what](Object.fromEntries(searchParams));
      return reply.end();
    }
    if (what !== "changes") return send(reply, TYPES[".html"], fs.readFileSync(path.join(__dirname, "screen.html")));
    reply.writeHead(200, { "Content-Type": "text/event-stream" });
    return screen.show((changed) => reply.write(`data: ${JSON.stringify(changed)}\n\n`));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${server.address().port}`;
}

/**
 * Return the screen of a phone. `current()` returns the `dom`, `path` and `title` of the open page, and how many pages
 * lie upon one another (`depth`); null if none is open. `acts` are what the person does: `tap(element)`,
 * `type(element, text)`, `tab(url)` and `back()`.
 */
function screenOf(current, acts) {
  const numbers = new WeakMap();
  const nodes = new Map();
  let shown = {};
  let send = null;

  function numberOf(node) {
    if (!numbers.has(node)) {
      numbers.set(node, nodes.size + 1);
      nodes.set(nodes.size + 1, node);
    }
    return numbers.get(node);
  }

  function describe(node, all) {
    const number = numberOf(node);
    if (node.nodeType === 3) all[number] = JSON.stringify({ text: node.data });
    else {
      const { __wxElement: element } = node;
      const attributes = Object.fromEntries(Array.from(node.attributes, ({ name, value }) => [name, name === "class" ? value.replace(/main--/g, "") : value]));
      for (const { name, value } of (element && element._vt.attrs) || []) if (value !== false && !(value instanceof Object)) attributes[name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)] = String(value);
      const children = Array.from(node.childNodes, (child) => describe(child, all));
      all[number] = JSON.stringify({ tag: node.localName, attributes, children });
    }
    return number;
  }

  /** Send which nodes differ from what is shown. */
  function draw() {
    const page = current();
    if (!send || !page) return;
    const { dom, ...framed } = page;
    const all = { frame: JSON.stringify(framed) };
    const top = describe(dom, all);
    const changed = Object.entries(all).filter(([number, said]) => shown[number] !== said);
    shown = all;
    const told = changed.filter(([number]) => number !== "frame").map(([number, said]) => [Number(number), JSON.parse(said)]);
    if (changed.length) send({ top, framed, changed: told });
  }

  return {
    draw,
    tap: ({ node }) => acts.tap(nodes.get(Number(node))),
    type: ({ node, text }) => acts.type(nodes.get(Number(node)), text),
    tab: ({ url }) => acts.tab(url),
    back: acts.back,
    show(to) {
      send = to;
      shown = {};
      draw();
    },
  };
}

module.exports = { serve, screenOf };
