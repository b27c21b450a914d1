// A person's own lists, of what they published, dug and won, for any client: no first view needs them.

import { asMoment } from "./clock.js";
import { CLAIM, footprintWords, laterWords, parcelWords, waitWords } from "./words-later.js";
import { OWN, inReview, payDue, wonWords } from "./words.js";

/**
 * Return what its publisher reads at a card's foot, and where it leads: { said, act, opens, urgent, again }. `act` is ""
 * where there is nothing to do; `opens` is "winners" or "treasure"; `again` buries it again.
 */
function publishedFoot(card) {
  const said = inReview(card.review, card.review_note);
  if (card.need_pay) return { said, act: payDue(card), opens: "treasure", urgent: true, again: OWN.again };
  return { said, act: OWN.winners, opens: "winners", urgent: false, again: OWN.again };
}

/** Return the same for the winner, with `parcel`: the words for goods on their way. */
function wonFoot(card) {
  const parcel = [card.number ? `${card.carrier} ${card.number}` : "", parcelWords(card)].filter(Boolean).join("，");
  const foot = { said: "", act: "", opens: "treasure", urgent: false, parcel };
  if (card.prize_state === "sent") return { ...foot, act: CLAIM.arrived };
  if (card.is_draw || waitWords(card)) return foot; // the card's state says all
  if (laterWords(card)) return { ...foot, said: [wonWords(card, card), laterWords(card)].filter(Boolean).join(" · ") };
  const until = card.claim_until ? `${asMoment(card.claim_until)} 截止` : "";
  return { ...foot, act: CLAIM.go, urgent: true, said: [wonWords(card, card), until].filter(Boolean).join(" · ") };
}

/** Which of your lists your own page opens on, by getMyInfo's reply: where something waits for you, else what you won, else what you published. */
export function firstList({ to_do: [first], wins_counted, release_num }) {
  if (first) return ["ship", "pay"].includes(first.act) ? "published" : "won";
  return !wins_counted && release_num ? "published" : "won";
}

/** Your lists: for each, its interface, whose cards it has, and a card's foot; `line` replaces the state of a card. */
export const LISTS = {
  published: { path: "/getMyRelease", whose: () => ({ mine: true }), foot: publishedFoot },
  dug: { path: "/getMyPartake", whose: ({ is_prize }) => ({ won: Boolean(is_prize) }), foot: () => null },
  digs: { path: "/getMyDigs", whose: () => ({}), foot: () => null, line: footprintWords },
  won: { path: "/getMyPrize", whose: () => ({ won: true }), foot: wonFoot },
};
