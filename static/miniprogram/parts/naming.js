// The part of a page that asks for a name, where others will see it. A nickname's field needs the person's consent to
// WeChat's privacy guide, or it is an ordinary one; and WeChat checks it when it is left, and may empty it, so that only
// a form's submit tells what is in it: https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/userProfile.html

import { NAMING } from "../shared/words.js";
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
        await rename(name);
        this.setData({ naming: false });
        this.showNaming();
        if (this.renamed) this.renamed();
      } catch (error) {
        showProblem(error);
      }
    },
  },
});
