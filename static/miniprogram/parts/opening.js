// The first reading of a page, without which there is nothing to show. The page has `begin()`, which reads and shows it.

import { mayRepeat } from "../shared/api.js";
import { CLAIM } from "../shared/words-later.js";
import { AFTER } from "../shared/words.js";

export const opening = Behavior({
  data: { problem: "", passes: false, unread: { again: CLAIM.again, square: AFTER.square } },

  methods: {
    /** Let the page begin; if that fails, say why, and offer another try where one may succeed. */
    async start() {
      if (this.starting) return; // a second tap, before WeChat hid the button
      this.starting = true;
      this.setData({ problem: "", passes: false }); // hides the button that tries again
      try {
        await this.begin();
      } catch (error) {
        this.setData({ problem: error.message, passes: mayRepeat(error) });
        if (!error.error) throw error;
      } finally {
        this.starting = false;
      }
    },

    openSquare() {
      wx.switchTab({ url: "/pages/square/square" });
    },
  },
});
