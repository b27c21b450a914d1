// The part of a treasure's page in which a winner claims: an address for the post, a code to pick it up, or a bill that
// WeChat asks them to confirm. The page tells it of each change by `showClaim()`.

import { nextCards } from "../shared/afterwards.js";
import { secondsUntil } from "../shared/clock.js";
import { claimStep, isClaimable, stateOf } from "../shared/prizes.js";
import { THANKS, THANK_YOUS, thanksAsk } from "../shared/story.js";
import { CLAIM, HANDED, PARCEL, changeWords, contactWords, packetWords, parcelWords, receiverProblem, senderWords, transferWords, waitWords, winnersTax } from "../shared/words-later.js";
import { handingLines, heroWords, untilWords } from "../shared/words.js";
import { api, askToConfirm, chooseAddress, confirmsTransfers, copy, showProblem, updateWeChat, updatesWeChat } from "../wechat.js";
import { tell } from "./telling.js";

export const claiming = Behavior({
  data: {
    hero: "", thankable: false, thanked: false, thankWords: THANKS, thankYous: Object.entries(THANK_YOUS).map(([sign, words]) => ({ sign, words })), thankAsk: "", nextUp: [], claim: null, claimWords: CLAIM, parcel: PARCEL, until: "", tax: "", sender: "",
  },

  methods: {
    showClaim() {
      const { task } = this;
      const until = isClaimable(task) ? untilWords(task.claim_until) : "";
      tell(this, { until, hero: task.is_prize ? heroWords(task) : "", thankable: Boolean(task.is_prize && task.is_draw), thanked: Boolean(task.thanks), thankAsk: thanksAsk(task) });
      if (task.is_draw) tell(this, { nextUp: nextCards(task.code) });
      const state = task.is_prize ? stateOf(task) : "";
      if (state === this.claimed) return; // keep what is typed there
      this.claimed = state;
      if (!state) return;
      const step = claimStep(task);
      this.setData({ tax: winnersTax(task) });
      this.setClaim({ step, waits: waitWords(task) });
      if (step === "mailed") this.readMailed();
      if (step === "address") this.readSender();
    },

    /** Say how many prizes the publisher has sent; nothing if that cannot be read. */
    async readSender() {
      tell(this, { sender: HANDED.reading });
      const found = await api.get("/getPublisher", { publisher_id: this.task.publisher_id }).catch((error) => {
        if (!error.error) throw error;
      });
      tell(this, { sender: found ? senderWords(found) : "" });
    },

    /** Show this state of a claim, and nothing of the previous state. */
    setClaim(claim) {
      this.setData({ claim: { said: "", busy: false, handing: handingLines(this.task), ...claim } });
      this.countClaim();
    },

    /** Say until when an address may change, and from when on a red packet may be taken: the page counts the seconds. */
    countClaim() {
      const { task } = this;
      const { claim } = this.data;
      if (!claim) return;
      const until = claim.goods ? claim.goods.change_until : 0;
      const timed = {
        packet: packetWords(task), later: secondsUntil(task.claim_from) > 0, until: changeWords(until), changes: secondsUntil(until) > 0,
      };
      tell(this, { claim: { ...claim, ...timed } });
    },

    /** Do one step of a claim; a refusal is said there, or at the field that it names. */
    async claimOn(act) {
      if (this.data.claim.busy) return;
      this.setData({ "claim.busy": true, "claim.said": "", "claim.wrong": "" });
      try {
        await act();
      } catch (error) {
        if (!error.error) throw error;
        const wrong = this.data.claim.step === "address" && error.reply ? error.reply.param : "";
        if (wrong) this.setData({ "claim.wrong": wrong, "claim.why": error.message });
        else if (!error.cancelled) this.setData({ "claim.said": error.message });
      } finally {
        this.setData({ "claim.busy": false });
      }
    },

    draw(parameters = {}) {
      return api.post("/drawPrize", { code: this.task.code, ...parameters });
    },

    /** WeChat does not say reliably whether the winner confirmed, so ask the server. */
    take() {
      if (!confirmsTransfers()) { // asked before a bill is made
        this.setData({ "claim.outdated": true, "claim.updates": updatesWeChat() });
        return undefined;
      }
      return this.claimOn(async () => {
        let claimed = await this.draw().catch((error) => {
          if (error.error === "payout_waits") this.show({ claim_from: error.reply.claim_from }); // the details do not tell each wait
          throw error;
        });
        if (claimed.package_info) {
          await askToConfirm(claimed);
          claimed = await this.draw();
        }
        if (!claimed.is_draw) this.setData({ "claim.said": transferWords(claimed) });
        this.show({ is_draw: claimed.is_draw, prize_state: claimed.state });
        this.offer();
      });
    },

    /** Fill the form with an address that WeChat knows. */
    chooseAddress() {
      return this.claimOn(async () => this.setData({ "claim.filled": await chooseAddress() }));
    },

    /** Thank the giver, once, by a sign. */
    thank({ currentTarget }) {
      const { sign } = currentTarget.dataset;
      return this.claimOn(async () => {
        await api.post("/thank", { code: this.task.code, sign });
        this.show({ thanks: sign });
      });
    },

    copyNumber({ currentTarget }) {
      copy(currentTarget.dataset.number).catch(showProblem);
    },

    update() {
      return this.claimOn(updateWeChat);
    },

    showPickup() {
      return this.claimOn(async () => {
        const { is_draw, state, pickup, pickup_pic, contact } = await this.draw();
        this.setData({ "claim.pickup": pickup, "claim.pic": pickup_pic, "claim.contact": contactWords({ contact }) });
        this.show({ is_draw, prize_state: state });
        this.offer();
      });
    },

    sendAddress({ detail }) {
      return this.claimOn(async () => {
        const why = receiverProblem(detail.value.receiver);
        if (why) throw Object.assign(new Error(why), { error: "bad_request", reply: { param: "receiver" } });
        this.mailed(await this.draw(detail.value));
      });
    },

    /** Read what only `/drawPrize` knows about goods by mail; if that fails, a button tries again. */
    readMailed() {
      return this.claimOn(async () => this.mailed(await this.draw()));
    },

    mailed(goods) {
      const changed = { is_draw: 1, prize_state: goods.state };
      this.claimed = stateOf({ ...this.task, ...changed });
      this.setClaim({ step: "mailed", contact: contactWords(goods), goods: { ...goods, times: parcelWords(goods) } });
      this.show(changed);
      this.offer();
    },

    changeAddress() {
      const { goods } = this.data.claim;
      this.setClaim({ step: "address", goods, filled: goods });
    },

    arrived() {
      return this.claimOn(async () => {
        await api.post("/receivePrize", { code: this.task.code });
        this.mailed(await this.draw());
      });
    },
  },
});
