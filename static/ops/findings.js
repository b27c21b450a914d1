// What the server found wrong, in the operator's language: the server sends codes and values, never a sentence.

import { lately } from "./format.js";
import { named, t } from "./words.js";

/** Return the text of an alarm, or of a difference in the ledger. */
export function say({ kind, what, values }) {
  if (!what) return "";
  if (kind === "disk") return t("disk_free", ...values);
  if (kind === "database") return what === "keys" ? t("database_keys", values.join(", ")) : t("database_identity", values[0], values[1] || t("nothing"));
  if (kind === "redis") return t(`redis_${what}`);
  if (kind === "message") return named("message", what) === what ? t("message_other", values[0], what) : t(`message_${what}`, ...values);
  if (kind === "review") return t(`review_${what}`, ...values);
  if (kind === "queue") return t(`queue_${what}`, ...values);
  if (kind === "unchecked") return t(`late_${what}`, values[0] ? t("last_checked", lately(Number(values[0]))) : t("never_checked"));
  if (kind === "work") return t("work_failed", what);
  if (kind === "pattern") return t(`pattern_${what}`, ...values);
  if (kind === "payouts") return t(`payouts_${what}`, ...values);
  if (kind === "held") return t("held_waits", ...values);
  if (what === "waits") return t("said_waits", values[0], waits(values[1]));
  if (what === "many") return t("said_many", values[1], waits(values[0]));
  return t(`said_${what}`, ...values.map((value) => (value === "" ? t("nothing") : named("value", value))));
}

/** Return what became of an act, as the log has it. */
export function outcomeWord(outcome) {
  if (["done", "begun"].includes(outcome)) return t(`outcome_${outcome}`);
  if (["refused", "left", "differs", "failed"].includes(outcome)) return t(`run_${outcome}`);
  return t("outcome_refused", named("refusal", outcome));
}

/** Return why a payment waits, in words. A code of WeChat Pay without words of its own means a refusal. */
export function waits(code) {
  const known = named("waits", code);
  return known === code ? t("waits_refused", code) : known;
}
