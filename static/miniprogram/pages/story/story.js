// The story of an ended treasure, for all who dug it.

import { opening } from "../../parts/opening.js";
import { findName, placeOf } from "../../shared/finds.js";
import { CARD, STORY, THANKS, THANK_YOUS, drawCard, tell, thanksAsk } from "../../shared/story.js";
import { SHARE, title } from "../../shared/words.js";
import { admitted, api, lostOf, me, sharePicture, showProblem } from "../../wechat.js";

const AT_ONCE = 60; // levels that are drawn before somebody scrolls on

Component({
  behaviors: [opening],

  data: {
    words: STORY, title: "", told: null, levels: [], finds: [], card: CARD, drawing: false, thanking: "", thanked: false, busy: false, thankWords: THANKS,
    thankYous: Object.entries(THANK_YOUS).map(([sign, words]) => ({ sign, words })),
  },

  methods: {
    onLoad({ code }) {
      this.code = code;
      this.start();
    },

    async begin() {
      const { code } = this;
      await admitted();
      const [{ data: task }, story] = await Promise.all([api.get("/getTaskDetails", { code }), api.get("/getStory", { code })]);
      this.task = task;
      this.story = story;
      const { levels, finds, ...told } = tell(story, task, lostOf(code));
      this.levels = levels.map((each) => ({ ...each, place: each.find ? placeOf(each.find) : null }));
      this.setData({
        title: `${title(task)} · ${told.giver}`, thanking: told.mayThank ? thanksAsk(task) : "", told: { ...told, older: story.first > 1 }, levels: this.levels.slice(0, AT_ONCE), finds: finds.map((find) => ({ find, name: findName(find), place: placeOf(find) })),
      });
    },

    onReachBottom() {
      const from = this.data.levels.length;
      const next = this.levels ? this.levels.slice(from, from + AT_ONCE) : [];
      if (next.length) this.setData(Object.fromEntries(next.map((each, at) => [`levels[${from + at}]`, each])));
    },

    /** Draw the card, and let WeChat send it on or keep it. */
    async sendCard() {
      this.setData({ drawing: true });
      try {
        await sharePicture(this, "#card", CARD, (context) => drawCard(context, this.task, this.story, me()));
      } catch (error) {
        showProblem(error);
      }
      this.setData({ drawing: false });
    },

    /** Thank the giver, once, by a sign. */
    async thank({ currentTarget }) {
      this.setData({ busy: true });
      try {
        await api.post("/thank", { code: this.code, sign: currentTarget.dataset.sign });
        this.setData({ thanked: true });
      } catch (error) {
        showProblem(error);
      }
      this.setData({ busy: false });
    },

    openTreasure() {
      wx.redirectTo({ url: `/pages/treasure/treasure?code=${this.code}` });
    },

    onShareAppMessage() {
      if (!this.task) return { title: SHARE.title };
      const { code, share, thumbnail } = this.task;
      return { title: this.data.told.headline, path: `/pages/treasure/treasure?code=${share || code}`, imageUrl: thumbnail };
    },
  },
});
