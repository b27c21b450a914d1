// The part of a treasure's page that says who dug which depth: read once it is unfolded, then kept up to date.

import { pictureOf } from "../shared/faces.js";
import { findName } from "../shared/finds.js";
import { atMostEvery } from "../shared/renewing.js";
import { DIGS, layersMark, wonWords } from "../shared/words.js";
import { api, showProblem } from "../wechat.js";

const PAGE = 50; // of getDigs
const KEPT = 200; // newer digs drive older ones out, unless somebody looked back
const RENEW_MS = 2000;

export const history = Behavior({
  data: { digs: [], digsRead: false, digsUnread: "", digsOpen: false, digsWords: DIGS },

  methods: {
    unfoldDigs() {
      this.setData({ digsOpen: !this.data.digsOpen });
      this.renewDigs();
    },

    renewDigs() {
      if (!this.readDigs) this.readDigs = atMostEvery(RENEW_MS, () => this.takeDigs(), () => this.inSight && this.data.digsOpen, this.life);
      this.readDigs();
    },

    async takeDigs() {
      const { data } = await api.get("/getDigs", { code: this.task.code }).catch((error) => {
        if (!this.data.digsRead) this.setData({ digsUnread: error.message });
        throw error;
      });
      const rows = data.map((each) => this.named(each));
      const newest = this.data.digs.length ? this.data.digs[0].depth : 0;
      const gap = data.length === PAGE && data[PAGE - 1].depth > newest + 1; // more was dug than one page: begin anew
      if (gap) this.lookedBack = false;
      const least = rows.length ? rows[rows.length - 1].depth : 0;
      const digs = [...rows, ...(gap ? [] : this.data.digs.filter(({ depth }) => depth < least))];
      if (!this.life.aborted) this.setData({ digs: this.lookedBack ? digs : digs.slice(0, KEPT), digsRead: true, digsUnread: "" });
    },

    named(each) {
      const { depth, wxname } = each;
      return { depth, wxname, wxheadpic: pictureOf(each), mark: layersMark(each), found: each.find ? findName(each.find) : "", won: each.is_prize ? wonWords(each, this.task) || DIGS.won : "" };
    },

    async earlierDigs() {
      const { digs } = this.data;
      const before = digs[digs.length - 1].depth;
      try {
        const { data } = await api.get("/getDigs", { code: this.task.code, before });
        this.lookedBack = true;
        this.setData({ digs: [...this.data.digs, ...data.filter(({ depth }) => depth < before).map((each) => this.named(each))] });
      } catch (error) {
        showProblem(error);
      }
    },
  },
});
