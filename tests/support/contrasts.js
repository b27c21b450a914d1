// Evaluated in a page: returns its visible texts whose contrast to their background is below 4.5.
// Texts over pictures and gradients are left out; people check them by eye.
() => {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const style = getComputedStyle(each);
      const [, , , alpha = 1] = channels(style.backgroundColor);
      if (style.backgroundImage !== "none" || getComputedStyle(each, "::before").backgroundImage !== "none") return null;
      if (alpha === 1) return channels(style.backgroundColor);
      if (alpha > 0) return null;
    }
    return null;
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const element = text.parentElement;
    if (!text.data.trim() || !element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
    const background = behind(element);
    if (!background) continue;
    const [one, other] = [luminance(channels(getComputedStyle(element).color)), luminance(background)];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) faint.push(`${text.data.trim().slice(0, 20)}: ${contrast.toFixed(2)}`);
  }
  return faint;
}
