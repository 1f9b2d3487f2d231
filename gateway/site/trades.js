// Fills as terminals report them, each beside the signal that it followed.

import { get } from "./api.js";
import { empty, h, table } from "./dom.js";
import { count, duration, fixed, percent, price, stamp } from "./words.js";

const POLL_MS = 3_000;

export class Trades {
  constructor() {
    this.body = h("div", { style: "display: contents" }, h("p", { class: "none" }, "Reading ..."));
    this.root = h("div", { class: "sheet" }, h("header", {}, h("h1", {}, "Trades"), h("p", {}, "What terminals did with the signals: how late, at what price, and what came of it.")), this.body);
  }

  shown() {
    this.#poll();
    this.timer = setInterval(() => document.hidden || this.#poll(), POLL_MS);
  }

  close() {
    clearInterval(this.timer);
  }

  async #poll() {
    let trades;
    try {
      ({ trades } = await get("/v1/trades"));
    } catch {
      if (!this.drawn) this.body.replaceChildren(h("p", { class: "none" }, "Trades cannot be read while the broker is away."));
      return;
    }
    const text = JSON.stringify(trades);
    if (text === this.drawn) return;
    this.drawn = text;
    this.body.replaceChildren(...(trades.length ? [figures(trades), fills(trades)] : [none()]));
  }
}

function none() {
  return empty("No fills yet", "An Expert Advisor that trades on these signals reports each order it fills. It appears here beside its signal, with the delay and the slippage.", h("pre", {}, "docs/metatrader.md"));
}

const middle = (values) => {
  const known = values.filter(Number.isFinite).sort((a, b) => a - b);
  return known.length ? known[Math.floor(known.length / 2)] : NaN;
};

function figures(trades) {
  const results = trades.map((one) => one.result).filter(Number.isFinite);
  const total = results.reduce((sum, one) => sum + one, 0);
  return h("dl", { class: "figures" },
    h("div", {}, h("dt", {}, "Fills"), h("dd", {}, count(trades.length), h("small", {}, "the newest kept"))),
    h("div", {}, h("dt", {}, "Delay, middle"), h("dd", {}, duration(middle(trades.map((one) => one.delay_ms))), h("small", {}, "close of the candle to fill"))),
    h("div", {}, h("dt", {}, "Slippage, middle"), h("dd", {}, fixed(middle(trades.map((one) => one.slippage_points)), 1), h("small", {}, "points against the trade"))),
    h("div", {}, h("dt", {}, "Result"), h("dd", { class: total < 0 ? "down" : total > 0 ? "up" : null }, results.length ? fixed(total, 2) : "–", h("small", {}, `${results.length} closed, account currency`))));
}

function fills(trades) {
  const heads = [["Filled (UTC)", "first"], ["Symbol", ""], ["Side", ""], ["Volume", "num"], ["Price", "num"], ["Signal", ""], ["Delay", "num"], ["Slippage", "num"], ["Result", "num"]];
  const rows = trades.map((one) => [
    stamp(one.time), one.symbol, h("span", { class: one.side === "buy" ? "up" : "down" }, one.side ?? "–"), fixed(one.lots, 2), price(one.price),
    one.signal ? `buy ${percent(one.signal.buy_prob)} sell ${percent(one.signal.sell_prob)}` : "no longer kept",
    duration(one.delay_ms), fixed(one.slippage_points, 1), Number.isFinite(one.result) ? h("span", { class: one.result < 0 ? "down" : "up" }, fixed(one.result, 2)) : "open",
  ]);
  return h("section", {}, h("h2", {}, "Fills"), h("p", {}, "Buy and sell in a signal are probabilities of a setup, not of profit."), table("Fills", heads, rows, ""));
}
