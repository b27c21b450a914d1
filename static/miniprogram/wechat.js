// All that this client asks of WeChat (`wx`): who is logged in, requests, uploads, the socket, money.
// The pages import `api` and `channel` from here, and call of `wx` only what shows something.

import { PLAY_AS, SERVER } from "./config.js";
import { asQuery, makeApi, Unreachable } from "./shared/api.js";
import { Channel } from "./shared/channel.js";
import { observe } from "./shared/clock.js";
import { makeHalves } from "./shared/halves.js";

const KEY = "wabao.person";
const TIMEOUT_MS = 15000;
const LOG_IN_AGAIN_MS = 10000;

let person = wx.getStorageSync(KEY) || null;
let loggingIn = null;
let inSight = true;

/** Call a function of `wx`, which answers by callbacks. */
function call(name, options) {
  return new Promise((resolve, reject) => {
    wx[name]({ ...options, success: resolve, fail: ({ errMsg }) => reject(new Error(errMsg)) });
  });
}

function send({ method, address, headers, body }) {
  return new Promise((resolve, reject) => {
    wx.request({
      url: SERVER + address,
      method,
      header: headers,
      data: body,
      timeout: TIMEOUT_MS,
      success: ({ statusCode, data }) => {
        if (data && typeof data === "object") resolve({ httpStatus: statusCode, reply: data });
        else reject(new Unreachable()); // something between us and the server answered in its own words
      },
      fail: () => reject(new Unreachable()),
    });
  });
}

export const api = makeApi({
  send,
  person: () => person,
  async refused() {
    await logIn(); // nobody has to be asked
    return true;
  },
});

const stored = (key) => ({ get: () => wx.getStorageSync(key) || null, set: (value) => wx.setStorageSync(key, value) });

export const { takeHalf, publishWith, notedHalf } = makeHalves({
  get: api.get,
  post: api.post,
  person: () => person,
  random: async (length) => new Uint8Array((await call("getRandomValues", { length })).randomValues),
  next: stored("wabao.half"),
  noted: stored("wabao.halves"),
});

/** Whom the server knows here: {unionid, token, nickName, avatarUrl}, or null before the first login. */
export function me() {
  return person;
}

/** Take the name that the person chose. */
export async function rename(wxname) {
  await api.post("/setProfile", { wxname });
  person = { ...person, nickName: wxname, named: 1 };
  wx.setStorageSync(KEY, person);
}

/** Whether the person has no name of their own yet: WeChat tells none. */
export function isUnnamed() {
  return Boolean(person) && person.named === 0;
}

/** Take the picture that the person chose with `chooseAvatar`. */
export async function showFace(filePath) {
  const { url } = await upload(filePath);
  await api.post("/setProfile", { wxheadpic: url });
  person = { ...person, avatarUrl: url };
  wx.setStorageSync(KEY, person);
}

/** Let somebody choose one of at most six; return its place, -1 if they chose none. */
export async function choose(itemList) {
  try {
    return (await call("showActionSheet", { itemList })).tapIndex;
  } catch (error) {
    if (error.message.includes("cancel")) return -1;
    throw error;
  }
}

/** Log in, once however many ask; resolves when somebody is logged in. */
export function logIn() {
  if (!loggingIn) {
    const done = () => { loggingIn = null; };
    loggingIn = enter();
    loggingIn.then(done, done);
  }
  return loggingIn;
}

async function enter() {
  person = await api.logIn(await (PLAY_AS ? askSandbox() : askWeChat()));
  wx.setStorageSync(KEY, person);
}

/** The code alone: WeChat tells no name any more. Who wants one gives it on their own page. */
async function askWeChat() {
  const { code } = await call("login");
  return { code };
}

async function askSandbox() {
  const query = asQuery({ user: PLAY_AS, nickname: PLAY_AS });
  return (await send({ method: "GET", address: `/sandbox/authorize?${query}`, headers: {} })).reply;
}

/** Resolves when somebody is logged in, from the last time or anew. */
export async function admitted() {
  if (!person) await logIn();
}

export const channel = new Channel({ openSocket, observe, inSight: () => inSight });

/** Connect once somebody is logged in, and try until then. */
function connect(entering) {
  entering().then(() => channel.connect(), () => setTimeout(connect, LOG_IN_AGAIN_MS, entering));
}

channel.on("refused", () => connect(logIn));
channel.on("found", () => api.repeatDigs());

function openSocket({ opened, said, closed }) {
  const socket = wx.connectSocket({ url: `${SERVER.replace("http", "ws")}/ws`, header: api.authorized() });
  socket.onOpen(opened);
  socket.onMessage(({ data }) => said(data));
  socket.onError(() => closed(0));
  socket.onClose(({ code }) => closed(code));
  return {
    send: (data) => socket.send({ data }),
    close: () => socket.close({}),
  };
}

/** The mini-program begins. */
export function launched() {
  connect(admitted);
}

/** It came to the front, perhaps after hours during which nothing was received. */
export function shown() {
  inSight = true;
  channel.probe();
  channel.retry();
}

export function hidden() {
  inSight = false;
}

/** Let the person choose a picture, and upload it; resolves with { url, thumbnail }. */
export async function uploadPicture() {
  const { tempFiles } = await call("chooseMedia", { count: 1, mediaType: ["image"], sizeType: ["compressed"] });
  return upload(tempFiles[0].tempFilePath);
}

function upload(filePath) {
  return api.asPerson(
    () =>
      new Promise((resolve, reject) => {
        wx.uploadFile({
          url: `${SERVER}/uploadFile`,
          filePath,
          name: "file",
          header: api.authorized(),
          success: ({ statusCode, data }) => {
            try {
              resolve({ httpStatus: statusCode, reply: JSON.parse(data) }); // unlike wx.request, it leaves JSON a text
            } catch {
              reject(new Unreachable());
            }
          },
          fail: () => reject(new Unreachable()),
        });
      }),
  );
}

/** Pay what a red packet owes. The order's five values go to WeChat as they are. */
export async function pay(code, owed) {
  const { timeStamp, nonceStr, signType, paySign, package: prepaid } = await api.post("/payTask", { code, money: owed });
  await call("requestPayment", { timeStamp, nonceStr, signType, paySign, package: prepaid });
}

/** Let the winner confirm a transfer. */
export function receiveTransfer({ mchid, appid, package_info }) {
  return call("requestMerchantTransfer", { mchId: mchid, appId: appid, package: package_info });
}

/** Let the person allow a message of each template, at most three; resolves with the templates they allowed. */
export async function requestMessages(tmplIds) {
  if (!wx.requestSubscribeMessage) return []; // a WeChat from before 2019
  const answer = await call("requestSubscribeMessage", { tmplIds });
  return tmplIds.filter((id) => answer[id] === "accept");
}

/** Show a refusal, or that the network is gone; what is neither is a mistake of ours. */
export function showProblem(error) {
  if (!error.error && !error.message.includes(":fail")) throw error;
  if (error.message.includes("cancel")) return; // the person did not want to
  wx.showToast({ title: error.message, icon: "none" });
}
