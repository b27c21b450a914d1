// The REST interfaces, for any client: parameters in, the reply out, refusals thrown. What a reply means is up to the
// pages. How a request is sent, and who is logged in, is up to the caller of `makeApi`.

const DIG_TRIES = 7;
const LOG_IN_AGAIN = ["bad_token", "token_required", "not_logged_in"];

/** A reply with status 1. `message` is for the person, `error` is its code, `reply` the whole reply. */
export class Refused extends Error {
  constructor(reply, httpStatus) {
    super(reply.msg);
    this.error = reply.error;
    this.reply = reply;
    this.httpStatus = httpStatus;
  }
}

/** No reply came: whether the request was carried out is unknown. */
export class Unreachable extends Error {
  constructor() {
    super("网络不通，请检查网络后再试");
    this.error = "unreachable";
  }
}

/** Whether the same request may succeed later: no reply came, a store was down, or the outcome is unknown. */
export function mayPass(error) {
  return error instanceof Unreachable || (error instanceof Refused && error.httpStatus === 503);
}

/** Whether a person may succeed who asks again: it may pass, or was asked too often. A refusal with status 200 stays. */
export function mayRepeat(error) {
  return error.httpStatus !== 200 || error.error === "wechat_busy";
}

/** A query of these parameters, without those that are undefined or null. */
export function asQuery(parameters) {
  return Object.keys(parameters)
    .filter((name) => parameters[name] !== undefined && parameters[name] !== null)
    .map((name) => `${encodeURIComponent(name)}=${encodeURIComponent(parameters[name])}`)
    .join("&");
}

/**
 * Return the interfaces, over a transport:
 *
 * - `send({ method, address, headers, body })` resolves with `{ httpStatus, reply }`, and rejects with Unreachable
 *   if no reply came. `body` is what becomes JSON, undefined for a GET.
 * - `person()` is who is logged in ({unionid, token}), or null.
 * - `refused()` is called when the server wants a new login. If it resolves with true, somebody is logged in anew,
 *   and the request, which changed nothing, is sent once more.
 */
export function makeApi({ send, person, refused }) {
  function identified(parameters) {
    const someone = person();
    return { unionid: someone ? someone.unionid : undefined, ...parameters };
  }

  function authorized() {
    const someone = person();
    return someone ? { Authorization: `Bearer ${someone.token}` } : {};
  }

  /** Send what `request` makes, made again for each person; ask for a login when the server does. */
  async function asPerson(request) {
    try {
      return read(await request());
    } catch (error) {
      if (!LOG_IN_AGAIN.includes(error.error) || !(await refused())) throw error;
      return read(await request());
    }
  }

  function get(path, parameters = {}) {
    const address = () => `${path}?${asQuery(identified(parameters))}`;
    return onceMore(() => asPerson(() => send({ method: "GET", address: address(), headers: authorized() })));
  }

  /** POST JSON, once: most POSTs must not happen twice. */
  function post(path, parameters = {}) {
    return asPerson(() => send({ method: "POST", address: path, headers: authorized(), body: identified(parameters) }));
  }

  /** Log in with what WeChat gave; return the person with their token. */
  async function logIn({ code, iv, encryptedData }) {
    const address = `/userLogin?${asQuery({ code, iv, encryptedData })}`;
    return read(await send({ method: "GET", address, headers: {} })).data;
  }

  return { get, post, ...makeDigs(post), logIn, asPerson, identified, authorized };
}

/** Return the reply; throw it if it is a refusal. */
function read({ httpStatus, reply }) {
  if (!reply.status) return reply;
  throw new Refused(reply, httpStatus);
}

/** Send a request that changes nothing; if it may pass later, send it once more. */
async function onceMore(request) {
  try {
    return await request();
  } catch (error) {
    if (!mayPass(error)) throw error;
    await pause(400);
    return request();
  }
}

/** Return `dig`, which repeats a dig whose outcome is unknown, and `repeatDigs`. */
function makeDigs(post) {
  const waiting = new Set(); // digs before their next try

  function beforeRepeat(milliseconds) {
    return new Promise((resolve) => {
      const repeat = () => {
        clearTimeout(timer);
        waiting.delete(repeat);
        resolve(undefined);
      };
      const timer = setTimeout(repeat, milliseconds);
      waiting.add(repeat);
    });
  }

  /**
   * Dig. The reply can be lost although the dig was made. So the client names each dig. When it asks again
   * with the same name, the server returns that dig's reply instead of digging twice.
   */
  async function dig(code) {
    const digId = `${Date.now().toString(36)}_${Math.random().toString(36).slice(2)}`;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await post("/postTask", { code, dig_id: digId });
      } catch (error) {
        if (!mayPass(error) || attempt === DIG_TRIES) throw error;
        await beforeRepeat(200 * 2 ** attempt * (0.5 + Math.random() / 2));
      }
    }
  }

  /** The server is back: repeat at once the digs that wait. */
  function repeatDigs() {
    waiting.forEach((repeat) => repeat());
  }

  return { dig, repeatDigs };
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
