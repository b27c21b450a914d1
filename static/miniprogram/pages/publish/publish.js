// Publishing: goods may be dug at once, a red packet once it is paid.

import { admitted, isUnnamed, pay, publishWith, rename, showProblem, takeHalf, uploadPicture } from "../../wechat.js";
import { cashRules } from "../../shared/words.js";

const KINDS = ["红包", "实物，现场领取", "实物，邮寄"];

Component({
  data: { kinds: KINDS, cash: cashRules(), kind: 1, several: false, thumbnail: "", busy: false, unnamed: false },

  methods: {
    onShow() {
      admitted().then(() => this.setData({ unnamed: isUnnamed() }), showProblem);
    },

    /** Others see who publishes, so ask here for a name. */
    async rename({ detail }) {
      const name = detail.value.trim();
      if (!name) return;
      try {
        await rename(name);
        this.setData({ unnamed: isUnnamed() });
      } catch (error) {
        showProblem(error);
      }
    },

    choose({ detail }) {
      this.setData({ kind: Number(detail.value) });
    },

    count({ detail }) {
      this.setData({ several: Number(detail.value) > 1 });
    },

    async picture() {
      try {
        const { url, thumbnail } = await uploadPicture();
        this.url = url;
        this.setData({ thumbnail });
      } catch (error) {
        showProblem(error);
      }
    },

    /** What does not apply may be sent along, and numbers as texts: the server ignores the one and reads the other. */
    async publish({ detail }) {
      const { kind } = this.data;
      this.setData({ busy: true });
      try {
        await admitted();
        const asked = {
          ...detail.value,
          goods_type: kind === 0 ? 1 : 2,
          draw_type: kind === 0 ? undefined : kind,
          url: this.url,
        };
        const published = await publishWith(await takeHalf(asked), asked);
        // It is published, whatever becomes of the payment: the treasure's page can pay too.
        if (published.need_pay) await pay(published.code, published.owed).catch(showProblem);
        this.url = undefined;
        this.setData({ thumbnail: "" });
        wx.navigateTo({ url: `/pages/treasure/treasure?code=${published.code}` });
      } catch (error) {
        showProblem(error);
      }
      this.setData({ busy: false });
    },
  },
});
