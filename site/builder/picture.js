// Who gets in, as a picture: a row for each port, a column for each part of all sources. The table below it says the same.
const SVG = "http://www.w3.org/2000/svg";
const LINE = 20, BAND = 28, GAP = 12, HEAD = 26;
const draw = (name, attributes = {}, text) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
};
const cut = (text, pixels) => (text.length * 7.4 <= pixels ? text : `${text.slice(0, Math.max(1, Math.floor(pixels / 7.4) - 1))}…`);
const letter = (number) => String.fromCharCode(65 + number);
const KINDS = {
  open: { sign: "●", word: "open" },
  limited: { sign: "◐", word: "limited" },
  shut: { sign: "○", word: "closed" },
};
const kind = (cell) => (!cell.open ? "shut" : cell.limits.length ? "limited" : "open");
const told = (cell) => (cell.open ? `open by ${cell.by.join(", ")}${cell.limits.length ? `, at most ${cell.limits.join(" or ")}` : ""}` : "closed");

// A grid of grid.py -> a figure as wide as that is.
export function picture(family, grid, width) {
  const figure = document.createElement("figure");
  figure.className = "picture";
  const { columns, rows, left } = grid;
  const inner = Math.max(260, Math.min(width, 880)), each = inner / columns.length;
  const height = HEAD + rows.length * (LINE + BAND + GAP);
  const id = family.toLowerCase();
  const svg = draw("svg", { role: "img", viewBox: `0 0 ${inner} ${height}`, width: inner, height, "aria-labelledby": `${id}-title ${id}-desc` });
  svg.append(draw("title", { id: `${id}-title` }, `Who gets in over ${family}`));
  svg.append(draw("desc", { id: `${id}-desc` }, rows.map((row) => `${row.what}: ${row.cells.map((cell, n) => `${columns[n].name} ${told(cell)}`).join("; ")}.`).join(" ") || "Nobody gets in."));
  const hatch = draw("pattern", { id: `${id}-hatch`, width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  hatch.append(draw("rect", { width: 8, height: 8, class: "ground" }), draw("rect", { width: 3, height: 8, class: "stripe" }));
  svg.append(hatch);
  columns.forEach((column, n) => {
    const one = columns.length === 1, name = one ? column.name : cut(`${letter(n)}  ${column.name}`, each - 8);
    const fits = one || !name.endsWith("…") || each > 110;
    svg.append(draw("text", { x: n * each + each / 2, y: HEAD - 10, class: "head" }, fits ? name : letter(n)));
  });
  rows.forEach((row, at) => {
    const top = HEAD + at * (LINE + BAND + GAP);
    svg.append(draw("text", { x: 0, y: top + LINE - 6, class: "what" }, cut(row.what, inner)));
    row.cells.forEach((cell, n) => {
      const which = kind(cell), { sign, word } = KINDS[which], wide = each >= 76;
      const made = draw("g", { class: `cell ${which}` });
      made.append(draw("title", {}, `${row.what}, ${columns[n].name}: ${told(cell)}`));
      made.append(draw("rect", { x: n * each + 1, y: top + LINE, width: each - 2, height: BAND, rx: 4, ...(which === "limited" ? { fill: `url(#${id}-hatch)` } : {}) }));
      const label = cell.limits.length && each >= 150 ? `${sign} at most ${cut(cell.limits.join(" or "), each - 90)}` : wide ? `${sign} ${word}` : sign;
      made.append(draw("text", { x: n * each + each / 2, y: top + LINE + BAND / 2 + 5 }, label));
      svg.append(made);
    });
  });
  const caption = document.createElement("figcaption");
  const head = document.createElement("strong");
  head.textContent = family;
  caption.append(head, rows.length ? `  ${Object.values(KINDS).map(({ sign, word }) => `${sign} ${word}`).join("  ")}` : "  Nobody gets in.");
  figure.append(caption);
  if (rows.length) figure.append(svg);
  if (columns.length > 1 && rows.length) {
    const list = document.createElement("ol");
    list.type = "A";
    for (const column of columns) {
      const item = document.createElement("li");
      item.textContent = column.name;
      list.append(item);
    }
    figure.append(list);
  }
  if (left[0] || left[1]) {
    const more = document.createElement("p");
    more.textContent = `Not drawn: ${left[0]} more parts of the sources and ${left[1]} more ports. The table has them.`;
    figure.append(more);
  }
  return figure;
}
