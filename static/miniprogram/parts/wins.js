// The part of a treasure's page that says who got how much of red packets.

import { now } from "../shared/clock.js";
import { hasPackets } from "../shared/prizes.js";
import { WINS, noteWin, readWins, seekBest, shownWins } from "../shared/wins.js";
import { api, showProblem } from "../wechat.js";
import { tell } from "./telling.js";

export const winsList = Behavior({
  data: { wins: { count: "", rows: [], more: "" }, allWins: false, winsWords: WINS },

  methods: {
    showWins() {
      if (!hasPackets(this.task) || this.life.aborted) return;
      seekBest(this.luck, this.task, api.get, () => this.showWins());
      tell(this, { wins: shownWins(this.wins, this.task, this.data.allWins, this.luck.best) });
    },

    /** Take a frame `prize`; the dig's frame `cd` came before it. */
    noteWin(frame) {
      const { newest } = this;
      if (hasPackets(this.task)) noteWin(this.wins, { ...frame, depth: frame.seq }, newest && newest.seq === frame.seq ? newest.server_time : now(), this.task);
    },

    async readWins(earlier) {
      if (!hasPackets(this.task)) return;
      await readWins(this.wins, this.task, (asked) => api.get("/getDigs", asked), earlier);
      if (!this.life.aborted) this.showWins();
    },

    unfoldWins() {
      const shown = this.data.wins.rows.length;
      this.setData({ allWins: true });
      this.showWins();
      if (this.data.wins.rows.length === shown) this.readWins(true).catch(showProblem);
    },
  },
});
