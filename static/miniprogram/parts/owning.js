// The part of a treasure's page that its publisher alone has: to pay, to end it, its numbers, and the way to its winners.
// The page tells it of each change by `showOwn()`, and of each frame by `renewStatement()`.

import { secondsUntil } from "../shared/clock.js";
import { mainAct, mayEdit, mayEnd } from "../shared/prizes.js";
import { atMostEvery } from "../shared/renewing.js";
import { liveNumbers, receiptWords, statementNumbers } from "../shared/words-later.js";
import { OWN, PAY, cashRules, endWords, lockedWords, payButton, payUntil, payUntilWords, payWords } from "../shared/words.js";
import { api, ask, buryAgain, pay, say, showProblem } from "../wechat.js";
import { tell } from "./telling.js";

const RENEW_MS = 5000;

const inOneLine = (number) => number.join(" ");

export const owning = Behavior({
  data: {
    own: null, counted: false, fresh: false, main: "share", due: null, ends: false, edits: false, locked: "", statement: [], receipt: "", paying: false, payUntil: payUntilWords(0), payable: true,
    ownWords: OWN, payWords: PAY, winnersTitle: OWN.winners,
  },

  methods: {
    showOwn() {
      const { task } = this;
      if (!task.mine) return;
      const due = task.need_pay && task.review !== "hidden" ? { text: payWords(task), button: payButton(task) } : null;
      const own = task.need_pay ? null : { numbers: liveNumbers(task).map(inOneLine) };
      const isNew = own && !this.data.own;
      tell(this, { due, own, fresh: Boolean(own && !task.status && !task.now_depth && task.review === "shown"), main: mainAct(task), ends: mayEnd(task), edits: mayEdit(task), locked: lockedWords(task) });
      if (isNew) this.renewStatement();
      if (due && !this.cash) {
        this.cash = this.showCash().catch((error) => {
          this.cash = null; // the next change asks again
          showProblem(error);
        });
      }
    },

    async showCash() {
      const { cash, to_do } = await api.get("/getMyInfo");
      this.dueUntil = payUntil(this.task, to_do);
      if (!this.life.aborted) this.setData({ cash: cashRules(cash) });
      this.countDue();
    },

    /** Say until when it can be paid for: the page counts the seconds. */
    countDue() {
      tell(this, { payUntil: payUntilWords(this.dueUntil), payable: !this.dueUntil || secondsUntil(this.dueUntil) > 0 });
    },

    unfoldNumbers() {
      this.setData({ counted: !this.data.counted });
      this.renewStatement();
    },

    renewStatement() {
      if (!this.readStatement) {
        this.readStatement = atMostEvery(RENEW_MS, async () => {
          const found = await api.get("/getStatement", { code: this.task.code });
          if (!this.life.aborted) tell(this, { statement: statementNumbers(found).map(inOneLine), receipt: receiptWords(this.task, found) });
        }, () => this.inSight && !this.task.need_pay && (this.data.counted || this.task.goods_type === 1), this.life);
      }
      this.readStatement();
    },

    /** Pay. Whatever WeChat reports, read the details then: that makes the server ask WeChat if the notice is late. */
    async pay() {
      if (this.data.paying) return; // a second tap, before the button showed that it is disabled
      this.setData({ paying: true });
      try {
        say(await pay(this.task));
      } catch (error) {
        showProblem(error);
      }
      this.setData({ paying: false });
      this.read().catch(showProblem);
    },

    async end() {
      try {
        // A treasure that was never paid is no loss, and can be buried again.
        if (!this.task.need_pay && !(await ask(OWN.ask, endWords(this.task), OWN.agree))) return;
        await api.post("/endTask", { code: this.task.code });
        await this.read();
      } catch (error) {
        showProblem(error);
      }
    },

    openEdit() {
      wx.navigateTo({ url: `/pages/edit/edit?code=${this.task.code}` });
    },

    again() {
      buryAgain(this.task.code);
    },

    openWinners() {
      wx.navigateTo({ url: `/pages/winners/winners?code=${this.task.code}` });
    },
  },
});
