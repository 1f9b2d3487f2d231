// What the page knows of the running system: one stream, one list of series, and who wants to hear of changes.

import { Refused, follow, get } from "./api.js";

const PACE_MS = 250; // the eye sees no more; in a replay the stream then carries the newest of each series alone
const LIST_MS = 5_000; // states change by the clock, not by events
const RETRY_MS = [300, 600, 1_200, 2_500, 5_000];

export class Live extends EventTarget {
  series = new Map(); // key -> what /v1/series says, its newest prediction kept up to date
  halted = new Set();
  link = "connecting"; // live, connecting, lost, nobroker, absent, locked
  lastMs = 0; // when something was last heard
  loaded = false;
  #tries = 0;
  #asking = false;

  start() {
    this.#run();
    setInterval(() => {
      if (!document.hidden && this.link === "live") this.refresh();
    }, LIST_MS);
  }

  async #run() {
    for (;;) {
      try {
        await follow(`/v1/stream?pace_ms=${PACE_MS}`, () => this.#opened(), (kind, data) => this.#hear(kind, data));
        this.#say("lost");
      } catch (error) {
        if (error instanceof Refused && error.status === 401) return this.#say("locked");
        const absent = error instanceof Refused && error.message.includes("no broker");
        this.#say(absent ? "absent" : "lost");
      }
      await new Promise((done) => setTimeout(done, RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)]));
    }
  }

  retry() {
    this.#say("connecting");
    this.#run();
  }

  #opened() {
    this.#tries = 0;
    this.lastMs = Date.now();
  }

  #say(link) {
    if (this.link === link) return;
    this.link = link;
    this.dispatchEvent(new Event("link"));
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #hear(kind, data) {
    this.lastMs = Date.now();
    if (kind === "broker") {
      this.#say(data.connected ? "live" : "nobroker");
      if (data.connected) this.refresh();
    } else if (kind === "halts") {
      this.halted = new Set(data.halted);
      this.#tell("halts");
      if (this.loaded) this.refresh();
    } else if (kind === "missed") {
      this.refresh();
      this.#tell("missed");
    } else if (kind === "candle") {
      const known = this.series.get(data.series);
      if (known) Object.assign(known, { time: data.candle.time, close: data.candle.close, n: data.n, state: "LIVE", missing: 0 });
      else this.refresh();
      this.#tell("candle", data);
    } else if (kind === "prediction") {
      const key = data.id.slice(0, data.id.lastIndexOf("."));
      const known = this.series.get(key);
      if (known) known.latest = data;
      this.#tell("prediction", { key, prediction: data });
    }
  }

  async refresh() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const found = await get("/v1/series");
      this.series = new Map(found.series.map((one) => [one.series, one]));
      this.loaded = true;
      this.#tell("series");
    } catch (error) {
      if (error instanceof Refused && error.status === 401) this.#say("locked");
    } finally {
      this.#asking = false;
    }
  }
}
