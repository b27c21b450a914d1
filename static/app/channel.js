// The realtime channel of this page, over the browser's WebSocket.

import { Channel } from "../miniprogram/shared/channel.js";
import { observe } from "../miniprogram/shared/clock.js";
import { person } from "./session.js";

export const channel = new Channel({ openSocket, observe, inSight: () => !document.hidden });

function openSocket({ opened, said, closed }) {
  const address = new URL("/ws", location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.search = new URLSearchParams({ unionid: person.unionid, token: person.token });
  const socket = new WebSocket(address);
  socket.onopen = opened;
  socket.onmessage = (event) => said(event.data);
  socket.onclose = (event) => closed(event.code);
  return {
    send: (text) => socket.readyState === WebSocket.OPEN && socket.send(text),
    close: () => socket.close(),
  };
}
