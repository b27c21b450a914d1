// 每日一挖: on top of the square, with a countdown and a reminder. The page calls `renewDaily()`, and `countDaily()` each tick.

import { accept, offerOf } from "../consent.js";
import { observeCard } from "../shared/clock.js";
import { DAILY, dailyTop } from "../shared/daily.js";
import { title } from "../shared/words.js";
import { api, showProblem } from "../wechat.js";
import { tell } from "./telling.js";

export const daily = Behavior({
  data: { daily: null, dailyWords: DAILY, dailyOffer: null, dailyPromised: "" },

  methods: {
    async renewDaily() {
      const { data } = await api.get("/getDaily");
      data.forEach(observeCard);
      this.dailies = data;
      this.countDaily();
      const { card = null, digs = true } = dailyTop(data) || {};
      if (card?.code !== this.dailyCard?.code) this.setData({ dailyPromised: "" });
      this.dailyCard = card;
      this.setData({ dailyOffer: card && !digs ? await offerOf(card) : null });
    },

    countDaily() {
      const top = this.dailies ? dailyTop(this.dailies) : null;
      const { card, ...said } = top || {};
      tell(this, { daily: top && { ...said, code: card ? card.code : "", title: card ? title(card) : "", thumbnail: card ? card.thumbnail : "" } });
    },

    async remind() {
      try {
        const promised = await accept(this.data.dailyOffer, this.dailyCard.code);
        this.setData({ dailyOffer: null, dailyPromised: promised });
      } catch (error) {
        showProblem(error);
      }
    },

    openStory({ currentTarget }) {
      wx.navigateTo({ url: `/pages/story/story?code=${currentTarget.dataset.code}` });
    },
  },
});
