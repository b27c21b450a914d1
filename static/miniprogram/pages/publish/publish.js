// Publishing: goods may be dug at once, a red packet once it is paid.

import { naming } from "../../parts/naming.js";
import { picturing } from "../../parts/picturing.js";
import { mayPass, mayRepeat } from "../../shared/api.js";
import { MOST_KINDS, copyOf, paysFen, planWarning, planWords, prizesOf, spacing } from "../../shared/planning.js";
import { AUDIENCE, CLAIM, FIELDS, GIVING, KIND, NAMING, PUBLISH, cashRules, cooldownHint, fluctuationHint, publishersTax, yuan } from "../../shared/words.js";
import { admitted, api, pay, publishWith, showProblem, takeHalf, toBury } from "../../wechat.js";

const ON_SITE = { of: "onSite", text: "实物，现场领取" };
const BY_MAIL = { of: "byMail", text: "实物，邮寄" };
// The kinds to choose from: with a server that takes red packets, and with one that does not.
const WITH_CASH = [ON_SITE, BY_MAIL, { of: "packet", text: "红包" }, { of: "several", text: "几种奖品、拼手气" }];
const GOODS_ONLY = [ON_SITE, BY_MAIL, { of: "several", text: "几种奖品" }];
const DRAW_TYPES = { onSite: 1, byMail: 2 };
// The names that `prizesOf` has for one of several kinds.
const KINDS = [{ of: "goods", text: "实物" }, { of: "each", text: "红包" }, { of: "split", text: "拼手气" }];
const NEW = { name: "", kind: 0, number: "1", amount: "", value: "", url: "", thumbnail: "" };
let made = 0; // how many were made: each keeps its key when another goes
const rowOf = (filled) => ({ ...NEW, ...filled, key: String(made++) });
const NO_TIMES = { day: "", clock: "20:00", lastDay: "", lastClock: "22:00" };

Component({
  behaviors: [naming, picturing],

  data: {
    choices: GOODS_ONLY, chosen: "onSite", at: 0, kinds: KINDS, rows: [rowOf({ name: "一等奖" }), rowOf({ name: "二等奖" })], mostKinds: MOST_KINDS,
    giving: GIVING.map(([, text]) => text), given: 0, audience: AUDIENCE.map(([, text]) => text), heard: 0,
    filled: /** @type {Record<string, string>} */ ({ prize_num: "1" }), paid: false, goods: true, spread: false, interval: "", fluctuation: "", plan: "", warning: "",
    cash: "", tax: "", least: "", speed: "", busy: false,
    ...NO_TIMES, today: "", unread: "", again: CLAIM.again, said: "", labels: FIELDS, kind: KIND, words: PUBLISH, why: NAMING.publishing,
  },

  methods: {
    /** Read what this server allows; without that, the form has goods only. */
    async onShow() {
      this.burying = toBury() || this.burying;
      this.setData({ unread: "" });
      try {
        await admitted();
        this.showNaming();
        const { red_packets: taken, cash, fair_start_ms } = await api.get("/getMyInfo");
        this.rules = { ...cash, fair_start_ms };
        if (this.burying) this.fill((await api.get("/getTaskDetails", { code: this.burying })).data);
        this.burying = "";
        const choices = taken ? WITH_CASH : GOODS_ONLY;
        const at = Math.max(0, choices.findIndex(({ of }) => of === this.data.chosen));
        const now = new Date();
        const today = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
        this.setData({ today, choices, at, chosen: choices[at].of, kinds: taken ? KINDS : KINDS.slice(0, 1), cash: cashRules(cash) });
        this.adapt();
      } catch (error) {
        this.setData({ unread: error.message });
        if (!mayRepeat(error)) this.burying = "";
        showProblem(error);
      }
    },

    /** Fill in the details of a treasure that is buried again. */
    fill(task) {
      const { url, values, kinds } = copyOf(task);
      this.url = url || undefined;
      this.typed = values;
      this.spaced = values.prize_num !== "1";
      const chosen = kinds.length ? "several" : task.goods_type === 1 ? "packet" : task.draw_type === 2 ? "byMail" : "onSite";
      const filled = kinds.map((kind, at) => rowOf({ ...kind, kind: KINDS.findIndex(({ of }) => of === kind.kind), thumbnail: task.ranks[at].thumbnail }));
      this.setData({
        ...NO_TIMES, filled: values, chosen, thumbnail: url && task.thumbnail, given: GIVING.findIndex(([of]) => of === values.draw_type),
        heard: AUDIENCE.findIndex(([of]) => of === values.is_public),
        interval: values.interval || "", fluctuation: values.fluctuation || "", rows: filled.length ? filled : this.data.rows,
      });
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

    /** Note a number that was typed. Once the person has typed a spacing, it is no longer computed. */
    type({ detail, currentTarget }) {
      const { of } = currentTarget.dataset;
      this.typed = { ...this.typed, [of]: detail.value };
      if (of === "interval" || of === "fluctuation") {
        this.spaced = true;
        this.setData({ [of]: detail.value });
      }
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
    },

    /** Start and end of digging, in unix ms, if the person set them. Date.parse is not used, since iOS reads
        few forms with it. */
    times() {
      const { day, clock, lastDay, lastClock } = this.data;
      const at = (date, time) => {
        const [year, month, ...rest] = `${date}-${time.replace(":", "-")}`.split("-").map(Number);
        return date ? new Date(year, month - 1, ...rest).getTime() : undefined;
      };
      return { starts_at: at(day, clock), ends_at: at(lastDay, lastClock) };
    },

    /** What is to be published, as `/postTask` takes it. @returns {Record<string, any>} */
    contents() {
      const { chosen, rows, given } = this.data;
      if (chosen === "several") return { ...prizesOf(rows.map((row) => ({ ...row, kind: KINDS[row.kind].of }))), draw_type: Number(GIVING[given][0]) };
      return { goods_type: chosen === "packet" ? 1 : 2, draw_type: DRAW_TYPES[chosen] };
    },

    /** Show the plan and the warnings that follow from the form. */
    adapt() {
      const { prize_num: one = "1", forecast_num: forecast, money = 0, value = 0, cd } = this.typed || {};
      const { goods_type: type, prize_num: prizes = Number(one) || 0, prizes: kinds, draw_type: given } = this.contents();
      const { least_cd = 0, least_gap = 1, fair_start_ms = 0 } = this.rules || {};
      const gap = type === 1 ? Math.max(1, least_gap) : 1;
      const plan = { prizes, forecast: Number(forecast) || 0, interval: Number(this.data.interval) || 0, fluctuation: Number(this.data.fluctuation) || 0, cd: Number(cd) || 0 };
      if (!this.spaced && prizes > 1 && plan.forecast) Object.assign(plan, spacing({ ...plan, gap }));
      const payFen = kinds ? paysFen(kinds) : type === 1 ? prizes * Number(money) * 100 : 0;
      const goods = !kinds || this.data.rows.some(({ kind }) => kind === 0);
      this.setData({
        paid: type === 1,
        goods,
        handing: goods && this.data.chosen !== "packet" ? given : 0,
        spread: prizes > 1,
        least: fluctuationHint(plan.interval, gap),
        speed: cooldownHint(type === 1 ? least_cd : 0, fair_start_ms),
        interval: plan.interval ? String(plan.interval) : "",
        fluctuation: plan.interval ? String(plan.fluctuation) : "",
        plan: [planWords(plan), payFen ? `要支付 ${yuan(payFen)}` : ""].filter(Boolean).join("。"),
        warning: planWarning(plan),
        tax: publishersTax(kinds ? { ranks: kinds } : type === 1 ? {} : { value: Number(value) }),
      });
    },

    /**
     * Fields that do not apply are sent too, and numbers as texts: the server ignores the former and reads the
     * latter.
     */
    async publish({ detail }) {
      if (this.data.busy) return; // a second tap, before the button showed that it is disabled
      this.setData({ busy: true, said: "" });
      let sent = false;
      try {
        await admitted();
        const asked = { ...detail.value, ...this.contents(), ...this.times(), is_public: AUDIENCE[this.data.heard][0], url: this.url };
        const half = await takeHalf(asked);
        sent = true;
        const published = await publishWith(half, asked);
        // It is published even if the payment fails: it can also be paid on the treasure's page.
        if (published.need_pay) await pay(published.code, published.owed).catch(showProblem);
        this.url = undefined;
        this.setData({ thumbnail: "", ...NO_TIMES });
        wx.navigateTo({ url: `/pages/treasure/treasure?code=${published.code}` });
      } catch (error) {
        if (!error.error) throw error;
        this.setData({ said: sent && mayPass(error) ? PUBLISH.maybe : error.message });
      } finally {
        this.setData({ busy: false });
      }
    },
  },
});
