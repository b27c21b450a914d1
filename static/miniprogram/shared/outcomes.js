// What digs bring up, for any client: it shows once the stroke of the shovel has ended.

const BROUGHT_UP = ["join", "prize", "end"];

/**
 * Return `{ receive, until }`, which hand a treasure's frames to `take`, in order. `receive(frame)` does so at once,
 * unless the frame tells what a dig brought up while a stroke is under way. `until(stroke, mine)` holds such frames back
 * until the promise `stroke` is settled, and resolves after them; for a stroke of your own, whose reply comes first, it
 * holds back `cd` too. After `signal.aborted` it drops them.
 */
export function outcomes(take, signal) {
  const strokes = new Set(); // strokes under way: for each, the types of frames that wait for its end
  const held = [];

  function receive(frame) {
    if ([...strokes].some((types) => types.includes(frame.type))) held.push(frame);
    else take(frame);
  }

  async function until(stroke, mine = false) {
    const types = mine ? ["cd", ...BROUGHT_UP] : [...BROUGHT_UP];
    strokes.add(types);
    try {
      await stroke;
    } finally {
      strokes.delete(types);
      if (!signal.aborted) held.splice(0).forEach(receive); // frames may wait for another stroke
    }
  }

  return { receive, until };
}
