// Reading anew what frames or time made old, and not too often.

/** How often a square in sight is read anew, at the least. */
export const SQUARE_MS = 15_000;

/** Return at random a bit less than an interval, so that people who came at once do not ask at once. */
export const spread = (milliseconds) => milliseconds * (0.8 + Math.random() / 5);

/**
 * Return a function that calls `renew` while `isShown()`, at most once an interval. A call that comes too soon is made
 * at the end of the interval, unless `signal.aborted` by then. After a refusal, the old content stays: the next try
 * comes soon.
 */
export function atMostEvery(milliseconds, renew, isShown, signal) {
  let waiting = 0;
  let missed = false;
  return function again() {
    missed = true;
    if (waiting || !isShown()) return;
    missed = false;
    waiting = setTimeout(() => {
      waiting = 0;
      if (missed && !signal.aborted) again();
    }, milliseconds);
    renew().catch(keepShown);
  };
}

/** Ignore a refusal: the old content stays. Any other error is a bug of ours. */
export function keepShown(error) {
  if (!error.error) throw error;
}
