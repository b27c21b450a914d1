// Sharing a task: the poster and a link. Both carry the share token, never the sharer's unionid.

import { SHARE } from "../miniprogram/shared/words.js";
import { post } from "./api.js";
import { dialog } from "./dialog.js";
import { attempt, el, fill, notice, write } from "./dom.js";

export function share(task) {
  const link = `${location.origin}/?code=${task.share || task.code}`;
  const poster = el("div.poster", { role: "status" }, SHARE.drawing);
  const field = el("input", { value: link, readonly: true, "aria-label": "链接", onfocus: () => field.select() });
  const copy = async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(link);
      notice("链接已复制");
    } catch {
      notice("浏览器不让复制，请长按选中的链接"); // not every browser allows copying
    }
  };
  dialog(
    "分享给朋友",
    poster,
    el("div.row", {}, field, el("button", { onclick: copy }, "复制")),
    el("p.hint", {}, `保存海报或复制链接发给朋友。${SHARE.fair}`),
  );
  attempt(poster, async () => {
    const { pic } = await post("/getSharePic", { code: task.code });
    const image = el("img", { alt: `“${task.name}”的海报，上面有二维码`, width: 750, height: 1334 });
    image.addEventListener("error", () => write(poster, SHARE.broken), { once: true });
    image.src = pic;
    fill(poster, image);
  });
}
