// One series: candles with marks where a setup begins, regime and volatility behind them, probabilities in lanes below.

import {
  CandlestickSeries, CrosshairMode, LineSeries, LineStyle, createChart, createSeriesMarkers,
} from "./vendor/lightweight-charts.mjs";
import { Bands } from "./bands.js";
import { digitsOf } from "./words.js";

const LANES = [
  { title: "Setups", note: "not profit", lines: [["Buy", "--up", (p) => p.buy_prob], ["Sell", "--down", (p) => p.sell_prob]] },
  {
    title: "Direction", range: [0.2, 0.5], middle: 1 / 3,
    lines: [["Up", "--up", (p) => p.direction_probs[1]], ["Down", "--down", (p) => p.direction_probs[0]]],
  },
  { title: "High volatility", lines: [["Probability", "--volatile", (p) => p.outlook?.high_volatility_prob ?? null]] },
];
const KEPT_MAX = 1_500;
const IGNORED = new Set(["REPLAY", "STALE"]); // of the delivery, or of every candle of a replay
const REGIMES = ["BULL_STRONG", "BULL_WEAK", "RANGE", "BEAR_WEAK", "BEAR_STRONG", "VOLATILE"];
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Chart {
  #candles = []; // [{time (s), open, high, low, close}]
  #predictions = new Map(); // time (s) -> prediction
  #frame = 0;

  constructor(box, onHover) {
    this.box = box;
    this.canvas = document.createElement("div");
    this.canvas.className = "canvas";
    box.append(this.canvas);
    this.chart = createChart(this.canvas, { autoSize: true, ...this.#look() });
    this.price = this.chart.addSeries(CandlestickSeries, { priceLineStyle: LineStyle.Dotted });
    this.bands = new Bands();
    this.price.attachPrimitive(this.bands);
    this.marks = createSeriesMarkers(this.price, []);
    this.lanes = LANES.map((lane, at) => this.#addLane(lane, at + 1));
    this.#weigh();
    this.chart.subscribeCrosshairMove((event) => onHover(event.time ? this.#predictions.get(event.time) ?? null : null));
    this.paint();
    this.resized = new ResizeObserver(() => this.#placeLabels());
    this.resized.observe(box);
  }

  #addLane(lane, pane) {
    const [from, to] = lane.range ?? [0, 1];
    const lines = lane.lines.map(([title, key, pick]) => {
      const line = this.chart.addSeries(
        LineSeries,
        {
          lineWidth: 1.5, priceLineVisible: false, lastValueVisible: false, crosshairMarkerRadius: 3, title: "",
          priceFormat: { type: "custom", minMove: 0.01, formatter: (value) => `${Math.round(value * 100)}%` },
          autoscaleInfoProvider: () => ({ priceRange: { minValue: from, maxValue: to } }),
        },
        pane,
      );
      return { title, key, pick, line };
    });
    lines[0].half = lines[0].line.createPriceLine({ price: lane.middle ?? 0.5, lineWidth: 1, lineStyle: LineStyle.Dotted, axisLabelVisible: false, title: "" });
    const label = document.createElement("div");
    label.className = "lane";
    const title = document.createElement("b");
    title.textContent = lane.note ? `${lane.title} (${lane.note})` : lane.title;
    label.append(title);
    for (const { title: name, key } of lines.length > 1 ? lines : []) {
      const item = document.createElement("span");
      item.className = "key";
      item.style.setProperty("--key", `var(${key})`);
      item.textContent = name;
      label.append(item);
    }
    this.box.append(label);
    return { lines, label, pane };
  }

  #weigh() {
    const panes = this.chart.panes();
    panes[0].setStretchFactor(this.box.clientWidth < 600 ? 3.4 : 5);
    panes.slice(1).forEach((pane) => pane.setStretchFactor(1));
  }

  #look() {
    return {
      layout: {
        background: { color: colour("--surface") }, textColor: colour("--faint"), fontSize: 11, fontFamily: "Inter, system-ui, sans-serif",
        panes: { separatorColor: colour("--line"), separatorHoverColor: colour("--hover"), enableResize: true },
      },
      grid: { vertLines: { visible: false }, horzLines: { color: colour("--line") } },
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.08, bottom: 0.1 } },
      timeScale: { borderColor: colour("--line"), timeVisible: true, secondsVisible: false, rightOffset: 4, barSpacing: 7 },
      crosshair: { mode: CrosshairMode.Normal, vertLine: { color: colour("--faint"), width: 1 }, horzLine: { color: colour("--faint"), width: 1 } },
    };
  }

  paint() {
    const up = colour("--up");
    const down = colour("--down");
    this.chart.applyOptions(this.#look());
    this.price.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false });
    for (const { lines } of this.lanes) {
      for (const { line, key, half } of lines) {
        line.applyOptions({ color: colour(key) });
        half?.applyOptions({ color: colour("--range") });
      }
    }
    this.#drawSoon();
  }

  load(candles, predictions) {
    this.#candles = candles.map(bar);
    this.#predictions = new Map(predictions.map((one) => [one.time / 1000, one]));
    const digits = Math.max(2, ...candles.slice(-50).map((one) => digitsOf(one.close)));
    this.price.applyOptions({ priceFormat: { type: "price", precision: digits, minMove: 10 ** -digits } });
    this.price.setData(this.#candles);
    for (const { lines } of this.lanes) {
      for (const { line, pick } of lines) {
        line.setData(this.#candles.map(({ time }) => point(time, this.#predictions.get(time), pick)));
      }
    }
    this.#drawSoon();
  }

  add(candle) {
    const one = bar(candle);
    const last = this.#candles.at(-1);
    if (last && one.time <= last.time) return;
    this.#candles.push(one);
    if (this.#candles.length > KEPT_MAX) {
      this.#candles = this.#candles.slice(-KEPT_MAX / 2);
      const first = this.#candles[0].time;
      for (const time of this.#predictions.keys()) if (time < first) this.#predictions.delete(time);
      this.price.setData(this.#candles);
      for (const { lines } of this.lanes) for (const { line, pick } of lines) line.setData(this.#candles.map(({ time }) => point(time, this.#predictions.get(time), pick)));
    } else {
      this.price.update(one);
    }
    this.#drawSoon();
  }

  predict(prediction) {
    const time = prediction.time / 1000;
    if (time !== this.#candles.at(-1)?.time) return false;
    this.#predictions.set(time, prediction);
    for (const { lines } of this.lanes) for (const { line, pick } of lines) line.update(point(time, prediction, pick));
    this.#drawSoon();
    return true;
  }

  #drawSoon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const colours = { shade: colour("--shade") };
    for (const name of REGIMES) colours[name] = colour(`--${name.toLowerCase().replace("_", "-")}`);
    const known = this.#candles.map(({ time }) => this.#predictions.get(time)).filter(Boolean);
    const points = known.map((one) => ({
      time: one.time / 1000, regime: one.regime, volatile: (one.outlook?.high_volatility_prob ?? 0) >= 0.5,
    }));
    this.bands.paint(points, colours);
    this.marks.setMarkers(marksOf(known, colour("--up"), colour("--down"), colour("--range")));
    this.#placeLabels();
  }

  #placeLabels() {
    let top = 0;
    this.chart.panes().forEach((pane, at) => {
      const lane = this.lanes.find((one) => one.pane === at);
      if (lane) lane.label.style.top = `${top + 4}px`;
      top += pane.getHeight() + 1;
    });
  }

  close() {
    cancelAnimationFrame(this.#frame);
    this.#frame = -1; // nothing is drawn any more
    this.resized.disconnect();
    this.chart.remove();
  }
}

const bar = ({ time, open, high, low, close }) => ({ time: time / 1000, open, high, low, close });

function point(time, prediction, pick) {
  const value = prediction ? pick(prediction) : null;
  return value === null ? { time } : { time, value };
}

// A mark stands where a setup begins: marking each candle of it would hide the candles.
function marksOf(predictions, up, down, grey) {
  const marks = [];
  let before = { buy: 1, sell: 1 };
  for (const one of predictions) {
    const now = one.predictions;
    const clear = one.reasons.every((word) => IGNORED.has(word));
    const time = one.time / 1000;
    if (now.buy && !before.buy) marks.push({ time, position: "belowBar", shape: "arrowUp", color: clear ? up : grey, size: 0.8 });
    if (now.sell && !before.sell) marks.push({ time, position: "aboveBar", shape: "arrowDown", color: clear ? down : grey, size: 0.8 });
    before = now;
  }
  return marks;
}
