// A page of sections that reads one answer again and again while it is shown, and draws what is new of it.

import { get } from "./api.js";
import { h } from "./dom.js";

export class Sheet {
  constructor({ title, about, path, everyMs, away }) {
    this.source = { path, everyMs, away };
    this.body = h("div", { style: "display: contents" }, h("p", { class: "none" }, "Reading ..."));
    this.root = h("div", { class: "sheet" }, h("header", {}, h("h1", {}, title), h("p", {}, about)), this.body);
  }

  shown() {
    this.read();
    this.timer = setInterval(() => document.hidden || this.read(), this.source.everyMs);
  }

  close() {
    clearInterval(this.timer);
  }

  async read() {
    let found;
    try {
      found = await get(this.source.path);
    } catch {
      if (!this.drawn) this.body.replaceChildren(h("p", { class: "none" }, this.source.away));
      return;
    }
    const told = JSON.stringify(this.told(found));
    const typing = this.body.contains(document.activeElement) && document.activeElement.tagName === "INPUT";
    if (typing || told === this.drawn) return;
    this.drawn = told;
    const scrolled = [...this.body.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
    this.body.replaceChildren(...this.sections(found));
    this.body.querySelectorAll(".scroll").forEach((one, at) => { one.scrollLeft = scrolled[at] ?? 0; });
  }

  // What of an answer is worth drawing the page anew.
  told(found) {
    return found;
  }
}
