// All that this client asks of WeChat (`wx`): who is logged in, requests, uploads, the socket, money.
// The pages import `api` and `channel` from here, and call of `wx` only what shows something.

import { PLAY_AS, SERVER } from "./config.js";
import { asQuery, makeApi, Unreachable } from "./shared/api.js";
import { Channel } from "./shared/channel.js";
import { observe } from "./shared/clock.js";
import { lostPresses } from "./shared/afterwards.js";
import { makeHalves } from "./shared/halves.js";
import { UPDATE } from "./shared/words-later.js";
import { NOT_DONE, NO_PRIVACY, paidWords } from "./shared/words.js";

const KEY = "wabao.person";
const TIMEOUT_MS = 15000;
const LOG_IN_AGAIN_MS = 10000;
const CUT_MS = 5000;
const LOOK_MS = 2000; // the server asks WeChat of an order once in this time
const MINE_TAB = 2; // in app.json

let person = wx.getStorageSync(KEY) || null;
let loggingIn = null;
let inSight = true;
let hiddenAt = Infinity; // it was not yet

/** WeChat did not do what we asked for. `message` is for the person, and never WeChat's `errMsg`; `cancelled`: they chose so. */
class NotDone extends Error {
  constructor(name, errMsg) {
    super(errMsg.includes("privacy") ? NO_PRIVACY : NOT_DONE[name]);
    this.error = "wechat";
    this.cancelled = errMsg.includes("cancel");
  }
}

/**
 * Call a function of `wx`, or of a part of it, which answers by callbacks.
 *
 * @template {keyof Answering} Name
 * @param {Name} name
 * @param {Asked<Name> & object} options
 * @param {any} of
 * @returns {Promise<Given<Name>>}
 */
function call(name, options, of = wx) {
  return new Promise((resolve, reject) => {
    of[name]({ ...options, success: resolve, fail: ({ errMsg }) => reject(new NotDone(name, errMsg || "")) });
  });
}

function send({ method, address, headers, body = undefined }) {
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

export const { takeHalf, publishWith, notedHalf, noteCommitment, notedCommitment } = makeHalves({
  get: api.get,
  post: api.post,
  person: () => person,
  random: async (length) => new Uint8Array((await call("getRandomValues", { length })).randomValues),
  next: stored("wabao.half"),
  noted: stored("wabao.halves"),
  seen: stored("wabao.commitments"),
});
export const { noteLost, lostOf } = lostPresses(stored("wabao.lost"), me);
export const foundBefore = stored("wabao.found");
export const metBefore = stored("wabao.met");

/** Sound and shake once. Versions of WeChat before 2.19 only shake. */
export function soundAndShake() {
  wx.vibrateLong({});
  if (!wx.canIUse("createWebAudioContext")) return;
  const audio = wx.createWebAudioContext();
  const tone = audio.createOscillator();
  const loudness = audio.createGain();
  [660, 880, 1320].forEach((hertz, at) => tone.frequency.setValueAtTime(hertz, audio.currentTime + at / 4));
  loudness.gain.setValueAtTime(0.2, audio.currentTime);
  tone.connect(loudness);
  loudness.connect(audio.destination);
  tone.onended = () => audio.close();
  tone.start();
  tone.stop(audio.currentTime + 0.75);
}

/** Whom the server knows here: {unionid, token, nickName, avatarUrl}, or null before the first login. */
export function me() {
  return person;
}

/** Take the name that the person chose; resolves with the state of its review. */
export async function rename(wxname) {
  const { review } = await api.post("/setProfile", { wxname });
  person = { ...person, nickName: wxname, named: 1 };
  wx.setStorageSync(KEY, person);
  return review;
}

/**
 * Show at the tab of 我的 how many things wait for the person. WeChat refuses if a page without tabs is shown; the next
 * tab page shows it then: https://developers.weixin.qq.com/miniprogram/dev/api/ui/tab-bar/wx.setTabBarBadge.html
 */
export function showBadge(number) {
  if (number) wx.setTabBarBadge({ index: MINE_TAB, text: String(number), fail() {} });
  else wx.removeTabBarBadge({ index: MINE_TAB, fail() {} });
}

/** Whether the person has no name of their own yet: WeChat does not tell their name. */
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

/**
 * Ask before something that cannot be undone; resolves to whether it was agreed to. `agreement` has at most 4 characters:
 * https://developers.weixin.qq.com/miniprogram/dev/api/ui/interact/wx.showModal.html
 */
export async function ask(title, content, agreement) {
  return (await call("showModal", { title, content, confirmText: agreement })).confirm;
}

/**
 * Resolves once the person has agreed to WeChat's privacy guide, before or now; else rejects in words (base library 2.32.3;
 * an older one asks for nothing):
 * https://developers.weixin.qq.com/miniprogram/dev/api/open-api/privacy/wx.requirePrivacyAuthorize.html
 */
export async function agreesToPrivacy() {
  if (wx.requirePrivacyAuthorize) await call("requirePrivacyAuthorize", {});
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

/** Log in by the code alone: WeChat no longer tells a name. People can set one on their own page. */
async function askWeChat() {
  const { code } = await call("login", {});
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
  if (wx.getUpdateManager) offerUpdates(wx.getUpdateManager());
}

/** A newer version was downloaded: offer to begin anew with it. Nobody loses what they type. */
function offerUpdates(updates) {
  updates.onUpdateReady(async () => {
    if (await ask(UPDATE.title, UPDATE.text, UPDATE.agree)) updates.applyUpdate();
  });
}

/**
 * The mini-program came to the front, perhaps after hours during which nothing was received. WeChat cuts sockets some
 * seconds after it was hidden, and does not always say so:
 * https://developers.weixin.qq.com/miniprogram/dev/framework/ability/network.html
 */
export function shown() {
  inSight = true;
  if (Date.now() - hiddenAt > CUT_MS) channel.cut();
  else channel.probe();
  channel.retry();
}

export function hidden() {
  inSight = false;
  hiddenAt = Date.now();
}

/** Let the person choose a picture, and upload it; resolves with { url, thumbnail }. */
export async function uploadPicture() {
  const { tempFiles } = await call("chooseMedia", { count: 1, mediaType: ["image"], sizeType: ["compressed"] });
  return upload(tempFiles[0].tempFilePath);
}

async function upload(filePath) {
  await admitted();
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
              resolve({ httpStatus: statusCode, reply: JSON.parse(data) }); // wx.uploadFile parses no JSON
            } catch {
              reject(new Unreachable());
            }
          },
          fail: () => reject(new Unreachable()),
        });
      }),
  );
}

/**
 * Pay what a red packet owes. The order's five values go to WeChat as they are. WeChat may report a failure of what was
 * paid, so the server, which then asks WeChat's, has the last word. Resolves with what to say of it.
 */
export async function pay({ code, owed, owed_fen }) {
  const { timeStamp, nonceStr, signType, paySign, package: prepaid } = await api.post("/payTask", { code, money: owed });
  try {
    await call("requestPayment", { timeStamp, nonceStr, signType, paySign, package: prepaid });
  } catch (error) {
    if (error.cancelled) throw error; // nothing is said of it
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const { need_pay, status } = (await api.get("/getTaskDetails", { code })).data;
    if (need_pay || status) throw error; // what has ended owes nothing, paid or not
  }
  return paidWords({ owed_fen });
}

/** Whether this WeChat lets winners confirm transfers (base library 3.3.0): https://pay.weixin.qq.com/doc/v3/partner/4016960577 */
export function confirmsTransfers() {
  return wx.canIUse("requestMerchantTransfer");
}

/**
 * Let the winner confirm a transfer. Resolves once its page is closed, whatever WeChat says of it: `ok` means that the
 * page was shown, and one that fails may have been confirmed before. Only the server's next answer counts.
 * https://developers.weixin.qq.com/miniprogram/dev/api/payment/wx.requestMerchantTransfer.html
 */
export function askToConfirm({ mchid, appid, package_info }) {
  return new Promise((resolve) => {
    wx.requestMerchantTransfer({ mchId: mchid, appId: appid, package: package_info, success: resolve, fail: resolve });
  });
}

/** Whether this client has a page that updates WeChat: those on computers have none. */
export function updatesWeChat() {
  return wx.canIUse("updateWeChatApp");
}

/** Open that page: https://developers.weixin.qq.com/miniprogram/dev/api/base/update/wx.updateWeChatApp.html */
export function updateWeChat() {
  return call("updateWeChatApp", {});
}

/**
 * Let the person send a picture on or keep it (base library 2.14.3; an older one shows it large, where a long press does
 * so). WeChat itself keeps it, so we need neither the album's scope nor its declaration.
 * https://developers.weixin.qq.com/miniprogram/dev/api/share/wx.showShareImageMenu.html
 */
export async function shareImage(address) {
  if (!wx.showShareImageMenu) return call("previewImage", { urls: [address] });
  return call("showShareImageMenu", { path: (await call("downloadFile", { url: address })).tempFilePath });
}

/** Draw on a page's canvas by `draw(context)`, in the size of a card, and let WeChat send the picture on or keep it. */
export async function sharePicture(page, selector, { width, height }, draw) {
  const canvas = await new Promise((resolve) => {
    page.createSelectorQuery().select(selector).fields({ node: true }).exec(([found]) => resolve(found.node));
  });
  Object.assign(canvas, { width, height });
  draw(canvas.getContext("2d"));
  const { tempFilePath } = await call("canvasToTempFilePath", { canvas });
  if (!wx.showShareImageMenu) return call("previewImage", { urls: [tempFilePath] });
  return call("showShareImageMenu", { path: tempFilePath });
}

/** Fetch a file of the server's, as the person who is logged in; resolves with where it is on the phone. */
export async function fetchFile(path, parameters) {
  const url = `${SERVER}${path}?${asQuery(api.identified(parameters))}`;
  return (await call("downloadFile", { url, header: api.authorized() })).tempFilePath;
}

/**
 * Send a file on the phone to a chat. Call it during a tap, before anything is awaited: later, a phone refuses it.
 * https://developers.weixin.qq.com/miniprogram/dev/api/share/wx.shareFileMessage.html
 */
export function shareFile(filePath, fileName) {
  return call("shareFileMessage", { filePath, fileName });
}

/**
 * Let the person choose a table from a chat; resolves with its bytes in base64.
 * https://developers.weixin.qq.com/miniprogram/dev/api/media/image/wx.chooseMessageFile.html
 */
export async function chooseTable() {
  const { tempFiles } = await call("chooseMessageFile", { count: 1, type: "file", extension: ["csv"] });
  const filePath = tempFiles[0].path;
  return (await call("readFile", { filePath, encoding: "base64" }, wx.getFileSystemManager())).data;
}

/**
 * Let the person choose one of the addresses that they gave WeChat; resolves with { receiver, phone, address }. Call it
 * during a tap; `requiredPrivateInfos` in app.json declares it.
 * https://developers.weixin.qq.com/miniprogram/dev/api/open-api/address/wx.chooseAddress.html
 */
export async function chooseAddress() {
  const { userName, telNumber, provinceName, cityName, countyName, detailInfo } = await call("chooseAddress", {});
  // Of Beijing and the like WeChat names the city twice.
  const parts = [provinceName, cityName === provinceName ? "" : cityName, countyName, detailInfo];
  return { receiver: userName, phone: telNumber, address: parts.join("") };
}

/** Put a text on the clipboard. WeChat says so to the person: https://developers.weixin.qq.com/miniprogram/dev/api/device/clipboard/wx.setClipboardData.html */
export function copy(data) {
  return call("setClipboardData", { data });
}

/** Let the person scan a code; resolves with what it says: https://developers.weixin.qq.com/miniprogram/dev/api/device/scan/wx.scanCode.html */
export async function scan() {
  return (await call("scanCode", { scanType: ["qrCode"] })).result;
}

/** Let the person allow a message of each template, at most five; resolves with the templates they allowed. */
export async function requestMessages(tmplIds) {
  if (!wx.requestSubscribeMessage) return []; // a WeChat from before 2019
  const answer = await call("requestSubscribeMessage", { tmplIds });
  return tmplIds.filter((id) => answer[id] === "accept");
}

/** Show words for a moment, where there are any. */
export function say(title) {
  if (title) wx.showToast({ title, icon: "none" });
}

/** What `showProblem` says of an error; "" of what the person cancelled. */
export function problemWords(error) {
  if (!error.error) throw error;
  return error.cancelled ? "" : error.message;
}

/** Show a refusal, what WeChat did not do, or that the network is gone; any other error is a mistake of ours. */
export function showProblem(error) {
  say(problemWords(error));
}

let buried = ""; // the code of what is to be buried again, until the form takes it

/** Open the publishing form with what this treasure says. A tab's page takes no parameters. */
export function buryAgain(code) {
  buried = code;
  wx.switchTab({ url: "/pages/publish/publish" });
}

/** Return the code that `buryAgain` was called with, once; "" if there is none. */
export function toBury() {
  const code = buried;
  buried = "";
  return code;
}
