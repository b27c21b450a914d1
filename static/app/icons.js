// The few icons, drawn in the colour of the text around them.

const NAMESPACE = "http://www.w3.org/2000/svg";

const PATHS = {
  square: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  publish: "M12 5v14M5 12h14",
  mine: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20c1-4 4-6 7.500-6s6.500 2 7.500 6",
  back: "M15 5l-7 7 7 7",
  watchers: "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  share: "M12 15V4M8 7.500L12 3.500l4 4M5 12v7h14v-7",
  shovel: "M19.500 2.500l2 2-9 9M10 10l4 4-2.500 5.500c-1.500 2-6 2.500-8 1s-1-6.500 1-8z",
  close: "M6 6l12 12M18 6L6 18",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  trophy: "M8 4h8v5a4 4 0 0 1-8 0zM8 5H5c0 4 1 5 3.500 5.500M16 5h3c0 4-1 5-3.500 5.500M12 13v4M8.500 20h7",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9.500h.01",
};

export function icon(name, size = 24) {
  const svg = document.createElementNS(NAMESPACE, "svg");
  const attributes = { viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true", class: "icon" };
  for (const [attribute, value] of Object.entries(attributes)) svg.setAttribute(attribute, value);
  const path = document.createElementNS(NAMESPACE, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
