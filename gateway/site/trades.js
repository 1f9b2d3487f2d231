// Fills as terminals report them, each beside the signal that it followed.

import { empty, h, table } from "./dom.js";
import { Sheet } from "./sheet.js";
import { count, duration, fixed, money, percent, price, stamp } from "./words.js";

export class Trades extends Sheet {
  constructor() {
    super({
      title: "Trades",
      about: "What terminals did with the signals: how late, at what price, and what came of it.",
      path: "/v1/trades",
      everyMs: 3_000,
      away: "Trades cannot be read while the broker is away.",
    });
  }

  sections({ trades }) {
    return trades.length ? [figures(trades), fills(trades)] : [none()];
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
    h("div", {}, h("dt", {}, "Result"), h("dd", { class: total < 0 ? "down" : total > 0 ? "up" : null }, results.length ? money(total) : "–", h("small", {}, `${results.length} closed, account currency`))));
}

const SIDES = { buy: "up", sell: "down" };

function said({ signal, delay_ms: delay }) {
  if (signal) return `buy ${percent(signal.buy_prob)} sell ${percent(signal.sell_prob)}`;
  return Number.isFinite(delay) ? "no longer kept" : "of no signal";
}

// A terminal is named where there are several: a desk's accounts fill the same signal each for itself.
function fills(trades) {
  const several = new Set(trades.map((one) => one.client)).size > 1;
  const terminal = (of) => (several ? [of] : []);
  const heads = [["Filled (UTC)", "first"], ["Symbol", ""], ...terminal(["Terminal", ""]), ["Side", ""], ["Volume", "num"], ["Price", "num"], ["Signal", "whole"], ["Delay", "num"], ["Slippage", "num"], ["Result", "num"]];
  const rows = trades.map((one) => [
    stamp(one.time), one.symbol, ...terminal(one.client), h("span", { class: SIDES[one.side] }, one.side ?? "–"), money(one.lots), price(one.price), said(one),
    duration(one.delay_ms), fixed(one.slippage_points, 1), Number.isFinite(one.result) ? h("span", { class: one.result < 0 ? "down" : "up" }, money(one.result)) : "open",
  ]);
  return h("section", {}, h("h2", {}, "Fills"), h("p", {}, "Buy and sell in a signal are probabilities of a setup, not of profit."), table("Fills", heads, rows, "", "cards"));
}
