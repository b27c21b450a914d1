// The practice of a first visit: once, on the square, or beside the treasure that a link opened.

import { PRACTICE, invitedBy, practiseDig, practised, realOne } from "../shared/practice.js";
import { NEWCOMER } from "../shared/words.js";
import { api, showProblem } from "../wechat.js";
import { tell } from "./telling.js";

const PRACTISED = "wabao.practised"; // whether somebody practised on this phone, or skipped it

export const isNew = () => !wx.getStorageSync(PRACTISED);

export const practising = Behavior({
  data: { practising: PRACTICE, practice: null, invited: "", newcomer: false, newcomerWords: NEWCOMER },

  methods: {
    /** Practise, on this phone alone. */
    practise() {
      this.setData({ practice: practised(0), invited: this.task ? invitedBy(this.task) : "", newcomer: false });
    },

    practiseDig() {
      const { practice } = this.data;
      if (practice.phase === "won") {
        this.leavePractice();
        if (!this.task || this.task.status || this.task.gone) this.goOn().catch(showProblem);
      } else if (practice.phase === "ready") practiseDig(practice, (next) => this.data.practice && tell(this, { practice: next }));
    },

    /** Go on to a real treasure. WeChat keeps ten pages: an ended one gives its place to the next. */
    async goOn() {
      const code = await realOne(api.get);
      const url = `/pages/treasure/treasure?code=${code}`;
      if (code && this.task) wx.redirectTo({ url });
      else if (code) wx.navigateTo({ url });
      else {
        wx.switchTab({ url: "/pages/square/square" });
        wx.showToast({ title: PRACTICE.none, icon: "none" });
      }
    },

    leavePractice() {
      if (isNew()) wx.setStorageSync(PRACTISED, 1);
      if (this.data.practice || this.data.newcomer) this.setData({ practice: null, newcomer: false });
    },
  },
});
