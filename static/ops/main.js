// Where the screen begins: who is logged in, which page the address names, what is wrong, and how old it all is.

import { get, post, whenLoggedOut } from "./api.js";
import { el, fill, write } from "./dom.js";
import { Feed } from "./feed.js";
import { clock } from "./format.js";
import { logPage, searchPage } from "./lists.js";
import { login } from "./login.js";
import { Screen } from "./screen.js";
import { taskPage } from "./task.js";
import { language, t } from "./words.js";

const STALE_MS = 3_000; // of the feed itself
const SECOND_STALE_MS = 5_000; // of the newest second: it is told one to two seconds after it began
const LOOK_MS = 500;

const page = document.getElementById("page");
const top = document.getElementById("top");
const alarms = document.getElementById("alarms");
const waiting = document.getElementById("waiting");

const feed = new Feed();
const status = el("b.status");
const time = el("span.clock");
const ages = el("li", { hidden: true });
const alarmList = el("ul");
const screen = new Screen(feed);
let entered = false;
let stop = () => {};
let told = "";

const PAGES = [
  [/^\/$/, () => { screen.open(page); return () => screen.close(); }],
  [/^\/task\/([0-9A-Za-z]{12})$/, (code) => taskPage(page, code, () => feed.now())],
  [/^\/search\/(.+)$/, (query) => searchPage(page, decodeURIComponent(query), () => feed.now())],
  [/^\/log$/, () => logPage(page)],
];

let opened = false;

function open() {
  const path = location.hash.slice(1) || "/";
  if (!path.startsWith("/") && opened) return; // a link within the page
  opened = true;
  stop();
  const [pattern, show] = PAGES.find(([each]) => each.test(path)) ?? PAGES[0];
  for (const link of top.querySelectorAll("nav a")) link.setAttribute("aria-current", link.hash === `#${path}` ? "page" : "false");
  stop = show(...(pattern.exec(path)?.slice(1) ?? []));
  scrollTo(0, 0);
}

function header(name) {
  const query = el("input", { type: "search", name: "query", required: true, maxlength: "64", placeholder: t("search_hint"), "aria-label": t("search_hint") });
  const find = (event) => {
    event.preventDefault();
    location.hash = `#/search/${encodeURIComponent(query.value.trim())}`;
  };
  fill(
    top,
    el("a.brand", { href: "#/" }, t("title")),
    el("span.live", {}, status, time),
    el("nav", {}, el("a", { href: "#/" }, t("screen")), el("a", { href: "#/log" }, t("log"))),
    el("form.search", { role: "search", onsubmit: find }, query, el("button", { type: "submit" }, t("search"))),
    el("span.me", {}, name, el("button.quiet", { type: "button", onclick: leave }, t("leave"))),
  );
}

async function leave() {
  // Whoever is logged out already gets the form all the same.
  await post("/ops/logout").catch(() => {});
  logOut();
}

function logOut() {
  stop();
  stop = () => {};
  entered = false;
  feed.close();
  top.hidden = alarms.hidden = waiting.hidden = true;
  document.body.classList.remove("stale");
  login(page, enter);
}

async function enter() {
  let name;
  try {
    ({ name } = await get("/ops/me"));
  } catch (refused) {
    fill(page, el("p.problem", { role: "alert" }, refused.message), el("button", { type: "button", onclick: enter }, t("again")));
    return;
  }
  if (!name) {
    login(page, enter);
    return;
  }
  entered = true;
  header(name);
  top.hidden = false;
  feed.connect();
  open();
  look();
}

/** Show what is wrong; a list that says the same stays as it is, so that it is read out once. */
function warn(found) {
  const said = JSON.stringify(found);
  if (said === told) return;
  told = said;
  const line = (alarm) =>
    el("li", {}, el("b", {}, t(`alarm_${alarm.kind}`)), alarm.code && el("a", { href: `#/task/${alarm.code}` }, alarm.code), alarm.text);
  fill(alarmList, found.filter(({ kind }) => kind !== "waiting").map(line));
  fill(waiting, el("ul", {}, found.filter(({ kind }) => kind === "waiting").map(line)));
}

/** Say how old everything is. What is old is grey and under a red bar, never shown as live. */
function look() {
  if (!entered) return;
  const began = feed.ageMs() !== Infinity;
  const stale = began && (feed.ageMs() > STALE_MS || screen.ageMs() > SECOND_STALE_MS);
  const age = Math.max(feed.ageMs(), screen.ageMs());
  screen.age();
  document.body.classList.toggle("stale", stale);
  status.className = `status ${stale ? "old" : began ? "fresh" : ""}`;
  write(status, stale ? t("stale", Math.floor(age / 1000)) : t(began ? "live" : "connecting"));
  write(time, began ? clock(feed.now()) : "");
  ages.hidden = !stale;
  write(ages, stale ? t("stale_bar") : "");
  waiting.hidden = !waiting.querySelector("li");
  alarms.hidden = !stale && !alarmList.children.length;
  document.title = alarms.hidden ? t("title") : `⚠ ${t("title")}`;
}

document.documentElement.lang = language;
document.title = t("title");
document.getElementById("skip").textContent = t("skip");
fill(alarms, el("ul", {}, ages), alarmList);
whenLoggedOut(logOut);
feed.addEventListener("refused", logOut);
feed.addEventListener("pulse", ({ detail }) => { warn(detail.alarms); look(); });
addEventListener("hashchange", () => entered && open());
setInterval(look, LOOK_MS);
enter();
