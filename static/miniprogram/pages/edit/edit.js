// Changing a treasure's texts, pictures and start, while nobody has dug it.

import { opening } from "../../parts/opening.js";
import { picturing } from "../../parts/picturing.js";
import { dayAndClock, handing, handingOf, momentOf, zoneWords } from "../../shared/planning.js";
import { mayEdit } from "../../shared/prizes.js";
import { FIELDS, KIND, PUBLISH } from "../../shared/words-publish.js";
import { EDIT } from "../../shared/words.js";
import { admitted, api, me } from "../../wechat.js";

Component({
  behaviors: [opening, picturing],

  data: { task: null, handing: 0, signer: "", filled: {}, rows: [], day: "", clock: "", zone: "", today: "", kind: KIND, busy: false, said: "", labels: FIELDS, words: PUBLISH, editing: EDIT },

  methods: {
    onLoad({ code }) {
      this.code = code;
      this.start();
    },

    async begin() {
      await admitted();
      const { data } = await api.get("/getTaskDetails", { code: this.code });
      if (!mayEdit(data)) {
        this.setData({ problem: EDIT.barred });
        return;
      }
      const { name, synopsis, signed, wxname, thumbnail } = data;
      const filled = { name, synopsis, wxname: signed ? wxname : "", ...handingOf(data) };
      const rows = data.ranks.map((rank, at) => ({ key: String(at), name: rank.name, url: "", thumbnail: rank.thumbnail }));
      this.begun = dayAndClock(data.starts_at);
      const { day, clock } = this.begun;
      this.setData({ task: data, signer: me().nickName, thumbnail, handing: handing(data), filled, rows, day, clock: clock || "20:00", zone: zoneWords(data.starts_at), today: dayAndClock(Date.now()).day });
    },

    row({ detail, currentTarget }) {
      this.setData({ [`rows[${currentTarget.dataset.at}].name`]: detail.value });
    },

    /** The form has what was typed; set again on each key, a field would lose its cursor. */
    type() {},

    time({ detail, currentTarget }) {
      this.setData({ [currentTarget.dataset.of]: detail.value }, () => this.setData({ zone: zoneWords(momentOf(this.data.day, this.data.clock)) }));
    },

    async save({ detail }) {
      this.setData({ busy: true, said: "" });
      try {
        const { task, rows, day, clock } = this.data;
        const moved = day && (day !== this.begun.day || clock !== this.begun.clock);
        const prizes = rows.length ? rows.map(({ name, url }) => ({ name, url })) : undefined;
        await api.post("/editTask", { code: task.code, ...detail.value, starts_at: moved ? momentOf(day, clock) : undefined, url: this.url, prizes });
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
