// A phone that runs the mini-program: node phone.js ROOT SERVER USER. The modules under ROOT are compiled
// (`compile.js`). It obeys lines of JSON on stdin, and writes a line of JSON for what it shows and does.
//
// miniprogram-simulate renders the pages, with WeChat's own compiler of WXML. What of `wx` must reach the server
// is given here over Node's fetch and WebSocket; the sandbox plays WeChat's servers.

"use strict";

const path = require("node:path");
const readline = require("node:readline");
const { JSDOM } = require("jsdom");

const [root, server, user] = process.argv.slice(2);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const sayWrong = (error) => say({ type: "wrong", error: String((error && error.stack) || error) });
process.on("unhandledRejection", sayWrong);
process.on("uncaughtException", sayWrong);
console.error = sayWrong; // exparser catches what the pages throw

const { window } = new JSDOM("<!doctype html><body></body>");
global.window = window;
for (const name of ["document", "Element", "CustomEvent", "MutationObserver"]) global[name] = window[name];

/** Answer as `wx` does: success or fail, then complete. */
async function answer(options, name, work) {
  try {
    const result = await work();
    if (options.success) options.success({ errMsg: `${name}:ok`, ...result });
  } catch (error) {
    if (options.fail) options.fail({ errMsg: `${name}:fail ${error.message}` });
  }
}

async function askSandbox(route, body) {
  const reply = await fetch(`${server}/sandbox${route}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await reply.json();
  if (!reply.ok) throw new Error(answer.errMsg);
  return answer;
}

const storage = new Map(Object.entries(JSON.parse(process.env.STORAGE || "{}")));

global.wx = {
  getStorageSync: (key) => storage.get(key) || "",
  setStorageSync(key, value) {
    say({ type: "stored", key, value });
    storage.set(key, value);
  },

  login: (options) =>
    answer(options, "login", async () => {
      const query = new URLSearchParams({ user });
      const { code } = await (await fetch(`${server}/sandbox/authorize?${query}`)).json();
      say({ type: "login" });
      return { code };
    }),

  request: (options) =>
    answer(options, "request", async () => {
      say({ type: "asking", path: new URL(options.url).pathname });
      const body = options.data === undefined ? undefined : JSON.stringify(options.data);
      const headers = { "Content-Type": "application/json", ...options.header };
      const reply = await fetch(options.url, { method: options.method, headers, body });
      const text = await reply.text();
      let data = text;
      try {
        data = JSON.parse(text);
      } catch {
        // wx.request gives what is not JSON as it is
      }
      return { statusCode: reply.status, data };
    }),

  chooseMedia: (options) => answer(options, "chooseMedia", async () => ({ tempFiles: [{ tempFilePath: process.env.PICTURE }] })),
  uploadFile: (options) =>
    answer(options, "uploadFile", async () => {
      const form = new FormData();
      const file = require("node:fs").readFileSync(options.filePath);
      form.append(options.name, new Blob([file]), path.basename(options.filePath));
      const reply = await fetch(options.url, { method: "POST", headers: options.header, body: form });
      return { statusCode: reply.status, data: await reply.text() };
    }),

  connectSocket({ url }) {
    const socket = new WebSocket(url);
    say({ type: "connecting" });
    return {
      onOpen: (then) => socket.addEventListener("open", () => then({})),
      onMessage: (then) => socket.addEventListener("message", ({ data }) => then({ data })),
      onError: (then) => socket.addEventListener("error", () => then({ errMsg: "connectSocket:fail" })),
      onClose: (then) => socket.addEventListener("close", ({ code, reason }) => then({ code, reason })),
      send({ data }) {
        say({ type: "sent", message: JSON.parse(data) });
        socket.send(data);
      },
      close: () => socket.close(),
    };
  },

  requestPayment: (options) =>
    answer(options, "requestPayment", () => {
      const { timeStamp, nonceStr, signType, paySign } = options;
      return askSandbox("/pay", { appId: "wxsandbox000000000", package: options.package, timeStamp, nonceStr, signType, paySign });
    }),
  requestMerchantTransfer: (options) =>
    answer(options, "requestMerchantTransfer", () => {
      say({ type: "transfer", mchId: options.mchId, appId: options.appId });
      return askSandbox("/confirm", { package: options.package });
    }),

  requestSubscribeMessage: (options) =>
    answer(options, "requestSubscribeMessage", () => {
      say({ type: "asked", tmplIds: options.tmplIds });
      return askSandbox("/subscribe", { user, tmplIds: options.tmplIds });
    }),

  // The first is tapped.
  showActionSheet: (options) =>
    answer(options, "showActionSheet", async () => {
      say({ type: "sheet", itemList: options.itemList });
      return { tapIndex: 0 };
    }),

  navigateTo: ({ url }) => setTimeout(open, 0, url),
  switchTab: ({ url }) => setTimeout(open, 0, url),
  hideShareMenu: () => say({ type: "menu", shares: false }),
  showShareMenu: () => say({ type: "menu", shares: true }),
  showToast: ({ title }) => say({ type: "toast", title }),
  stopPullDownRefresh() {},
};

const simulate = require("miniprogram-simulate");

let page = null;

/** Open a page, over the one before. */
function open(url) {
  const { pathname, searchParams } = new URL(url, "https://mini.program/");
  if (page) {
    if (page.instance.onHide) page.instance.onHide();
    if (page.instance.onUnload) page.instance.onUnload();
    page.detach();
  }
  page = simulate.render(simulate.load(path.join(root, pathname), { rootPath: root }));
  page.attach(document.body);
  if (page.instance.onLoad) page.instance.onLoad(Object.fromEntries(searchParams));
  if (page.instance.onShow) page.instance.onShow();
  say({ type: "opened", page: pathname });
  show();
}

function show() {
  say({ type: "shown", text: page.dom.textContent.replace(/\s+/g, " ") });
}

const ORDERS = {
  open: ({ url }) => open(url),
  fire({ selector, event = "tap", detail = {} }) {
    const found = page.querySelector(selector);
    if (!found) throw new Error(`${selector} is not on the page`);
    found.dispatchEvent(event, { bubbles: true, detail });
  },
  hear: ({ frame }) => watched(frame),
  share: () => say({ type: "share", ...page.instance.onShareAppMessage() }),
};

new MutationObserver(show).observe(document.body, { subtree: true, childList: true, characterData: true });

require(path.join(root, "config.js")).SERVER = server;
const { channel } = require(path.join(root, "wechat.js"));
const { subscribe } = channel;
let watched = null;
channel.subscribe = (code, seq, deliver) => {
  watched = (frame) => {
    say({ type: "frame", frame });
    deliver(frame);
  };
  return subscribe(code, seq, watched);
};
global.App = (app) => {
  app.onLaunch();
  app.onShow();
};
require(path.join(root, "app.js"));

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  try {
    ORDERS[order.do](order);
  } catch (error) {
    sayWrong(error);
  }
}).on("close", () => process.exit(0));
