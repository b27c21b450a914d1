// What there is to do about a prize, and what its people read, at each time and in each state.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cardsOf, headingOf, inPlace, lastingOf, leftWords, packetMark, runs, stateOf as cardState } from "./shared/cards.js";
import { asTime } from "./shared/clock.js";
import { foundWords } from "./shared/finds.js";
import { LISTS, firstList } from "./shared/lists.js";
import { invitedBy } from "./shared/practice.js";
import { claimStep, handsOver, isClaimable, isOverdue, mainAct, mayCheer, mayEdit, mayEnd, offerOf, shippingStep } from "./shared/prizes.js";
import { fluctuationHint } from "./shared/words-publish.js";
import { nextCards, rememberSquare } from "./shared/afterwards.js";
import { changeWords, claimsEnd, footprintWords, givenWords, handedWords, laterWords, luckWords, packetsWords, receiptWords, receiverProblem, senderWords, waitWords } from "./shared/words-later.js";
import { asksOpening, buriedWords, buryWords, chanceWords, cooldownWords, deepestWords, depthRules, endWords, facts, lockedWords, moreKinds, overWords, payUntil, payUntilWords, pressOf, prizeWords, rankLines, title, tooSoonWords } from "./shared/words.js";

const HOUR_MS = 3600000;
const soon = () => Date.now() + HOUR_MS;
const past = () => Date.now() - HOUR_MS;
const MAIL = { goods_type: 2, draw_type: 2 };
const SITE = { goods_type: 2, draw_type: 1 };
const PACKET = { goods_type: 1, draw_type: 0 };

test("a prize is claimed until its time is over, and not while somebody holds or froze it", () => {
  const won = { is_prize: 1, is_draw: 0, prize_state: "won", claim_until: soon() };
  for (const [kind, step, done] of [[MAIL, "address", "mailed"], [SITE, "onSite", "gone"], [PACKET, "packet", "paid"]]) {
    assert.equal(claimStep({ ...won, ...kind }), step);
    assert.equal(claimStep({ ...won, ...kind, is_draw: 1, prize_state: "given" }), done);
    assert.equal(claimStep({ ...won, ...kind, claim_until: past() }), "waits");
    for (const state of ["held", "frozen", "expiring", "returned"]) assert.equal(claimStep({ ...won, ...kind, prize_state: state }), "waits");
  }
  assert.deepEqual([isClaimable(won), isOverdue(won)], [true, false]);
  const late = { ...won, claim_until: past() };
  assert.deepEqual([isClaimable(late), isOverdue(late)], [false, true]);
  assert.equal(waitWords(late), "已过领奖期限，奖品会退回发布者。");
  assert.equal(isOverdue({ ...late, is_draw: 1 }), false);
  const frozen = { ...won, ...MAIL, prize_state: "frozen" };
  assert.equal(waitWords(frozen), "这个奖品被平台冻结了，暂时不能领取，也不会寄出；有疑问请联系客服。");
  assert.match(waitWords({ ...frozen, ...PACKET }), /^这个红包被平台冻结了，暂时不能领取；/);
  assert.match(waitWords({ ...frozen, prize_state: "returned" }), /奖品已退回发布者。$/);
  assert.deepEqual(["frozen", "won", "returned"].map((state) => prizeWords(MAIL, state)), ["已冻结", "待填地址", "已退回"]);
});

test("an address is changed, a payment made and a red packet taken only in their time", () => {
  assert.match(changeWords(soon()), /以前可以更改。$/);
  assert.match(changeWords(past()), /^超过 24 小时，这里不能再改/);
  assert.match(laterWords({ claim_from: soon() }), /以后可以领取，不会丢失。$/);
  assert.equal(laterWords({ claim_from: past() }), "");
  assert.match(payUntilWords(soon()), /以前没有支付会自动删除。$/);
  assert.equal(payUntilWords(past()), "没有支付，已经自动删除。");
  assert.match(payUntilWords(0), /^24 小时内/);
  const waits = [{ act: "pay", code: "A", until: 5 }];
  assert.deepEqual(["shown", "checking"].map((review) => payUntil({ code: "A", review }, waits)), [5, 0]);
});

test("a publisher names a parcel once there is an address, and corrects it for a day", () => {
  const day = 24 * HOUR_MS;
  for (const [prize, step] of [
    [{ state: "won" }, ""],
    [{ state: "given" }, "name"],
    [{ state: "given", address_deleted: 1 }, ""],
    [{ state: "sent", sent_at: past() }, "correct"],
    [{ state: "sent", sent_at: past() - day }, ""],
    [{ state: "returned" }, ""],
  ]) assert.equal(shippingStep({ ...MAIL, ...prize }), step, JSON.stringify(prize));
  assert.equal(shippingStep({ ...SITE, state: "given" }), "");
  for (const [state, is_draw, asks] of [["won", 0, true], ["claiming", 0, true], ["given", 1, false], ["returned", 0, false]]) {
    assert.equal(handsOver([{ ...SITE, state, is_draw }]), asks, state);
  }
  assert.equal(handsOver([{ ...MAIL, state: "won", is_draw: 0 }]), false);
});

test("a treasure is changed and ended by its publisher until somebody digs", () => {
  const own = { mine: 1, status: 0, now_depth: 0, review: "shown" };
  assert.deepEqual([mayEnd(own), mayEdit(own)], [true, true]);
  for (const change of [{ mine: 0 }, { status: 1 }, { now_depth: 1 }]) {
    assert.deepEqual([mayEnd({ ...own, ...change }), mayEdit({ ...own, ...change })], [false, false]);
  }
  assert.equal(mayEdit({ ...own, review: "hidden" }), false);
  assert.deepEqual([PACKET, MAIL].map((kind) => endWords(kind).includes("红包会退回")), [true, false]);
});

test("a message is offered only of what will still happen", () => {
  const won = { is_prize: 1, is_draw: 0, prize_state: "won", claim_until: soon() };
  assert.equal(offerOf(won), "won");
  for (const change of [{ is_draw: 1 }, { prize_state: "frozen" }, { prize_state: "returned" }, { claim_until: past() }]) {
    assert.equal(offerOf({ ...won, ...change }), "", JSON.stringify(change));
  }
  const cooling = { cd_until: soon(), expires_at: 0, now_depth: 1 };
  assert.equal(offerOf(cooling), "cooldown");
  assert.equal(offerOf({ ...cooling, starts_at: soon(), now_depth: 0 }), "opening");
  assert.equal(offerOf({ ...cooling, mine: 1 }), "published");
  for (const change of [{ cd_until: Date.now() + 50000 }, { expires_at: soon() - 1000 }, { status: 1 }, { need_pay: 1 }]) {
    assert.equal(offerOf({ ...cooling, ...change }), "", JSON.stringify(change));
  }
});

test("no card invites to dig what one published or won", () => {
  const page = { data: [{ code: "A", name: "猫" }, { code: "B", name: "狗" }, { code: "C", name: "鱼" }], mine: ["A"], won: ["B"], featured: ["C"] };
  assert.deepEqual(cardsOf(page).map((card) => cardState(card, 0).kind), ["mine", "won", "open"]);
  for (const [card, left, kind] of [
    [{ name: "" }, 0, "gone"],
    [{ name: "猫", status: 1 }, 9, "ended"],
    [{ name: "猫", need_pay: 1 }, 0, "unpaid"],
    [{ name: "猫", won: true }, 9, "cooling"],
  ]) assert.equal(cardState(card, left).kind, kind);
  for (const [review, words] of [["shown", "我发布的"], ["hidden", "已下架"], ["checking", "还在检查"], ["held", "还在检查"]]) {
    assert.equal(cardState({ name: "猫", mine: true, status: 0, review }, 0).text, words);
  }
  for (const [card, words] of [[{ prize_num: 1 }, ""], [{ prize_num: 3 }, "剩 1 / 3 份"], [{ prize_num: 3, prize_state: "won" }, ""]]) {
    assert.equal(leftWords({ ...card, prizes_left: 1 }), words);
  }
  assert.equal(cardState({ name: "猫" }, 61).text, "冷却 1:01");
  assert.equal(title({ name: "" }), "看不到的宝贝"); // it was taken down
  assert.deepEqual([LISTS.published.whose({}), LISTS.dug.whose({ is_prize: 1 }), LISTS.won.whose({})], [{ mine: true }, { won: true }, { won: true }]);
});

test("a card marks red packets that can be won by what was buried, and then its heading does not repeat the amount", () => {
  const one = { ...PACKET, name: "雨", status: 0, money: 2, prize_num: 1, ranks: [] };
  const shared = { goods_type: 1, prize_num: 8, sum_fen: 888, money_fen: 0 };
  const each = { goods_type: 1, prize_num: 3, sum_fen: 0, money_fen: 150 };
  const orange = { ...MAIL, prize_num: 1, sum_fen: 0, money_fen: 0 };
  for (const [change, words] of [
    [{}, "红包 2 元"], [{ prize_num: 3 }, "红包，共 6 元"], [{ prize_num: 11, ranks: [shared, each] }, "红包，共 13.38 元"],
    [{ prize_num: 4, ranks: [orange, each] }, "有红包，共 4.50 元"],
  ]) assert.deepEqual([packetMark({ ...one, ...change }), headingOf({ ...one, ...change })], [words, "雨"]);
  assert.deepEqual([packetMark({ ...one, status: 1 }), headingOf({ ...one, status: 1 })], ["", "【现金红包2元】雨"]);
  for (const card of [{ ...one, ...MAIL }, { ...one, name: "" }, { ...one, prize_state: "won" }]) assert.equal(packetMark(card), "");
});

test("a foot says nothing that its card's state says", () => {
  const won = { ...PACKET, name: "猫", prize_state: "won", is_draw: 0, claim_until: soon(), money_fen: 200 };
  for (const change of [
    {}, { claim_from: soon() }, { claim_until: past() }, { is_draw: 1, prize_state: "given" }, ...["held", "frozen", "expiring", "returned"].map((prize_state) => ({ prize_state })),
  ]) {
    const card = { ...won, ...change };
    const { said, act, parcel } = LISTS.won.foot(card);
    const { text } = cardState(card, 0);
    assert.ok(![said, act, parcel].some((words) => words.includes(text)), `${text}: ${said} ${act}`);
  }
});

test("the button that digs is bright only for who may dig, and promises nothing that no time brings", () => {
  const open = { status: 0, need_pay: 0, why: "", review: "shown", cd_until: 0, fair_start_ms: 0, starts_at: 0, now_depth: 1, expires_at: 0 };
  const press = (change, seconds = 0) => pressOf({ ...open, ...change }, false, seconds);
  assert.deepEqual([press({}).kind, press({}).small], ["ready", "挖一锹"]);
  assert.equal(press({ why: "own_task" }).small, "等别人来挖");
  assert.equal(press({ why: "own_task" }, 9).small, "秒后别人可挖");
  for (const [change, words] of [
    [{ why: "own_task", review: "hidden" }, "已下架"],
    [{ why: "own_task", review: "checking" }, "还在检查"],
    [{ why: "own_task", review: "held" }, "还在检查"],
    [{ why: "no_such_task", review: "hidden" }, "已下架"],
    [{ why: "banned" }, "账号已停用"],
    [{ why: "leaving" }, "正在注销账号"],
  ]) for (const seconds of [0, 9]) assert.deepEqual(press(change, seconds), { kind: "closed", icon: "lock", big: "", small: words });
  const ends = { expires_at: Date.now() + 9000, cd_until: soon() };
  assert.equal(press(ends, 9).small, "秒后截止");
  assert.equal(press({ ...ends, expires_at: past() }).small, "已结束");
  assert.equal(press({ starts_at: soon(), now_depth: 0, cd_until: soon() }, 58).small, "秒后开挖");
  assert.deepEqual([0, 1].map((now_depth) => overWords({ now_depth })), ["开挖了，大家一起抢！", "冷却结束，大家一起抢！"]);
  assert.equal(press({ why: "already_won" }, 600).small, "后别人可挖");
  const chance = { status: 0, one_in: 3, nearest: 2, mine: 1, now_depth: 1 };
  assert.deepEqual(["shown", "hidden"].map((review) => chanceWords({ ...chance, review })), ["下一层有奖的机会 1/3，谁挖到归谁", ""]);
  const chances = ["", "banned", "leaving", "not_paid", "no_such_task"].map((why) => chanceWords({ ...chance, mine: 0, review: "shown", why }));
  assert.deepEqual(chances, [...Array(3).fill("下一层有奖的机会 1/3，谁挖到归谁"), "", ""]);
});

test("a press that comes too soon reads how long to wait, or whom it is for", () => {
  const answers = (change) => [0, 12, 65].map((seconds) => tooSoonWords({ ...MAIL, status: 0, why: "", review: "shown", cd_until: soon(), ...change }, seconds));
  assert.deepEqual(answers({}), ["", "还要等 12 秒", "还要等 1:05"]);
  assert.deepEqual(answers({ why: "cooling_down" }), answers({}));
  assert.deepEqual(answers({ why: "own_task" }), ["", "12 秒后别人可挖", "1:05 后别人可挖"]);
  assert.deepEqual(answers({ expires_at: past() }), ["", "12 秒后截止", "1:05 后截止"]);
  assert.deepEqual(answers({ why: "in_check" }), ["", "", ""]);
});

test("your own page opens where something waits for you, else on what you won, else on what you published", () => {
  const opened = (acts, wins_counted = 0, release_num = 0) => firstList({ to_do: acts.map((act) => ({ act })), wins_counted, release_num });
  assert.deepEqual([["ship"], ["pay"], ["claim"], ["receive"], ["claim", "ship"]].map((acts) => opened(acts, 1, 1)), ["published", "published", "won", "won", "won"]);
  assert.deepEqual([opened([], 1, 1), opened([], 0, 1), opened([])], ["won", "published", "won"]);
});

test("who is asked for an address reads whether the publisher has sent anything before", () => {
  assert.equal(senderWords({ handed: 0 }), "还没有发布者送出奖品的记录，第一次送都是这样。要是一直没寄来，就在这一页点“举报”，平台的人会看。");
  assert.equal(senderWords({ handed: 3, handed_all: 1, handed_in_ms: 48 * HOUR_MS }), "发布者送出过 3 份奖品，实物一般在领奖后 2 天送出。");
});

test("a publisher reads how much each red packet paid, also where all are alike", () => {
  const luck = [{ name: "一等奖" }];
  assert.deepEqual([[{ rank: 1, money_fen: 120 }, { ranks: luck }], [{ rank: 0, money_fen: 200 }, {}], [{ rank: 0, money_fen: 0 }, {}]].map((each) => givenWords(...each)), ["一等奖，1.20 元", "2 元", ""]);
});

test("whether opening digs is asked only where there is time to read it, and gone before the button can be pressed", () => {
  assert.deepEqual([0, 9, 10].map((seconds) => asksOpening(false, seconds)), [false, false, true]);
  assert.deepEqual([0, 2, 3].map((seconds) => asksOpening(true, seconds)), [false, false, true]);
});

test("a level that cannot win invites to go on, and what it brings up is said to be a small thing", () => {
  const dead = { status: 0, one_in: 0, nearest: 3, now_depth: 0, rules_version: 2, review: "shown" };
  assert.equal(chanceWords(dead), "大家再挖 2 层，就可能挖到下一份，下一层还能挖出“表土”的小玩意");
  assert.equal(chanceWords({ ...dead, mine: 1, now_depth: 1, rules_version: 1 }), "大家再挖 1 层，就可能挖到下一份");
  assert.equal(foundWords({ now_depth: 1, find: 1 }), "你挖了第 1 层，没有奖，小玩意“玻璃弹珠”收进图鉴");
  assert.equal(footprintWords({ depth: 1, was_one_in: 0, find: 1 }), "第 1 层 · 这一层本来就没有奖 · 没挖到奖，收进图鉴");
});

test("whoever may dig reads whose treasure it is and that it is free, also above the practice; after it they are offered one of their own", () => {
  assert.equal(buriedWords({ mine: 0, status: 0 }), "埋的宝，免费挖");
  assert.equal(buriedWords({ mine: 0, status: 0, expires_at: Date.UTC(2099, 0, 2, 4) }), "埋的宝，免费挖，1月2日 12:00 截止"); // in one line
  for (const change of [{ mine: 1 }, { status: 1 }, { gone: 1 }]) assert.equal(buriedWords({ mine: 0, status: 0, ...change }), "埋下");
  const kinds = [{ goods_type: 2 }, { goods_type: 1 }];
  for (const [task, words] of [[PACKET, "我也包一个"], [{ ...MAIL, ranks: kinds }, "我也包一个"], [MAIL, "我也埋一个"]]) assert.equal(buryWords(task), words);
  assert.equal(invitedBy({ wxname: "小王" }), "练完就去挖 小王 埋的宝，免费挖");
});

test("times and numbers are read as people write them", () => {
  assert.deepEqual([9, 65, 600, 3600].map(asTime), ["9", "1:05", "10:00", "1:00:00"]);
  assert.match(fluctuationHint(1, 1), /只能是 0/);
});

test("of many kinds of prizes the first show, and those that are gone come last", () => {
  const ranks = Array.from({ length: 7 }, (_, at) => ({ ...MAIL, name: `第 ${at + 1} 等奖`, prize_num: 1, prizes_left: at === 1 ? 0 : 1 }));
  assert.deepEqual(rankLines({ ranks }).map(({ name }) => name[2]), [..."1345672"]);
  assert.deepEqual([7, 5, 4].map((number) => moreKinds({ ranks: ranks.slice(0, number) })), ["还有 4 种奖品", "还有 2 种奖品", ""]);
});

test("where to dig next begins with what is open, and leaves out what one cannot dig", () => {
  const card = (code, change) => ({ code, name: code, goods_type: 2, status: 0, cd_until: 0, ...change });
  rememberSquare([
    card("cooling", { cd_until: soon() }), card("left"), card("here"), card("mine", { mine: true }), card("won", { won: true }), card("over", { status: 1 }), card("middle"), card("right"),
  ]);
  assert.deepEqual(nextCards("here").map(({ code }) => code), ["left", "middle", "right"]);
  assert.deepEqual(nextCards("left").map(({ code }) => code), ["here", "middle", "right"]);
  rememberSquare([card("later", { starts_at: soon() + HOUR_MS }), card("cooling", { cd_until: soon() }), card("open")]);
  assert.deepEqual(nextCards("here").map(({ code }) => code), ["open", "cooling", "later"]);
});

test("footprints say how likely each dig was, and what that adds up to; winners read of the next dig as of another's", () => {
  const listed = "这里有你挖成的每一锹；慢了一步、抽签没抽中的不算。";
  assert.equal(luckWords({ digging_num: 2, expected_wins: 1, wins_counted: 1 }), `${listed}按概率应该挖到 1 次，实际挖到 1 次。`);
  assert.equal(luckWords({ digging_num: 2, expected_wins: 0.126, wins_counted: 0 }), `${listed}按概率应该挖到 0.13 次，实际挖到 0 次。`);
  assert.equal(luckWords({ digging_num: 0 }), listed);
  assert.equal(footprintWords({ depth: 1, was_one_in: 1, is_prize: 1 }), "第 1 层 · 机会 1/1 · 挖到了");
  const sure = { status: 0, one_in: 1, nearest: 2, now_depth: 1, review: "shown" };
  assert.equal(chanceWords(sure), "下一层一定有奖，谁挖到归谁");
});

test("a card says when a treasure ends if that is near, and not how long it might lie there", () => {
  const lasting = (hours) => lastingOf({ participants: 0, expires_at: Date.now() + hours * HOUR_MS + 1000, now_depth: 0 });
  assert.deepEqual([29 * 24, 119, 48, 3, 0.5].map(lasting), ["", "还有 4 天", "还有 2 天", "还有 3 小时", "不到 1 小时"]);
});

test("a renewed square moves no card: one that ended or left stays, and says so", () => {
  const old = [{ code: "a", status: 0 }, { code: "b", status: 0 }, { code: "c", status: 0 }, { code: "d", status: 1 }];
  const found = [{ code: "e", status: 0 }, { code: "a", status: 0, now_depth: 3 }, { code: "b", status: 1 }, { code: "d", status: 1 }];
  const shown = inPlace(old, found, true).map((card) => ({ prizes_left: 1, name: "猫", ...card }));
  assert.deepEqual(shown.map(({ code }) => code), ["a", "b", "c", "d", "e"]);
  assert.deepEqual(shown.map(runs), [true, true, true, false, true]);
  assert.deepEqual(shown.map((card) => cardState(card, 0).text), ["可以挖", "已结束", "刚离开广场", "已结束", "可以挖"]);
  assert.equal(shown[0].now_depth, 3);
  const later = inPlace(shown, [{ code: "c", status: 0 }], false);
  assert.equal(cardState({ name: "猫", ...later[2] }, 0).text, "可以挖"); // a further page has it
  assert.equal(cardState({ name: "猫", ...later[4] }, 0).text, "可以挖");
});

test("the depth within which the prizes lie is said of those that are left", () => {
  for (const [task, said] of [
    [{ prize_num: 1, prizes_left: 1, deepest: 9 }, "奖品在第 9 层以内"],
    [{ prize_num: 1, prizes_left: 1, deepest: 1 }, "奖品就在第 1 层"],
    [{ prize_num: 5, prizes_left: 5, deepest: 30 }, "奖品都在第 30 层以内"],
    [{ prize_num: 5, prizes_left: 4, deepest: 25 }, "剩下的都在第 25 层以内"],
    [{ prize_num: 5, prizes_left: 1, deepest: 12 }, "剩下的在第 12 层以内"],
    [{ prize_num: 5, prizes_left: 0, deepest: 12, status: 1 }, ""],
  ]) assert.equal(deepestWords(task), said);
});

test("who gave red packets alone reads that winners claim them by themselves", () => {
  const [packet, goods] = [{ goods_type: 1 }, { goods_type: 2 }];
  for (const task of [packet, { ...packet, ranks: [packet, packet] }]) assert.equal(packetsWords(task), "红包由挖到的人自己领，不用你发。");
  for (const task of [goods, { ...packet, ranks: [packet, goods] }]) assert.equal(packetsWords(task), "");
});

test("who paid for a treasure reads what was paid, won and claimed of it, what goes back, and when", () => {
  const AT = Date.UTC(new Date(Date.now() + 8 * HOUR_MS).getUTCFullYear(), 11, 3, 12);
  const found = (paid_fen, given_fen, refunded_fen, prizes_won, prizes_given) =>
    ({ paid_fen, given_fen, refunded_fen, held_fen: paid_fen - given_fen - refunded_fen, prizes_won, prizes_given, prize_num: 3 });
  for (const [task, of, said] of [
    [{ status: 0, expires_at: AT }, found(0, 0, 0, 0, 0), ""],
    [{ status: 0, expires_at: AT }, found(2000, 650, 0, 1, 1), "已付 20 元，挖到 1 / 3 份，领走 6.50 元，没领走的还有 13.50 元。没有人挖到的，最晚 12月3日 20:00 开始退回；挖到没有领的，过了领奖期限开始退回，退到付款的账户。"],
    [{ status: 0, expires_at: 0 }, found(2000, 0, 0, 0, 0), "已付 20 元，挖到 0 / 3 份，领走 0 元，没领走的还有 20 元。没有人挖到的，结束后开始退回；挖到没有领的，过了领奖期限开始退回，退到付款的账户。"],
    [{ status: 1, claim_until: AT }, found(2000, 650, 400, 2, 1), "已付 20 元，挖到 2 / 3 份，领走 6.50 元，已退回 4 元，没领走的还有 9.50 元。没有领的，12月3日 20:00 以后开始退回，退到付款的账户。"],
    [{ status: 1, claim_until: AT }, found(2000, 650, 0, 2, 1), "已付 20 元，挖到 2 / 3 份，领走 6.50 元，没领走的还有 13.50 元。没有人挖到的正在退回；没有领的，12月3日 20:00 以后开始退回，退到付款的账户。"],
    [{ status: 1, claim_until: 0 }, found(2000, 650, 400, 2, 1), "已付 20 元，挖到 2 / 3 份，领走 6.50 元，已退回 4 元，没领走的还有 9.50 元。挖到没有领的，过了领奖期限开始退回，退到付款的账户。"],
    [{ status: 1, claim_until: AT }, found(2000, 650, 0, 1, 1), "已付 20 元，挖到 1 / 3 份，领走 6.50 元，没领走的还有 13.50 元。没有人挖到的正在退回，退到付款的账户。"],
    [{ status: 1, claim_until: AT }, found(2000, 650, 400, 1, 1), "已付 20 元，挖到 1 / 3 份，领走 6.50 元，已退回 4 元，没领走的还有 9.50 元。剩下的正在退回，退到付款的账户。"],
    [{ status: 1, claim_until: AT }, found(2000, 650, 1350, 1, 1), "已付 20 元，挖到 1 / 3 份，领走 6.50 元，已退回 13.50 元。"],
  ]) assert.equal(receiptWords(task, of), said);
});

test("a publisher's main button shares, and after the end leads to who won, to what happened, or to the next treasure", () => {
  const task = { status: 1, now_depth: 3, prize_num: 2, prizes_left: 1, goods_type: 2 };
  for (const [change, act] of [
    [{ status: 0 }, "share"], [{}, "winners"], [{ prizes_left: 2 }, "story"], [{ now_depth: 0, prizes_left: 2 }, "again"],
    [{ goods_type: 1 }, "story"], [{ ranks: [{ goods_type: 1 }] }, "story"], [{ ranks: [{ goods_type: 1 }, { goods_type: 2 }] }, "winners"],
  ]) assert.equal(mainAct({ ...task, ...change }), act);
});

test("a publisher reads when a treasure ends at the latest, and of both kinds of money when their refunds begin", () => {
  const task = { mine: 1, status: 0, now_depth: 1, goods_type: 1, expires_at: Date.UTC(new Date().getUTCFullYear(), 5, 3, 12) };
  const after = "有人挖过就不能改了，想换一换，可以再埋一个。";
  const until = "大家正在挖，挖完就结束，最晚 6月3日 20:00 结束。";
  assert.equal(lockedWords(task), `${until}结束以后，没有人挖到的红包开始退回；挖到没有领的，过了领奖期限再退回。${after}`);
  assert.equal(lockedWords({ ...task, goods_type: 2 }), until + after);
});

test("a treasure that ended has no cooldown", () => {
  const task = { prize_num: 1, goods_type: 1, money: 2, status: 0, gone: 0, cd: 5, now_depth: 1 };
  assert.deepEqual(facts(task), ["1 份奖品", "现金红包", "每锹冷却 5 秒"]);
  assert.deepEqual([0, 59, 60, 90, 3600].map((cd) => cooldownWords({ cd })), ["没有冷却", "冷却 59 秒", "冷却 1 分钟", "冷却 90 秒", "冷却 1 小时"]);
  assert.equal(facts({ ...task, status: 1, prizes_left: 0 })[0], "奖品已挖到");
  for (const over of [{ status: 1 }, { gone: 1 }]) assert.deepEqual(facts({ ...task, ...over }), ["1 份奖品", "现金红包"]);
});

test("nobody cheers where a treasure ended before anybody dug", () => {
  const task = { review: "shown", gone: 0, need_pay: 0, why: "", status: 0, now_depth: 0 };
  assert.ok(mayCheer(task));
  assert.ok(mayCheer({ ...task, status: 1, now_depth: 1 }));
  assert.ok(!mayCheer({ ...task, status: 1 }));
  assert.ok(!mayCheer({ ...task, gone: 1 }));
});

test("a receiver is a name: an address in its place is refused, foreign names are not", () => {
  for (const name of ["王小明", " 阿卜杜热合曼·艾合买提 ", "O'Neill-Smith, Mary-Jane Jr.", "José Á. Núñez", "李〇", "𠮷".repeat(32), ""]) assert.equal(receiverProblem(name), "", name);
  for (const address of ["深圳市科技园 1 号", "中山路１２号", "广东省深圳市南山区科技园科技中路软件大厦东座前台转交王小明女士收谢谢"]) assert.match(receiverProblem(address), /^“收货人”只写名字/, address);
});

test("the end of the time to claim is said while a winner may still claim", () => {
  const end = soon();
  assert.equal(claimsEnd(0, [{ state: "won" }], 1), "");
  assert.match(claimsEnd(end, [{ state: "given" }, { state: "won" }], 2), /截止领奖/);
  assert.match(claimsEnd(end, [{ state: "given" }], 2), /截止领奖/); // another page may have who waits
  assert.equal(claimsEnd(end, [{ state: "given" }, { state: "returned" }], 2), "");
});

test("where prizes may lie is said of each in turn, and a number with more stands before what it counts", () => {
  const rules = { prize_num: 2, forecast_num: 20, interval: 10 };
  const next = "在还没挖、又可能有下一份奖品的每一层，机会一样大：“下一层有奖的机会”就这样算出，人人看得到。";
  assert.equal(depthRules({ ...rules, fluctuation: 3 }), `规则：2 份奖品，每份比上一份深 7 到 13 层，第一份从地面算起，最深 26 层。${next}`);
  assert.equal(depthRules({ ...rules, fluctuation: 0 }), `规则：2 份奖品，每份比上一份深 10 层，第一份从地面算起，最深 20 层。${next}`);
  assert.deepEqual([1, 0].map((handed_all) => handedWords({ handed: 50, handed_all, handed_in_ms: 0 })), ["送出过 50 份奖品", "送出过 50 份以上的奖品"]);
});
