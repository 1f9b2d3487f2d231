// Halting: every prediction of a symbol, or of all, says HALTED until somebody lifts it.

import { post } from "./api.js";
import { h } from "./dom.js";

const EVERYTHING = "*";

export function setUpHalt(live, button) {
  const draw = () => {
    const all = live.halted.has(EVERYTHING);
    const some = live.halted.size;
    button.toggleAttribute("data-on", all);
    button.textContent = all ? "Halted" : some ? `Halt (${some})` : "Halt";
    button.title = all ? "Every symbol is halted (h)" : "Halt signals (h)";
  };
  live.addEventListener("halts", draw);
  button.addEventListener("click", () => askHalt(live));
  draw();
}

export function askHalt(live) {
  if (live.halted.has(EVERYTHING)) {
    ask("Resume every symbol?", "Every prediction says HALTED now. Resuming lifts all halts, single symbols included, and Expert Advisors may trade again.", "Resume", "primary", () => post("/v1/resume", { symbol: null }));
  } else {
    ask("Halt every symbol?", "Predictions go on, each with the reason HALTED, on which no Expert Advisor opens a trade. Open positions stay as they are. It holds until it is lifted, across restarts.", "Halt everything", "danger", () => post("/v1/halt", { symbol: null }));
  }
}

export function ask(title, text, verb, kind, act) {
  const dialog = document.getElementById("dialog");
  const failed = h("p", { class: "down", hidden: true, role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      await act();
      dialog.close();
    } catch (error) {
      failed.hidden = false;
      failed.textContent = `It did not work: ${error.message}.`;
    }
  };
  dialog.replaceChildren(
    h("h2", { id: "dialog-title" }, title), h("p", {}, text), failed,
    h("form", { onsubmit: submit }, h("div", { class: "actions" },
      h("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, "Cancel"), h("button", { class: kind }, verb))),
  );
  if (!dialog.open) dialog.showModal();
}
