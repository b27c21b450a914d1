// The part of a treasure's page that shares and reports it. Links and posters carry the share token, never the unionid.

import { REASONS } from "../shared/words-later.js";
import { REPORT, SHARE } from "../shared/words.js";
import { api, shareImage, showProblem } from "../wechat.js";

export const sharing = Behavior({
  data: {
    poster: "", drawing: false, reporting: false, shareWords: SHARE, reportWords: REPORT,
    reasons: Object.keys(REASONS).map((reason) => ({ reason, label: REASONS[reason] })),
  },

  methods: {
    /** Draw the poster; another tap keeps it. */
    async drawPoster() {
      this.setData({ drawing: true });
      try {
        this.setData({ poster: (await api.post("/getSharePic", { code: this.task.code })).pic });
      } catch (error) {
        showProblem(error);
      }
      this.setData({ drawing: false });
    },

    /** Send the poster on, or keep it in the album: WeChat itself does both, so we need no scope. */
    async keepPoster() {
      try {
        await shareImage(this.data.poster);
      } catch (error) {
        showProblem(error);
      }
    },

    posterBroke() {
      this.setData({ poster: "" });
      wx.showToast({ title: SHARE.broken, icon: "none" });
    },

    unfoldReport() {
      const reporting = !this.data.reporting;
      this.setData({ reporting }, () => reporting && wx.pageScrollTo({ selector: ".reporting" })); // it is below what was tapped
    },

    noteReport({ detail }) {
      this.reported = detail.value;
    },

    async report({ currentTarget }) {
      const { reason } = currentTarget.dataset;
      try {
        await api.post("/report", { code: this.task.code, reason, text: this.reported || "" });
        this.setData({ reporting: false });
        wx.showToast({ title: REPORT.done, icon: "none" });
      } catch (error) {
        showProblem(error);
      }
    },
  },
});
