// Publishing: goods may be dug at once, a red packet once it is paid.

import { naming } from "../../parts/naming.js";
import { NAMING, cashRules, publishersTax } from "../../shared/words.js";
import { admitted, api, pay, publishWith, showProblem, takeHalf, uploadPicture } from "../../wechat.js";

// At the places of draw_type 1 and 2 goods; then red packets, where the server takes them.
const KINDS = ["实物，现场领取", "实物，邮寄", "红包"];
const GOODS = KINDS.slice(0, 2);
const RED_PACKET = 2;

Component({
  behaviors: [naming],

  data: { kinds: GOODS, cash: cashRules(), tax: "", kind: 0, several: false, thumbnail: "", busy: false, why: NAMING.publishing },

  methods: {
    async onShow() {
      try {
        await admitted();
        this.showNaming();
        const { red_packets: taken } = await api.get("/getMyInfo");
        const kinds = taken ? KINDS : GOODS;
        this.setData({ kinds, kind: Math.min(this.data.kind, kinds.length - 1) });
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

    value({ detail }) {
      this.setData({ tax: publishersTax({ value: Number(detail.value) }) });
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
          goods_type: kind === RED_PACKET ? 1 : 2,
          draw_type: kind === RED_PACKET ? undefined : kind + 1,
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
