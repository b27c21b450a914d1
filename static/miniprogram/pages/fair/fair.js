// Why a treasure's draw is fair, and after its end the check of it, on this phone.

import { opening } from "../../parts/opening.js";
import { holdsHalf } from "../../shared/halves.js";
import { verify, wholeProof } from "../../shared/verify.js";
import { FAIR, depthRules, fairAnswers, fetchingWords, halfWords, provesWords, verdictWords, whoIsFirst } from "../../shared/words.js";
import { admitted, api, noteCommitment, notedCommitment, notedHalf } from "../../wechat.js";

Component({
  behaviors: [opening],

  data: { words: FAIR, task: null, answers: [], folded: true, own: null, rules: "", order: "", busy: false, said: "", result: null },

  methods: {
    onLoad({ code }) {
      this.code = code;
      this.start();
    },

    async begin() {
      const { code } = this;
      await admitted();
      const { data: task } = await api.get("/getTaskDetails", { code });
      noteCommitment(task);
      const half = notedHalf(code);
      const holds = half && holdsHalf(task, half);
      const own = half ? { holds, text: halfWords(holds) } : null;
      this.setData({ task, own, answers: this.answersOf(task, null), rules: depthRules(task), order: whoIsFirst(task.fair_start_ms) });
    },

    answersOf(task, holds) {
      const noted = Boolean(notedCommitment(task.code));
      return fairAnswers(task, { noted, holds }).map(([question, words]) => ({ question, words }));
    },

    unfold() {
      this.setData({ folded: !this.data.folded });
    },

    async verify() {
      const { code } = this.data.task;
      this.setData({ busy: true, said: FAIR.verifying, result: null });
      try {
        const proof = await wholeProof(api.get, code, (next, all) => this.setData({ said: fetchingWords(next, all) }));
        const published = notedCommitment(code);
        const checks = verify(proof, published, notedHalf(code));
        const holds = checks.every((check) => check.holds);
        const { seed, params } = proof;
        const proves = (published ? "" : FAIR.unseen) + provesWords(proof);
        this.setData({ said: "", answers: this.answersOf(this.data.task, holds), result: { checks, holds, verdict: verdictWords(holds), proves, seed, params } });
      } catch (error) {
        if (!error.error) throw error;
        this.setData({ said: error.message });
      } finally {
        this.setData({ busy: false });
      }
    },
  },
});
