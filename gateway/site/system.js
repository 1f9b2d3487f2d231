// How the system is: halts, stages, workers, bundles, dead letters, the broker.

import { post } from "./api.js";
import { h, table } from "./dom.js";
import { ask, askHalt } from "./halt.js";
import { Sheet } from "./sheet.js";
import { ago, bytes, count, duration, stamp } from "./words.js";

const AGES_MS = 15_000; // what only grows older is drawn anew so often

export class System extends Sheet {
  constructor(live) {
    super({
      title: "System",
      about: "From a candle's admission to its prediction: how much waits, how long each stage takes, and what went wrong.",
      path: "/v1/system",
      everyMs: 2_000,
      away: "The system cannot be read while the broker is away.",
    });
    this.live = live;
  }

  told(found) {
    const ages = Math.floor(found.broker.time / AGES_MS);
    return { ...found, broker: { ...found.broker, time: ages, up_s: 0, memory_bytes: 0 } };
  }

  sections(found) {
    return [this.#halts(found), stages(found), bundles(found), dead(found), broker(found)];
  }

  #halts(found) {
    const all = found.halted.find((one) => one.symbol === null);
    const single = found.halted.filter((one) => one.symbol !== null);
    const input = h("input", { placeholder: "Symbol", "aria-label": "Symbol to halt", list: "symbols", style: "width: 130px" });
    const symbols = [...new Set([...this.live.series.values()].map((one) => one.symbol))];
    const one = (event) => {
      event.preventDefault();
      const symbol = input.value.trim();
      if (symbol) ask(`Halt ${symbol}?`, "Its predictions say HALTED until it is resumed.", "Halt", "danger", () => post("/v1/halt", { symbol }).then(() => this.read()));
    };
    return h("section", {}, h("h2", {}, "Trading"),
      h("div", { class: "control", "data-on": all ? true : null },
        h("div", {}, h("h2", {}, all ? "Everything is halted" : "Signals may be traded"),
          h("p", {}, all ? `Since ${stamp(all.since)} UTC every prediction says HALTED.` : "Halting marks predictions; it closes no position.")),
        h("div", { class: "actions" },
          h("form", { class: "actions", onsubmit: one }, input, h("datalist", { id: "symbols" }, symbols.map((symbol) => h("option", { value: symbol }))), h("button", {}, "Halt one")),
          h("button", { class: all ? "primary" : "danger", onclick: () => askHalt(this.live) }, all ? "Resume all" : "Halt everything"))),
      single.length ? h("div", { style: "margin-top: 10px" }, table("Halted symbols", [["Symbol", "first"], ["Since (UTC)", ""], ["", "num"]],
        single.map((halted) => [halted.symbol, stamp(halted.since), h("button", { onclick: () => post("/v1/resume", { symbol: halted.symbol }).then(() => this.read()) }, "Resume")]), "")) : null);
  }
}

function stages({ lag, latency_ms: latency, members, logs }) {
  const time = (name) => (latency[name] ? [duration(latency[name].p50), duration(latency[name].p99)] : [null, null]);
  const rows = [
    ["Features", count(members.feature_service.length), count(lag.features), ...time("row"), count(logs.rows)],
    ["Inference: waiting for a worker", count(members.worker.length), count(lag.champion), ...time("queued"), ""],
    ["Inference: at work", "", "", ...time("inferred"), count(logs.predictions)],
    ["Candle to prediction", "", "", ...time("total"), count(logs.candles)],
  ];
  const heads = [["Stage", "first"], ["Instances", "num"], ["Waiting", "num"], ["p50", "num"], ["p99", "num"], ["Made so far", "num"]];
  return h("section", {}, h("h2", {}, "Stages"), h("p", {}, "Latencies of the newest predictions; in a replay they hold the queue of the file."), table("Stages", heads, rows, ""));
}

function bundles({ bundles: found }) {
  const name = (one) => one ?? "reference (built in)";
  const workers = Object.entries(found.workers).map(([instance, one]) => [instance, one.bundle, String(one.promote), one.refused || "serves it"]);
  return h("section", {}, h("h2", {}, "Bundles and workers"),
    h("dl", { class: "figures", style: "margin-bottom: 10px" },
      h("div", {}, h("dt", {}, "Champion"), h("dd", {}, name(found.champion), h("small", {}, found.since ? `since ${stamp(found.since)} UTC` : "no other was promoted"))),
      h("div", {}, h("dt", {}, "Promote number"), h("dd", {}, String(found.promote))),
      h("div", {}, h("dt", {}, "Before it"), h("dd", {}, found.past.length ? name(found.past.at(-1).bundle) : "–", h("small", {}, found.past.length ? "`natron bundle rollback` returns to it" : "nothing to roll back to"))),
      h("div", {}, h("dt", {}, "Pushed"), h("dd", {}, String(found.pushed.length), h("small", {}, found.pushed.slice(0, 4).join(", "))))),
    table("Workers", [["Worker", "first"], ["Serves", ""], ["Promote", "num"], ["Champion", "text"]], workers, "No worker is alive: rows wait for one. Start it with `natron worker`."));
}

function dead({ dead_letters: letters }) {
  const rows = letters.newest.map((one) => [stamp(one.time), one.stage, one.reason, one.detail, `${one.origin} ${one.origin_id}`]);
  const heads = [["Time (UTC)", "first"], ["Stage", ""], ["Reason", ""], ["What happened", "text"], ["Entry", "text"]];
  const more = letters.count > letters.newest.length ? ` The newest ${letters.newest.length} of ${count(letters.count)}.` : "";
  return h("section", {}, h("h2", {}, `Dead letters${letters.count ? ` (${count(letters.count)})` : ""}`),
    h("p", {}, `What could not be processed, taken aside so that what follows goes on.${more}`), table("Dead letters", heads, rows, "None. Everything that came was processed."));
}

function broker({ broker: found }) {
  const up = found.time - found.up_s * 1000;
  return h("section", {}, h("h2", {}, "Broker"), h("dl", { class: "figures" },
    h("div", {}, h("dt", {}, "Memory"), h("dd", {}, bytes(found.memory_bytes), h("small", {}, `at most ${bytes(found.memory_peak_bytes)}`))),
    h("div", {}, h("dt", {}, "Started"), h("dd", {}, ago(up, found.time), h("small", {}, `${stamp(up)} UTC`))),
    h("div", {}, h("dt", {}, "Version"), h("dd", {}, found.version, found.servers > 1 ? h("small", {}, `${found.servers} primaries`) : null))));
}
