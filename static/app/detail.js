// A treasure's page: its details, kept up to date by the channel's frames.

import { after } from "./afterwards.js";
import { dig, get, mayPass, needed, noteLost, post } from "./api.js";
import { publishedBy, synopsis } from "./cards.js";
import { preparedWin } from "./celebrate.js";
import { channel } from "./channel.js";
import { cheers } from "./cheers.js";
import { consent } from "./consent.js";
import { noteFind, noteWinner } from "../miniprogram/shared/afterwards.js";
import { observe } from "../miniprogram/shared/clock.js";
import { outcomes } from "../miniprogram/shared/outcomes.js";
import { keepShown } from "../miniprogram/shared/renewing.js";
import { hasPackets, isClaimable, mainAct, mayBeOwn, mayCheer, mayEdit, mayEnd, mayShare, ranksLeft, stateOf, wonBy } from "../miniprogram/shared/prizes.js";
import { ask, onceLoaded } from "./dialog.js";
import { avatar, el, fill, icon, notice, painted, redraw, set, write } from "./dom.js";
import { opening } from "./opening.js";
import { Participants } from "./participants.js";
import { offered } from "./newcomer.js";
import { payment } from "./payment.js";
import { prefers } from "./preferences.js";
import { fairness } from "./proof.js";
import { AFTER, DIGS, EDIT, ENDINGS, OWN, REPORT, SHARE, buriedWords, drawingWords, dugWords, emptyWords, endWords, facts, handingLines, inReview, isShutOut, lastLostWords, lateWin, lockedWords, lostAgainst, moreKinds, outlookOf, ownWinWords, rankLines, refusedWords, title, untilWords, wasDrawn, wonWords } from "../miniprogram/shared/words.js";
import { entitle, focusHeading } from "./router.js";
import { onChange, person } from "./session.js";
import { shaft } from "./shaft.js";
import { rulesButton } from "./texts.js";
import { askWaiting } from "./waiting.js";

const LOOK_AGAIN_MS = 5000; // during a check: the frame `review` tells its end, unless the frame is lost
const RELOAD_AGAIN_MS = 800;
const PREPARE_MS = 300; // the page is drawn by then

export function detail(root, signal, code) {
  opening(root, signal, () => open(root, signal, code));
  return "宝贝";
}

async function open(root, signal, opened) {
  const { data } = await get("/getTaskDetails", { code: opened }).catch((error) => {
    if (error.error === "bad_request") error.message = AFTER.cut; // the words name a parameter, which only a link has
    throw error;
  });
  if (signal.aborted) return;
  const page = new Page(data, signal);
  // A share token opened the page; from now on the address has the task's code.
  if (opened !== data.code) history.replaceState(null, "", `#/task/${data.code}`);
  entitle(title(data));
  page.fill(root);
  page.watch();
  if (page.task.can_dig && prefers("digOnOpening")) page.dig();
  setTimeout(() => data.status || data.mine || data.is_prize || signal.aborted || page.win(), PREPARE_MS);
}

/** Resolve with the module that shows finds, null if it cannot be loaded now. */
const finds = () => import("./finds.js").catch(() => null);
const claims = () => needed(() => import("./claim.js"));

class Page {
  #busy = false;
  #dugSeq = 0; // the seq of the last dig made here, or lost here to a random order
  #lostSeq = 0; // as for `lastLostWords`
  #lost = null; // the refusal of a dig that somebody else made, until the frame tells who
  #celebrated = new Set(); // seq of wins: a person's own win comes both as a reply and as a frame
  #owned = ""; // the state that the publisher's part now shows
  #stale = false; // the details must be read anew
  #leapt = false; // the list of people must be read anew: frames were missed
  #reloading = 0;
  #watched = false; // the first snapshot has come: a later one means that frames were missed
  #win = null;
  #finds = null; // the module that shows finds, once a dig made here needed it
  #winners = new Map(); // by winners' places: who is known to have won, and what
  #judged = ""; // the `review` that a frame told and that was not read yet
  #edited = 0; // the `edited` that came with it
  #openedAt = Date.now();
  #readDigs;
  #runs = false; // it can be dug, perhaps later, and is seen here
  #unfolded = false; // all kinds of prizes show
  #wins = null; // who got how much, where that is said

  constructor(task, signal) {
    observe(task.server_time);
    this.task = task;
    this.signal = signal;
    this.outcomes = outcomes((frame) => this.receive(frame), signal);
    this.shaft = shaft(() => this.dig());
    this.newcomer = offered(task);
    this.people = new Participants(task, signal);
    this.people.reset(task);
    this.digs = el("details.panel.fold", { ontoggle: () => this.renewDigs() }, el("summary", {}, el("h2", {}, DIGS.title)));
    this.#readDigs = onceLoaded(() => import("./digs.js"), (loaded) => {
      if (signal.aborted) return;
      this.#readDigs = loaded.digs(task, signal, this.digs);
      this.#readDigs();
    });
    this.receipt = el("p", { hidden: true });
    this.numbers = el("div", { hidden: true });
    this.fairness = fairness(task);
    this.cheers = cheers((sign) => channel.cheer(task.code, sign));
    this.consent = consent(signal);
    this.review = el("div.review", { role: "status", hidden: true });
    this.ending = el("div.ending", { role: "status", hidden: true });
    this.wins = el("div");
    this.story = el("a.button", { href: `#/story/${task.code}`, hidden: true }, task.mine ? OWN.story : AFTER.story);
    this.after = after(() => this.fairness.check());
    for (const each of task.users) if (each.is_prize) noteWinner(this.#winners, each, task);
    this.watchers = el("span.watchers");
    this.share = onceLoaded(() => import("./share.js"), (loaded) => signal.aborted || loaded.share(task));
    this.sharing = el("button.quiet", { onclick: this.share }, icon("share", 20), "分享");
    this.facts = el("p.facts");
    this.buried = el("span");
    this.ranks = el("ul.ranks");
    this.moreKinds = el("button.link", { onclick: () => { this.#unfolded = true; this.show(); } });
    this.claim = el("div", { id: "claim" });
    this.deadline = el("p.hint");
    this.due = el("div");
    this.own = el("div");
    this.send = el("button", { onclick: this.share }, icon("share", 20), SHARE.send);
    this.toWinners = el("a.button", { href: `#/winners/${task.code}` }, OWN.winners);
    this.early = el("button", { onclick: () => this.end() });
    this.locked = el("p.hint");
    this.again = el("a.button", { href: `#/publish/${task.code}` }, OWN.again);
    this.edit = el("a.button", { href: `#/edit/${task.code}` }, OWN.edit);
    this.top = el("div.column");
    if (person?.named === 0) onChange(() => person && this.rename({ no: task.no, wxname: person.nickName, wxheadpic: person.avatarUrl }), signal);
  }

  fill(root) {
    const { task, signal } = this;
    const report = onceLoaded(() => import("./report.js"), (loaded) => signal.aborted || loaded.report(task));
    root.classList.add("detail");
    this.showTexts();
    fill(
      root,
      this.top,
      el("div.column.play", {}, this.review, this.due, this.own, this.claim, this.shaft.element, this.newcomer.element, this.ending, this.wins, this.consent.element, this.cheers.element, task.mine ? null : this.story, this.after.element, this.numbers,
        this.people.element,
        this.digs),
      el("div.column", {}, this.fairness.element,
        el("p.buttons", {}, rulesButton(task),
          task.mine ? null : el("button.quiet", { onclick: report }, REPORT.name))),
    );
    this.show();
    if (task.mine) {
      import("./statement.js").then((loaded) => {
        this.statement = loaded.statement(task, this.receipt, this.numbers, signal);
        this.statement.show();
      }, () => {});
    }
    if (hasPackets(task)) import("./wins.js").then((loaded) => { this.#wins = loaded.wins(task, this.wins, signal); }, () => {}); // it is not missed
    this.shaft.say(task.why_note);
    this.showClaim();
  }

  showTexts() {
    const { task } = this;
    fill(
      this.top,
      el("div.toolbar", {},
        el("a.quiet", { href: "#/" }, icon("back", 20), "广场"),
        this.watchers,
        this.sharing),
      task.pic && el("div.cover", {},
        el("img.behind", { src: task.thumbnail, alt: "" }),
        el("img", { src: task.pic, alt: `${task.name} 的图片` })),
      el("header.heading", {},
        el("h1", {}, title(task)),
        el("p.publisher", {}, publishedBy(task, 28), this.buried),
        this.facts,
        handingLines(task).map((line) => el("p.hint", {}, line)),
        this.ranks,
        this.moreKinds,
        synopsis(task)),
    );
  }

  show() {
    const { task } = this;
    this.shaft.show(task, this.#busy);
    const lost = lastLostWords(task, this.#lostSeq);
    if (lost && this.shaft.line.textContent !== lost) this.shaft.say(lost);
    const over = Boolean(task.status || task.gone);
    if (over && this.#runs) this.hold();
    this.#runs = !over;
    this.newcomer.show(!over && !task.mine && !task.is_prize && !task.why_note, over);
    this.statement?.show();
    this.people.count(task);
    this.fairness.show(task);
    this.consent.show(task);
    redraw(this.watchers, task.watchers, (number) => [icon("watchers", 18), `${number} 人在看`]);
    set(this.watchers, { hidden: !task.watchers });
    set(this.sharing, { hidden: !mayShare(task) });
    set(this.cheers.element, { hidden: !mayCheer(task) });
    write(this.buried, buriedWords(task));
    redraw(this.facts, facts(task), (all) => all.map((words) => el("span.fact", {}, words)));
    const kinds = rankLines(task);
    redraw(this.ranks, kinds, (all) => all.map(({ name, thumbnail, what, left }) => el("li", {}, thumbnail ? el("img", { src: thumbnail, alt: "", width: 40, height: 40 }) : null, el("b", {}, name), el("span", {}, what), el("span.hint", {}, left))));
    set(this.ranks, { hidden: !kinds.length });
    const more = this.#unfolded ? "" : moreKinds(task);
    this.ranks.classList.toggle("cut", Boolean(more));
    set(this.moreKinds, { hidden: !more });
    write(this.moreKinds, more);
    set(this.early, { hidden: !mayEnd(task) });
    write(this.early, task.need_pay ? OWN.discard : OWN.end);
    set(this.edit, { hidden: !mayEdit(task) });
    write(this.locked, lockedWords(task));
    set(this.ending, { hidden: !task.status && !task.gone });
    set(this.digs, { hidden: !task.now_depth });
    set(this.story, { hidden: !task.status || Boolean(task.gone) || !task.now_depth });
    this.after.show(task, this.#winners);
    write(this.deadline, isClaimable(task) ? untilWords(task.claim_until) : "");
    this.showReview();
    this.showOwn();
    if (task.gone) write(this.ending, AFTER.gone);
    else if (task.status) write(this.ending, `${ENDINGS[task.end_reason] ?? "已经结束"}${task.end_note ? `：${task.end_note}` : ""}`);
  }

  /** At its end, hold the button in its place, though less is said above it, and let who is about to dig press no cheer. */
  hold() {
    this.top.style.minBlockSize = `${this.top.getBoundingClientRect().height}px`;
    this.cheers.hold();
  }

  showReview() {
    const { review, review_note, status } = this.task;
    // A refused treasure has ended, and the line about its end says why.
    set(this.review, { hidden: review === "shown" || (review === "refused" && Boolean(status)) });
    write(this.review, inReview(review, review_note));
    clearTimeout(this.looking);
    if (review === "checking" && !this.signal.aborted) this.looking = setTimeout(() => this.reload(), LOOK_AGAIN_MS);
  }

  showClaim() {
    const shown = this.claim.firstElementChild;
    if (this.task.is_prize ? shown?.dataset.state === stateOf(this.task) : !shown) return; // keep what is typed there
    if (shown || this.#watched) askWaiting(); // the prize was won or acted on just now
    return claims().then(({ claim }) => {
      if (this.signal.aborted || this.claim.firstElementChild !== shown) return; // shown meanwhile
      const focused = this.claim.contains(document.activeElement);
      fill(this.claim, this.task.is_prize ? claim(this.task, this.signal, this.deadline) : null);
      if (focused) this.claim.firstElementChild?.focus({ preventScroll: true });
    }, ({ message }) => notice(message));
  }

  async goToClaim() {
    await this.showClaim(); // its code may still be on the way
    const shown = this.claim.firstElementChild;
    shown?.scrollIntoView({ block: "center" });
    shown?.focus({ preventScroll: true }); // closing the dialog gave the focus back
  }

  showOwn() {
    const { task } = this;
    const fresh = mayShare(task) && !task.now_depth && !task.status;
    const main = mainAct(task);
    const acts = { share: this.send, story: this.story, winners: this.toWinners, again: this.again };
    for (const [act, button] of Object.entries(acts)) button.classList.toggle("primary", act === main);
    set(this.send, { hidden: Boolean(task.status) });
    set(this.toWinners, { hidden: main === "again" });
    const shown = `${task.mine} ${task.need_pay} ${task.review} ${fresh}`;
    if (shown === this.#owned) return; // keep a payment under way, and the focus
    this.#owned = shown;
    fill(this.due, task.need_pay && task.review !== "hidden" ? payment(task, this.signal, () => this.acted()) : null);
    fill(this.own, task.mine ? el("section.panel.stack.owning", {},
      el("h2", {}, OWN.title),
      fresh ? el("p.good", {}, OWN.buried) : null,
      this.receipt,
      fresh && !task.is_public && document.documentElement.dataset.login === "sandbox"
        ? el("p.hint", {}, "这里是演示，没有别人拿得到链接：点“分享给朋友”，就能自己扮演一个来挖。") : null,
      el("div.buttons", {},
        mayShare(task) ? this.send : null,
        this.story, // at the end it takes the place of the button that shares
        task.need_pay ? null : this.toWinners,
        this.edit,
        this.again,
        this.early),
      this.locked) : null);
  }

  /** The list of digs is loaded once it is unfolded. */
  renewDigs() {
    if (this.digs.open) this.#readDigs();
  }

  watch() {
    const leave = channel.subscribe(this.task.code, this.task.seq, this.outcomes.receive);
    this.signal.addEventListener("abort", () => {
      leave();
      clearTimeout(this.looking);
      this.shaft.close();
    });
    for (const change of ["online", "offline"]) addEventListener(change, () => this.shaft.show(this.task, this.#busy), { signal: this.signal });
  }

  receive(frame) {
    const { task } = this;
    if (frame.type !== "watchers") this.statement?.renew();
    switch (frame.type) {
      case "snapshot":
        this.catchUp(frame);
        break;
      case "cd":
        this.renewDigs();
        noteFind(task, frame);
        if (this.#lost && lostAgainst(this.#lost, frame)) this.lostTo(frame);
        if (frame.seq < task.seq) return;
        Object.assign(task, { seq: frame.seq, now_depth: frame.now_depth, cd_until: frame.cd_until, ...outlookOf(frame) });
        if (this.sayOf(frame)) this.outcomes.until(this.shaft.strikeOf(frame));
        break;
      case "join":
        task.participants = Math.max(task.participants, frame.participants);
        this.people.add(frame);
        if (!this.#finds) this.sayOf(frame, "来挖了一锹");
        break;
      case "prize":
        this.won(frame);
        break;
      case "start":
        this.reload();
        break;
      case "review":
        this.#judged = frame.review;
        this.#edited = frame.edited ?? 0;
        this.reload();
        break;
      case "claim":
        if (task.is_prize) this.reload();
        else {
          this.readName(frame.depth).catch(keepShown);
          this.tellThanks(frame.depth);
        }
        break;
      case "end":
        this.ended(frame);
        break;
      case "watchers":
        task.watchers = frame.watchers;
        if (frame.cheers) this.cheers.show(frame.cheers);
        break;
      case "error":
        if (frame.error === "no_such_task") this.gone();
        else notice(frame.msg);
        break;
      default:
        return;
    }
    this.#wins?.receive(frame);
    if (!this.#busy) this.show(); // the end of a dig shows all that came meanwhile
  }

  /** It was taken down: others get no more frames of it, unless it is shown again. */
  gone() {
    Object.assign(this.task, { gone: 1, can_dig: 0, why: "no_such_task", cd_until: 0 });
    this.shaft.say("");
  }

  /** Take a snapshot, and read from the server what the snapshot does not tell. */
  catchUp(frame) {
    const { task } = this;
    const { leapt, now_depth, prizes_left, participants, status, end_reason, watchers, cd_until, seq } = frame;
    const ended = status && !task.status;
    Object.assign(task, { now_depth, prizes_left, participants, status, end_reason, watchers, cd_until, seq, ...outlookOf(frame), ranks: ranksLeft(task, frame) });
    this.#leapt ||= leapt;
    if (leapt) this.renewDigs();
    // A snapshot does not tell of a missed `start`, nor of `review` and `claim`, which only publisher and winners get.
    const untold = task.why === "not_paid" || (this.#watched && (task.mine || task.is_prize));
    this.#watched = true;
    if (leapt || ended || this.#stale || untold || task.gone) this.reload();
    delete task.gone;
  }

  won(frame) {
    const { task } = this;
    Object.assign(task, { prizes_left: Math.min(task.prizes_left, frame.prizes_left), ranks: ranksLeft(task, frame) });
    this.people.mark(frame.no);
    noteWinner(this.#winners, frame, task);
    if (this.#celebrated.has(frame.seq) || this.signal.aborted) return;
    this.#celebrated.add(frame.seq);
    if (!task.is_prize && mayBeOwn(frame, person, this.#openedAt)) this.reload();
    const what = wonWords(frame, task);
    if (frame.seq >= this.#dugSeq) this.shaft.say([el("bdi", {}, frame.wxname), ` 挖到了${what ? `：${what}` : "！"}`], avatar(frame, 40));
  }

  ended({ end_reason }) {
    const { task } = this;
    Object.assign(task, { status: 1, end_reason, cd_until: 0 });
    // The details have the operator's reason, and until when a prize can be claimed.
    if (["operator", "refused", "credit"].includes(end_reason) || task.is_prize) this.reload();
  }

  /** Read who won at a depth: who claims is asked for a name. */
  async readName(depth) {
    const { data } = await get("/getDigs", { code: this.task.code, won: 1, before: depth + 1 });
    if (data.length && !this.signal.aborted) this.rename(data[0]);
  }

  /** Show somebody by their first name: it stands in what they dug and won before it, too. */
  rename(row) {
    this.people.rename(row);
    this.#wins?.rename(row);
    this.renewDigs();
  }

  /** Show the publisher who thanked them, as the frame `claim` may tell. */
  async tellThanks(depth) {
    const { data } = await get("/getWinners", { code: this.task.code, page: 1 }).catch((error) => {
      if (!error.error) throw error;
      return { data: [] };
    });
    const won = data.find((each) => each.depth === depth);
    if (won?.thanks) this.shaft.say([el("bdi", {}, won.wxname), ` ${OWN.thanks} `, icon(won.thanks, 20)], avatar(won, 40));
  }

  /** Say whom the random order favoured, or whose dig came first: that answers the press that lost, so nothing else is said of this dig. */
  lostTo(frame) {
    this.shaft.say(refusedWords(this.#lost, frame));
    this.#lost = null;
    this.#lostSeq = frame.seq;
    this.#dugSeq = frame.seq;
  }

  /** Say what somebody else did, and return whether it was somebody else.
   *
   * Your own dig is reported by its reply, before or after its frames.
   */
  sayOf({ seq, wxname, find }, did) {
    const others = !this.#busy && seq !== this.#dugSeq;
    const [what, picture] = find && this.#finds ? this.#finds.broughtBy(find) : [did];
    if (others) this.shaft.say([el("bdi", {}, wxname), dugWords(this.task, what)], picture);
    return others;
  }

  /** Read everything anew, if frames alone cannot tell what happened. */
  async reload() {
    this.#stale = true;
    clearTimeout(this.#reloading);
    let data = null;
    try {
      ({ data } = await get("/getTaskDetails", { code: this.task.code }));
    } catch (error) {
      if (!error.error) throw error;
      if (!mayPass(error)) return notice(error.message);
    }
    if (this.signal.aborted) return;
    // The process that answered may not know yet what the frame told: read again. But only once, as the task may have
    // changed since that frame.
    const judgedSince = data && ((this.#judged && data.review !== this.#judged) || data.edited < this.#edited);
    if (data) [this.#judged, this.#edited] = ["", 0];
    // The details were not read, or are older than a frame. An end without a dig has no `seq` of its own, so
    // compare the status too.
    if (!data || judgedSince || data.seq < this.task.seq || (this.task.status && !data.status)) {
      // If the channel is lost, the next snapshot tries again.
      const again = () => this.signal.aborted || this.reload();
      if (channel.isOpen()) this.#reloading = setTimeout(again, RELOAD_AGAIN_MS * (1 + Math.random() / 2));
      return;
    }
    this.#stale = false;
    observe(data.server_time);
    const rewritten = data.edited !== this.task.edited;
    Object.assign(this.task, data);
    if (rewritten) {
      this.showTexts();
      entitle(title(data));
      notice(EDIT.changed);
    }
    if (this.#leapt) this.people.reset(data);
    this.#leapt = false;
    this.show();
    this.showClaim();
  }

  /** Show what an act changed. Its button may be gone, so the heading takes the focus. */
  async acted() {
    await this.reload();
    askWaiting();
    if (!this.signal.aborted) focusHeading(document.getElementById("page"));
  }

  /** The dialog of a win, which is prepared once. */
  win() {
    return this.#win ??= preparedWin(this.task, this.signal, () => this.goToClaim());
  }

  dig() {
    if (this.#busy) return;
    this.#busy = true;
    this.#lost = null;
    const { struck, end } = this.shaft.strike();
    painted().then(painted).then(() => { // nothing more before the stroke is painted, and the earth with it
      if (!this.#busy) return;
      this.shaft.say(drawingWords(this.task));
      this.shaft.show(this.task, true);
    });
    const told = dig(this.task.code)
      .then(async (reply) => {
        if (reply.is_prize) claims().catch(() => {}); // it shows behind the dialog
        const shown = reply.find && await finds();
        return [reply, reply.is_prize && await this.win()({ ...this.task, ...wonBy(reply, this.task) }, reply, shown ? shown.besides(reply) : ""), shown];
      })
      .finally(() => struck)
      .then(([reply, celebration, shown]) => this.dug(reply, celebration, end, shown), (error) => this.refused(error));
    this.outcomes.until(told, true).finally(() => {
      this.#busy = false;
      end();
      if (!this.signal.aborted) this.show();
    });
  }

  /** Show a dig's outcome; a win in parts, a frame each: the celebration, the end of the stroke, the page behind it. */
  async dug(reply, celebration, end, shown) {
    const { task, signal } = this;
    if (signal.aborted) {
      if (reply.is_prize) notice(lateWin(task, reply));
      return;
    }
    this.#dugSeq = reply.seq;
    this.newcomer.done();
    this.shaft.dug();
    this.#finds ??= shown;
    if (reply.seq >= task.seq) {
      Object.assign(task, {
        seq: reply.seq, now_depth: reply.now_depth, cd_until: reply.cd_until, prizes_left: reply.prizes_left,
        status: task.status || reply.task_status, // the reply has the status right after the dig; it may have ended since
        ...outlookOf(reply),
      });
    }
    if (reply.joined) task.participants = Math.max(task.participants, reply.no);
    if (!celebration) {
      this.shaft.say(...(shown ? shown.brought(reply) : [emptyWords(reply)]));
      if (reply.joined) this.people.add(reply);
      return;
    }
    Object.assign(task, wonBy(reply, task));
    this.#wins?.receive(reply); // its frame may have come before it was known to be one's own
    this.#celebrated.add(reply.seq);
    const parts = [
      celebration.show, // before the stroke ends: nothing would move between the two
      end,
      () => this.shaft.say(ownWinWords(reply)),
      () => this.showClaim(),
      () => {
        if (reply.joined) this.people.add(reply);
        this.people.mark(reply.no);
      },
      () => this.shaft.show(task, false),
      () => this.fairness.show(task),
      celebration.cheer, // last, since each frame takes longer while coins fly
    ];
    for (const part of parts) {
      await part();
      await painted();
      if (signal.aborted) return;
    }
  }

  refused(error) {
    const { task } = this;
    if (this.signal.aborted) return;
    this.shaft.say(refusedWords(error));
    this.#lost = error.error === "cooling_down" ? error : null;
    if (error.error === "ended") this.#lostSeq = Infinity;
    if (wasDrawn(error)) noteLost(task.code);
    if (error.error === "cooling_down") task.cd_until = Math.max(task.cd_until, error.reply.cd_until);
    else if (["ended", "not_paid", "own_task", "already_won"].includes(error.error)) this.reload();
    else if (error.error === "no_such_task") this.gone();
    else if (isShutOut(error)) task.why = error.error;
    else if (mayPass(error)) this.reload(); // the dig may have been made, and may even have won
    else if (!error.error) throw error;
  }

  async end() {
    // A treasure that was never paid is no loss, and can be buried again.
    if (!this.task.need_pay && !(await ask(OWN.ask, endWords(this.task), OWN.agree))) return;
    try {
      await post("/endTask", { code: this.task.code });
      await this.acted();
    } catch (error) {
      notice(error.message);
      if (!error.error) throw error;
    }
  }
}
