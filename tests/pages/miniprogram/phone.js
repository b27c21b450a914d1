// Phones that run the mini-program: node phone.js ROOT. The modules under ROOT are compiled (`compile.js`). The
// process reads orders as lines of JSON on stdin, and writes a line of JSON for each thing that a phone shows or
// does. Each line names its phone.
//
// Loading the simulator takes a second of CPU time, so one process plays all phones. Each phone has modules, a
// `wx`, timers and sockets of its own, which all stop when it is switched off.
//
// miniprogram-simulate renders the pages, with WeChat's own compiler of WXML. The functions of `wx` that reach
// the server are written here, over Node's fetch and WebSocket; the sandbox plays WeChat's servers.

"use strict";

const { webcrypto } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");
const vm = require("node:vm");
const { JSDOM } = require("jsdom");
const { screenOf, serve } = require("./screen.js");

const root = fs.realpathSync(process.argv[2]);
// A phone cuts the sockets of a mini-program that has been hidden for so long:
// https://developers.weixin.qq.com/miniprogram/dev/framework/ability/network.html. It need not tell each socket:
// https://developers.weixin.qq.com/community/develop/doc/000e0a7c7c85003d13121165c6bc00
const CUT_MS = 5000;
const tabPaths = JSON.parse(fs.readFileSync(path.join(root, "app.json"), "utf8")).tabBar.list.map(({ pagePath }) => `/${pagePath}`);
const phones = new Map();
let served = null; // the address of the phones' screens, once somebody looks

const wrong = (error) => ({ type: "wrong", error: String((error && error.stack) || error) });
const sayWrong = (error) => phones.forEach((phone) => phone.say(wrong(error)));
process.on("unhandledRejection", sayWrong);
process.on("uncaughtException", sayWrong);
console.error = sayWrong; // exparser catches what the pages throw

const { window } = new JSDOM("<!doctype html><body></body>");
global.window = window;
for (const name of ["document", "Element", "CustomEvent", "MutationObserver"]) global[name] = window[name];

// miniprogram-simulate loads a page by `require`. Here the phone that opens the page loads it.
let opening = null;
const loadPlain = require.extensions[".js"];
require.extensions[".js"] = (module, file) => (file.startsWith(root) ? opening(file) : loadPlain(module, file));
const simulate = require("miniprogram-simulate");
const exparser = require("miniprogram-exparser");

/** Return `load`, which loads a module anew, and `once`, which loads it once. All modules get these globals. */
function loaderWith(globals) {
  const loaded = new Map();
  const once = (file) => (loaded.get(file) || { exports: load(file) }).exports;
  function load(file) {
    const module = { exports: {} };
    loaded.set(file, module);
    const names = ["module", "exports", "require", ...Object.keys(globals)];
    const run = vm.compileFunction(fs.readFileSync(file, "utf8"), names, { filename: file });
    const near = (name) => once(path.resolve(path.dirname(file), name));
    run(module, module.exports, near, ...Object.values(globals));
    return module.exports;
  }
  return { load, once };
}

async function askSandbox(server, route, body) {
  const reply = await fetch(`${server}/sandbox${route}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await reply.json();
  if (!reply.ok) throw new Error(answer.errMsg);
  return answer;
}

/** Return the `wx` of a phone. */
function wxOf({ server, user, picture, storage, say, ifOn, turn, pages, sockets, lives }) {
  /** WeChat refuses some functions outside of a tap: after a request, it is over. */
  function inTap() {
    if (!lives.tapped) throw new Error("can only be invoked by user TAP gesture.");
  }

  /** Answer as `wx` does: success or fail. */
  async function answer(options, name, work) {
    try {
      const result = await work();
      if (options.success) ifOn(options.success)({ errMsg: `${name}:ok`, ...result });
    } catch (error) {
      if (options.fail) ifOn(options.fail)({ errMsg: `${name}:fail ${error.message}` });
    }
  }

  return {
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
        while (lives.holds === new URL(options.url).pathname || (lives.holds === true && options.method === "POST")) await new Promise((resolve) => setTimeout(resolve, 20));
        const given = lives.given[new URL(options.url).pathname];
        if (given) return { statusCode: 200, data: given };
        const body = options.data === undefined ? undefined : JSON.stringify(options.data);
        const headers = { "Content-Type": "application/json", ...options.header };
        const reply = await fetch(options.url, { method: options.method, headers, body });
        const text = await reply.text();
        let data = text;
        try {
          data = JSON.parse(text);
        } catch {
          // wx.request gives other data than JSON unparsed
        }
        say({ type: "answered", path: new URL(options.url).pathname });
        return { statusCode: reply.status, data };
      }),

    getRandomValues: (options) =>
      answer(options, "getRandomValues", async () => ({ randomValues: webcrypto.getRandomValues(new Uint8Array(options.length)).buffer })),

    chooseMedia: (options) => answer(options, "chooseMedia", async () => ({ tempFiles: [{ tempFilePath: picture }] })),
    uploadFile: (options) =>
      answer(options, "uploadFile", async () => {
        const form = new FormData();
        const file = fs.readFileSync(options.filePath);
        form.append(options.name, new Blob([file]), path.basename(options.filePath));
        const reply = await fetch(options.url, { method: "POST", headers: options.header, body: form });
        const data = await reply.text();
        say({ type: "uploaded" });
        return { statusCode: reply.status, data };
      }),

    connectSocket({ url, header }) {
      const socket = new WebSocket(url, { headers: header });
      sockets.push(socket);
      const ifOpen = (then) => ifOn((event) => sockets.includes(socket) && then(event));
      say({ type: "connecting" });
      return {
        onOpen: (then) => socket.addEventListener("open", ifOpen(() => then({}))),
        onMessage: (then) => socket.addEventListener("message", ifOpen(({ data }) => then({ data }))),
        onError: (then) => socket.addEventListener("error", ifOpen(() => then({ errMsg: "connectSocket:fail" }))),
        onClose: (then) => socket.addEventListener("close", ifOpen(({ code, reason }) => then({ code, reason }))),
        send({ data }) {
          say({ type: "sent", message: JSON.parse(data) });
          socket.send(data);
        },
        close: () => socket.close(),
      };
    },

    requestPayment: (options) =>
      answer(options, "requestPayment", async () => {
        const { timeStamp, nonceStr, signType, paySign } = options;
        const paid = { package: options.package, timeStamp, nonceStr, signType, paySign };
        if (lives.payment !== "lost") await askSandbox(server, "/pay", { appId: "wxsandbox000000000", ...paid });
        if (lives.payment !== "paid") throw new Error("system error");
      }),
    canIUse: (name) => !lives.lacks.includes(name),
    requestMerchantTransfer: (options) =>
      answer(options, "requestMerchantTransfer", async () => {
        say({ type: "transfer", mchId: options.mchId, appId: options.appId });
        if (lives.transfer !== "cancelled") await askSandbox(server, "/confirm", { user, package: options.package });
        if (lives.transfer !== "confirmed") throw new Error("cancel");
      }),
    updateWeChatApp: (options) => answer(options, "updateWeChatApp", async () => say({ type: "updates" })),

    requirePrivacyAuthorize: (options) =>
      answer(options, "requirePrivacyAuthorize", async () => {
        if (!lives.agrees) throw new Error("privacy permission is not authorized");
      }),
    showModal: (options) =>
      answer(options, "showModal", async () => {
        say({ type: "modal", title: options.title, content: options.content, confirmText: options.confirmText });
        return { confirm: lives.agrees, cancel: !lives.agrees };
      }),

    requestSubscribeMessage: (options) =>
      answer(options, "requestSubscribeMessage", () => {
        inTap();
        say({ type: "asked", tmplIds: options.tmplIds });
        return askSandbox(server, "/subscribe", { user, tmplIds: options.tmplIds });
      }),

    downloadFile: (options) =>
      answer(options, "downloadFile", async () => {
        const reply = await fetch(options.url, { headers: options.header });
        say({ type: "downloaded", status: reply.status, kind: reply.headers.get("Content-Type"), text: await reply.text() });
        return { statusCode: reply.status, tempFilePath: "wxfile://tmp" };
      }),
    showShareImageMenu: (options) => answer(options, "showShareImageMenu", async () => say({ type: "image", path: options.path })),
    shareFileMessage: (options) =>
      answer(options, "shareFileMessage", async () => {
        inTap();
        say({ type: "file", name: options.fileName, path: options.filePath });
      }),
    chooseAddress: (options) =>
      answer(options, "chooseAddress", async () => {
        inTap();
        if (!lives.address) throw new Error("cancel");
        return lives.address;
      }),
    setClipboardData: (options) => answer(options, "setClipboardData", async () => say({ type: "copied", text: options.data })),
    getUpdateManager: () => ({ onUpdateReady: (then) => Object.assign(lives, { updated: ifOn(then) }), applyUpdate: () => say({ type: "begun anew" }) }),
    chooseMessageFile: (options) => answer(options, "chooseMessageFile", async () => ({ tempFiles: [{ path: "wxfile://table" }] })),
    getFileSystemManager: () => ({
      readFile: (options) => answer(options, "readFile", async () => ({ data: Buffer.from(lives.table, "base64").toString(options.encoding) })),
    }),
    scanCode: (options) => answer(options, "scanCode", async () => ({ result: lives.scans })),

    navigateTo: ({ url, success }) => turn(() => pages.navigateTo(url), success),
    redirectTo: ({ url }) => turn(() => pages.redirectTo(url)),
    switchTab: ({ url }) => turn(() => pages.switchTab(url)),
    navigateBack: () => turn(pages.navigateBack),
    hideShareMenu: () => say({ type: "menu", shares: false }),
    showShareMenu: () => say({ type: "menu", shares: true }),
    pageScrollTo: (to) => say({ type: "scrolled", ...to }),
    vibrateLong: () => say({ type: "shaken" }),
    createWebAudioContext: () => {
      const node = { connect() {}, start: () => say({ type: "sounded" }), stop() {}, frequency: { setValueAtTime() {} }, gain: { setValueAtTime() {} } };
      return { currentTime: 0, createOscillator: () => node, createGain: () => node, close() {} };
    },
    showToast({ title }) {
      lives.toasting = true; // a page that opens at once would hide it
      setTimeout(() => Object.assign(lives, { toasting: false }));
      say({ type: "toast", title });
    },
    setNavigationBarTitle({ title }) {
      say({ type: "entitled", title });
      pages.entitle(title);
    },
    setTabBarBadge: ({ index, text }) => say({ type: "badge", index, text }),
    removeTabBarBadge: ({ index }) => say({ type: "badge", index, text: "" }),
    openPrivacyContract: () => say({ type: "guide" }),
    stopPullDownRefresh() {},
  };
}

// Finds elements of a page as its person does: by their texts.
const attribute = ({ __wxElement: element }, name) => (((element && element._vt.attrs) || []).find((each) => each.name === name) || {}).value;
const takes = ({ __wxElement: element }, event) => Boolean(element && element._vt.event && element._vt.event[event]);

const submits = (dom) => attribute(dom, "formType") === "submit";

/** Return the timers of a phone, and a function that stops them. */
function timersOf(ifOn) {
  const begun = [];
  const kept = (begin) => (then, ...given) => {
    begun.push(begin(ifOn(then), ...given));
    return begun.at(-1);
  };
  const timers = { setTimeout: kept(setTimeout), setInterval: kept(setInterval) };
  return { timers, stop: () => begun.forEach(clearTimeout) };
}

/** Switch a phone on; return the functions that carry out its orders. */
function switchOn({ phone: number, server, user, picture, stored }) {
  let on = true;
  const ifOn = (then) => (...given) => on && then(...given);
  const say = ifOn((what) => process.stdout.write(`${JSON.stringify({ phone: number, ...what })}\n`));
  const screen = document.body.appendChild(document.createElement("div"));
  let looking = null;
  const awaited = []; // acts of the person, each of which waits for its element
  const all = () => Array.from(page.dom.querySelectorAll("*"));
  const show = () => {
    say({ type: "shown", text: page.dom.textContent.replace(/\s+/g, " ") });
    seen.draw();
    act();
  };
  /** Do the waiting acts in order: each waits for its element. */
  function act() {
    for (let found; awaited.length && (found = all().find(awaited[0].fits)); ) awaited.shift().then(found);
    clearTimeout(looking);
    if (on && awaited.length) looking = setTimeout(act, 50); // a button that is enabled again changes no text
  }
  function onceThere(fits, then) {
    awaited.push({ fits, then });
    act();
  }
  const observer = new MutationObserver(show);
  let page = null; // the page in sight, the last of the stack
  let stack = [];
  const tabs = new Map(); // the pages of the tab bar that were opened, by path: WeChat keeps them
  const seen = screenOf(() => page && { dom: page.dom, path: page.path, title: page.title, depth: stack.length }, {
    tap: pressOn,
    type,
    back: () => pages.navigateBack(),
    tab(url) {
      if (url !== page.path) pages.switchTab(url);
      if (page.instance.onTabItemTap) page.instance.onTabItemTap();
    },
  });

  const hideOver = () => page && page.instance.onHide && page.instance.onHide();

  function unload(gone) {
    if (gone.instance.onUnload) gone.instance.onUnload();
    gone.detach();
  }

  /** Make a page, which is not in sight yet. */
  function made(url) {
    const { pathname, searchParams } = new URL(url, "https://mini.program/");
    opening = load;
    page = simulate.render(simulate.load(path.join(root, pathname), { rootPath: root }));
    page.path = pathname;
    page.title = JSON.parse(fs.readFileSync(path.join(root, `${pathname}.json`), "utf8")).navigationBarTitleText;
    page.attach(screen);
    const { instance } = page;
    if (tabPaths.includes(pathname)) tabs.set(pathname, page);
    const setData = instance.setData.bind(instance);
    instance.setData = (changed, then) => {
      say({ type: "drawn", left: instance !== page.instance, names: Object.keys(changed), bytes: Buffer.byteLength(JSON.stringify(changed)) });
      setData(changed, then);
      seen.draw();
    };
    if (instance.onLoad) instance.onLoad(Object.fromEntries(searchParams));
    return page;
  }

  /** Show the last page of this stack. */
  function appear(pages) {
    stack = pages;
    page = stack.at(-1);
    if (page.instance.onShow) page.instance.onShow();
    awaited.length = 0;
    say({ type: "opened", page: page.path, depth: stack.length });
    show();
  }

  /** Begin anew with a page, as through a link or a QR code. */
  function open(url) {
    hideOver();
    new Set([...stack, ...tabs.values()]).forEach(unload);
    tabs.clear();
    appear([made(url)]);
  }

  // How pages follow one another. WeChat keeps ten, one upon the other, and beside them the pages of the tab bar.
  const pages = {
    navigateTo(url) {
      if (stack.length === 10) throw new Error("navigateTo:fail webview count limit exceed");
      hideOver();
      appear([...stack, made(url)]);
    },
    redirectTo(url) {
      unload(page);
      appear([...stack.slice(0, -1), made(url)]);
    },
    navigateBack() {
      if (stack.length === 1) return;
      unload(page);
      appear(stack.slice(0, -1));
    },
    switchTab(url) {
      const left = stack.filter((each) => !tabPaths.includes(each.path));
      if (!left.includes(page)) hideOver();
      left.forEach(unload);
      appear([tabs.get(url) || made(url)]);
    },
    entitle(title) {
      page.title = title;
      seen.draw();
    },
  };

  /** Let a page turn, once the mini-program's code that asks for it has ended. */
  function turn(work, then = () => {}) {
    if (lives.toasting) throw new Error("a toast is cut by the page that opens");
    setTimeout(ifOn(() => {
      work();
      then();
    }));
  }

  const typed = new Map(); // the typed text, by field
  const valuesOf = (form) => Object.fromEntries(Array.from(form.querySelectorAll("*"))
    .filter((each) => attribute(each, "name"))
    .map((each) => [attribute(each, "name"), typed.has(each) ? typed.get(each) : attribute(each, "value") || ""]));
  /** Note that the person taps, until what the tap calls waits for something. */
  function tap() {
    lives.tapped = true;
    setTimeout(() => Object.assign(lives, { tapped: false }), 0);
  }
  const tell = (dom, event, detail = {}) => Promise.resolve().then(() => {
    tap();
    exparser.Event.dispatchEvent(dom.__wxElement, exparser.Event.create(event, detail, { bubbles: true, capturePhase: true, composed: true }));
  });

  function pressOn(dom) {
    const button = dom.closest("wx-button");
    if (button && submits(button)) tell(button.closest("wx-form"), "submit", { value: valuesOf(button.closest("wx-form")) });
    else tell(dom, "tap");
  }

  function type(field, text) {
    typed.set(field, text);
    tell(field, "input", { value: text });
  }

  const sockets = [];
  /** Close all sockets. The mini-program does not hear of it. */
  const cut = () => sockets.splice(0).forEach((socket) => socket.close());
  const { timers, stop } = timersOf(ifOn);
  // What the phone's person and its WeChat do; a test may change it. A transfer ends confirmed, cancelled, or reported
  // as cancelled although it was confirmed; a payment ends paid, lost, or reported as failed although it was paid. `table`
  // is a file in a chat, in base64; `address` is what WeChat keeps of the person's. Requests of the path `holds` wait, or all that write if it is true;
  // those of a path in `given` get its reply.
  const lives = { agrees: true, lacks: [], scans: "", table: "", transfer: "confirmed", payment: "paid", address: null, tapped: false, ahead: 0, cutting: null, holds: false, given: {} };
  const wx = wxOf({ server, user, picture, storage: new Map(Object.entries(stored)), say, ifOn, turn, pages, sockets, lives });
  let app = null;
  const App = (made) => {
    app = made;
    app.onLaunch();
    app.onShow();
  };
  const Clock = class extends Date {
    static now() {
      return Date.now() + lives.ahead;
    }
  };
  const { load, once } = loaderWith({ wx, App, Date: Clock, performance: undefined, ...timers }); // a mini-program has no performance

  once(path.join(root, "config.js")).SERVER = server;
  const { channel } = once(path.join(root, "wechat.js"));
  const subscribe = channel.subscribe.bind(channel);
  channel.subscribe = (code, seq, deliver) => subscribe(code, seq, (frame) => {
    say({ type: "frame", frame });
    deliver(frame);
  });
  observer.observe(screen, { subtree: true, childList: true, characterData: true });
  once(path.join(root, "app.js"));

  return {
    say,
    screen: seen,
    see: async () => say({ type: "screen", url: `${await (served = served || serve(root, (each) => phones.get(each)))}/${number}` }),
    open: ({ url }) => open(url),
    fire({ selector, event = "tap", detail = {} }) {
      const found = page.querySelector(selector);
      if (!found) throw new Error(`${selector} is not on the page`);
      tap();
      found.dispatchEvent(event, { bubbles: true, detail });
    },
    press: ({ label }) =>
      onceThere((each) => each.textContent.trim() === label && (takes(each, "tap") || submits(each)) && !attribute(each, "disabled"), pressOn),
    tapBeside: () => onceThere((each) => takes(each, "clickoverlay") && each.textContent.trim(), (found) => tell(found, "clickoverlay")),
    fill: ({ label, text }) =>
      onceThere((each) => ["placeholder", "ariaLabel"].some((name) => attribute(each, name) === label), (found) => type(found, text)),
    findPrimary: ({ label }) => onceThere((each) => each.textContent.trim() === label && attribute(each, "type") === "primary", () => say({ type: "primary" })),
    choose: ({ label, option }) =>
      onceThere((each) => takes(each, "change") && each.textContent.startsWith(label), (found) => {
        const range = attribute(found, "range"); // a picker of days or times has none
        tell(found, "change", { value: range ? String(range.indexOf(option)) : option });
      }),
    hide() {
      page.instance.onHide();
      app.onHide();
      lives.cutting = timers.setTimeout(cut, CUT_MS);
      say({ type: "hidden" });
    },
    comeBack() {
      clearTimeout(lives.cutting);
      lives.cutting = null;
      say({ type: "back" });
      app.onShow();
      page.instance.onShow();
    },
    update: () => lives.updated(),
    later({ milliseconds }) {
      lives.ahead += milliseconds;
      if (lives.cutting && milliseconds >= CUT_MS) cut();
    },
    live: ({ changes }) => Object.assign(lives, changes),
    tapTab: () => page.instance.onTabItemTap(),
    share: () => say({ type: "share", ...page.instance.onShareAppMessage() }),
    off() {
      on = false;
      stop();
      cut();
      observer.disconnect();
      screen.remove();
      phones.delete(number);
    },
  };
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  try {
    if (order.do === "on") phones.set(order.phone, switchOn(order));
    else phones.get(order.phone)[order.do](order);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ phone: order.phone, ...wrong(error) })}\n`);
  }
}).on("close", () => process.exit(0));
