// The entry point: who is logged in, which page the address names, what is wrong, and how old the data is.

import { get, post, whenLoggedOut } from "./api.js";
import { el, fill, write } from "./dom.js";
import { Feed } from "./feed.js";
import { alarmPage, alarmText } from "./findings.js";
import { clock, count, isolated } from "./format.js";
import { kindPage, searchPage } from "./lists.js";
import { logPage } from "./log.js";
import { login } from "./login.js";
import { become } from "./me.js";
import { payoutsPage } from "./payouts.js";
import { paidPage } from "./paid.js";
import { personPage } from "./person.js";
import { reportsPage } from "./reports.js";
import { reviewsPage } from "./reviews.js";
import { Screen } from "./screen.js";
import { taskPage } from "./task.js";
import { prizePage } from "./timeline.js";
import { cash, language, t } from "./words.js";

const STALE_MS = 3_000; // older data is never shown as live
const LOOK_MS = 500;

const page = document.getElementById("page");
const top = document.getElementById("top");
const alarms = document.getElementById("alarms");

const feed = new Feed();
const status = el("b.status");
const time = el("span.clock");
const ages = el("li", { hidden: true });
const alarmList = el("ul");
const screen = new Screen(feed);
// How much waits behind each tab.
const counts = Object.fromEntries(["payouts", "reviews", "reports"].map((page) => [page, el("b.count", { hidden: true })]));
let entered = false;
let told = "";
let begun = false;

// A page has `stop()` and `ageMs()`, the age of the data that it read itself. It may have a `title`, and a
// `tick()`, which is called while its data is fresh.
const NO_PAGE = { stop() {}, ageMs: () => 0 };
let current = NO_PAGE;

const PAGES = [
  [/^\/$/, () => screen.open(page)],
  [/^\/task\/([0-9A-Za-z]{12})$/, (code) => taskPage(page, code, () => feed.now())],
  [/^\/person\/([0-9A-Za-z]{12})\/([0-9]{1,9})$/, (code, depth) => personPage(page, { code, depth: Number(depth) }, () => feed.now())],
  [/^\/person\/((?:task|profile|report|share|person):[0-9A-Za-z:]{11,25})$/, (key) => personPage(page, { key }, () => feed.now())],
  [/^\/prize\/([0-9A-Za-z]{12})\/([0-9]{1,9})$/, (code, depth) => prizePage(page, code, Number(depth))],
  [/^\/search\/(.+)$/, (query) => searchPage(page, decoded(query), () => feed.now())],
  [cash ? /^\/list\/(hidden|unpaid|held|featured)$/ : /^\/list\/(hidden|featured)$/, (of) => kindPage(page, of, () => feed.now())],
  [/^\/payouts$/, () => payoutsPage(page)],
  ...(cash ? [[/^\/paid\/([0-9A-Za-z]{12})\/([0-9]{1,9})$/, (code, depth) => paidPage(page, code, Number(depth))]] : []),
  [/^\/reports$/, () => reportsPage(page)],
  [/^\/reviews$/, () => reviewsPage(page)],
  [/^\/log(?:\?(.*))?$/, (query) => logPage(page, query)],
];

/** Decode a part of an address; return it unchanged if it is not well-formed. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return text;
  }
}

/** Stop the present page. */
function leavePage() {
  current.stop();
  current = NO_PAGE;
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
}

/** Let the keyboard and screen readers begin at the new page's top; on the first page they do so anyway. */
function begin() {
  if (begun) page.focus({ preventScroll: true });
  begun = true;
  scrollTo(0, 0);
}

function open() {
  const path = location.hash.slice(1) || "/";
  if (!path.startsWith("/") && current !== NO_PAGE) return; // a link within the page
  leavePage();
  const [pattern, show] = PAGES.find(([each]) => each.test(path)) ?? PAGES[0];
  for (const link of top.querySelectorAll("nav a")) link.setAttribute("aria-current", link.hash === `#${path.split("?")[0]}` ? "page" : "false");
  current = show(...(pattern.exec(path)?.slice(1) ?? []));
  begin();
  look();
}

function header({ name, role }) {
  const query = el("input", { type: "search", name: "query", required: true, maxlength: "64", placeholder: t("search_hint"), title: t("search_label"), "aria-label": t("search_label") });
  const find = (event) => {
    event.preventDefault();
    const asked = query.value.trim();
    if (asked) location.hash = `#/search/${encodeURIComponent(asked)}`;
  };
  fill(
    top,
    el("a.brand", { href: "#/" }, t("title")),
    el("span.live", {}, status, time),
    el("nav", {}, el("a", { href: "#/" }, t("screen")), Object.entries(counts).map(([page, number]) => el("a", { href: `#/${page}` }, t(page), " ", number)), el("a", { href: "#/log" }, t("log"))),
    el("span.me", {}, name, el("span.note.role", {}, t(`role_${role}`)), el("button.quiet", { type: "button", onclick: leave }, t("leave"))),
    el("form.search", { role: "search", onsubmit: find }, query, el("button", { type: "submit" }, t("search"))),
  );
}

async function leave() {
  let why = "";
  try {
    await post("/ops/logout");
  } catch (refused) {
    if (refused.error !== "token_required") why = `${refused.message} ${t("leave_unsure")}`;
  }
  logOut(why);
}

/** Show the login form again; `why` says the reason if the operator did not ask for it. */
function logOut(why = "") {
  leavePage();
  entered = false;
  feed.close();
  top.hidden = alarms.hidden = true;
  document.body.classList.remove("stale");
  document.title = t("title");
  askWho(why);
}

function askWho(why) {
  begun = true; // the form takes the focus
  login(page, enter, why);
}

async function enter() {
  let me;
  try {
    me = await get("/ops/me");
  } catch (refused) {
    fill(page, el("p.problem", { role: "alert" }, refused.message), el("button", { type: "button", onclick: enter }, t("again")));
    return;
  }
  if (!me.name) {
    askWho();
    return;
  }
  entered = true;
  become(me);
  header(me);
  top.hidden = false;
  feed.connect();
  open();
}

/** Write on its tab how much waits there; nothing if nothing does. */
function tally(page, number) {
  write(counts[page], count(number));
  counts[page].hidden = !number;
}

/** Show what is wrong. An unchanged list is not touched, so that screen readers read it out once. */
function warn(found, names) {
  const said = JSON.stringify([found, names]);
  if (said === told) return;
  told = said;
  const line = (alarm) =>
    el("li", {}, el("b", {}, alarmPage(alarm) ? el("a", { href: alarmPage(alarm) }, t(`alarm_${alarm.kind}`)) : t(`alarm_${alarm.kind}`)), alarm.code && el("a", { href: `#/task/${alarm.code}` }, isolated(names[alarm.code] || alarm.code)), alarmText(alarm));
  fill(alarmList, found.map(line));
}

/** Show how old everything is. Old data is grey and under a red bar, never shown as live. */
function look() {
  if (!entered) return;
  const began = feed.ageMs() !== Infinity;
  const age = Math.max(began ? feed.ageMs() : 0, screen.ageMs(), current.ageMs());
  const stale = age > STALE_MS;
  screen.age(STALE_MS);
  document.body.classList.toggle("stale", stale);
  if (!stale) current.tick?.();
  status.className = `status ${stale ? "old" : began ? "fresh" : ""}`;
  write(status, stale ? t("stale", Math.floor(age / 1000)) : t(began ? "live" : "connecting"));
  write(time, began ? clock(feed.now()) : "");
  ages.hidden = !stale;
  write(ages, stale ? t("stale_bar") : "");
  alarms.hidden = !stale && !alarmList.children.length;
  document.title = [alarms.hidden ? "" : "⚠ ", current.title ? `${current.title} · ` : "", t("title")].join("");
}

document.documentElement.lang = language;
document.title = t("title");
document.getElementById("skip").textContent = t("skip");
fill(alarms, el("ul", {}, ages), alarmList);
const expire = () => entered && logOut(t("error_token_required"));
whenLoggedOut(expire);
feed.addEventListener("refused", expire);
feed.addEventListener("heartbeat", ({ detail }) => { warn(detail.alarms, detail.names); look(); });
feed.addEventListener("board", ({ detail: { queues } }) => queues && ["payouts", "reviews", "reports"].forEach((page) => tally(page, queues[page])));
addEventListener("hashchange", () => entered && open());
setInterval(look, LOOK_MS);
document.addEventListener("visibilitychange", look);
enter();
