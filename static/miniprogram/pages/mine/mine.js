// One's own: numbers, and what one won, published and dug.

import { naming } from "../../parts/naming.js";
import { asMoment } from "../../shared/clock.js";
import { LEAVING, NAMING, TEXTS, inReview, leavesAt, profileInReview } from "../../shared/words.js";
import { admitted, api, me, showFace, showProblem } from "../../wechat.js";

const LISTS = [
  ["/getMyPrize", "我挖到的"],
  ["/getMyRelease", "我发布的"],
  ["/getMyPartake", "我挖过的"],
];

Component({
  behaviors: [naming],

  data: {
    me: null, numbers: null, profile: "", lists: [], leaving: "", asked: false, stopped: "", told: LEAVING, why: NAMING.mine,
    texts: Object.entries(TEXTS).map(([which, label]) => ({ which, label })),
  },

  methods: {
    onShow() {
      this.renew();
    },

    onPullDownRefresh() {
      this.renew().then(() => wx.stopPullDownRefresh());
    },

    async renew() {
      try {
        await admitted();
        const [numbers, ...replies] = await Promise.all([
          api.get("/getMyInfo"),
          ...LISTS.map(([path]) => api.get(path, { page: 1 })),
        ]);
        const lists = replies.map(({ data }, at) => ({
          title: LISTS[at][1],
          cards: data.map((card) => ({ ...card, said: inReview(card.review, card.review_note) })),
        }));
        const profile = profileInReview(numbers.review, numbers.review_note);
        const leaving = numbers.delete_at ? leavesAt(asMoment(numbers.delete_at)) : "";
        this.setData({ me: me(), numbers, profile, lists, leaving });
        this.showNaming();
      } catch (error) {
        showProblem(error);
      }
    },

    renamed() {
      this.renew();
    },

    async chooseFace({ detail }) {
      try {
        await showFace(detail.avatarUrl);
        this.setData({ me: me() });
        this.renew();
      } catch (error) {
        showProblem(error);
      }
    },

    /** Open or close what somebody reads before they delete their account. */
    askToLeave() {
      this.setData({ asked: !this.data.asked, stopped: "" });
    },

    /** Delete the account in seven days. It ends the login here too; the next request logs in again. */
    async leave() {
      await this.decide("/deleteAccount");
    },

    async keep() {
      await this.decide("/keepAccount");
    },

    async decide(path) {
      try {
        await api.post(path);
        this.setData({ asked: false, stopped: "" });
        await this.renew();
      } catch (error) {
        this.setData({ stopped: error.message });
        if (!error.error) showProblem(error);
      }
    },

    read({ currentTarget }) {
      wx.navigateTo({ url: `/pages/texts/texts?which=${currentTarget.dataset.which}` });
    },

    open({ currentTarget }) {
      wx.navigateTo({ url: `/pages/treasure/treasure?code=${currentTarget.dataset.code}` });
    },
  },
});
