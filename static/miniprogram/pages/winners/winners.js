// The publisher's side of a treasure's prizes: who won, where to send it, its parcel, and the pick-up codes.

import { opening } from "../../parts/opening.js";
import { watching } from "../../parts/watching.js";
import { pictureOf } from "../../shared/faces.js";
import { handing } from "../../shared/planning.js";
import { handsOver, isMailed, shippingStep, wantsTables } from "../../shared/prizes.js";
import { atMostEvery } from "../../shared/renewing.js";
import { thankedWords } from "../../shared/story.js";
import { publishersTax } from "../../shared/words-publish.js";
import { CARRIERS, PARCEL, WINNERS, claimsEnd, givenWords, noWinners, packetsWords, parcelWords, pickupRight, shippedWords, wantedOf } from "../../shared/words-later.js";
import { OWN, prizeWords, title } from "../../shared/words.js";
import { admitted, api, buryAgain, channel, chooseTable, copy, fetchFile, scan, shareFile, showProblem } from "../../wechat.js";

const RENEW_MS = 20000; // frames report most changes, but not those that only time brings
const READ_MS = 500; // many win or claim at once
const TOLD_BY = ["prize", "claim", "snapshot", "end"];

Component({
  behaviors: [opening, watching],

  data: {
    words: WINNERS, own: OWN, carriers: [WINNERS.choose, ...CARRIERS], heading: "", none: "", tax: "", closed: "", checks: false, tables: false, mails: false, shipped: null, fetched: "", parcel: PARCEL,
    wanted: "all", filters: [], pages: 1, more: false, rows: null, picked: {}, correcting: {}, busy: false, pickup: "",
  },

  methods: {
    /** `pickup` comes with a winner's QR code: its six digits. Of the winners those `wanted` are shown. */
    onLoad({ code, pickup = "", wanted = "all" }) {
      this.code = code;
      this.life = { aborted: false };
      this.setData({ pickup, wanted });
      this.again = atMostEvery(READ_MS, () => this.read(), () => this.inSight, this.life);
      this.start();
    },

    onShow() {
      this.appear();
    },

    onHide() {
      this.disappear();
    },

    onUnload() {
      this.life.aborted = true;
      this.disappear();
    },

    listen() {
      const leave = channel.subscribe(this.code, this.task.seq, ({ type }) => TOLD_BY.includes(type) && this.again());
      const renewing = setInterval(this.again, RENEW_MS);
      return () => {
        leave();
        clearInterval(renewing);
      };
    },

    onPullDownRefresh() {
      const reading = this.data.rows ? this.read().catch(showProblem) : Promise.resolve(); // before, a button tries again
      reading.then(() => wx.stopPullDownRefresh());
    },

    async begin() {
      await admitted();
      this.task = (await api.get("/getTaskDetails", { code: this.code })).data;
      this.setData({ filters: wantedOf(handing(this.task) === 2).map(([wanted, label]) => ({ wanted, label })) });
      await this.read();
      this.watch();
    },

    async read() {
      const { wanted, pages } = this.data;
      const asked = Array.from({ length: pages }, (_, at) => api.get("/getWinners", { code: this.code, wanted, page: at + 1 }));
      const found = await Promise.all(asked);
      if (this.life.aborted || wanted !== this.data.wanted) return;
      const [{ claim_until, addresses_closed, number }] = found;
      const data = [...new Map(found.flatMap((page) => page.data).map((winner) => [winner.depth, winner])).values()]; // pages may overlap
      this.setData({
        heading: [title(this.task), number || wanted !== "all" ? claimsEnd(claim_until, data, number) : ""].filter(Boolean).join(" · "),
        none: wanted === "all" ? noWinners(claim_until) : WINNERS.empty,
        tax: publishersTax(this.task) || packetsWords(this.task),
        closed: number || wanted !== "all" ? addresses_closed : "",
        rows: data.map((winner) => this.rowOf(winner)),
        more: data.length < number,
        tables: wantsTables(this.task),
        mails: this.data.mails || data.some(isMailed),
        // Winners on further pages may wait for their goods too.
        checks: handsOver(data) || (this.data.checks && (wanted !== "all" || data.length < number)),
      });
    },

    rowOf(winner) {
      const { task } = this;
      const { depth, wxname, state, receiver, phone, address, address_deleted, carrier, number } = winner;
      return {
        depth, wxname, thanked: thankedWords(winner), wxheadpic: pictureOf(winner), receiver, phone, address, carrier, number,
        how: [`第 ${depth} 层`, givenWords(winner, task), prizeWords(winner, state)].filter(Boolean).join(" · "),
        overdue: Boolean(winner.overdue) && !address_deleted,
        deleted: Boolean(address_deleted) && state !== "returned",
        frozen: state === "frozen",
        times: parcelWords(winner),
        step: shippingStep(winner),
        carrierAt: CARRIERS.indexOf(carrier) + 1, // 0: none is chosen
      };
    },

    look({ currentTarget }) {
      this.setData({ wanted: currentTarget.dataset.wanted, pages: 1 });
      this.read().catch(showProblem);
    },

    onReachBottom() {
      if (!this.data.more) return;
      this.setData({ pages: this.data.pages + 1 });
      this.read().catch(showProblem);
    },

    pick({ detail, currentTarget }) {
      this.setData({ [`picked.${currentTarget.dataset.depth}`]: Number(detail.value) });
    },

    correct({ currentTarget }) {
      this.setData({ [`correcting.${currentTarget.dataset.depth}`]: true });
    },

    /** Do something for a winner, and read what became of it. */
    async act(work) {
      if (this.data.busy) return;
      this.setData({ busy: true });
      try {
        await work();
        this.setData({ fetched: "" }); // it is older than this
        await this.read();
      } catch (error) {
        showProblem(error);
      }
      this.setData({ busy: false });
    },

    ship({ detail, currentTarget }) {
      const { depth, at } = currentTarget.dataset;
      const picked = this.data.picked[depth] ?? at;
      return this.act(async () => {
        const carrier = picked ? CARRIERS[picked - 1] : "";
        await api.post("/shipPrize", { code: this.code, depth, carrier, number: detail.value.number });
        this.setData({ [`correcting.${depth}`]: false });
      });
    },

    confirm({ detail }) {
      return this.act(async () => {
        const won = await api.post("/confirmDraw", { code: this.code, pickup: detail.value.pickup });
        this.setData({ pickup: "" });
        wx.showToast({ title: pickupRight(won, this.task), icon: "none" });
      });
    },

    /** Check the code that a winner shows: an address that ends in `?code=…&pickup=…`. */
    async scanPickup() {
      try {
        const found = /[?&]code=([0-9A-Za-z]+)&pickup=([0-9]{6})/.exec(await scan());
        if (found && found[1] === this.code) await this.confirm({ detail: { value: { pickup: found[2] } } });
        else wx.showToast({ title: WINNERS.notPickup, icon: "none" });
      } catch (error) {
        showProblem(error);
      }
    },

    /** Upload the filled-in table, and show why rows were refused. */
    takeTable() {
      return this.act(async () => {
        const table = await chooseTable();
        this.setData({ shipped: null });
        const { data } = await api.post("/shipPrizes", { code: this.code, table });
        this.setData({ shipped: shippedWords(data) });
      });
    },

    bury() {
      buryAgain(this.code);
    },

    /** The first tap fetches the table, the second sends it: only during a tap may a file be sent. */
    async sendTable() {
      const { fetched } = this.data;
      try {
        if (fetched) await shareFile(fetched, `winners-${this.code}.csv`);
        const table = fetched ? "" : await fetchFile("/getWinners", { code: this.code, format: "csv" });
        this.setData({ fetched: table });
      } catch (error) {
        showProblem(error);
      }
    },

    copyNumber({ currentTarget }) {
      copy(currentTarget.dataset.number).catch(showProblem);
    },
  },
});
