// Publishing: first what is buried, then what has to be said of it. Goods may be dug at once, a red packet once it is
// paid. A field that is left empty counts as its placeholder says.

import { limits } from "../../parts/limits.js";
import { naming } from "../../parts/naming.js";
import { picturing } from "../../parts/picturing.js";
import { mayPass, mayRepeat } from "../../shared/api.js";
import { MOST_KINDS, copyOf, dayAndClock, momentOf, packetOf, packetProblem, paysFen, planOf, planWarning, planWords, prizesOf, quickWords, wholeOf, zoneWords } from "../../shared/planning.js";
import { AUDIENCE, FIELDS, GIVING, KIND, PACKET, PUBLISH, RANKS, TEMPOS, WHATS, cooldownHint, deadlineWords, endsHint, fluctuationHint, publishersTax, sumRange } from "../../shared/words-publish.js";
import { CLAIM, NAMING } from "../../shared/words-later.js";
import { cashRules, yuan } from "../../shared/words.js";
import { admitted, api, ask, me, pay, problemWords, publishWith, say, takeHalf, toBury } from "../../wechat.js";

const ON_SITE = { of: "onSite", text: "实物，现场领取" };
const BY_MAIL = { of: "byMail", text: "实物，邮寄" };
// The kinds to choose from: with a server that takes red packets, and with one that does not.
const WITH_CASH = [BY_MAIL, ON_SITE, { of: "packet", text: "红包" }, { of: "several", text: "几种奖品、拼手气" }];
const GOODS_ONLY = [BY_MAIL, ON_SITE, { of: "several", text: "几种奖品" }];
const DRAW_TYPES = { onSite: 1, byMail: 2 };
// The names that `prizesOf` has for one of several kinds.
const KINDS = [{ of: "goods", text: "实物" }, { of: "each", text: "红包" }, { of: "split", text: "拼手气" }];
const NEW = { name: "", kind: 0, number: "", amount: "", value: "", url: "", thumbnail: "" };
let made = 0; // how many were made: each keeps its key when another goes
const rowOf = (filled) => ({ ...NEW, ...filled, key: String(made++) });
// The fields beside which a problem is said, by what is buried; any other is said above the button.
const BESIDE = { packet: ["sum", "prize_num"], thing: ["name"], more: ["name"] };
const ICONS = { packet: "packet", thing: "icon trophy", more: "icon square" };
const whatsOf = (cash) => WHATS.slice(cash ? 0 : 1).map(([of, text, told]) => ({ of, text, told, icon: ICONS[of] }));
const choicesOf = (list) => list.map(([of, text]) => ({ of, text }));
const NO_TIMES = { day: "", clock: "20:00", lastDay: "", lastClock: "22:00" };

Component({
  behaviors: [limits, naming, picturing],

  data: {
    choices: GOODS_ONLY, chosen: "byMail", at: 0, kinds: KINDS, rows: [rowOf({}), rowOf({})], mostKinds: MOST_KINDS,
    whats: whatsOf(false), what: "", tempos: choicesOf(TEMPOS), tempo: "", packet: PACKET, sums: "", ranks: RANKS,
    giving: GIVING.map(([, text]) => text), given: 0, audience: AUDIENCE.map(([, text]) => text), heard: 0,
    signer: "", filled: /** @type {Record<string, string>} */ ({}), paid: false, goods: true, spread: false, suited: {}, plan: "", deadline: "", warning: "",
    tax: "", ends: "", zone: "", forecasts: "", least: "", speed: "", busy: false,
    ...NO_TIMES, today: "", unread: "", again: CLAIM.again, said: "", wrong: "", aim: "", labels: FIELDS, kind: KIND, words: PUBLISH, why: NAMING.publishing,
  },

  methods: {
    /** Read what this server allows; before that there is no form, which would change under the fingers. */
    async onShow() {
      this.burying = toBury() || this.burying;
      this.setData({ unread: "" });
      try {
        await admitted();
        this.showNaming();
        this.setData({ signer: me().nickName });
        const { red_packets: taken, cash, fair_start_ms, task_days } = await api.get("/getMyInfo");
        this.rules = { ...cash, fair_start_ms, task_days };
        this.setData({ whats: whatsOf(taken) });
        if (this.burying) this.fill((await api.get("/getTaskDetails", { code: this.burying })).data);
        this.burying = "";
        const choices = taken ? WITH_CASH : GOODS_ONLY;
        const at = Math.max(0, choices.findIndex(({ of }) => of === this.data.chosen));
        this.setData({ today: dayAndClock(Date.now()).day, choices, at, chosen: choices[at].of, kinds: taken ? KINDS : KINDS.slice(0, 1), ...(taken ? { cash: cashRules(cash) } : {}), sums: taken ? sumRange(cash.most_yuan) : "" });
        this.adapt();
      } catch (error) {
        this.setData({ unread: error.message });
        if (!mayRepeat(error)) this.burying = "";
        if (!error.error) throw error;
      }
    },

    /** Fill in the details of a treasure that is buried again. */
    fill(task) {
      const { url, values, kinds } = copyOf(task);
      this.url = url || undefined;
      this.typed = values;
      this.tempo = "own";
      const chosen = kinds.length ? "several" : task.goods_type === 1 ? "packet" : task.draw_type === 2 ? "byMail" : "onSite";
      const filled = kinds.map((kind, at) => rowOf({ ...kind, kind: KINDS.findIndex(({ of }) => of === kind.kind), thumbnail: task.ranks[at].thumbnail }));
      this.setData({
        ...NO_TIMES, what: "more", filled: values, chosen, thumbnail: url && task.thumbnail, given: GIVING.findIndex(([of]) => of === values.draw_type),
        heard: AUDIENCE.findIndex(([of]) => of === values.is_public), rows: filled.length ? filled : this.data.rows,
      });
    },

    bury({ currentTarget }) {
      this.setData({ what: currentTarget.dataset.of, filled: { ...this.data.filled, ...this.typed } });
      this.adapt();
    },

    /** Choose a tempo by hand: until then it follows from the number of prizes. */
    pace({ currentTarget }) {
      this.tempo = currentTarget.dataset.of;
      this.adapt();
    },

    choose({ detail }) {
      const at = Number(detail.value);
      this.setData({ at, chosen: this.data.choices[at].of });
      this.adapt();
    },

    give({ detail }) {
      this.setData({ given: Number(detail.value) });
      this.adapt();
    },

    hear({ detail }) {
      this.setData({ heard: Number(detail.value) });
    },

    /** Note what was typed, since the plan follows from it. */
    type({ detail, currentTarget }) {
      this.typed = { ...this.typed, [currentTarget.dataset.of]: detail.value };
      this.adapt();
    },

    row({ detail, currentTarget }) {
      const { at, of } = currentTarget.dataset;
      this.setData({ [`rows[${at}].${of}`]: of === "kind" ? Number(detail.value) : detail.value });
      this.adapt();
    },

    addRow() {
      this.setData({ rows: [...this.data.rows, rowOf({})] });
      this.adapt();
    },

    dropRow({ currentTarget }) {
      this.setData({ rows: this.data.rows.filter((_, at) => at !== Number(currentTarget.dataset.at)) });
      this.adapt();
    },

    /** Note what a picker chose; a tap on 清除 has no value, and takes the day back. */
    time({ detail, currentTarget }) {
      this.setData({ [currentTarget.dataset.of]: detail.value || "" });
      this.adapt();
    },

    /** Start and end of digging, in unix ms, if the person set them. */
    times() {
      const { day, clock, lastDay, lastClock } = this.data;
      return { starts_at: momentOf(day, clock), ends_at: momentOf(lastDay, lastClock) };
    },

    /** What is to be published, as `/postTask` takes it, and its `plan`. @returns {Record<string, any>} */
    contents(filled) {
      const { what, chosen, rows, given } = this.data;
      const draw_type = Number(GIVING[given][0]);
      const number = filled.prize_num ? wholeOf(filled.prize_num) : 1;
      const several = () => ({ ...prizesOf(rows.map((row) => ({ ...row, kind: KINDS[row.kind].of }))), draw_type });
      const asked = {
        packet: () => packetOf(filled),
        thing: () => ({ goods_type: 2, prize_num: 1, draw_type, is_public: 1 }),
        more: () => ({
          ...(chosen === "several" ? several() : { goods_type: chosen === "packet" ? 1 : 2, prize_num: number, draw_type: DRAW_TYPES[chosen] }),
          ...this.times(), is_public: AUDIENCE[this.data.heard][0],
        }),
      }[what]();
      const plan = planOf({ prizes: asked.prize_num, tempo: this.tempo, typed: filled, cash: asked.goods_type === 1, group: what === "packet", rules: this.rules });
      return { ...asked, forecast_num: plan.forecast, interval: plan.interval, fluctuation: plan.fluctuation, cd: plan.cd, plan };
    },

    /** Show the plan and the warnings that follow from the form. */
    adapt() {
      if (!this.rules || !this.data.what) return; // they are not read, or nothing is chosen yet
      const typed = this.typed || {};
      const { plan, goods_type: type, prizes: kinds, draw_type: given, starts_at, ends_at } = this.contents(typed);
      const { what, chosen, rows } = this.data;
      const { least_cd, least_diggers, fair_start_ms, task_days } = this.rules;
      const own = plan.tempo === "own";
      const payFen = kinds ? paysFen(kinds) : type === 1 ? plan.prizes * Number(typed.money || 0) * 100 : 0;
      const goods = what === "thing" || (chosen === "several" ? rows.some(({ kind }) => kind === 0) : chosen !== "packet");
      this.setData({
        said: "",
        wrong: "",
        tempo: plan.tempo,
        paid: type === 1,
        goods,
        handing: goods && what !== "packet" ? given : 0,
        spread: plan.prizes > 1,
        suited: plan,
        forecasts: `${type === 1 && plan.prizes === 1 ? Math.max(1, least_diggers) : 1} 到 1000000`,
        least: fluctuationHint(plan.interval, plan.gap),
        speed: cooldownHint(type === 1 ? least_cd : 0, fair_start_ms),
        plan: plan.misfit ? "" : [planWords(plan), payFen ? `要支付 ${yuan(payFen)}` : ""].filter(Boolean).join("。"),
        deadline: deadlineWords({ group: what === "packet", ends_at, paid: type === 1, days: task_days }),
        ends: endsHint(task_days),
        zone: zoneWords(starts_at, ends_at),
        warning: plan.misfit || (own ? planWarning(plan) : ""),
        tax: publishersTax(kinds ? { ranks: kinds } : type === 1 || what === "thing" ? {} : { value: Number(typed.value || 0) }),
      });
    },

    /** Fields that do not apply are sent too, and numbers as texts: the server ignores the former and reads the latter. */
    async publish({ detail }) {
      if (this.data.busy) return; // a second tap, before the button showed that it is disabled
      this.setData({ busy: true, said: "", wrong: "", aim: "" });
      let sent = false;
      try {
        await admitted();
        const filled = { ...this.typed, ...detail.value };
        const { plan, ...contents } = this.contents(filled);
        const wrong = (this.data.what === "packet" && packetProblem(filled, this.rules.most_yuan)) || (plan.misfit && { param: "", message: plan.misfit });
        if (wrong) {
          this.blame(wrong.param, wrong.message);
          return;
        }
        const quick = quickWords(plan);
        if (quick && !(await ask(PUBLISH.quick, quick, PUBLISH.agree))) return;
        const asked = { ...filled, ...contents, url: this.data.what === "packet" ? undefined : this.url };
        const half = await takeHalf(asked);
        sent = true;
        const published = await publishWith(half, asked);
        // It is published even if the payment fails: it can also be paid on the treasure's page.
        const said = published.need_pay ? await pay(published).catch(problemWords) : "";
        this.url = undefined;
        this.setData({ thumbnail: "", ...NO_TIMES });
        // A page that opens would hide what was said before it.
        wx.navigateTo({ url: `/pages/treasure/treasure?code=${published.code}`, success: () => say(said) });
      } catch (error) {
        if (!error.error) throw error;
        this.blame(error.reply ? error.reply.param : "", sent && mayPass(error) ? PUBLISH.maybe : error.message);
      } finally {
        this.setData({ busy: false });
      }
    },

    /** Say what is wrong, at the field of this parameter, which takes the focus; without one, at the button. */
    blame(param, said) {
      const wrong = BESIDE[this.data.what].includes(param) ? param : "";
      this.setData({ said, wrong, aim: wrong }); // `aim` stays while they type: without it a phone hides the keyboard
    },
  },
});
