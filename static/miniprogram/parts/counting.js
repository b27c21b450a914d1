// Cards that count down while their page is in sight.

import { stateOf } from "../shared/cards.js";
import { secondsUntil } from "../shared/clock.js";

const TICK_MS = 500;

/** What a card says of its treasure now. */
export const stateNow = (card) => stateOf(card, card.status ? 0 : secondsUntil(card.cd_until)).text;

/** Keep the `state` of each of a page's `cards` true; `cardOf(shown)` returns the server's card. Returns a function that stops it. */
export function countCards(page, cardOf) {
  const timer = setInterval(() => {
    const changed = {};
    page.data.cards.forEach((shown, at) => {
      const card = cardOf(shown);
      const state = card ? stateNow(card) : shown.state;
      if (state !== shown.state) changed[`cards[${at}].state`] = state; // each change of data goes to another thread
    });
    if (Object.keys(changed).length) page.setData(changed);
  }, TICK_MS);
  return () => clearInterval(timer);
}
