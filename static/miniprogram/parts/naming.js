// The part of a page that asks for a name, where others will see it. Without consent to WeChat's privacy guide a
// nickname field is an ordinary one. WeChat checks the field when it is left, and may empty it, so only the form's
// submit has the name: https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/userProfile.html

import { NAMING } from "../shared/words-later.js";
import { agreesToPrivacy, isUnnamed, me, rename, showProblem } from "../wechat.js";

export const naming = Behavior({
  data: { unnamed: "", naming: false, namingWords: NAMING },

  methods: {
    showNaming() {
      this.setData({ unnamed: isUnnamed() ? me().nickName : "" });
    },

    async beginNaming() {
      try {
        await agreesToPrivacy();
        this.setData({ naming: true });
      } catch (error) {
        showProblem(error);
      }
    },

    async rename({ detail }) {
      const name = detail.value.wxname.trim();
      if (!name) return;
      try {
        const review = await rename(name);
        this.setData({ naming: false });
        this.showNaming();
        if (this.renamed) this.renamed(review);
      } catch (error) {
        showProblem(error);
      }
    },
  },
});
