// You: your numbers, and what you won, published and dug.

import { book } from "../../parts/book.js";
import { countCards, stateNow } from "../../parts/counting.js";
import { naming } from "../../parts/naming.js";
import { headingOf, leftWords, packetMark, waiting } from "../../shared/cards.js";
import { asMoment, observeCard } from "../../shared/clock.js";
import { calendarOf } from "../../shared/daily.js";
import { pictureOf } from "../../shared/faces.js";
import { findName, placeOf } from "../../shared/finds.js";
import { LISTS, firstList } from "../../shared/lists.js";
import { wonThumbnail } from "../../shared/prizes.js";
import { CLAIM, LEAVING, MINE, NAMING, PUBLISHER, STOPPED, leavesAt, luckWords, personNumbers, profileInReview } from "../../shared/words-later.js";
import { TEXTS, WAITING, depthWords, whereWords } from "../../shared/words.js";
import { admitted, api, buryAgain, me, showBadge, showFace, showProblem } from "../../wechat.js";

/** Whom the server knows here, with the picture that others see. */
const meShown = () => ({ ...me(), avatarUrl: pictureOf({ wxheadpic: me().avatarUrl, wxname: me().nickName }) });

Component({
  behaviors: [book, naming],

  data: {
    me: null, numbers: [], luck: "", profile: "", leaving: "", asked: false, stopped: "", obstacles: [], told: LEAVING, why: NAMING.mine,
    tabs: Object.entries(MINE).map(([which, { title }]) => ({ which, title })),
    calendar: null, waiting: [], waitingTitle: WAITING.title, followed: PUBLISHER.followed, which: "", cards: [], none: "", unread: false, more: false, again: CLAIM.again,
    texts: Object.entries(TEXTS).map(([which, label]) => ({ which, label })),
  },

  methods: {
    onLoad({ which }) {
      this.chosen = Boolean(MINE[which]); // until somebody chooses a list, the page opens on the one where they look first
      if (this.chosen) this.setData({ which });
      this.found = new Map(); // the cards that count down, by key
    },

    onShow() {
      this.renew();
      this.stopCounting = countCards(this, ({ key }) => this.found.get(key));
    },

    onHide() {
      this.stopCounting();
    },

    onPullDownRefresh() {
      this.renew().then(() => wx.stopPullDownRefresh());
    },

    onReachBottom() {
      if (this.data.more) this.next().catch(showProblem);
    },

    async renew() {
      try {
        await admitted();
        const [numbers] = await Promise.all([api.get("/getMyInfo"), this.chosen ? this.next("") : null]);
        if (!this.chosen) await this.show(firstList(numbers));
        const profile = profileInReview(numbers.review, numbers.review_note);
        const leaving = numbers.delete_at ? leavesAt(asMoment(numbers.delete_at)) : "";
        this.setData({ me: meShown(), numbers: personNumbers(numbers).map(([label, number, unit]) => ({ label, number, unit })), luck: luckWords(numbers), profile, leaving, waiting: numbers.to_do.map((each) => ({ ...waiting(each), key: `${each.act} ${each.code}` })) });
        showBadge(numbers.to_do.length);
        this.showNaming();
        this.setData({ calendar: calendarOf((await api.get("/getDaily", { days: 1 })).days) });
      } catch (error) {
        this.unread(error);
      }
    },

    /** Say why a list was not read, in its place if nothing else is there. */
    unread(error) {
      const shown = this.data.cards.length || (this.data.which === "finds" && this.bookRead);
      if (shown || !error.error) showProblem(error);
      else this.setData({ none: error.message, unread: true });
    },

    turn({ currentTarget }) {
      this.chosen = true;
      this.show(currentTarget.dataset.which).catch((error) => this.unread(error));
    },

    /** Show a list from its beginning; the one that is shown keeps its cards until they are read anew. */
    show(which) {
      if (which !== this.data.which) {
        this.setData({ which, cards: [], none: "", unread: false, more: false });
        this.found.clear();
      }
      return this.next("");
    },

    /** Read a page of the list: the first page, or the one that begins `after` those that are shown. */
    async next(after = this.after) {
      const { which } = this.data;
      if (which === "finds") {
        await this.readBook();
        return;
      }
      const { path, whose, foot, line } = LISTS[which];
      const { data, next } = await api.get(path, after ? { after } : { page: 1 });
      if (which !== this.data.which) return; // another list was chosen meanwhile
      this.after = next;
      data.forEach(observeCard);
      const found = data.map((each) => {
        const card = { ...each, ...whose(each) };
        const state = line ? line(card) : stateNow(card);
        const dug = line ? { won: card.is_prize, find: card.find ? { name: findName(card.find), place: placeOf(card.find) } : null } : {};
        const depth = line || !card.name || card.prize_state ? "" : [depthWords(card), leftWords(card)].filter(Boolean).join(" · ");
        const { code, signed, wxname } = card;
        const publisher_id = which === "published" && !signed ? "" : card.publisher_id; // everybody knows their own name
        const key = `${code} ${card.depth}`;
        if (!line) this.found.set(key, card);
        return { key, code, thumbnail: wonThumbnail(card), signed, wxname, publisher_id, packet: packetMark(card), title: headingOf(card), state, depth, where: whereWords(card), foot: foot(card), ...dug };
      });
      const known = new Set(found.map(({ key }) => key)); // the end of the list may be reached twice meanwhile
      const cards = [...(after ? this.data.cards.filter(({ key }) => !known.has(key)) : []), ...found];
      this.setData({ cards, more: Boolean(next), none: cards.length ? "" : MINE[which].none, unread: false });
    },

    act({ currentTarget }) {
      const { code, page, wanted } = currentTarget.dataset;
      wx.navigateTo({ url: `/pages/${page}/${page}?code=${code}${wanted ? `&wanted=${wanted}` : ""}` });
    },

    visit({ currentTarget }) {
      wx.navigateTo({ url: `/pages/publisher/publisher?by=${currentTarget.dataset.by}` });
    },

    bury({ currentTarget }) {
      buryAgain(currentTarget.dataset.code);
    },

    renamed() {
      this.renew();
    },

    async chooseFace({ detail }) {
      try {
        await showFace(detail.avatarUrl);
        this.setData({ me: meShown() });
        this.renew();
      } catch (error) {
        showProblem(error);
      }
    },

    /** Open or close what somebody reads before they delete their account. */
    askToLeave() {
      const asked = !this.data.asked;
      this.setData({ asked, stopped: "", obstacles: [] }, () => asked && wx.pageScrollTo({ selector: ".asked" })); // it is below what was tapped
    },

    /** Delete the account in seven days. It ends the login here too; the next request logs in again. */
    async leave() {
      await this.decide("/deleteAccount");
      if (this.data.leaving) wx.pageScrollTo({ selector: ".leaving" }); // it is above what was tapped
    },

    async keep() {
      await this.decide("/keepAccount");
    },

    async decide(path) {
      try {
        await api.post(path);
        this.setData({ asked: false, stopped: "", obstacles: [] });
        await this.renew();
      } catch (error) {
        const { obstacles = [] } = error.reply || {};
        const listed = obstacles.map((each) => ({ ...each, goes: STOPPED[each.opens] || "" }));
        this.setData({ stopped: listed.length ? STOPPED.title : error.message, obstacles: listed });
        if (!error.error) showProblem(error);
      }
    },

    readFollows() {
      wx.navigateTo({ url: "/pages/publisher/publisher" });
    },

    read({ currentTarget }) {
      wx.navigateTo({ url: `/pages/texts/texts?which=${currentTarget.dataset.which}` });
    },
  },
});
