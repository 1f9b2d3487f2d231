// The page: which part is shown, how the connection is, keys, theme.

import { setKey } from "./api.js";
import { empty, h } from "./dom.js";
import { askHalt, setUpHalt } from "./halt.js";
import { Live } from "./live.js";
import { Markets } from "./markets.js";
import { Model } from "./model.js";
import { System } from "./system.js";
import { Trades } from "./trades.js";
import { clock } from "./words.js";

const LINKS = {
  connecting: "Connecting", live: "Live", stale: "Quiet", lost: "Reconnecting", nobroker: "No broker", absent: "Predictions only", locked: "Locked",
};
const STALE_MS = 15_000; // the gateway speaks at least every 10 s
const PAGES = ["", "model", "trades", "system"];
const $ = (id) => document.getElementById(id);
const live = new Live();
let shown = null;

function route() {
  const [, page = "", key] = location.hash.split("/");
  const series = page === "s" ? decodeURIComponent(key ?? "") : null;
  if (shown instanceof Markets && (page === "s" || page === "") && live.link !== "locked" && live.link !== "absent") {
    if (series) shown.open(series);
    else shown.root.removeAttribute("data-open");
  } else {
    show(page, series);
  }
  for (const tab of document.querySelectorAll(".tabs a")) {
    const own = tab.dataset.page === (page === "s" || page === "" ? "markets" : page);
    if (own) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
}

function show(page, series) {
  shown?.close?.();
  shown = null;
  document.title = "Natron";
  if (live.link === "locked") return $("page").replaceChildren(locked());
  if (live.link === "absent" && page !== "model") return $("page").replaceChildren(absent());
  const made = { model: () => new Model(live), trades: () => new Trades(live), system: () => new System(live) }[page];
  shown = made ? made() : new Markets(live, series);
  $("page").replaceChildren(shown.root);
  $("page").scrollTop = 0;
  shown.shown();
}

function locked() {
  const input = h("input", { type: "password", autocomplete: "off", "aria-label": "API key", placeholder: "API key" });
  const submit = (event) => {
    event.preventDefault();
    setKey(input.value.trim());
    live.retry();
  };
  return empty("This gateway asks for its key", "It is in the file that gateway.key_file names. It stays in this tab and is forgotten when the tab closes.",
    h("form", { class: "actions", onsubmit: submit }, input, h("button", { class: "primary" }, "Open")));
}

function absent() {
  return empty("This gateway has no broker", "It answers /predict from the candles that are sent to it, and has no live series to show. Start a system, and a gateway with it:", h("pre", {}, "natron up"));
}

function drawLink() {
  const quiet = live.link === "live" && Date.now() - live.lastMs > STALE_MS;
  const link = quiet ? "stale" : live.link;
  $("link").dataset.link = link;
  if ($("link").textContent !== LINKS[link]) $("link").textContent = LINKS[link];
  const old = link === "lost" || link === "nobroker" || link === "stale";
  document.body.toggleAttribute("data-old", old && live.loaded);
  const since = live.lastMs ? ` What you see is from ${clock(live.lastMs)} UTC and may be old.` : "";
  const texts = {
    lost: `The gateway does not answer.${since} Trying again.`,
    nobroker: `The gateway answers, its broker does not.${since} Trying again.`,
    stale: `Nothing was heard for ${Math.round((Date.now() - live.lastMs) / 1000)} s.${since}`,
  };
  const halted = live.halted.has("*") && link === "live" ? "Everything is halted: predictions go on, and none may be traded." : "";
  $("banner").hidden = !(texts[link] || halted);
  $("banner").dataset.kind = texts[link] ? "" : "bad";
  const text = texts[link] ?? halted;
  if ($("banner").textContent !== text) $("banner").textContent = text;
}

let before = live.link;
live.addEventListener("link", () => {
  drawLink();
  const special = ["locked", "absent"];
  if (special.includes(live.link) || special.includes(before)) {
    shown?.close?.();
    shown = null;
    route();
  }
  before = live.link;
});
live.addEventListener("halts", drawLink);
setInterval(drawLink, 1_000);
document.addEventListener("visibilitychange", () => document.hidden || live.refresh());

const SUN = '<svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round"><circle cx="8" cy="8" r="2.8"/><path d="M8 1.5v1.6M8 12.9v1.6M1.5 8h1.6M12.9 8h1.6M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M3.4 12.6l1.1-1.1M11.5 4.5l1.1-1.1"/></svg>';
const MOON = '<svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linejoin="round"><path d="M13.4 9.7A5.8 5.8 0 0 1 6.3 2.6a5.8 5.8 0 1 0 7.1 7.1Z"/></svg>';

function drawTheme() {
  $("theme").innerHTML = document.documentElement.dataset.theme === "dark" ? SUN : MOON;
}

function switchTheme() {
  const dark = document.documentElement.dataset.theme !== "dark";
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  localStorage.setItem("natron-theme", document.documentElement.dataset.theme);
  drawTheme();
  shown?.paint?.();
}

function showKeys() {
  const keys = [["/", "Find a series"], ["j  k", "Next or previous series"], ["1 – 4", "Markets, Model, Trades, System"], ["t", "Light or dark"], ["h", "Halt or resume"], ["?", "These keys"]];
  const dialog = $("dialog");
  dialog.replaceChildren(h("h2", { id: "dialog-title" }, "Keys"), h("dl", {}, keys.flatMap(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)])),
    h("form", { method: "dialog" }, h("div", { class: "actions" }, h("button", {}, "Close"))));
  dialog.showModal();
}

const KEYS = {
  "/": () => shown?.focusSearch?.(),
  j: () => shown?.step?.(1),
  k: () => shown?.step?.(-1),
  ArrowDown: () => shown?.step?.(1),
  ArrowUp: () => shown?.step?.(-1),
  t: switchTheme,
  h: () => askHalt(live),
  "?": showKeys,
};

document.addEventListener("keydown", (event) => {
  const field = event.target.closest("input, textarea, dialog");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (field) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (/^[1-4]$/.test(event.key)) location.hash = `#/${PAGES[event.key - 1]}`;
  const act = KEYS[event.key];
  if (act && !(event.key.startsWith("Arrow") && !(shown instanceof Markets))) {
    event.preventDefault();
    act();
  }
});

$("theme").addEventListener("click", switchTheme);
$("help").addEventListener("click", showKeys);
setUpHalt(live, $("halt"));
addEventListener("hashchange", route);
drawTheme();
drawLink();
route();
live.start();
