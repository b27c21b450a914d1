// The line of a page that tells somebody, once, which name and which face others see.

import { MEETING, meeting as toMeet } from "../shared/meeting.js";
import { NAMING } from "../shared/words-later.js";
import { me, metBefore } from "../wechat.js";

export const meeting = Behavior({
  data: { met: null, meetWords: MEETING },

  methods: {
    /** Call it once somebody is logged in, and with what else comes first, so that nothing moves later. */
    meet() {
      const met = toMeet(metBefore, me());
      if (met) this.setData({ met });
    },

    /** Ask for a name here, if the page does that, else on one's own page. */
    async changeName() {
      if (!this.beginNaming) return wx.switchTab({ url: "/pages/mine/mine" });
      await this.beginNaming();
      if (this.data.naming) this.setData({ met: null, why: NAMING.mine });
    },
  },
});
