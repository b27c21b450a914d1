// One chart of the last 15 minutes, on a canvas: lines, or stacked columns. It draws only when `draw` is called.
//
// A pixel stands for several seconds. Lines show the greatest of them, columns the mean, or the sum if the chart
// counts. Which seconds form a pixel does not depend on the newest second, so the drawing moves left without flicker.

import { el, fill, write } from "./dom.js";
import { clock } from "./format.js";
import { SECONDS } from "./history.js";
import { t } from "./words.js";

const HEIGHT = 90;
const LABEL_HEIGHT = 13;
const MARKS_SECONDS = [300, 600];

let colours = null;

/** Return the colours of the present scheme, by the names that base.css gives them. */
function palette() {
  if (colours) return colours;
  const style = getComputedStyle(document.documentElement);
  const names = ["blue", "green", "amber", "red", "violet", "grey", "line", "soft"];
  colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  colours.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  return colours;
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours = null; });

export class Chart {
  #history;
  #spec;
  #values = el("div.values");
  #canvas = el("canvas", { "aria-hidden": "true" });
  #mark = el("i.cursor", { hidden: true });
  #plot;
  #width = 0;
  #visible = true;
  #series = [];
  #texts = [];

  /**
   * `spec`: `id` names it in words.js; `series()` returns what it shows now, each with `label`, `colour` and
   * `value(second)`, null if nothing was measured; `stacked`; `format`; `least`, the smallest top of the
   * scale; `summed`, to count: its columns are sums, and it shows that of the 15 minutes; `note()`, a text beside
   * the title.
   *
   * `onPoint(at)` is called with the second that is pointed at, null if no second is.
   */
  constructor(spec, history, onPoint) {
    this.#spec = spec;
    this.#history = history;
    this.#plot = el("div.plot", { tabindex: "0", role: "group", "aria-label": t(spec.id) }, this.#canvas, this.#mark);
    this.note = el("span.note");
    const title = el("header", {}, el("h2", {}, t(spec.id)), this.note);
    this.element = el("section.chart", { "data-chart": spec.id }, title, this.#values, this.#plot);
    this.#listen(onPoint);
    new ResizeObserver(([entry]) => {
      this.#width = Math.floor(entry.contentRect.width);
      this.draw();
    }).observe(this.#plot);
    new IntersectionObserver(([entry]) => {
      const appears = entry.isIntersecting && !this.#visible;
      this.#visible = entry.isIntersecting;
      if (appears) this.draw();
    }).observe(this.element);
  }

  #listen(onPoint) {
    const plot = this.#plot;
    plot.addEventListener("pointermove", (event) => {
      const share = (event.clientX - plot.getBoundingClientRect().left) / this.#width;
      onPoint(Math.floor(this.#history.newest + 1 - SECONDS + share * SECONDS));
    });
    plot.addEventListener("pointerleave", () => onPoint(null));
    plot.addEventListener("blur", () => onPoint(null));
    plot.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30 }[event.key];
      if (event.key === "Escape") onPoint(null);
      else if (by) onPoint(Math.min(this.#history.newest, (this.pointed ?? this.#history.newest) + by));
      else return;
      event.preventDefault();
    });
  }

  /** Show what the pixel of a second shows, with its time, and mark its place; with null, the values of now. */
  point(at) {
    const oldest = this.#history.newest + 1 - SECONDS;
    this.pointed = at === null ? null : Math.max(oldest, at);
    this.#mark.hidden = at === null;
    if (at !== null) {
      const x = ((this.pointed + 0.5 - oldest) / SECONDS) * this.#width;
      this.#mark.style.transform = `translateX(${x}px)`;
    }
    this.say();
  }

  /** Write the values beside the series' names. */
  say() {
    const { format, summed, note } = this.#spec;
    const pointed = this.pointed ?? null;
    const first = pointed === null ? this.#history.newest : this.#begins(pointed);
    const last = pointed === null ? first : Math.min(first + this.#step - 1, this.#history.newest);
    const seconds = summed && pointed === null ? [...this.#history.all()] : this.#known(first, last);
    this.#series.forEach(({ value }, place) => write(this.#texts[place], format(this.#together(value, seconds))));
    if (pointed !== null) write(this.note, span(first, last));
    else write(this.note, note ? note() : summed ? t("in_15_min") : "");
  }

  /** How many seconds a pixel stands for. */
  get #step() {
    return Math.max(1, Math.ceil(SECONDS / (this.#width || SECONDS)));
  }

  /** The first second of the pixel that stands for the second `at`. */
  #begins(at) {
    return Math.floor(at / this.#step) * this.#step;
  }

  #known(first, last) {
    const found = [];
    for (let at = first; at <= last; at += 1) if (this.#history.get(at)) found.push(this.#history.get(at));
    return found;
  }

  /** The value that stands for several seconds; null if none of them has one. */
  #together(value, seconds) {
    let found = null;
    for (const second of seconds) {
      const each = value(second);
      if (each == null) continue;
      if (found === null) found = each;
      else found = this.#spec.stacked ? found + each : Math.max(found, each);
    }
    return found !== null && this.#spec.stacked && !this.#spec.summed ? found / seconds.length : found;
  }

  /** Draw what the history holds, unless nobody can see it. */
  draw() {
    this.#list();
    this.say();
    if (!this.#visible || !this.#width || !this.#history.newest) return;
    const ratio = devicePixelRatio;
    const [width, height] = [Math.round(this.#width * ratio), Math.round(HEIGHT * ratio)];
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    const context = this.#canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.#width, HEIGHT);
    const bins = this.#bins();
    const top = this.#top(bins);
    this.#frame(context, top);
    if (this.#spec.stacked) this.#columns(context, bins, top);
    else this.#lines(context, bins, top);
    if (this.pointed != null) this.point(this.pointed);
  }

  /** Take the present series; write their names anew only if they changed. */
  #list() {
    const series = this.#spec.series(this.#history);
    const same = series.length === this.#series.length && series.every(({ label }, place) => label === this.#series[place].label);
    this.#series = series;
    if (same && this.#texts.length) return;
    this.#texts = series.map(() => el("b", {}, ""));
    fill(
      this.#values,
      series.map(({ label, colour }, place) =>
        el("span", {}, el(`i.swatch.${colour}`), label && `${label} `, this.#texts[place]),
      ),
      series.length ? null : el("span", {}, t("none")),
    );
  }

  #bins() {
    const { newest } = this.#history;
    const step = this.#step;
    const oldest = newest + 1 - SECONDS;
    const first = this.#begins(oldest);
    const number = (this.#begins(newest) - first) / step + 1;
    const values = this.#series.map(() => new Float64Array(number).fill(NaN));
    for (let bin = 0; bin < number; bin += 1) {
      const seconds = this.#known(first + bin * step, first + (bin + 1) * step - 1);
      values.forEach((each, place) => { each[bin] = this.#together(this.#series[place].value, seconds) ?? NaN; });
    }
    const width = (step / SECONDS) * this.#width;
    return { values, number, width, left: ((first - oldest) / SECONDS) * this.#width };
  }

  #top({ values, number }) {
    let greatest = this.#spec.least;
    for (let bin = 0; bin < number; bin += 1) {
      let here = 0;
      for (const each of values) here = this.#spec.stacked ? here + (each[bin] || 0) : Math.max(here, each[bin] || 0);
      greatest = Math.max(greatest, here);
    }
    if (this.#spec.binary) return 2 ** Math.ceil(Math.log2(greatest));
    const power = 10 ** Math.floor(Math.log10(greatest));
    return [1, 2, 5, 10].find((factor) => factor * power >= greatest) * power;
  }

  /** Lines at the bottom, half-way and at the top, which is labelled; marks at 5 and 10 minutes ago. */
  #frame(context, top) {
    const { line, soft, font } = palette();
    context.fillStyle = line;
    for (const share of [0, 0.5, 1]) context.fillRect(0, this.#y(share), this.#width, 1);
    for (const seconds of MARKS_SECONDS) context.fillRect((1 - seconds / SECONDS) * this.#width, LABEL_HEIGHT, 1, HEIGHT);
    context.fillStyle = soft;
    context.font = font;
    context.textBaseline = "top";
    context.fillText(this.#spec.format(top), 0, 0);
    const taken = context.measureText(`${this.#spec.format(top)} `).width;
    context.textAlign = "center";
    for (const seconds of MARKS_SECONDS) {
      const [label, x] = [t("minutes_ago", `−${seconds / 60}`), (1 - seconds / SECONDS) * this.#width];
      if (x - context.measureText(label).width / 2 > taken) context.fillText(label, x, 0);
    }
    context.textAlign = "start";
  }

  #y(share) {
    return HEIGHT - 1 - share * (HEIGHT - 1 - LABEL_HEIGHT);
  }

  #columns(context, { values, number, width, left }, top) {
    const found = palette();
    const floor = new Float64Array(number);
    values.forEach((each, place) => {
      context.fillStyle = found[this.#series[place].colour];
      for (let bin = 0; bin < number; bin += 1) {
        if (!(each[bin] > 0)) continue;
        const low = this.#y(floor[bin] / top);
        floor[bin] += each[bin];
        const high = this.#y(floor[bin] / top);
        const x = Math.round(left + bin * width);
        context.fillRect(x, high, Math.max(1, Math.round(left + (bin + 1) * width) - x), Math.max(low - high, 1));
      }
    });
  }

  #lines(context, { values, number, width, left }, top) {
    const found = palette();
    context.lineWidth = 1.5;
    context.lineJoin = "round";
    context.lineCap = "round";
    for (let place = values.length - 1; place >= 0; place -= 1) {
      const each = values[place];
      context.strokeStyle = found[this.#series[place].colour];
      context.beginPath();
      for (let bin = 0; bin < number; bin += 1) {
        if (Number.isNaN(each[bin])) continue;
        const [x, y] = [left + (bin + 0.5) * width, this.#y(each[bin] / top)];
        if (bin === 0 || Number.isNaN(each[bin - 1])) context.moveTo(x, y);
        context.lineTo(x, y);
      }
      context.stroke();
    }
  }
}

/** Return the time of the seconds `first` to `last`: "14:03:05", "14:03:05–07", or "14:03:58–04:02". */
function span(first, last) {
  const begin = clock(first * 1000);
  if (last === first) return begin;
  const sameMinute = Math.floor(first / 60) === Math.floor(last / 60);
  return `${begin}–${clock(last * 1000).slice(sameMinute ? -2 : -5)}`;
}
