// Digs a treasure as soon as each countdown is over, until it is won. An example for writers of clients.
//
//     node docs/client.mjs http://127.0.0.1:8000 小刚 CODE
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const [site, name, code] = process.argv.slice(2);
const json = async (path, options) => (await fetch(site + path, { signal: AbortSignal.timeout(10_000), ...options })).json();

const given = await json(`/sandbox/authorize?user=${encodeURIComponent(name)}`); // in a mini-program: wx.login
const sent = new URLSearchParams(["code", "iv", "encryptedData"].map((key) => [key, given[key]]));
const { data: me } = await json(`/userLogin?${sent}`);
const headers = { Authorization: `Bearer ${me.token}`, "Content-Type": "application/json" };

const page = await json(`/getTaskDetails?unionid=${me.unionid}&code=${code}`, { headers });
console.log(`${page.name}: level ${page.now_depth} of at most ${page.deepest}, ${page.prizes_left} of ${page.prize_num} prizes left`);

let seconds = page.time * page.is_cd; // until the countdown is over; without it, digging may begin
for (let over = Boolean(page.why) && page.why !== "cooling_down"; !over;) {
  await sleep(seconds * 1000);
  const body = JSON.stringify({ unionid: me.unionid, code, dig_id: randomUUID() }); // sent again after a failure, it is one dig
  let reply;
  do {
    if (reply) await sleep(3000);
    reply = await json("/postTask", { method: "POST", headers, body });
  } while (["unavailable", "outcome_unknown"].includes(reply.error));
  console.log(reply.msg || `level ${reply.now_depth}: ${reply.is_prize ? "won" : "nothing"}`);
  over = reply.is_prize === 1 || reply.task_status === 1 || (reply.status === 1 && reply.error !== "cooling_down");
  seconds = reply.time;
}
