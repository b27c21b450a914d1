// The part of a treasure's page that makes a dig an act: whether opening digs, the chance, the stroke, the win, the cheers.

import { pictureOf } from "../shared/faces.js";
import { secondsUntil } from "../shared/clock.js";
import { besidesWords, findName, layerOf } from "../shared/finds.js";
import { wonThumbnail } from "../shared/prizes.js";
import { ASK_OPENING, CHEER, CHEERS, DIGS, GROUND, OPENING, OVER, TOO_SOON_MS, WIN, asksOpening, chanceWords, deepestWords, giverWords, heroWords, overWords, placeWords, pressOf, tooSoonWords, whyNot } from "../shared/words.js";
import { api, channel, soundAndShake } from "../wechat.js";
import { tell } from "./telling.js";

const OPENS = "wabao.opens"; // "digs" or "waits"; "" before anybody was asked
const SILENT = "wabao.silent"; // "silent": a win neither sounds nor shakes
const STROKE_MS = 600;
const PART_MS = 32; // two frames: what is set so far apart is drawn one after the other
const REST_MS = 1000; // the server takes one cheer a second from a person
const HOLD_MS = 1500;
const SHOWN_MS = 1500;
const HASTE_MS = 700; // people tap again and again in a race: until then a tap is still meant for the button
const STRATA = 5; // the newest layers, each in a place of its own, so that a dig changes only one

/** Resolve once what was set has most likely been drawn: the part that follows has a frame of its own. */
export const drawn = () => new Promise((resolve) => setTimeout(resolve, PART_MS));

export const moment = Behavior({
  data: {
    opens: "", asking: false, opening: OPENING, askOpening: ASK_OPENING, cheerWord: CHEER, winWords: WIN, ground: GROUND, depth: 0, deepest: "", chance: "", untold: false, warmth: 0, whole: false,
    era: 0, reach: 0, strata: Array.from({ length: STRATA }, (_, at) => ({ depth: -at })), ownStrata: {}, press: { kind: "closed", icon: "", big: "", small: "" }, closed: false, ring: [], refused: false,
    striking: false, flying: false, face: "", won: null, coins: false, silent: "", resting: false,
    signs: Object.keys(CHEERS).map((sign) => ({ sign, words: CHEERS[sign], count: "" })),
  },

  methods: {
    /** Read what the person chose, perhaps on another treasure's page. */
    recallChoices() {
      this.setData({ opens: wx.getStorageSync(OPENS), silent: wx.getStorageSync(SILENT) });
    },

    /** While your dig is under way, the level stays as it was. */
    showMoment(task) {
      if (this.data.busy) return;
      const chance = chanceWords(task);
      tell(this, {
        depth: task.now_depth,
        era: layerOf(task.now_depth + 1),
        reach: task.now_depth / task.deepest,
        deepest: deepestWords(task),
        chance: chance || this.data.chance, // once nothing is said of it, it keeps its place, unseen
        untold: !chance,
        warmth: task.status || !task.one_in ? 0 : task.one_in ** -0.5,
      });
    },

    /** What the button says, with `left` seconds to wait. */
    showPress(task, left) {
      const press = pressOf(task, this.data.busy, left, channel.isOpen());
      if (this.cooling && !left && press.kind === "ready") tell(this, { said: overWords(task), brought: null });
      if (left && OVER.includes(this.data.said)) tell(this, { said: "" });
      this.cooling = left > 0;
      this.tooSoon = tooSoonWords(task, left);
      tell(this, { press, ring: this.ringOf(task, left) });
      if (this.data.past) return;
      const closed = whyNot(task, 1) !== "";
      tell(this, { closed });
      this.ask(closed ? 0 : left);
    },

    tapDig() {
      if (this.data.press.kind === "cooling") this.refuse();
      else this.dig();
    },

    /** Answer a tap in a cooldown in its place, and then say again what was said before. */
    refuse() {
      const { said, brought } = this.data;
      if (said !== this.answer) this.before = { said, brought };
      clearTimeout(this.answering);
      this.answering = setTimeout(() => {
        tell(this, { ...(this.data.said === this.answer ? this.before : {}), refused: false });
        this.answer = null;
      }, TOO_SOON_MS);
      this.answer = this.tooSoon;
      tell(this, { said: this.answer, brought: null, refused: true });
    },

    /** After an own dig, ask once whether opening a treasure digs. Who does not answer goes on digging by hand. */
    ask(left) {
      const { asking, opens } = this.data;
      const asks = asksOpening(asking, left);
      if (asks === asking || (asks && (!this.dugSeq || opens))) return;
      if (asks) wx.setStorageSync(OPENS, "waits");
      this.setData({ asking: asks, opens: "waits" });
    },

    /** The ring runs as a style sheet says, and is made anew for each cooldown. */
    ringOf({ cd, cd_until }, left) {
      const [ring] = this.data.ring;
      if (!cd || !left || secondsUntil(cd_until) !== left) return [];
      if (ring && ring.until === cd_until) return [ring];
      return [{ until: cd_until, runs: `animation-duration: ${cd}s; animation-delay: ${Math.min(0, left - cd)}s` }];
    },

    /** Show who dug a layer, and what came up there. */
    showStratum({ depth, wxname, wxheadpic, find, is_prize }) {
      const at = depth % STRATA;
      if (this.data.strata[at].depth > depth) return;
      const what = is_prize ? DIGS.won : find ? findName(find) : "";
      const strata = [...this.data.strata];
      strata[at] = { depth, name: wxname, face: pictureOf({ wxname, wxheadpic }), what, won: is_prize };
      tell(this, { strata });
    },

    /** Return what marks a layer as one's own: the frames of a dig do not say whose it is. */
    ownStratum(depth) {
      return { ownStrata: { ...this.data.ownStrata, [depth]: true } };
    },

    /** Read who dug the newest layers: frames tell of the later ones. */
    async readStrata() {
      if (!this.task.now_depth) return;
      const { data } = await api.get("/getDigs", { code: this.task.code });
      if (this.life.aborted) return;
      data.slice(0, STRATA).forEach((each) => this.showStratum(each));
      await this.readWins();
    },

    digsOnOpening() {
      return this.data.opens === "digs";
    },

    answerOpening({ currentTarget }) {
      const { opens } = currentTarget.dataset;
      wx.setStorageSync(OPENS, opens);
      this.setData({ opens, asking: false });
    },

    /** Strike at once, and let earth fly once the blade is drawn. Resolves when the least time is over. */
    strike(face = "", changed = {}) {
      this.setData({ striking: true, flying: false, face, ...changed });
      drawn().then(() => this.life.aborted || this.setData({ flying: true }));
      return new Promise((resolve) => setTimeout(resolve, STROKE_MS));
    },

    async strikeOf(face) {
      if (this.data.striking) return; // after a lost connection many come at once
      await this.strike(face);
      if (!this.data.busy) this.setData({ striking: false });
    },

    /** Open the ground over what a dig of this reply won. */
    openGround(reply, task) {
      this.groundOpenedAt = Infinity; // until it shows, which takes a slow phone a while
      const won = { place: placeWords(reply), title: heroWords(task), giver: giverWords(task), besides: besidesWords(reply), picture: wonThumbnail(task) };
      this.setData({ won }, () => Object.assign(this, { groundOpenedAt: Date.now() }));
      if (!this.data.silent) soundAndShake();
    },

    /** Something moves at all times: the stroke ends only where coins fly. */
    throwCoins() {
      if (this.data.won) this.setData({ striking: false, coins: true });
    },

    tapBeside() {
      if (Date.now() - this.groundOpenedAt > HASTE_MS) this.closeGround();
    },

    closeGround() {
      if (this.data.won) this.setData({ won: null, coins: false });
    },

    goToClaim() {
      this.closeGround();
      wx.pageScrollTo({ selector: ".claim" });
    },

    /** Show the whole synopsis, or its first lines, so that the button is in sight. */
    unfold() {
      this.setData({ whole: !this.data.whole });
    },

    switchSound() {
      const silent = this.data.silent ? "" : "silent";
      wx.setStorageSync(SILENT, silent);
      this.setData({ silent });
    },

    cheer({ currentTarget }) {
      if (this.data.resting) return;
      channel.cheer(this.task.code, currentTarget.dataset.sign);
      this.holdCheers(REST_MS);
    },

    /** Take no cheer for a moment: at an end, somebody may be about to dig. */
    holdCheers(forMs = HOLD_MS) {
      this.setData({ resting: true });
      setTimeout(() => this.setData({ resting: false }), forMs);
    },

    showCheers(counts) {
      tell(this, { signs: this.data.signs.map((each) => ({ ...each, count: counts[each.sign] || each.count })) });
      clearTimeout(this.fading);
      this.fading = setTimeout(() => tell(this, { signs: this.data.signs.map((each) => ({ ...each, count: "" })) }), SHOWN_MS);
    },
  },
});
