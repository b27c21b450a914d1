// Changing a treasure's texts and picture, while nobody has dug it.

import { handing, handingOf } from "../../shared/planning.js";
import { EDIT, FIELDS, PUBLISH } from "../../shared/words.js";
import { admitted, api, showProblem, uploadPicture } from "../../wechat.js";

Component({
  data: { task: null, handing: 0, given: {}, thumbnail: "", busy: false, said: "", labels: FIELDS, words: PUBLISH, editing: EDIT },

  methods: {
    async onLoad({ code }) {
      wx.setNavigationBarTitle({ title: EDIT.title });
      try {
        await admitted();
        const { data } = await api.get("/getTaskDetails", { code });
        this.setData({ task: data, thumbnail: data.thumbnail, handing: handing(data), given: handingOf(data) });
      } catch (error) {
        this.setData({ said: error.message });
        showProblem(error);
      }
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

    async save({ detail }) {
      this.setData({ busy: true, said: "" });
      try {
        await api.post("/editTask", { code: this.data.task.code, ...detail.value, url: this.url });
        wx.navigateBack();
      } catch (error) {
        if (!error.error) throw error;
        this.setData({ said: error.message });
      } finally {
        this.setData({ busy: false });
      }
    },
  },
});
