// The practice of a first visit: once, on the square, or beside the treasure that a link opened.

import { PRACTICE, invitedBy, practiseDig, practised } from "../shared/practice.js";
import { NEWCOMER } from "../shared/words.js";
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
      if (practice.phase === "won") this.leavePractice();
      else if (practice.phase === "ready") practiseDig(practice, (next) => this.data.practice && tell(this, { practice: next }));
    },

    leavePractice() {
      if (isNew()) wx.setStorageSync(PRACTISED, 1);
      if (this.data.practice || this.data.newcomer) this.setData({ practice: null, newcomer: false });
    },
  },
});
