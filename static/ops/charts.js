// Which charts there are: what each shows, in which colours, and how its numbers are written.

import { Chart } from "./chart.js";
import { bytes, count, milliseconds, rate } from "./format.js";
import { named, t } from "./words.js";

const MADE = ["dug", "won", "repeated"];
const LABEL_COLOURS = ["blue", "amber", "violet", "red"];

/** Series from a second's fields, each given as `[field, colour, label]`. */
const fields = (...found) => () =>
  found.map(([field, colour, label]) => ({ label: label ?? "", colour, value: (second) => second[field] }));

/**
 * Series of the labels that were counted most, and one for all others. A label keeps its colour.
 *
 * `counted(second)` returns a second's counts by label; `kind` finds the labels' words.
 */
function labels(counted, kind) {
  const colours = new Map();
  return (history) => {
    const sums = {};
    for (const second of history.all()) {
      const found = counted(second);
      for (const label in found) sums[label] = (sums[label] ?? 0) + found[label];
    }
    const most = Object.keys(sums).sort((one, other) => sums[other] - sums[one]);
    const shown = most.slice(0, LABEL_COLOURS.length);
    for (const label of colours.keys()) if (!shown.includes(label)) colours.delete(label);
    for (const label of shown) {
      if (!colours.has(label)) colours.set(label, LABEL_COLOURS.find((each) => ![...colours.values()].includes(each)));
    }
    const series = [...colours].map(([label, colour]) => {
      const name = named(kind, label);
      return { label: kind === "close" && name !== label ? `${label} ${name}` : name, colour, value: (second) => counted(second)[label] ?? 0 };
    });
    if (most.length > shown.length) {
      series.push({ label: t("other"), colour: "grey", value: (second) => sumWithout(counted(second), shown) });
    }
    return series;
  };
}

function sumWithout(found, left) {
  let sum = 0;
  for (const label in found) if (!left.includes(label)) sum += found[label];
  return sum;
}

const total = (found) => sumWithout(found, []);

function refusedDigs({ digs }) {
  return Object.fromEntries(Object.entries(digs).filter(([outcome]) => !MADE.includes(outcome)));
}

/** Make all charts. `stock()` returns how many prizes are still hidden, and how many there were. */
export function makeCharts(history, stock) {
  const made = () => [
    { label: t("won"), colour: "amber", value: ({ digs }) => digs.won ?? 0 },
    { label: t("dug"), colour: "green", value: ({ digs }) => digs.dug ?? 0 },
    { label: t("repeated"), colour: "violet", value: ({ digs }) => digs.repeated ?? 0 },
  ];
  const lastMinute = () => {
    let sum = 0;
    for (const { at, limited } of history.all()) if (at > history.newest - 60) sum += total(limited);
    return t("in_a_minute", count(sum));
  };
  const quantiles = (name) => fields([`${name}_p50`, "blue", "p50"], [`${name}_p99`, "amber", "p99"]);
  const specs = [
    { id: "watchers", series: fields(["watchers", "blue"]), least: 10, format: count },
    { id: "digs", series: made, stacked: true, least: 5, format: rate },
    { id: "refused", series: labels(refusedDigs, "refusal"), stacked: true, least: 5, format: rate },
    { id: "joins", series: fields(["joins", "green"]), stacked: true, least: 5, format: rate },
    { id: "wins", series: fields(["wins", "amber"]), stacked: true, least: 5, format: rate, note: stock },
    { id: "deliveries", series: fields(["deliveries", "blue"]), stacked: true, least: 10, format: rate },
    { id: "frame", series: quantiles("frame"), least: 10, format: milliseconds },
    { id: "store", series: quantiles("store"), least: 10, format: milliseconds },
    { id: "lag", series: fields(["lag", "violet"]), least: 10, format: milliseconds },
    { id: "queue", series: fields(["queue", "violet"]), least: 1024, binary: true, format: bytes },
    { id: "closes", series: labels(({ closes }) => closes, "close"), stacked: true, summed: true, least: 2, format: count },
    {
      id: "gaps",
      series: fields(["gaps", "amber", t("gap")], ["resyncs", "violet", t("resync")]),
      stacked: true,
      summed: true,
      least: 2,
      format: count,
    },
    { id: "uploads", series: fields(["uploads", "green"]), stacked: true, summed: true, least: 2, format: count },
    { id: "logins", series: fields(["logins", "green"]), stacked: true, summed: true, least: 2, format: count },
    { id: "limited", series: labels(({ limited }) => limited, "limit"), stacked: true, summed: true, least: 2, format: count, note: lastMinute },
    { id: "errors", series: labels(({ errors }) => errors, "refusal"), stacked: true, summed: true, least: 2, format: count },
  ];
  const charts = specs.map((spec) => new Chart(spec, history, point));

  /** Show the same second in all charts. */
  function point(at) {
    for (const chart of charts) chart.point(at);
  }
  return charts;
}
