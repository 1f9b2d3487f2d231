// What serves, what it was worth when it was tested, and what it is worth now.

import { get } from "./api.js";
import { empty, h, table } from "./dom.js";
import { count, fixed, percent, stamp } from "./words.js";

const HEADS = {
  buy: "Buy setup", sell: "Sell setup", direction: "Direction", regime: "Regime", long_win: "Long profit", short_win: "Short profit",
  high_volatility: "High volatility",
};
const POLL_MS = 10_000;

export class Model {
  constructor(live) {
    this.live = live;
    this.about = h("div", { style: "display: contents" });
    this.scores = h("div", { style: "display: contents" }, h("section", {}, h("h2", {}, "Live scores"), h("p", { class: "none" }, "Reading ...")));
    this.root = h("div", { class: "sheet" }, h("header", {}, h("h1", {}, "Model"), h("p", {}, "How right it has been: on the last part of its own history when it was tested, and since then on every prediction whose outcome is known.")), this.scores, this.about);
  }

  shown() {
    this.#read();
    this.timer = setInterval(() => document.hidden || this.#readScores(), POLL_MS);
  }

  close() {
    clearInterval(this.timer);
  }

  async #read() {
    this.#readScores();
    try {
      const [model] = (await get("/v1/models")).models;
      this.about.replaceChildren(bundle(model), tested(model));
    } catch {
      this.about.replaceChildren(h("p", { class: "none" }, "The bundle cannot be read while the gateway is away."));
    }
  }

  async #readScores() {
    const found = await Promise.all([get("/v1/scores"), get("/v1/system")]).catch(() => null);
    if (found === null) {
      this.scores.replaceChildren(section("Live scores", "", h("p", { class: "none" }, "Live scores cannot be read while the broker is away.")));
      return;
    }
    const [{ scores, drift: messages }, { drifting }] = found;
    this.scores.replaceChildren(...[live(scores), calibration(scores), drift(messages, drifting)].filter(Boolean));
  }
}

const section = (title, text, ...children) => h("section", {}, h("h2", {}, title), text ? h("p", {}, text) : null, ...children);

function live(scores) {
  if (!scores.length) {
    return section("Live scores", "", empty("Nothing is scored yet", "When the horizon of a label has passed, the scorer joins the outcome to its prediction and writes the score here: accuracy beside persistence, Brier score, calibration, and what the rule in use would have made.", h("pre", {}, "natron up --score")));
  }
  const groups = Map.groupBy(scores, (one) => `${one.bundle} (${one.role})`);
  const rows = [...groups].flatMap(([bundle, own]) => Object.keys(HEADS).filter((head) => own.some((one) => one.heads[head])).map((head) => {
    const parts = own.map((one) => one.heads[head]).filter(Boolean);
    return [HEADS[head], bundle, count(total(parts)), share(mean(parts, "accuracy")), share(mean(parts, "persistence")), edge(mean(parts, "accuracy") - mean(parts, "persistence")), fixed(mean(parts, "brier"), 3), fixed(mean(parts, "ece"), 3)];
  }));
  const heads = [["Head", "first"], ["Bundle", ""], ["Outcomes", "num"], ["Right", "num"], ["Persistence", "num"], ["Ahead by", "num"], ["Brier", "num"], ["ECE", "num"]];
  return section("Live scores", "Over all series. Persistence repeats the newest outcome that is known: what is not ahead of it has no skill.", learned(scores), table("Live scores", heads, rows, ""), rules(scores));
}

// A replay of the candles that a bundle was made of says nothing of its skill.
function learned(scores) {
  const known = scores.reduce((sum, one) => sum + one.learned, 0);
  if (!known) return null;
  const all = scores.reduce((sum, one) => sum + one.candles, 0);
  return h("p", { class: "warning" }, `No proof of skill: the bundle learned from ${known === all ? "all" : `${count(known)} of the ${count(all)}`} candles scored here.`);
}

function rules(scores) {
  const rows = scores.filter((one) => one.rule).map(({ series, role, rule, candles }) => [
    decodeURIComponent(series), role, rule.name, count(candles), count(rule.trades), percent(rule.hit_rate), signed(rule.total_return), fixed(rule.mean_trade_bps, 1),
  ]);
  if (!rows.length) return null;
  const heads = [["Series", "first"], ["Role", ""], ["Rule", ""], ["Candles", "num"], ["Trades", "num"], ["Won", "num"], ["Return", "num"], ["A trade, bps", "num"]];
  return h("div", { style: "margin-top: 12px" }, table("What the rule would have made, after costs", heads, rows, ""));
}

function calibration(scores) {
  const champion = scores.filter((one) => one.role === "champion");
  const plots = Object.keys(HEADS).map((head) => [head, merged(champion.map((one) => one.heads[head]).filter(Boolean))]).filter(([, buckets]) => buckets.length > 1);
  if (!plots.length) return null;
  return section("Calibration", "Across: what was said. Up: how often it came true. On the line, both agree; a larger dot stands for more candles.",
    h("div", { class: "plots" }, plots.map(([head, buckets]) => h("figure", {}, plot(buckets), h("figcaption", {}, HEADS[head])))));
}

// Buckets of all series together, those with the same borders as one.
function merged(heads) {
  const found = new Map();
  for (const bucket of heads.flatMap((one) => one.buckets ?? [])) {
    const key = bucket.low;
    const one = found.get(key) ?? { said: 0, came: 0, candles: 0 };
    one.said += bucket.mean * bucket.candles;
    one.came += bucket.hit_rate * bucket.candles;
    one.candles += bucket.candles;
    found.set(key, one);
  }
  return [...found].sort(([a], [b]) => a - b).map(([, one]) => ({ said: one.said / one.candles, came: one.came / one.candles, candles: one.candles }));
}

function plot(buckets) {
  const SIZE = 140;
  const svg = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const root = svg("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, role: "img", "aria-label": buckets.map((one) => `said ${percent(one.said)}, came true ${percent(one.came)}`).join("; ") });
  root.append(svg("line", { x1: 0, y1: SIZE, x2: SIZE, y2: 0, class: "ideal" }));
  root.append(svg("polyline", { points: buckets.map((one) => `${one.said * SIZE},${(1 - one.came) * SIZE}`).join(" "), class: "found" }));
  const most = Math.max(...buckets.map((one) => one.candles));
  for (const one of buckets) root.append(svg("circle", { cx: one.said * SIZE, cy: (1 - one.came) * SIZE, r: 2 + 3 * Math.sqrt(one.candles / most) }));
  return root;
}

function drift(messages, drifting) {
  const known = new Set(messages.map((one) => one.series));
  const rows = [
    ...messages.map((one) => [
      decodeURIComponent(one.series), one.drifting ? h("b", { class: "down" }, "drifts") : "no", one.why || (one.log_loss_change ? "its log-loss has risen" : "–"),
      one.features?.[0] ? `${one.features[0].name} ${fixed(one.features[0].strength, 1)}` : "–", count(one.rows),
    ]),
    ...Object.entries(drifting).filter(([series]) => !known.has(series)).map(([series, why]) => [decodeURIComponent(series), h("b", { class: "down" }, "drifts"), why, "–", "–"]),
  ];
  const heads = [["Series", "first"], ["Drift", ""], ["Why", "text"], ["Strongest feature", ""], ["Rows", "num"]];
  return section("Drift", "How far each series has left what the bundle was trained on; a strength above 1 is unusual. Predictions of a series that drifts say DRIFT.", table("Drift", heads, rows, "No series is marked as drifting."));
}

const total = (parts) => parts.reduce((sum, one) => sum + one.candles, 0);
const mean = (parts, name) => parts.reduce((sum, one) => sum + one[name] * one.candles, 0) / total(parts);
const share = (value) => (Number.isFinite(value) ? `${(100 * value).toFixed(1)}%` : "–");
const signed = (value) => (Number.isFinite(value) ? h("span", { class: value < 0 ? "down" : "up" }, `${value < 0 ? "" : "+"}${(100 * value).toFixed(1)}%`) : "–");
const edge = (value) => (Number.isFinite(value) ? h("span", { class: value > 0 ? "up" : "down" }, `${value > 0 ? "+" : ""}${(100 * value).toFixed(1)}`) : "–");

function bundle(model) {
  const data = model.data ?? [];
  const candles = data.reduce((sum, one) => sum + (one.candles ?? 0), 0);
  const last = Math.max(0, ...data.map((one) => one.last ?? 0));
  return section("Bundle", "", h("dl", { class: "figures" },
    h("div", {}, h("dt", {}, "Serves"), h("dd", {}, model.id, h("small", {}, `preset ${model.preset}`))),
    h("div", {}, h("dt", {}, "Parameters"), h("dd", {}, `${((model.parameters ?? 0) / 1e6).toFixed(2)} M`)),
    h("div", {}, h("dt", {}, "Trained on"), h("dd", {}, count(candles), h("small", {}, `candles of ${data.length} files`))),
    h("div", {}, h("dt", {}, "Newest candle"), h("dd", {}, stamp(last).slice(0, 10)))));
}

function tested(model) {
  const metrics = model.metrics ?? [];
  const heads = Object.keys(HEADS).filter((head) => metrics.some((one) => one.head === head));
  const rows = heads.map((head) => {
    const own = metrics.filter((one) => one.head === head);
    const all = own.reduce((sum, one) => sum + one.candles, 0);
    const weighted = (name) => (own.every((one) => Number.isFinite(one[name])) ? own.reduce((sum, one) => sum + one[name] * one.candles, 0) / all : NaN);
    const rate = (name) => share(weighted(name));
    return [HEADS[head], rate("accuracy"), rate("persistence"), rate("majority"), fixed(weighted("mcc"), 3), fixed(weighted("auc"), 3), fixed(weighted("brier"), 3), fixed(weighted("ece"), 3)];
  });
  const columns = [["Head", "first"], ["Right", "num"], ["Persistence", "num"], ["Majority", "num"], ["MCC", "num"], ["AUC", "num"], ["Brier", "num"], ["ECE", "num"]];
  return section("When it was tested", "On the last part of each training file, which it had not seen; mean over files, weighted by candles. Persistence repeats the newest outcome that is known, majority always says the commonest class.", table("Test figures", columns, rows, "The bundle's manifest holds no figures."));
}
