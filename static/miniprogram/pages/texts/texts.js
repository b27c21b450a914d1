// What a review asks for: the agreement, the privacy policy, or a treasure's rules.

import { opening } from "../../parts/opening.js";
import { TEXTS } from "../../shared/words.js";
import { admitted, api } from "../../wechat.js";

Component({
  behaviors: [opening],

  data: { text: "", rules: [], guide: false },

  methods: {
    /** `which` is `agreement` or `privacy`; a `code` asks for the rules of that treasure. */
    onLoad({ which, code }) {
      this.asked = { which, code };
      wx.setNavigationBarTitle({ title: code ? "活动规则" : TEXTS[which] });
      this.start();
    },

    async begin() {
      const { which, code } = this.asked;
      if (code) {
        await admitted();
        this.setData({ rules: (await api.get("/getRules", { code })).rules });
      } else {
        const guide = which === "privacy" && Boolean(wx.openPrivacyContract);
        this.setData({ text: (await api.get("/getTexts"))[which], guide });
      }
    },

    /** Open WeChat's own page of what this mini-program declared (base library 2.32.3). */
    openGuide() {
      wx.openPrivacyContract({ fail: () => wx.showToast({ title: "现在打不开，请稍后再试", icon: "none" }) });
    },
  },
});
