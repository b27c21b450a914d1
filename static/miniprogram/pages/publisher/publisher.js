// A publisher: how they treat winners, their treasures, and following them. Without `by`: whom you follow.

import { accept, offerOfFollow } from "../../consent.js";
import { countCards, stateNow } from "../../parts/counting.js";
import { opening } from "../../parts/opening.js";
import { headingOf, leftWords, packetMark } from "../../shared/cards.js";
import { observeCard } from "../../shared/clock.js";
import { pictureOf } from "../../shared/faces.js";
import { BOOK, findName } from "../../shared/finds.js";
import { PUBLISHER, handedWords } from "../../shared/words-later.js";
import { layersMark, whereWords } from "../../shared/words.js";
import { admitted, api, showProblem } from "../../wechat.js";

const PAGE = 20;

Component({
  behaviors: [opening],

  data: {
    mark: "", finds: "", book: BOOK,
    words: PUBLISHER, name: "", face: "", handed: "", mine: 0, following: 0, busy: false, cards: [], people: null,
    offer: null, promised: "",
  },

  methods: {
    onLoad({ by = "" }) {
      this.by = by;
      this.found = new Map(); // the server's cards, by code
      if (!by) wx.setNavigationBarTitle({ title: PUBLISHER.followed });
    },

    /** Read the list anew: the person may have stopped following the publisher from whose page they come back. */
    onShow() {
      this.start();
      this.stopCounting = countCards(this, ({ code }) => this.found.get(code));
    },

    onHide() {
      this.stopCounting();
    },

    onUnload() {
      this.stopCounting();
    },

    onPullDownRefresh() {
      this.start().then(() => wx.stopPullDownRefresh());
    },

    onReachBottom() {
      if (this.more) this.next(this.pages + 1).catch(showProblem);
    },

    begin() {
      return this.next(1);
    },

    async next(page) {
      await admitted();
      const data = this.by ? await this.readPublisher(page) : await this.readFollows(page);
      this.pages = page;
      this.more = data.length === PAGE;
    },

    async readPublisher(page) {
      const found = await api.get("/getPublisher", { publisher_id: this.by, page });
      found.data.forEach((card) => {
        observeCard(card);
        this.found.set(card.code, card);
      });
      const cards = found.data.map((card) => ({
        code: card.code, thumbnail: card.thumbnail, packet: packetMark(card), title: headingOf(card), prizes: leftWords(card), where: whereWords(card),
        state: stateNow(card),
      }));
      const { wxname: name, mine, following } = found;
      this.setData({ name, face: pictureOf(found), mine, following, handed: handedWords(found), mark: layersMark(found), finds: found.finds.map(findName).join("、"), cards: page === 1 ? cards : [...this.data.cards, ...cards] });
      if (following && page === 1) await this.offer();
      return found.data;
    },

    async readFollows(page) {
      const { data } = await api.get("/getMyFollows", { page });
      const people = data.map((each) => ({ ...each, wxheadpic: pictureOf(each) }));
      this.setData({ people: page === 1 ? people : [...this.data.people, ...people] });
      return data;
    },

    async offer() {
      this.setData({ offer: await offerOfFollow(this.by), promised: "" });
    },

    async turn() {
      if (this.data.busy) return;
      this.setData({ busy: true });
      const following = this.data.following ? 0 : 1;
      try {
        await api.post("/follow", { publisher_id: this.by, following });
        this.setData({ following, offer: null, promised: "" });
        if (following) await this.offer();
      } catch (error) {
        showProblem(error);
      }
      this.setData({ busy: false });
    },

    async accept() {
      try {
        const promised = await accept(this.data.offer, "");
        this.setData({ offer: null, promised });
      } catch (error) {
        showProblem(error);
      }
    },

    open({ currentTarget }) {
      wx.redirectTo({ url: `/pages/treasure/treasure?code=${currentTarget.dataset.code}` });
    },

    visit({ currentTarget }) {
      wx.navigateTo({ url: `/pages/publisher/publisher?by=${currentTarget.dataset.by}` });
    },
  },
});
