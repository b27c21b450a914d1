// The square: running treasures, then those that ended lately, at most 20 a page.

import { observeCard, secondsUntil } from "../../shared/clock.js";
import { admitted, api, channel, showProblem } from "../../wechat.js";

const PAGE = 20;
const TICK_MS = 500;

Component({
  data: { cards: [], foot: "正在看看谁埋了宝贝…" },

  methods: {
    onShow() {
      this.renew();
      this.ticking = setInterval(() => this.count(), TICK_MS);
      this.leave = channel.on("found", () => this.renew());
    },

    onHide() {
      clearInterval(this.ticking);
      this.leave();
    },

    onPullDownRefresh() {
      this.renew().then(() => wx.stopPullDownRefresh());
    },

    onReachBottom() {
      if (!this.complete) this.more();
    },

    renew() {
      this.pages = 0;
      this.complete = false;
      return this.more();
    },

    async more() {
      const page = this.pages + 1;
      try {
        await admitted();
        const { data: found, mine, won } = await api.get("/getTaskList", { page });
        if (page !== this.pages + 1) return; // asked for twice
        found.forEach(observeCard);
        const data = found.map((card) => ({ ...card, mine: mine.includes(card.code), won: won.includes(card.code) }));
        this.pages = page;
        this.complete = !data.length; // one with few cards of each publisher may be short
        const known = new Set(data.map(({ code }) => code)); // pages overlap where a new one came between
        const before = page === 1 ? [] : this.data.cards.filter(({ code }) => !known.has(code));
        const cards = [...before, ...data];
        const foot = cards.length ? "就这些了" : "还没有宝贝，去埋下第一个吧";
        this.setData({ cards, foot: this.complete ? foot : "" });
        this.count();
        // What does not fill the screen cannot be scrolled to its end.
        if (!this.complete && cards.length < PAGE) await this.more();
      } catch (error) {
        this.setData({ foot: "下拉再试一次" });
        showProblem(error);
      }
    },

    /** Change only what differs: each change of data goes to another thread. */
    count() {
      const changed = {};
      this.data.cards.forEach(({ cd_until, left, status }, at) => {
        const now = status ? 0 : secondsUntil(cd_until);
        if (now !== left) changed[`cards[${at}].left`] = now;
      });
      if (Object.keys(changed).length) this.setData(changed);
    },

    open({ currentTarget }) {
      wx.navigateTo({ url: `/pages/treasure/treasure?code=${currentTarget.dataset.code}` });
    },
  },
});
