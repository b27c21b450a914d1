// What a review asks for: the agreement, the privacy policy, or a treasure's rules.

import { TEXTS } from "../../shared/words.js";
import { admitted, api, showProblem } from "../../wechat.js";

Component({
  data: { text: "", rules: [], guide: false, problem: "" },

  methods: {
    /** `which` is `agreement` or `privacy`; a `code` asks for the rules of that treasure. */
    async onLoad({ which, code }) {
      wx.setNavigationBarTitle({ title: code ? "活动规则" : TEXTS[which] });
      try {
        if (code) {
          await admitted();
          this.setData({ rules: (await api.get("/getRules", { code })).rules });
        } else {
          const guide = which === "privacy" && Boolean(wx.openPrivacyContract);
          this.setData({ text: (await api.get("/getTexts"))[which], guide });
        }
      } catch (error) {
        this.setData({ problem: error.message });
        showProblem(error);
      }
    },

    /** Open WeChat's own page of what this mini-program declared (base library 2.32.3). */
    openGuide() {
      wx.openPrivacyContract({ fail: () => wx.showToast({ title: "现在打不开，请稍后再试", icon: "none" }) });
    },
  },
});
