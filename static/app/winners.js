// The publisher's side of a prize: who won, where to send it, and the pick-up codes.

import { get, getFile, post } from "./api.js";
import { channel, onReturn } from "./channel.js";
import { mayRepeat } from "../miniprogram/shared/api.js";
import { handing } from "../miniprogram/shared/planning.js";
import { handsOver, isMailed, shippingStep, wantsTables } from "../miniprogram/shared/prizes.js";
import { thankedWords } from "../miniprogram/shared/story.js";
import { publishersTax } from "../miniprogram/shared/words-publish.js";
import { WINNERS, claimsEnd, givenWords, noWinners, packetsWords, pickupRight, shippedWords, wantedOf } from "../miniprogram/shared/words-later.js";
import { OWN, prizeWords, title } from "../miniprogram/shared/words.js";
import { arrange, attempt, avatar, el, fill, icon, notice, set, write } from "./dom.js";
import { focusHeading } from "./router.js";
import { parcel, shipping } from "./shipping.js";

const RENEW_MS = 20_000; // frames report most changes, but not those that only time brings
const PICKUP = /^[0-9]/;
const LATE_MS = 300; // a prize is written just after its frame

/** `shown`, from the address, is the pick-up code of a winner's QR code, or which winners to show, as `wantedOf` names them. */
export function winners(root, signal, code, shown = "all") {
  const heading = el("p.hint");
  const tax = el("p.hint");
  const closed = el("p.review", { role: "status", hidden: true });
  const load = inTurn(read, signal);
  const list = makeList(code, shown, load);
  const retry = el("button", { onclick: () => { write(list.said, "正在读取…"); load(); focusHeading(root); } }, "再试一次"); // it will be hidden
  const unread = el("p.buttons.middle", { hidden: true }, retry);
  const again = el("p.buttons", { hidden: true }, el("a.button", { href: `#/publish/${code}` }, OWN.again));
  root.classList.add("narrow");
  fill(
    root,
    el("div.toolbar", {}, el("a.quiet", { href: `#/task/${code}` }, icon("back", 20), "回到宝贝")),
    el("header", {}, el("h1", {}, WINNERS.title), heading, tax),
    closed,
    list.elements,
    unread,
    again,
  );
  let task = null;
  let late = 0;

  async function read(aloud) {
    try {
      const [details, { data, number, claim_until, addresses_closed: why }] = await Promise.all([task ? null : get("/getTaskDetails", { code }), list.read()]);
      if (signal.aborted) return;
      if (details) {
        task = details.data;
        watch(task, renew, signal);
      }
      set(again, { hidden: !task.mine });
      set(unread, { hidden: true });
      write(heading, [title(task), number || !list.all() ? claimsEnd(claim_until, data, number) : ""].filter(Boolean).join(" · "));
      write(tax, publishersTax(task) || packetsWords(task));
      set(closed, { hidden: !why || (list.all() && !number) });
      write(closed, why);
      list.show(data, task, number, noWinners(claim_until));
      clearTimeout(late);
      if (list.all() && number < task.prize_num - task.prizes_left) late = setTimeout(renew, LATE_MS);
    } catch (error) {
      if (aloud || !error.error) { // a refused renewal keeps what is shown
        write(list.said, error.message);
        set(unread, { hidden: !mayRepeat(error) });
      }
      if (!error.error) throw error;
    }
  }

  const renew = () => document.hidden || load({ renewing: true });
  load();
  const renewing = setInterval(() => task && renew(), RENEW_MS); // unless the first reading was refused
  signal.addEventListener("abort", () => {
    clearInterval(renewing);
    clearTimeout(late);
  });
  onReturn(renew, signal);
  signal.addEventListener("abort", channel.on("found", renew));
  return "中奖者";
}

/** Return the list with its filters and buttons, and `show(winners, task, number, none)`. */
function makeList(code, from, load) {
  const isPickup = PICKUP.test(from);
  const list = el("ul.winners");
  const pickup = el("section.panel.stack", { hidden: true }, el("h2", {}, WINNERS.check), pickupForm(code, isPickup ? from : "", load, () => of));
  const table = el("button", { hidden: true, onclick: () => download(code) }, WINNERS.table);
  const said = el("p.blank", { role: "status" }, "正在读取…");
  const more = el("button", { hidden: true, onclick: () => { pages += 1; load(); } }, WINNERS.more);
  const upload = tableUpload(code, load);
  let wanted = isPickup ? "all" : from;
  let pages = 1;
  const filter = el("div.chips", { role: "group", "aria-label": WINNERS.title, hidden: true });
  const chip = ([value, label]) => el("button.chip", { "aria-pressed": String(value === wanted), onclick: ({ currentTarget }) => {
    wanted = value;
    pages = 1;
    for (const each of filter.children) set(each, { "aria-pressed": String(each === currentTarget) });
    load();
  } }, label);
  let shown = "";
  let of = {}; // the treasure
  const rows = new Map(); // by depth: an unchanged row stays, with what is being typed in it

  function rowOf(winner, task) {
    const says = JSON.stringify([winner, shippingStep(winner)]); // that a parcel can be corrected ends with time
    if (rows.get(winner.depth)?.says !== says) rows.set(winner.depth, { says, element: row(winner, task, load) });
    return rows.get(winner.depth).element;
  }

  /** Read all pages that are shown, and join them. */
  async function read() {
    const asked = wanted;
    const found = await Promise.all(Array.from({ length: pages }, (_, at) => get("/getWinners", { code, wanted: asked, page: at + 1 })));
    const byDepth = new Map(found.flatMap(({ data }) => data).map((winner) => [winner.depth, winner])); // pages may overlap
    return { ...found[0], data: [...byDepth.values()] };
  }

  function show(data, task, number, none) {
    const now = JSON.stringify([data, data.map(shippingStep), number, wanted, none]);
    write(said, data.length ? "" : wanted === "all" ? none : WINNERS.empty);
    if (now === shown) return; // keep the focus and what is selected
    set(more, { hidden: data.length >= number });
    const filters = data.length || wanted !== "all";
    if (filters && filter.hidden) fill(filter, wantedOf(handing(task) === 2).map(chip));
    if (filters) set(filter, { hidden: false });
    set(upload, { hidden: !(wantsTables(task) && data.some(isMailed)) && upload.hidden });
    shown = now;
    of = task;
    arrange(list, data.map((winner) => rowOf(winner, task)));
    // Winners on further pages may wait for their goods too.
    set(pickup, { hidden: !handsOver(data) && (wanted === "all" && data.length >= number || pickup.hidden) });
    set(table, { hidden: !(wantsTables(task) && data.length) && table.hidden });
  }

  return { elements: [pickup, filter, list, more, said, table, upload], said, read, show, all: () => wanted === "all" };
}

function watch(task, renew, signal) {
  const leave = channel.subscribe(task.code, task.seq, (frame) => {
    if (!["prize", "claim", "snapshot", "end"].includes(frame.type)) return;
    task.prizes_left = frame.prizes_left ?? task.prizes_left;
    renew();
  });
  signal.addEventListener("abort", leave);
}

/** Return a function that reads, one reading at a time. All calls during a read share the next read. */
function inTurn(read, signal) {
  let reading = null;
  let next = null;
  let loud = false; // if the read is refused, whoever waits for it is told

  return function load({ renewing = false } = {}) {
    loud ||= !renewing;
    if (reading) {
      next ??= reading.finally(() => {
        next = null;
        return signal.aborted || load({ renewing: true });
      });
      return next;
    }
    reading = read(loud).finally(() => (reading = null));
    loud = false;
    return reading;
  };
}

/** Return the element that uploads the filled-in table and shows why rows were refused. */
function tableUpload(code, load) {
  const result = el("div.stack", { role: "status" });
  const input = el("input.unseen", { type: "file", accept: ".csv,text/csv", id: "table", onchange: () => send() });

  async function send() {
    const [file] = input.files;
    input.value = ""; // the same file can be chosen again
    fill(result);
    const problem = el("p.problem", { role: "alert" });
    await attempt(problem, async () => {
      const { data } = await post("/shipPrizes", { code, table: await base64Of(file) });
      const { said, lines } = shippedWords(data);
      fill(result, el(lines.length ? "p.problem" : "p.good", {}, said), lines.length ? el("ul.hint", {}, lines.map((line) => el("li", {}, line))) : null);
      await load();
    });
    if (problem.textContent) fill(result, problem);
  }

  return el("section.stack", { hidden: true }, el("div", {}, input, el("label.button", { for: "table" }, WINNERS.upload)), result);
}

async function base64Of(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

async function download(code) {
  try {
    const address = URL.createObjectURL(await getFile("/getWinners", { code, format: "csv" }));
    el("a", { href: address, download: `winners-${code}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  } catch (error) {
    notice(error.message);
    if (!error.error) throw error;
  }
}

function pickupForm(code, scanned, load, task) {
  const problem = el("p.problem", { role: "alert" });
  const input = el("input", {
    id: "pickup", name: "pickup", inputmode: "numeric", pattern: "[0-9]{6}", maxlength: 6, required: true,
    autocomplete: "off", value: scanned,
  });
  const confirm = (event) => {
    event.preventDefault();
    write(problem, "");
    return attempt(problem, async () => {
      const won = await post("/confirmDraw", { code, pickup: input.value });
      input.value = "";
      notice(pickupRight(won, task()));
      await load();
    });
  };
  return el("form.stack", { onsubmit: confirm },
    el("label", { for: "pickup" }, WINNERS.pickup),
    el("div.row", {}, input, el("button.primary", { type: "submit" }, WINNERS.compare)),
    problem);
}

function row(winner, task, onSent) {
  const { wxname, wxheadpic, depth, state, receiver, phone, address, address_deleted: deleted } = winner;
  return el("li.panel", {},
    avatar({ wxheadpic, wxname }, 44),
    el("div", {},
      el("b", {}, wxname),
      el("p.hint", {}, [`第 ${depth} 层`, givenWords(winner, task), prizeWords(winner, state)].filter(Boolean).join(" · ")),
      address ? el("p.address", {}, el("bdi", {}, receiver), "，", el("bdi", {}, phone), el("br"), el("bdi", {}, address)) : null,
      winner.thanks ? el("p.good.row", {}, icon(winner.thanks, 16), thankedWords(winner)) : null,
      winner.overdue && !deleted ? el("p.problem", {}, WINNERS.overdue) : null,
      deleted && state !== "returned" ? el("p.hint", {}, WINNERS.deleted) : null,
      state === "frozen" ? el("p.hint", {}, WINNERS.frozen) : null,
      parcel(winner),
      isMailed(winner) ? shipping(task, winner, onSent) : null));
}
