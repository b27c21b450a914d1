// The entry point: who is logged in, which page the address names, and whether the channel is open.

import { LINK, SERVICE } from "../miniprogram/shared/words.js";
import { logIn, needed, repeatDigs } from "./api.js";
import { channel, onReturn } from "./channel.js";
import { detail } from "./detail.js";
import { el, fill, icon, redraw, set } from "./dom.js";
import { focusHeading, route, show } from "./router.js";
import { onChange, person, remember } from "./session.js";
import { square } from "./square.js";
import { askWaiting, badge, showWaiting } from "./waiting.js";

const TABS = [
  ["/", "square", "广场"],
  ["/publish", "publish", "发布"],
  ["/mine", "mine", "我的"],
];

const nav = document.getElementById("nav");
const banner = document.getElementById("banner");

/** Return a page whose module is loaded once somebody opens it. */
function later(title, load) {
  return function open(root, signal, ...found) {
    fill(root, el("p.blank", { role: "status" }, "正在打开…"));
    needed(load).then((page) => {
      if (signal.aborted) return;
      const focused = root === document.activeElement;
      fill(root);
      page(root, signal, ...found);
      if (focused) focusHeading(root);
    }, (error) => {
      const again = el("button", { onclick: () => open(root, signal, ...found) }, "再试一次");
      if (!signal.aborted) fill(root, el("p.blank", { role: "alert" }, error.message), el("div.buttons.middle", {}, again));
    });
    return title;
  };
}

const login = later("登录", async () => (await import("./login.js")).login);

const open = route(
  [
    [/^\/$/, square],
    [/^\/task\/([0-9A-Za-z]+)$/, detail],
    [/^\/publish(?:\/([0-9A-Za-z]+))?$/, later("发布", async () => (await import("./publish.js")).publish)],
    [/^\/edit\/([0-9A-Za-z]+)$/, later("改文字和图片", async () => (await import("./edit.js")).edit)],
    [/^\/story\/([0-9A-Za-z]+)$/, later("这次的故事", async () => (await import("./story.js")).story)],
    [/^\/mine(?:\/(published|dug|won|digs|finds))?$/, later("我的", async () => (await import("./mine.js")).mine)],
    [/^\/by\/([0-9A-Za-z]+)$/, later("发布者", async () => (await import("./publisher.js")).publisher)],
    [/^\/follows$/, later("我关注的人", async () => (await import("./publisher.js")).follows)],
    [/^\/winners\/([0-9A-Za-z]+)(?:\/([0-9]{6}|to_send))?$/, later("中奖者和发奖", async () => (await import("./winners.js")).winners)],
  ],
  (path) => {
    for (const link of nav.children) {
      const own = link.getAttribute("href").slice(1);
      const here = own === "/" ? path === "/" : path.startsWith(own);
      set(link, { "aria-current": here ? "page" : null });
    }
  },
);

function start() {
  // Posters and shared links say /?code=…, with a task's code or a share token. A winner's QR code adds
  // &pickup=…, which takes the publisher who scans it to the page that confirms it.
  const { code: shared = null, pickup } = Object.fromEntries(new URLSearchParams(location.search));
  if (document.documentElement.dataset.login === "wechat") {
    show(later("", async () => {
      const { miniProgram } = await import("./login.js");
      return (root) => miniProgram(root, shared);
    }));
    return;
  }
  if (shared) {
    const code = encodeURIComponent(shared);
    history.replaceState(null, "", pickup ? `/#/winners/${code}/${encodeURIComponent(pickup)}` : `/#/task/${code}`);
  }
  fill(nav, ...TABS.map(([path, name, title]) => el("a", { href: `#${path}`, onclick: () => location.hash === "#/" && path === "/" && open() }, icon(name), el("span", {}, title), name === "mine" ? badge : null)));
  onChange(admit);
  addEventListener("hashchange", () => person && open()); // a later login opens the address as it then is
  let admitted = null;
  function admit() {
    const somebody = person?.unionid ?? null;
    if (somebody === admitted) return;
    admitted = somebody;
    nav.hidden = !somebody;
    channel.close();
    say({ link: "", service: "" });
    showWaiting([]);
    if (!somebody) show(login);
    else {
      channel.connect();
      open();
      whenIdle(askWaiting);
      if (person.named === 0 && !person.delete_at) whenIdle(() => import("./meeting.js").then(({ meet }) => person && meet(), () => {})); // its notice would take that of a deletion away
    }
  }
  nav.hidden = true;
  if (person) admit();
  else if (shared && !pickup) {
    logIn("").catch((error) => { // who comes by a link sees the treasure first, as in the mini-program
      show(login);
      if (!error.error) throw error;
    });
  } else show(login);
}

/** After the first page, whose requests come first. Safari has no idle callbacks. */
const whenIdle = (act) => (window.requestIdleCallback ?? setTimeout)(() => person && act());

const said = { link: "", service: "" };
const OVER = `${LINK.over}请`; // a button that does it follows

/** Show what is wrong: with the connection (`link`), or else with the server (`service`); "" if nothing is. */
function say(changes) {
  Object.assign(said, changes);
  const text = said.link || said.service;
  redraw(banner, text, () => el("span", {}, text, text === OVER ? el("button.link", { onclick: () => location.reload() }, "刷新页面") : null));
  banner.classList.toggle("shown", text !== "");
}

channel.on("lost", () => say({ link: navigator.onLine ? LINK.lost : LINK.offline, service: "" }));
channel.on("found", () => {
  say({ link: "" });
  repeatDigs();
});
channel.on("service", (state) => say({ service: SERVICE[state] ?? "" }));
channel.on("refused", () => remember(null));
channel.on("over", () => say({ link: OVER }));
addEventListener("offline", () => channel.cut());
addEventListener("online", () => channel.retry());
onReturn(() => {
  channel.probe();
  channel.retry();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address's # names a page, not a place in it
  document.getElementById("page").focus();
});

start();
