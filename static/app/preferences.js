// What a person prefers on this device: whether opening a treasure digs, and how the end of a cooldown is signalled.

import { sha256, utf8 } from "../miniprogram/shared/hash.js";
import { ASK_OPENING, OPENING, WIN, asksOpening } from "../miniprogram/shared/words.js";
import { el, fill, painted } from "./dom.js";
import { keep, person, recall } from "./session.js";

const KEY = "wabao.preferences"; // kept for each person, since two windows can be two people
const mine = () => sha256(utf8(person.unionid)).slice(0, 16); // an id must not stay after a logout
const INITIAL = { digOnOpening: null, win: true, sound: false, vibration: false }; // null: not asked yet
const QUESTIONS = {
  digOnOpening: OPENING[0].now,
  win: WIN.signal,
  sound: "冷却结束时响一声",
  vibration: "冷却结束时震一下",
};
const BEEP_HZ = [880];
const WIN_HZ = [660, 880, 1320];
const BEEP_SECONDS = 0.25;

let audio = null;
let sounded = false;
let touched = false; // before that, browsers let nothing sound or vibrate, and complain
for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, begin, { capture: true, once: true });
// Safari lets a context sound later only if it was resumed during one of these events.
const ALLOWING = ["mousedown", "touchend", "click", "keydown"];
for (const touch of ALLOWING) addEventListener(touch, allow, { capture: true });

/** Make what sounds long before it does: that takes longer than a frame. */
async function begin() {
  touched = true;
  await painted();
  if (audio || !globalThis.AudioContext) return;
  audio = new AudioContext();
  audio.suspend();
}

function allow() {
  if (!audio) return; // the next touch does
  for (const touch of ALLOWING) removeEventListener(touch, allow, { capture: true });
  audio.resume().then(() => sounded || audio.suspend());
}

export function prefers(name) {
  return recall("localStorage", KEY)?.[mine()]?.[name] ?? INITIAL[name];
}

function prefer(name, value) {
  const all = recall("localStorage", KEY) ?? {};
  keep("localStorage", KEY, { ...all, [mine()]: { ...all[mine()], [name]: value } });
}

/** Return the section in which a person chooses. */
export function preferences() {
  const shown = Object.entries(QUESTIONS).filter(([name]) => name !== "vibration" || navigator.vibrate);
  const choose = (name) => ({ target }) => {
    prefer(name, target.checked);
    if (target.checked && name === "sound") beep(); // a sample, and from now on the browser allows it
    if (target.checked && name === "vibration") vibrate();
    if (target.checked && name === "win") signalWin();
  };
  return el("details.panel.fold.preferences", {}, el("summary", {}, "设置"), shown.map(([name, question]) =>
    el("label.check", {}, el("input", { type: "checkbox", checked: Boolean(prefers(name)), onchange: choose(name) }), question)));
}

/**
 * Return the element beside the button that digs, `dug()`, to be called after an own dig, and `ask(seconds)`, to be called
 * with those until one may dig. After an own dig it asks once whether opening a treasure digs; who does not answer goes on
 * digging by hand. Later it shows the choice and lets the person change it.
 */
export function openingChoice() {
  let asking = false;
  let hasDug = false;
  const element = el("div.opening", { role: "group", "aria-label": "打开宝贝时" });
  const answer = (digs) => {
    prefer("digOnOpening", digs);
    asking = false;
    show(true);
  };
  function show(focused = element.contains(document.activeElement)) {
    const digs = prefers("digOnOpening");
    if (asking) fill(element, el("p", {}, ASK_OPENING), OPENING.map(({ opens, words }) => el("button.chip", { onclick: () => answer(opens === "digs") }, words)));
    else if (digs !== null) {
      const [chosen, other] = digs ? OPENING : [...OPENING].reverse();
      fill(element, chosen.now, el("button.change", { onclick: () => answer(!digs) }, other.change));
    }
    if (focused) element.querySelector("button").focus({ preventScroll: true });
  }
  function ask(seconds) {
    const asks = asksOpening(asking, seconds);
    if (asks === asking || (asks && !(hasDug && prefers("digOnOpening") === null))) return;
    asking = asks;
    if (asking) prefer("digOnOpening", false);
    show();
  }
  show();
  return { element, ask, dug: () => { hasDug = true; } };
}

/** A cooldown is over: sound and vibrate, where the person asked for it. */
export function signal() {
  if (prefers("sound")) beep();
  if (prefers("vibration")) vibrate();
}

/** The person won: sound and vibrate once, unless they switched it off. */
export function signalWin() {
  if (!prefers("win") || !touched) return;
  beep(WIN_HZ);
  navigator.vibrate?.(200);
}

function vibrate() {
  navigator.vibrate?.([150, 80, 150]);
}

function beep(tones = BEEP_HZ) {
  sounded = true;
  audio ??= new AudioContext();
  audio.resume();
  const tone = audio.createOscillator();
  const loudness = audio.createGain();
  tones.forEach((hertz, number) => tone.frequency.setValueAtTime(hertz, audio.currentTime + number * BEEP_SECONDS));
  const seconds = tones.length * BEEP_SECONDS;
  loudness.gain.setValueAtTime(0.2, audio.currentTime);
  loudness.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + seconds);
  tone.connect(loudness).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + seconds);
}
