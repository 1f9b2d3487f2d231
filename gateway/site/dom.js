// Elements from plain values. Text is always text: symbols and reasons come from outside.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setClass(element, name) {
  if (element.className !== name) element.className = name;
}

export function empty(title, text, ...more) {
  return h("div", { class: "empty" }, h("h2", {}, title), h("p", {}, text), ...more);
}

// With "cards" each row of it is a card of its own where the screen is narrow.
export function table(caption, heads, rows, none, kind = "") {
  if (!rows.length) return h("p", { class: "none" }, none);
  const head = heads.map(([text, kind]) => h("th", { scope: "col", class: kind }, text));
  const body = rows.map((row) =>
    h("tr", {}, row.map((cell, at) => h("td", { class: heads[at][1], "data-label": heads[at][0] }, cell ?? "–"))),
  );
  return h(
    "div",
    { class: `scroll ${kind}`.trim(), tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", { class: "hidden" }, caption), h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)),
  );
}
