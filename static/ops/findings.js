// What the server found wrong, in the operator's language: the server sends codes and values, never a sentence.

import { named, t } from "./words.js";

// Alarms that need no more words than how many there are.
const COUNTED = ["invariant", "books", "unchecked", "held", "review", "ended", "clock"];

/** Return the address of the page on which an alarm is dealt with, "" if none is. */
export function alarmPage({ kind, what }) {
  if (kind === "held") return "#/payouts";
  return kind === "queue" ? `#/${what === "reviews" ? "reviews" : "reports"}` : "";
}

/** Return what an alarm says besides its title. */
export function alarmText({ kind, what, values }) {
  const [number = ""] = values;
  if (COUNTED.includes(kind)) return t(`found_${kind}`, number);
  if (kind === "work") return t("work_failed", what);
  if (kind === "calls") return t("calls_fail", named("call", what), number);
  if (["order", "bill", "refund"].includes(kind)) return t("payments_wait", number, waits(what));
  if (!what) return "";
  if (kind === "database") return what === "keys" ? t("database_keys", values.join(", ")) : t("database_identity", values[0], values[1] || t("nothing"));
  if (kind === "redis") return t(`redis_${what}`);
  if (kind === "queue") return t(`queue_${what}`, number);
  return named("message", what) === what ? t("message_other", number, what) : t(`message_${what}`, number);
}

/** Return the text of a difference in the ledger, or of a contradiction in the record. */
export const say = ({ what, values }) => t(`said_${what}`, ...values.map((value) => (value === "" ? t("nothing") : named("value", value))));

/** Return what became of an act, as the log has it. */
export function outcomeWord(outcome) {
  if (["done", "begun"].includes(outcome)) return t(`outcome_${outcome}`);
  if (["refused", "left", "differs"].includes(outcome)) return t(`run_${outcome}`);
  return t("outcome_refused", named("refusal", outcome));
}

/** Return why a payment waits, in words. A code of WeChat Pay without words of its own means a refusal. */
export function waits(code) {
  const known = named("waits", code);
  return known === code ? t("waits_refused", code) : known;
}
