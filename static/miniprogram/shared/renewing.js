// Reading anew what frames made old, and not too often.

/**
 * Return what calls `renew` while `isShown()`, at most once an interval: what comes too soon is made up for at its end,
 * unless `signal.aborted` by then. After a refusal what is shown stays: the next try comes soon.
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

/** Let a refusal pass: what is shown stays. What is none is a bug of ours. */
export function keepShown(error) {
  if (!error.error) throw error;
}
