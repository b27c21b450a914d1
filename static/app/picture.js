// Choosing a picture: it is shown and uploaded at once, with its progress.

import { Refused, upload } from "./api.js";
import { el, fill, icon, set, write } from "./dom.js";

const MOST_BYTES = 10 << 20;
const KINDS = "image/jpeg,image/png,image/webp,image/gif";

/**
 * Return a field: its element, `input`, and `ready()`, which resolves to the picture's address once it is uploaded, and
 * throws if the upload failed. Before a picture is chosen, people see `shown`, and `ready()` resolves to `address`.
 * `chosen()` says whether a picture was chosen; `uploaded` is called with the address of each uploaded
 * picture.
 */
export function pictureField(id, { label, hint, address = "", shown = address, uploaded = () => {} }) {
  const preview = el("div.preview", {}, shown ? el("img", { src: shown, alt: "" }) : icon("picture", 40));
  const bar = el("progress", { max: 1, value: 0, hidden: true, "aria-label": "上传进度" });
  const said = el("p.hint", { role: "status" }, hint);
  const input = el("input.unseen", { type: "file", id, accept: KINDS, onchange: () => choose(input.files[0]) });
  const element = el("div.field", {}, el("span.label", {}, label), input, el("label.picture", { for: id }, preview, el("span", {}, "选择图片")), bar, said);
  let uploading = Promise.resolve(address);
  let local = "";

  function choose(file) {
    if (!file) return;
    input.value = ""; // the same picture can be chosen again if its upload failed
    URL.revokeObjectURL(local);
    local = URL.createObjectURL(file);
    // If the browser cannot show it, the server will probably refuse it and say why.
    fill(preview, el("img", { src: local, alt: "所选的图片", onerror: () => fill(preview, icon("picture", 40)) }));
    uploading = send(file);
    uploading.catch(() => {}); // the failure is shown below, and ready() throws it
  }

  async function send(file) {
    set(said, { class: "hint" });
    set(bar, { hidden: false, value: 0 });
    try {
      if (file.size > MOST_BYTES) throw new Refused({ msg: "图片太大，请选择 10 MB 以内的图片", error: "picture_too_large" });
      write(said, "正在上传…");
      const { url } = await upload(file, (share) => {
        bar.value = share;
        write(said, share < 1 ? `正在上传 ${Math.floor(share * 100)}%` : "已传完，正在处理…");
      });
      write(said, "图片已上传");
      uploaded(url);
      return url;
    } catch (error) {
      set(said, { class: "problem" });
      write(said, error.message);
      throw error;
    } finally {
      set(bar, { hidden: true });
    }
  }

  return { element, input, ready: () => uploading, chosen: () => Boolean(local || address) };
}
