// Evaluated in a page: returns its texts that a reader cannot reach: those beyond the window's edges, or cut off by an
// element that does not say so by an ellipsis. What scrolls sideways inside the page is reached by that.
() => {
  const cut = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const holder = text.parentElement;
    const shown = holder.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
    if (!text.data.trim() || !shown) continue;
    range.selectNodeContents(text);
    for (const {left, right, top, bottom} of range.getClientRects()) {
      let unseen = left < -1 || right > innerWidth + 1;
      for (let each = holder; each && each !== document.body; each = each.parentElement) {
        const {overflowX, overflowY, textOverflow, webkitLineClamp, clipPath, position} =
          getComputedStyle(each);
        const shortened = textOverflow === "ellipsis" || webkitLineClamp !== "none";
        if (shortened || clipPath !== "none" || ["auto", "scroll"].includes(overflowX)) {
          unseen = false;
          break;
        }
        const box = each.getBoundingClientRect();
        const cuts = (overflow) => overflow === "hidden" || overflow === "clip";
        if (cuts(overflowX)) unseen ||= left < box.left - 1 || right > box.right + 1;
        if (cuts(overflowY)) unseen ||= top < box.top - 1 || bottom > box.bottom + 1;
        if (position === "fixed") break;
      }
      if (unseen) cut.add(`${holder.localName}.${holder.className}: ${text.data.trim().slice(0, 40)}`);
    }
  }
  return [...cut];
}
