// Changing a treasure's texts and picture, while nobody has dug it.

import { picturing } from "../../parts/picturing.js";
import { handing, handingOf } from "../../shared/planning.js";
import { EDIT, FIELDS, PUBLISH } from "../../shared/words.js";
import { admitted, api, showProblem } from "../../wechat.js";

Component({
  behaviors: [picturing],

  data: { task: null, handing: 0, filled: {}, busy: false, said: "", labels: FIELDS, words: PUBLISH, editing: EDIT },

  methods: {
    async onLoad({ code }) {
      wx.setNavigationBarTitle({ title: EDIT.title });
      try {
        await admitted();
        const { data } = await api.get("/getTaskDetails", { code });
        const { name, synopsis, signed, wxname, thumbnail } = data;
        const filled = { name, synopsis, wxname: signed ? wxname : "", ...handingOf(data) };
        this.setData({ task: data, thumbnail, handing: handing(data), filled });
      } catch (error) {
        this.setData({ said: error.message });
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
