// The realtime channel of this page over the browser's WebSocket, and when to read what no frame reports.

import { Channel } from "../miniprogram/shared/channel.js";
import { observe } from "../miniprogram/shared/clock.js";
import { keepShown, spread } from "../miniprogram/shared/renewing.js";
import { person } from "./session.js";

export const channel = new Channel({ openSocket, observe, inSight: () => !document.hidden });

function openSocket({ opened, said, closed }) {
  const address = new URL("/ws", location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(address);
  socket.onopen = () => {
    // A browser cannot set headers here, and every proxy logs the address, so the token goes into the first message.
    socket.send(JSON.stringify({ action: "hello", token: person.token }));
    opened();
  };
  socket.onmessage = (event) => said(event.data);
  socket.onclose = (event) => closed(event.code);
  return {
    send: (text) => socket.readyState === WebSocket.OPEN && socket.send(text),
    close: () => socket.close(),
  };
}

/** Call `listener` when the page is shown again, perhaps after hours without timers. */
export function onReturn(listener, signal) {
  document.addEventListener("visibilitychange", () => document.hidden || listener(), { signal });
  addEventListener("pageshow", ({ persisted }) => persisted && listener(), { signal });
}

/**
 * Call `renew` at intervals of at most so long, when the page is shown again, and when the channel is back; return a
 * function that calls it now.
 */
export function keepNew(milliseconds, renew, signal) {
  const again = () => renew().catch(keepShown);
  const renewing = setInterval(again, spread(milliseconds));
  const leave = channel.on("found", again);
  onReturn(again, signal);
  signal.addEventListener("abort", () => {
    clearInterval(renewing);
    leave();
  });
  return again;
}
