// The practice of a first visit: once, on the square, or beside the treasure that a link opened.

import { PRACTICE, REST_MS, practised } from "../shared/practice.js";
import { NEWCOMER } from "../shared/words.js";

const PRACTISED = "wabao.practised"; // whether somebody practised on this phone, or skipped it

export const isNew = () => !wx.getStorageSync(PRACTISED);

export const practising = Behavior({
  data: { practising: PRACTICE, practice: null, catching: false, newcomer: false, newcomerWords: NEWCOMER },

  methods: {
    /** Practise, on this phone alone. */
    practise() {
      this.setData({ practice: practised(0), newcomer: false });
    },

    practiseDig() {
      const { practice, catching } = this.data;
      if (catching) return;
      if (practice.won) {
        this.leavePractice();
        return;
      }
      const next = practised(practice.depth + 1);
      this.setData({ practice: next, catching: !next.won });
      if (!next.won) setTimeout(() => this.setData({ catching: false }), REST_MS);
    },

    leavePractice() {
      if (isNew()) wx.setStorageSync(PRACTISED, 1);
      if (this.data.practice || this.data.newcomer) this.setData({ practice: null, newcomer: false });
    },
  },
});
