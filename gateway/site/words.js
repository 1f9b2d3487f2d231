// Numbers and times as people read them. Times are UTC: candles are.

const REGIMES = {
  BULL_STRONG: "Strong bull",
  BULL_WEAK: "Weak bull",
  RANGE: "Range",
  BEAR_WEAK: "Weak bear",
  BEAR_STRONG: "Strong bear",
  VOLATILE: "Volatile",
};

export const REASONS = {
  WARMING: "Too few candles yet for every feature",
  GAP: "A candle is missing directly before this one",
  REPLAY: "A candle of the past, replayed",
  STALE: "Delivered after it was still valid",
  OUTLIER: "The market is unlike anything in training",
  DRIFT: "The series has left what the bundle was trained on",
  EXPIRED: "The bundle is past its date",
  LOW_CONFIDENCE: "The model is less sure than it must be",
  HALTED: "Halted by hand",
};

export const SETUP_NOTE =
  "Setups are conditions of the market: the probability that the next candle shows one is not a probability of profit.";

export const regime = (name) => REGIMES[name] ?? name;
export const percent = (value) => (value === null || value === undefined ? "–" : `${Math.round(value * 100)}%`);
export const fixed = (value, digits = 2) => (Number.isFinite(value) ? value.toFixed(digits) : "–");
export const money = (value) => (Number.isFinite(value) ? value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 }) : "–");
export const count = (value) => (Number.isFinite(value) ? value.toLocaleString("en-US") : "–");

// Decimals that a price is quoted with: its own, and no more than its size deserves.
export function digitsOf(price) {
  if (!Number.isFinite(price) || price <= 0) return 2;
  const most = price >= 1000 ? 2 : price >= 20 ? 3 : price >= 0.1 ? 5 : Math.min(10, 4 - Math.floor(Math.log10(price)));
  const own = (String(price).split(".")[1] ?? "").length;
  return own >= most - 1 ? most : Math.max(own, Math.min(2, most)); // a quote that ends in 0 has one digit less
}

export function price(value, digits = digitsOf(value)) {
  if (!Number.isFinite(value)) return "–";
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const pad = (value) => String(value).padStart(2, "0");

export function clock(ms) {
  const at = new Date(ms);
  return `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}:${pad(at.getUTCSeconds())}`;
}

export function stamp(ms) {
  if (!ms) return "–";
  const at = new Date(ms);
  const day = `${at.getUTCFullYear()}-${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())}`;
  return `${day} ${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}`;
}

export function ago(ms, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - ms) / 1000));
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
}

export function duration(milliseconds) {
  if (!Number.isFinite(milliseconds)) return "–";
  if (milliseconds < 1000) return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
  if (milliseconds < 120000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${Math.round(milliseconds / 60000)} min`;
}

export function bytes(value) {
  return value < 2 ** 30 ? `${(value / 2 ** 20).toFixed(1)} MB` : `${(value / 2 ** 30).toFixed(2)} GB`;
}
