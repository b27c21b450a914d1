// A treasure: what the details say, kept true by the channel's frames.

import { accept, offerOf } from "../../consent.js";
import { claiming } from "../../parts/claiming.js";
import { history } from "../../parts/history.js";
import { limits } from "../../parts/limits.js";
import { linking } from "../../parts/linking.js";
import { drawn, moment } from "../../parts/moment.js";
import { meeting } from "../../parts/meeting.js";
import { naming } from "../../parts/naming.js";
import { opening } from "../../parts/opening.js";
import { owning } from "../../parts/owning.js";
import { isNew, practising } from "../../parts/practising.js";
import { sharing } from "../../parts/sharing.js";
import { tell } from "../../parts/telling.js";
import { watching } from "../../parts/watching.js";
import { winsList } from "../../parts/wins.js";
import { pictureOf } from "../../shared/faces.js";
import { SPREAD_MS, afterwards, noteFind, noteWinner, seekNext } from "../../shared/afterwards.js";
import { mayPass } from "../../shared/api.js";
import { observe, secondsUntil } from "../../shared/clock.js";
import { BOOK, broughtWords, explainOnce, findName, foundWords, placeOf } from "../../shared/finds.js";
import { holdsHalf } from "../../shared/halves.js";
import { outcomes } from "../../shared/outcomes.js";
import { keepShown } from "../../shared/renewing.js";
import { ownWords } from "../../shared/story.js";
import { renameWin } from "../../shared/wins.js";
import { endsFirst, mayBeOwn, mayCheer, mayShare, offerOf as nameOf, ranksLeft, wonBy } from "../../shared/prizes.js";
import { NAMING, inviteWords } from "../../shared/words-later.js";
import { AFTER, EDIT, ENDINGS, FAIR, KINDS_AT_FIRST, PEOPLE, SHARE, WHY_NOT, buriedWords, buryWords, drawingWords, dugWords, emptyWords, facts, fairAnswers, halfWords, handingLines, inReview, isShutOut, lastLostWords, lateWin, lostAgainst, layersMark, moreKinds, outlookOf, ownWinWords, rankLines, refusedWords, title, undug, wasDrawn, wonWords } from "../../shared/words.js";
import { admitted, api, channel, foundBefore, lostOf, me, noteCommitment, noteLost, notedHalf, showProblem } from "../../wechat.js";

const TICK_MS = 200;
const READ_AGAIN_MS = 1000;
// What WXML reads of the details; they stay outside the data, because all that is set there goes to another thread.
const SHOWN = ["end_note", "gone", "is_prize", "mine", "need_pay", "no", "participants", "pic", "publisher_id", "review", "signed", "status", "synopsis", "watchers", "why_note", "wxname"];
const CODE = /^[0-9A-Za-z]{12}(?:[0-9A-Za-z]{19})?$/; // the code of a treasure, or of somebody's share of it
const EXPLAINED_MS = 4000;
const SQUARE = "square"; // the scene of a code that shows no treasure

Component({
  behaviors: [claiming, history, limits, linking, meeting, moment, naming, opening, owning, practising, sharing, watching, winsList],

  data: {
    task: null, people: [], brought: null, finds: "", book: BOOK, busy: false, said: "", over: false, past: false, cheers: false, ending: "", ownDigs: "",
    offer: null, promised: "", review: "", drawn: "", ownHalf: "", title: "", facts: [], buried: "", beyond: "", undug: "", why: NAMING.claiming, peopleWords: PEOPLE, fairness: FAIR.how, verifies: FAIR.verify, after: null, buryOwn: "", afterWords: AFTER, shared: true, atFirst: KINDS_AT_FIRST, moreKinds: "", allKinds: false,
  },

  methods: {
    /** `code` comes with a link of ours, `scene` with a poster's code: a share token, encoded. */
    onLoad({ code, scene }) {
      this.life = { aborted: false };
      this.task = null;
      this.recallChoices();
      this.setData({ newcomer: isNew() });
      this.openedAt = Date.now();
      this.outcomes = outcomes((frame) => this.receive(frame), this.life);
      this.wins = new Map(); // by depths: who is known to have won how much
      this.luck = { best: null }; // who is known to have won most
      this.winners = new Map(); // by winners' places: who is known to have won, and what
      this.opened = code || decodeURIComponent(scene || "");
      if (this.opened === SQUARE) this.openSquare();
      else if (CODE.test(this.opened)) this.start();
      else this.setData({ problem: AFTER.cut });
    },

    onShow() {
      this.appear();
    },

    onHide() {
      this.disappear();
    },

    onUnload() {
      this.life.aborted = true;
      this.disappear();
    },

    listen() {
      this.count();
      const ticking = setInterval(() => this.count(), TICK_MS);
      const leave = [this.watchLink(), channel.subscribe(this.task.code, this.task.seq, this.outcomes.receive)];
      return () => {
        clearInterval(ticking);
        leave.forEach((each) => each());
      };
    },

    async begin() {
      await admitted();
      await this.read();
      if (this.life.aborted) return;
      this.watch();
      this.readStrata().catch(showProblem);
      if (this.inSight && this.task.can_dig && this.digsOnOpening()) this.dig();
    },

    /** Read everything anew: what happened cannot always be told from frames. */
    async read() {
      const { data } = await api.get("/getTaskDetails", { code: this.task ? this.task.code : this.opened });
      if (this.life.aborted) return;
      const { task } = this;
      const overtaken = task && (data.seq < task.seq || (task.status && !data.status));
      const { judged, edited = 0 } = this;
      if (!overtaken) [this.judged, this.edited] = ["", 0];
      if (overtaken || (judged && data.review !== judged) || data.edited < edited) { // another process may not know yet what the frame told
        setTimeout(() => this.life.aborted || this.read().catch(showProblem), READ_AGAIN_MS);
        return;
      }
      observe(data.server_time);
      if (task && data.edited !== task.edited) this.setData({ said: EDIT.changed });
      if (data.why_note) this.setData({ said: data.why_note, newcomer: false });
      noteCommitment(data);
      const half = notedHalf(data.code); // a publisher can tell on this device whether the server kept its half
      const ownHalf = half ? halfWords(holdsHalf(data, half)) : "";
      this.task = data;
      const people = data.users.map((each) => this.row(each));
      tell(this, { people, drawn: fairAnswers(data)[1][1], ownHalf, title: title(data) });
      this.showNaming();
      this.meet();
      this.show();
      this.offer();
    },

    /** Offer a message for when they have left. If that fails, the page works without it. */
    offer() {
      const show = (offer) => tell(this, { offer: offer && offer.occasion === this.answered ? null : offer });
      offerOf(this.task).then(show, (error) => {
        if (!error.error) throw error;
      });
    },

    async accept() {
      const { task } = this;
      const { offer } = this.data;
      this.answered = offer.occasion; // the details that are being read are older
      this.setData({ offer: null });
      try {
        this.setData({ promised: await accept(offer, task.code) });
      } catch (error) {
        showProblem(error);
      }
    },

    show(changed = {}) {
      if (this.life.aborted) return; // what is set here also changes the menu of the page in sight
      this.task = { ...this.task, ...changed };
      const { task } = this;
      const review = inReview(task.review, task.review_note);
      for (const each of task.users) if (each.is_prize) noteWinner(this.winners, each, task);
      const shared = mayShare(task);
      if (shared && !this.data.shared) wx.showShareMenu({});
      if (!shared && this.data.shared) wx.hideShareMenu({});
      const after = afterwards(task, this.winners);
      const isOver = Boolean(task.status || task.gone);
      this.pressed = this.pressed || !task.status; // it could be dug here: no end moves what is under the thumb
      const past = isOver && this.pressed; // what was said of digs to come keeps its place, unseen
      const buried = buriedWords(task);
      if (past && !this.data.past) this.holdCheers();
      tell(this, {
        task: Object.fromEntries(SHOWN.map((name) => [name, task[name] ?? ""])),
        handing: handingLines(task), ranks: rankLines(task).map((rank, at) => ({ key: String(at), ...rank })), moreKinds: moreKinds(task), shared, review, facts: past ? [...facts(task), ...this.data.facts.slice(2)] : facts(task), buried, past,
        beyond: past ? (this.data.buried + this.data.beyond).slice(buried.length) : "", buryOwn: buryWords(task),
        undug: undug(task), cheers: mayCheer(task), over: !this.pressed, ending: task.gone ? AFTER.gone : ENDINGS[task.end_reason] || "", after,
        finds: [...task.finds].sort((one, other) => one - other).map(findName).join("、"),
      });
      const lost = lastLostWords(task, this.lostSeq);
      if (lost) tell(this, { said: lost, brought: null });
      seekNext(after, task, api.get, () => this.show());
      if (after && after.won && !this.storyRead) this.readOwnDigs();
      this.showMoment(task);
      this.showClaim();
      this.showOwn();
      this.showWins();
      this.count();
    },

    /** Say what one's own digs came to, some seconds later: all who watch a treasure find its end at once. */
    readOwnDigs() {
      this.storyRead = true;
      setTimeout(async () => {
        const story = await api.get("/getStory", { code: this.task.code }).catch(keepShown);
        if (story && !this.life.aborted) this.setData({ ownDigs: ownWords(story, this.task, lostOf(this.task.code)) });
      }, Math.random() * SPREAD_MS);
    },

    openStory() {
      wx.navigateTo({ url: `/pages/story/story?code=${this.task.code}` });
    },

    count() {
      const { task } = this;
      const { offer } = this.data;
      if (!task) return;
      if (offer && !nameOf(task)) this.setData({ offer: null }); // its time is over
      const left = task.status ? 0 : secondsUntil(endsFirst(task) ? task.expires_at : task.cd_until);
      this.showPress(task, left);
      this.showClaim();
      this.countClaim();
      this.countDue();
    },

    receive(frame) {
      const { task } = this;
      if (frame.type !== "watchers") this.renewStatement();
      switch (frame.type) {
        case "snapshot":
          this.catchUp(frame);
          break;
        case "cd":
          this.renewDigs();
          noteFind(task, frame);
          if (this.lost && lostAgainst(this.lost, frame)) this.lostTo(frame);
          this.newest = { ...frame, depth: frame.now_depth };
          this.showStratum(this.newest);
          if (!this.data.busy && ![this.dugSeq, this.lostSeq].includes(frame.seq)) {
            this.setData({ said: frame.wxname + (frame.find ? dugWords(task, broughtWords(frame.find)) : dugWords(task)), brought: frame.find ? placeOf(frame.find) : null });
            this.outcomes.until(this.strikeOf(pictureOf(frame)));
          }
          if (frame.seq >= task.seq) this.show({ seq: frame.seq, now_depth: frame.now_depth, cd_until: frame.cd_until, ...outlookOf(frame) });
          break;
        case "join":
          this.add(frame);
          this.show({ participants: Math.max(task.participants, frame.participants) });
          break;
        case "prize":
          this.mark(frame.no);
          noteWinner(this.winners, frame, task);
          this.noteWin(frame);
          if (this.newest && this.newest.seq === frame.seq) this.showStratum({ ...this.newest, is_prize: 1 });
          if (frame.seq !== this.dugSeq) {
            if (!this.data.busy) this.setData({ said: [`${frame.wxname} 挖到了！`, wonWords(frame, task)].join(""), brought: null });
            if (!task.is_prize && mayBeOwn(frame, me(), this.openedAt)) this.read().catch(showProblem);
          }
          this.show({ prizes_left: Math.min(task.prizes_left, frame.prizes_left), ranks: ranksLeft(task, frame) });
          break;
        case "start":
          this.read().catch(showProblem);
          break;
        case "review":
          this.judged = frame.review;
          this.edited = frame.edited || 0;
          this.read().catch(showProblem);
          break;
        case "claim": // a publisher gets the frames of all winners' claims, and sees no claim here
          if (task.is_prize) this.read().catch(showProblem);
          else this.readName(frame.depth).catch(keepShown);
          break;
        case "end":
          this.show({ status: 1, end_reason: frame.end_reason, cd_until: 0 });
          this.offer();
          // The details have the operator's reason, and until when a prize can be claimed.
          if (["operator", "refused", "credit"].includes(frame.end_reason) || task.is_prize) this.read().catch(showProblem);
          break;
        case "watchers":
          this.show({ watchers: frame.watchers });
          if (frame.cheers) this.showCheers(frame.cheers);
          break;
        case "error":
          if (frame.error === "no_such_task") this.show({ gone: 1, why: "no_such_task", cd_until: 0 });
          else this.setData({ said: frame.msg });
          break;
        default:
      }
    },

    /** Take a snapshot, and read from the server what the snapshot does not tell. */
    catchUp(frame) {
      const { task } = this;
      const { leapt, now_depth, prizes_left, ranks_left, participants, status, end_reason, watchers, cd_until, seq } = frame;
      // A snapshot does not tell of a missed `start`, nor of `review` and `claim`, which only publisher and winners
      // get.
      const untold = task.why === "not_paid" || (this.watched && (task.mine || task.is_prize));
      if (leapt) this.renewDigs();
      if (leapt) this.readStrata().catch(showProblem);
      this.watched = true; // the next snapshot comes after frames were missed
      if (leapt || (status && !task.status) || untold || task.gone) this.read().catch(showProblem);
      const ranks = ranksLeft(task, { ranks_left });
      this.show({ gone: 0, now_depth, prizes_left, ranks, participants, status, end_reason, watchers, cd_until, seq, ...outlookOf(frame) });
    },

    /** Append a participant, once, and only where the list is complete up to them. */
    add(person) {
      const { people } = this.data;
      if (person.no === people.length + 1) tell(this, { people: [...people, this.row(person)] });
    },

    row({ no, wxname, wxheadpic, is_prize, layers }) {
      return { no, wxname, wxheadpic: pictureOf({ wxname, wxheadpic }), is_prize, mark: layersMark({ layers }) };
    },

    /** One's own first name: others see it as soon as it is shown. */
    renamed(review) {
      const { nickName, avatarUrl } = me();
      if (review !== "shown") return;
      this.setData({ met: null });
      this.takeName({ no: this.task.no, wxname: nickName, wxheadpic: avatarUrl });
      this.readStrata().catch(showProblem);
    },

    /** Read who won at a depth: who claims is asked for a name. */
    async readName(depth) {
      const { data } = await api.get("/getDigs", { code: this.task.code, won: 1, before: depth + 1 });
      if (!data.length || this.life.aborted) return;
      this.takeName(data[0]);
      this.showStratum(data[0]);
    },

    /** Show somebody by their first name: it stands in what they dug and won before it, too. */
    takeName({ no, wxname, wxheadpic }) {
      tell(this, { people: this.data.people.map((each) => (each.no === no ? { ...each, wxname, wxheadpic: pictureOf({ wxname, wxheadpic }) } : each)) });
      renameWin(this.wins, this.luck, { no, wxname, wxheadpic });
      this.showWins();
      this.renewDigs();
    },

    mark(no) {
      tell(this, { people: this.data.people.map((each) => (each.no === no ? { ...each, is_prize: 1 } : each)) });
    },

    async onReachBottom() {
      const { task } = this;
      const { people } = this.data;
      if (people.length >= task.participants) return;
      try {
        const { data } = await api.get("/getTaskUser", { code: task.code, page: Math.floor(people.length / 50) + 1 });
        data.forEach((each) => this.add(each));
      } catch (error) {
        showProblem(error);
      }
    },

    async dig() {
      const { task } = this;
      const { busy } = this.data;
      if (busy) return;
      // Just after a cooldown, a random order decides who is tried first.
      this.lost = null; // the refusal of a dig that somebody else made, until the frame tells who
      const struck = this.strike("", { busy: true });
      drawn().then(() => this.life.aborted || this.setData({ said: channel.isOpen() ? drawingWords(task) : "", brought: null }));
      try {
        await this.outcomes.until(this.tryDig(task.code, struck), true);
      } finally {
        tell(this, { busy: false, striking: false });
        this.show();
      }
    },

    async tryDig(code, struck) {
      try {
        const reply = await api.dig(code);
        await struck;
        await this.dug(reply);
      } catch (error) {
        await struck;
        this.refused(error);
      }
    },

    async dug(reply) {
      const { seq, now_depth, cd_until, prizes_left, task_status, is_prize } = reply;
      if (this.life.aborted) {
        if (is_prize) wx.showToast({ title: lateWin(this.task, reply), icon: "none" });
        return;
      }
      this.dugSeq = seq;
      this.leavePractice();
      if (is_prize) await this.showWin(reply);
      else {
        const said = reply.find ? foundWords(reply) : emptyWords(reply);
        this.setData({ said, brought: reply.find ? placeOf(reply.find) : null, ...this.ownStratum(now_depth) });
        if (reply.find) explainOnce(foundBefore, (title) => wx.showToast({ title, icon: "none", duration: EXPLAINED_MS }));
        if (reply.joined) this.add(reply);
      }
      const { task } = this;
      // The reply is as of the dig, and later frames may have come before it.
      if (seq >= task.seq) this.show({ seq, now_depth, cd_until, prizes_left, status: task.status || task_status, ...outlookOf(reply) });
    },

    /** Show a win in parts, each in frames of its own: the open ground, its coins, and then the page behind it. */
    async showWin(reply) {
      const parts = [
        () => this.openGround(reply, { ...this.task, ...wonBy(reply, this.task) }),
        () => this.throwCoins(),
        () => this.show(wonBy(reply, this.task)),
        () => {
          this.setData({ said: ownWinWords(reply) + wonWords(reply, this.task), brought: null, ...this.ownStratum(reply.now_depth) });
          if (reply.joined) this.add(reply);
          this.mark(reply.no);
          this.offer();
        },
      ];
      for (const part of parts) {
        part();
        await drawn();
        if (this.life.aborted) return;
      }
    },

    /** Say whom the random order favoured, or whose dig came first: that answers the press that lost, so only a win is still said of this dig. */
    lostTo(frame) {
      this.setData({ said: refusedWords(this.lost, frame) });
      this.lost = null;
      this.lostSeq = frame.seq;
    },

    refused(error) {
      if (wasDrawn(error)) noteLost(this.task.code);
      if (this.life.aborted) return;
      this.setData({ said: refusedWords(error) });
      if (error.error === "cooling_down") this.lost = error;
      if (error.error === "ended") this.lostSeq = Infinity;
      if (error.error === "cooling_down") this.show({ cd_until: Math.max(this.task.cd_until, error.reply.cd_until) });
      else if (isShutOut(error)) this.show({ why: error.error });
      else if (WHY_NOT[error.error] || error.error === "ended" || mayPass(error)) this.read().catch(showProblem);
      else if (!error.error) throw error;
    },

    openNext({ currentTarget }) {
      wx.redirectTo({ url: `/pages/treasure/treasure?code=${currentTarget.dataset.code}` });
    },

    bury() {
      wx.switchTab({ url: "/pages/publish/publish" });
    },

    openFair() {
      wx.navigateTo({ url: `/pages/fair/fair?code=${this.task.code}` });
    },

    visit() {
      const { publisher_id: by } = this.task;
      // WeChat keeps ten pages: people go from treasures to publishers and on without end.
      if (by) wx.redirectTo({ url: `/pages/publisher/publisher?by=${by}` });
    },

    unfoldKinds() {
      this.setData({ allKinds: true });
    },

    readRules() {
      wx.navigateTo({ url: `/pages/texts/texts?code=${this.task.code}` });
    },

    onShareAppMessage() {
      if (!this.task) return { title: SHARE.title, path: `/pages/treasure/treasure?code=${this.opened}` };
      const { code, share, thumbnail } = this.task;
      const path = `/pages/treasure/treasure?code=${share || code}`;
      return { title: inviteWords(this.task), path, imageUrl: thumbnail };
    },
  },
});
