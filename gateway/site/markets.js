// The list of series beside one of them.

import { get, pathOf } from "./api.js";
import { Chart } from "./chart.js";
import { empty, h, setClass, setText } from "./dom.js";
import { REASONS, SETUP_NOTE, digitsOf, percent, price, regime, stamp } from "./words.js";

const STATES = ["LIVE", "LATE", "SILENT", "CLOSED"];
const CANDLES = 600;
const RELOAD_MS = 500; // between two loads while a replay runs ahead of the chart
const LAST = "natron-series";
const LEGEND = [
  ["Strong bull", "--bull-strong"], ["Weak bull", "--bull-weak"], ["Range", "--range"], ["Weak bear", "--bear-weak"],
  ["Strong bear", "--bear-strong"], ["Volatile", "--volatile"],
];

export class Markets {
  #rows = new Map();
  #state = "";
  #query = "";
  #listFrame = 0;
  #loading = null;
  #loadedMs = 0;
  #again = 0;
  #lastN = 0;
  #hovered = null;

  constructor(live, key) {
    this.live = live;
    this.key = key;
    this.root = h("div", { class: "markets", "data-open": key ? true : null }, this.#makeList(), this.#makeSeries());
    this.events = new AbortController();
    const on = (name, call) => live.addEventListener(name, call, { signal: this.events.signal });
    on("series", () => this.#drawList());
    on("missed", () => this.#reloadSoon());
    on("candle", ({ detail }) => this.#takeCandle(detail));
    on("prediction", ({ detail }) => this.#takePrediction(detail));
    if (live.loaded) this.#drawList();
  }

  shown() {
    this.open(this.key ?? this.#preferred(), false);
  }

  close() {
    this.events.abort();
    cancelAnimationFrame(this.#listFrame);
    clearTimeout(this.#again);
    this.#loading?.abort();
    this.chart?.close();
    this.chart = null;
  }

  paint() {
    this.chart?.paint();
  }

  // The list

  #makeList() {
    const find = () => {
      this.#query = this.search.value.trim().toLowerCase();
      this.#drawList();
    };
    const clear = (event) => {
      if (event.key !== "Escape") return;
      this.search.value = "";
      find();
    };
    this.search = h("input", { type: "search", placeholder: "Find a series", "aria-label": "Find a series", oninput: find, onkeydown: clear });
    this.filters = h("div", { class: "filters", role: "group", "aria-label": "State of the feed" });
    this.rows = h("ul", { class: "rows", role: "listbox", "aria-label": "Series", tabindex: "0" });
    this.none = h("p", { class: "note", hidden: true }, "No series matches.");
    const foot = h("div", { class: "list-foot" }, "Buy and sell: probability that the next candle shows a setup, not of profit.");
    return h("aside", { class: "list", "aria-label": "Series" }, h("div", { class: "list-head" }, this.search, this.filters), this.rows, this.none, foot);
  }

  #drawSoon() {
    this.#listFrame ||= requestAnimationFrame(() => {
      this.#listFrame = 0;
      this.#drawList();
    });
  }

  #visible() {
    return [...this.live.series.values()].filter(
      (one) => (!this.#state || one.state === this.#state) && `${one.symbol} ${one.timeframe}`.toLowerCase().includes(this.#query),
    );
  }

  #drawList() {
    const all = [...this.live.series.values()];
    const counts = Object.fromEntries(STATES.map((state) => [state, all.filter((one) => one.state === state).length]));
    if (this.#state && !counts[this.#state]) this.#state = "";
    const chips = [["", `All ${all.length}`], ...STATES.filter((state) => counts[state]).map((state) => [state, `${title(state)} ${counts[state]}`])];
    if (this.filters.dataset.shown !== JSON.stringify([chips, this.#state])) {
      this.filters.dataset.shown = JSON.stringify([chips, this.#state]);
      this.filters.replaceChildren(...chips.map(([state, text]) => h("button", {
        "aria-pressed": String(state === this.#state), onclick: () => { this.#state = state; this.#drawList(); },
      }, text)));
    }
    const visible = this.#visible();
    const wanted = visible.map((one) => this.#row(one));
    if (wanted.length !== this.rows.children.length || wanted.some((row, at) => this.rows.children[at] !== row)) this.rows.replaceChildren(...wanted);
    this.none.hidden = visible.length > 0 || !all.length;
    if (this.live.loaded && !all.length) this.#showNothing();
    else if (this.nothing) this.shown();
    if (!this.key && all.length) this.open(this.#preferred(), false);
    this.#drawHead();
  }

  #row(one) {
    let row = this.#rows.get(one.series);
    if (!row) {
      const parts = { dot: h("span"), name: h("span"), price: h("span", { class: "price" }), what: h("span", { class: "what" }), buy: h("b"), sell: h("b") };
      row = h(
        "li", { class: "row", role: "option", id: `row-${one.series}`, onclick: () => { location.hash = `#/s/${encodeURIComponent(one.series)}`; } },
        parts.dot, h("span", { class: "name" }, parts.name, h("small", {}, one.timeframe)), parts.price, parts.what,
        h("span", { class: "setups" }, "buy ", parts.buy, " sell ", parts.sell),
      );
      parts.name.textContent = one.symbol;
      row.parts = parts;
      this.#rows.set(one.series, row);
    }
    const { parts } = row;
    const latest = one.latest;
    setClass(parts.dot, `dot ${one.state}`);
    setText(parts.price, price(one.close));
    setText(parts.what, describe(one));
    setText(parts.buy, percent(latest?.buy_prob));
    setText(parts.sell, percent(latest?.sell_prob));
    setClass(parts.buy, latest?.predictions.buy ? "up" : "");
    setClass(parts.sell, latest?.predictions.sell ? "down" : "");
    row.title = `${title(one.state)}: ${one.why}`;
    row.setAttribute("aria-selected", String(one.series === this.key));
    return row;
  }

  step(by) {
    const visible = this.#visible();
    if (!visible.length) return;
    const at = visible.findIndex((one) => one.series === this.key);
    const next = visible[Math.min(visible.length - 1, Math.max(0, at + by))];
    location.hash = `#/s/${encodeURIComponent(next.series)}`;
    this.#rows.get(next.series)?.scrollIntoView({ block: "nearest" });
  }

  focusSearch() {
    this.search.focus();
  }

  #preferred() {
    const last = localStorage.getItem(LAST);
    if (this.live.series.has(last)) return last;
    const all = [...this.live.series.values()];
    return (all.find((one) => one.state === "LIVE") ?? all[0])?.series ?? null;
  }

  // One series

  #makeSeries() {
    this.panel = h("section", { class: "series", "aria-label": "Series" });
    return this.panel;
  }

  #showNothing() {
    if (this.nothing) return;
    this.nothing = true;
    this.chart?.close();
    this.chart = null;
    this.panel.replaceChildren(empty(
      "No candles yet", "A series appears here with its first candle. Replay a file, feed an exchange, or attach the Expert Advisor to a chart in MetaTrader.",
      h("pre", {}, "natron producer replay --csv EURUSD_M15.csv \\\n  --symbol EURUSD --timeframe M15"),
    ));
  }

  open(key, byHand = true) {
    if (!key) return;
    const opened = this.key !== key || !this.chart;
    this.key = key;
    if (byHand) {
      this.root.toggleAttribute("data-open", true);
      localStorage.setItem(LAST, key);
    }
    if (!opened) return;
    this.nothing = false;
    this.chart?.close();
    this.#hovered = null;
    this.#makePanel();
    this.#load();
    for (const row of this.#rows.values()) row.setAttribute("aria-selected", String(row.id === `row-${key}`));
  }

  #makePanel() {
    this.at = {
      name: h("h1"), last: h("span", { class: "last" }), state: h("span", { class: "state" }), when: h("span", { class: "at" }),
      reasons: h("span", { class: "reasons" }), cells: h("dl", { class: "readout" }),
    };
    const box = h("div", { class: "chart" });
    this.panel.replaceChildren(
      h("div", { class: "head" }, h("a", { class: "back", href: "#/", "aria-label": "Back to the list" }, "‹"),
        this.at.name, this.at.last, this.at.state, this.at.reasons, this.at.when),
      this.at.cells, h("p", { class: "note" }, SETUP_NOTE), box,
      h("div", { class: "legend" }, LEGEND.map(([name, key]) => h("span", { class: "key", style: `--key: var(${key})` }, name)),
        h("span", {}, "Arrows: a setup begins; grey: with a reason not to trade. Shaded: high volatility is likely.")),
    );
    this.chart = new Chart(box, (prediction) => {
      this.#hovered = prediction;
      this.#drawHead();
    });
  }

  async #load() {
    const key = this.key;
    const one = this.live.series.get(key);
    if (!one) {
      if (this.live.loaded) this.at.name.textContent = decodeURIComponent(key);
      return;
    }
    this.#loading?.abort();
    const loading = new AbortController();
    this.#loading = loading;
    this.#loadedMs = Date.now();
    try {
      const [candles, predictions] = await Promise.all([
        get(`/v1/candles/${pathOf(one)}?limit=${CANDLES}`, loading.signal),
        get(`/v1/predictions/${pathOf(one)}?from=1&limit=500`, loading.signal), // a range may be empty: no error
      ]);
      if (loading.signal.aborted || key !== this.key || !this.chart) return;
      this.#lastN = candles.n;
      this.chart.load(candles.candles, predictions.predictions);
      this.#drawHead();
    } catch {
      // gone meanwhile, or the connection is: the banner says so, and the stream calls again when it is back
    } finally {
      if (this.#loading === loading) this.#loading = null;
    }
  }

  #reloadSoon() {
    if (!this.chart || this.#again) return;
    this.#again = setTimeout(() => {
      this.#again = 0;
      this.#load();
    }, Math.max(0, this.#loadedMs + RELOAD_MS - Date.now()));
  }

  #takeCandle(detail) {
    if (detail.series === this.key && this.chart) {
      if (detail.n === this.#lastN + 1) {
        this.#lastN = detail.n;
        this.chart.add(detail.candle);
      } else if (detail.n > this.#lastN) {
        this.#reloadSoon();
      }
    }
    this.#drawSoon();
  }

  #takePrediction({ key, prediction }) {
    if (key === this.key && this.chart && !this.chart.predict(prediction)) this.#reloadSoon();
    this.#drawSoon();
  }

  #drawHead() {
    const one = this.live.series.get(this.key);
    if (!one || !this.chart) return;
    const shown = this.#hovered ?? one.latest;
    if (!this.at.name.textContent) {
      this.at.name.append(one.symbol, h("small", {}, one.timeframe));
      this.#load();
    }
    document.title = `${one.symbol} ${price(one.close)} · Natron`;
    setText(this.at.last, price(one.close, digitsOf(one.close)));
    this.at.state.replaceChildren(h("span", { class: `dot ${one.state}` }), title(one.state));
    this.at.state.title = one.why;
    const live = !this.#hovered;
    setText(this.at.when, shown ? `${live ? "Latest, candle of" : "Candle of"} ${stamp(shown.time)} UTC` : `Candle of ${stamp(one.time)} UTC`);
    const words = (shown?.reasons ?? []).filter((word) => live || word !== "STALE"); // a past candle cannot be fresh
    this.at.reasons.replaceChildren(...words.map((word) => h("span", { class: `reason ${word}`, title: REASONS[word] ?? "" }, word.replace("_", " "))));
    if (!shown) {
      this.at.cells.replaceChildren(h("div", {}, h("dt", {}, "Prediction"), h("dd", {}, `from candle 96 on`, h("small", {}, `${one.n} so far`))));
      return;
    }
    this.at.cells.replaceChildren(...cells(shown).map(([name, value, more, kind]) => h("div", {}, h("dt", {}, name), h("dd", { class: kind }, value, more ? h("small", { class: "faint" }, more) : null))));
  }
}

function cells(one) {
  const sure = Math.max(...one.direction_probs);
  const outlook = one.outlook ?? {};
  const arrow = { up: "Up", down: "Down", neutral: "Neutral" }[one.direction_pred];
  return [
    ["Buy setup", percent(one.buy_prob), null, one.predictions.buy ? "up" : null],
    ["Sell setup", percent(one.sell_prob), null, one.predictions.sell ? "down" : null],
    ["Direction", arrow, percent(sure), null],
    ["Regime", regime(one.regime), percent(one.regime_probs[one.regime]), null],
    ["High volatility", percent(outlook.high_volatility_prob), null, null],
    ["Profit, long · short", `${percent(outlook.long_win_prob)} · ${percent(outlook.short_win_prob)}`, "after costs", null],
    ["Confidence", percent(one.confidence), one.policy ? `policy ${one.policy.action}` : null, null],
  ];
}

function describe(one) {
  if (one.state === "LATE" || one.state === "SILENT") return `${title(one.state)}: ${one.missing} ${one.missing === 1 ? "candle" : "candles"} missing`;
  const words = (one.latest?.reasons ?? []).filter((word) => word !== "STALE");
  if (words.length) return words.join(" ").replaceAll("_", " ");
  if (one.state === "CLOSED") return "Closed";
  return one.latest ? regime(one.latest.regime) : `${one.n} of 96 candles`;
}

const title = (word) => word.charAt(0) + word.slice(1).toLowerCase();
