// Asking the gateway: JSON, and server-sent events over fetch, which unlike EventSource can carry the API key.

const KEY = "natron-key";

export class Refused extends Error {
  constructor(status, error) {
    super(error?.rule ?? `answer ${status}`);
    this.status = status;
    this.mend = error?.mend ?? "";
  }
}

export const setKey = (key) => sessionStorage.setItem(KEY, key);

function headers() {
  const key = sessionStorage.getItem(KEY);
  return key ? { "X-API-Key": key } : {};
}

async function answer(response) {
  const document = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, document.error);
  return document;
}

export async function get(path, signal = undefined) {
  return answer(await fetch(path, { headers: headers(), signal }));
}

export async function post(path, body) {
  const sent = { ...headers(), "Content-Type": "application/json" };
  return answer(await fetch(path, { method: "POST", headers: sent, body: JSON.stringify(body) }));
}

export function pathOf(series) {
  return `${encodeURIComponent(series.symbol)}/${series.timeframe}`;
}

// Read events until the connection ends or is silent for too long; the gateway says something every 10 s.
const SILENCE_MS = 25_000;

export async function follow(path, onOpen, onEvent) {
  const abort = new AbortController();
  let watchdog = 0;
  const alive = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => abort.abort(), SILENCE_MS);
  };
  alive();
  try {
    const response = await fetch(path, { headers: headers(), signal: abort.signal });
    if (!response.ok) await answer(response);
    onOpen();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      alive();
      text += value;
      const frames = text.split("\n\n");
      text = frames.pop();
      for (const frame of frames) parse(frame, onEvent);
    }
  } finally {
    clearTimeout(watchdog);
  }
}

function parse(frame, onEvent) {
  let kind = "message";
  let data = "";
  for (const line of frame.split("\n")) {
    if (line.startsWith("event: ")) kind = line.slice(7);
    else if (line.startsWith("data: ")) data += line.slice(6);
  }
  if (data) onEvent(kind, JSON.parse(data));
}
