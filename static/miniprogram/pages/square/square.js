// The square: running treasures, then those that ended lately, folded; at most 20 a page.

import { daily } from "../../parts/daily.js";
import { linking } from "../../parts/linking.js";
import { meeting } from "../../parts/meeting.js";
import { isNew, practising } from "../../parts/practising.js";
import { rememberSquare } from "../../shared/afterwards.js";
import { cardsOf, headingOf, inPlace, lastingOf, leftWords, packetMark, runs, sought, stateOf } from "../../shared/cards.js";
import { observeCard, secondsUntil } from "../../shared/clock.js";
import { pictureOf } from "../../shared/faces.js";
import { SQUARE_MS, keepShown, spread } from "../../shared/renewing.js";
import { CLAIM } from "../../shared/words-later.js";
import { KINDS, SQUARE, depthWords, whereWords } from "../../shared/words.js";
import { admitted, api, channel, showBadge, showProblem } from "../../wechat.js";

const PAGE = 20;
const MOST_RENEWED = 5; // pages: whoever scrolled further pulls, or comes back
const TICK_MS = 500;
const TYPING_MS = 300;

Component({
  behaviors: [daily, linking, meeting, practising],

  data: { cards: [], over: -1, unfolded: false, foot: SQUARE.reading, unread: false, again: CLAIM.again, words: SQUARE, empty: false, kinds: [], kind: "", name: "" },

  methods: {
    onLoad() {
      if (isNew()) this.practise();
    },

    bury() {
      wx.switchTab({ url: "/pages/publish/publish" });
    },

    onShow() {
      this.renew();
      this.ticking = setInterval(() => this.count(), TICK_MS);
      const leave = [channel.on("found", () => this.renew(true)), this.watchLink()];
      this.leave = () => leave.forEach((each) => each());
    },

    /** The tab was tapped, perhaps that of the page in sight; if the tap opened this page, it is being read already. */
    onTabItemTap() {
      if (this.pages || this.data.unread) this.renew();
      wx.pageScrollTo({ scrollTop: 0 });
    },

    onHide() {
      clearInterval(this.ticking);
      clearTimeout(this.typing);
      this.setData({ met: null });
      this.leave();
    },

    onPullDownRefresh() {
      this.renew().then(() => wx.stopPullDownRefresh());
    },

    onReachBottom() {
      this.more();
    },

    /**
     * Read the first page again. If `keeps`, its cards stay where they are, ended or not, under a thumb on its way, unless
     * a read that shows them anew is under way.
     */
    renew(keeps = false) {
      admitted().then(() => this.renewDaily()).catch(keepShown); // the square works without it
      this.keeps = keeps && (this.keeps || this.pages > 0);
      this.pages = 0;
      this.complete = false;
      this.renewsAt = Date.now() + spread(SQUARE_MS);
      this.asked = (this.asked || 0) + 1; // replies to earlier requests are dropped
      return this.more();
    },

    /** Read again what the cards say, while somebody only looks: none comes, goes or moves. */
    async refresh() {
      this.renewsAt = Date.now() + spread(SQUARE_MS);
      const { asked, pages } = this;
      if (!pages || pages > MOST_RENEWED || !channel.isOpen()) return; // once the channel is back, all is renewed
      const [, ...found] = await Promise.all([this.renewDaily().catch(keepShown), ...Array.from({ length: pages }, (_, at) => this.read(at + 1))]);
      if (asked !== this.asked || pages !== this.pages) return;
      const now = new Map(found.flat().map((card) => [card.code, card]));
      const cards = this.data.cards.map((card) => (now.has(card.code) ? { ...now.get(card.code), stays: runs(card) } : card));
      rememberSquare(cards);
      this.setData({ cards });
    },

    async read(page) {
      const found = await api.get("/getTaskList", { page, ...sought(this.data) });
      found.data.forEach(observeCard);
      return cardsOf(found).map((card) => this.shown(card));
    },

    /** Read the next page, unless all its cards would be folded away. */
    async more() {
      const { asked } = this;
      const page = this.pages + 1;
      if (this.complete || (page > 1 && this.data.over >= 0 && !this.data.unfolded)) return;
      try {
        await admitted();
        this.meet();
        if (!this.data.kinds.length) await this.readKinds();
        const data = await this.read(page);
        if (asked !== this.asked || page !== this.pages + 1) return; // outdated, or a repetition
        this.pages = page;
        this.complete = !data.length; // a short page is not the last one: each has few cards of one publisher
        const all = inPlace(page > 1 ? this.data.cards : this.keeps ? this.data.cards.slice(0, data.length) : [], data, false); // pages overlap if a treasure was published between two reads
        const cards = [...all.filter(runs), ...all.filter((card) => !runs(card))];
        rememberSquare(cards);
        const over = cards.findIndex((card) => !runs(card));
        this.setData({ cards, over, unfolded: this.data.unfolded || over === 0, foot: this.complete ? this.end(cards) : "", empty: this.complete && !cards.length && !this.data.name && !this.data.kind, unread: false });
        // A list that does not fill the screen cannot be scrolled, so read on.
        if (cards.length < PAGE) await this.more();
      } catch (error) {
        if (asked === this.asked) this.setData({ foot: error.message, unread: true });
        if (this.data.cards.length || !error.error) showProblem(error); // its place at the foot is out of sight
      }
    },

    end(cards) {
      if (cards.length) return SQUARE.end;
      if (this.data.name) return SQUARE.unfound;
      return this.data.kind ? SQUARE.noneOf : `${SQUARE.none}埋下第一个吧`;
    },

    async readKinds() {
      const { red_packets: taken, to_do } = await api.get("/getMyInfo");
      showBadge(to_do.length);
      this.setData({ kinds: KINDS.filter(([value]) => taken || value !== "red_packet").map(([value, label]) => ({ value, label })) });
    },

    shown(card) {
      const left = card.status ? 0 : secondsUntil(card.cd_until);
      const { kind, text: state } = stateOf(card, left);
      return {
        ...card, packet: packetMark(card), title: headingOf(card), kind, state, where: whereWords(card),
        lasting: [leftWords(card), lastingOf(card)].filter(Boolean).join(" · "),
        levels: depthWords(card), dug: (100 * card.now_depth) / card.deepest,
        face: card.signed ? "" : pictureOf(card), // a signature may be anybody's name
      };
    },

    unfold() {
      this.setData({ unfolded: !this.data.unfolded });
      this.more();
    },

    look({ currentTarget }) {
      this.setData({ kind: currentTarget.dataset.value });
      this.renew();
    },

    type({ detail }) {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => {
        const name = detail.value.trim();
        if (name === this.data.name) return;
        this.setData({ name });
        this.renew();
      }, TYPING_MS);
    },

    /** Change only what differs: each change of data goes to another thread. */
    count() {
      this.countDaily();
      if (Date.now() >= this.renewsAt) this.refresh().catch(keepShown);
      const changed = {};
      this.data.cards.forEach((card, at) => {
        const now = this.shown(card);
        for (const name of ["kind", "state", "lasting"]) {
          if (now[name] !== card[name]) changed[`cards[${at}].${name}`] = now[name];
        }
      });
      if (Object.keys(changed).length) this.setData(changed);
    },

    visit({ currentTarget }) {
      wx.navigateTo({ url: `/pages/publisher/publisher?by=${currentTarget.dataset.by}` });
    },

    open({ currentTarget }) {
      wx.navigateTo({ url: `/pages/treasure/treasure?code=${currentTarget.dataset.code}` });
    },
  },
});
