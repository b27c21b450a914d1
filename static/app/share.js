// Sharing a task: the poster and a link. Both carry the share token, never the sharer's unionid.

import { inviteWords } from "../miniprogram/shared/words-later.js";
import { SHARE } from "../miniprogram/shared/words.js";
import { Refused, post } from "./api.js";
import { dialog, readInto } from "./dialog.js";
import { el, write } from "./dom.js";

// As high as the poster will be, so that nothing below moves when it is drawn: that of `.poster img` in a dialog.
const HEIGHT = "min(max(200px, min(62dvh, 100dvh - 316px)), (min(440px, 100vw - 24px) - 32px) * 1334 / 750)";

export function share(task) {
  const link = `${location.origin}/?code=${task.share || task.code}`;
  const invitation = `${inviteWords(task)} ${link}`; // a bare address tells a friend nothing
  const poster = el("div.poster", { style: { "min-block-size": HEIGHT } });
  const copied = el("p.hint", { role: "status", style: { display: "block", "min-block-size": "1.5em" } }); // a notice would lie behind the dialog
  const field = el("input", { value: invitation, readonly: true, "aria-label": "一句话和链接", onfocus: () => field.select() });
  const copy = async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(invitation);
      write(copied, "已复制");
    } catch {
      write(copied, "已选中，长按复制"); // not every browser allows copying
    }
  };
  const sandbox = document.documentElement.dataset.login === "sandbox";
  dialog(
    "分享给朋友",
    poster,
    // A window that this one opens would be the same person, but for `noopener`.
    sandbox ? el("p", {}, el("a.button", { href: link, target: "_blank", rel: "noopener" }, "在新窗口里扮演一个朋友")) : null,
    el("div.row", {}, field, el("button", { onclick: copy }, "复制")),
    copied,
    el("p.hint", {}, `保存海报或复制链接发给朋友。${SHARE.fair}`),
  );
  readInto(poster, SHARE.drawing, async () => {
    const { pic } = await post("/getSharePic", { code: task.code });
    const image = el("img", { alt: `“${task.name}”的海报，上面有二维码`, width: 750, height: 1334 });
    image.src = pic;
    await image.decode().catch(() => { throw new Refused({ msg: SHARE.broken, error: "picture" }, 0); });
    return image;
  });
}
