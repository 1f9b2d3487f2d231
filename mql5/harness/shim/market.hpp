// A broker with one symbol: prices, positions on a hedging or netting account, deals, and every way to say no.
#pragma once
#include <deque>

#include "moments.hpp"
#include "types.hpp"

struct Position {
  ulong ticket = 0;
  int type = 0;
  double volume = 0, open = 0, sl = 0, tp = 0;
  ulong magic = 0;
  std::string comment;
  long time = 0;
};
struct Order {
  ulong ticket = 0, magic = 0;
  std::string comment;
  long time = 0;
};
struct Deal {
  ulong ticket = 0, order = 0, position = 0, magic = 0;
  int type = 0, entry = 0;
  double volume = 0, price = 0, profit = 0;
  std::string comment;
  long time = 0;
};
struct Request {
  int type = 0;
  double volume = 0, sl = 0, tp = 0;
  ulong position = 0, magic = 0;
  int filling = 0;
  std::string comment;
};
struct Answer {
  uint retcode = 0;
  ulong order = 0, deal = 0;
  double price = 0, volume = 0;
};

struct Market {
  std::string symbol = "EURUSD";
  int period_minutes = 15;
  double bid = 1.10000, ask = 1.10010;
  long tick_ms = 0;
  std::map<std::string, double> at = {
      {"digits", 5}, {"tick_points", 1}, {"tick_value", 1}, {"volume_min", 0.01}, {"volume_max", 50}, {"volume_step", 0.01}, {"stops_level", 0},
      {"freeze_level", 0}, {"filling", 3}, {"trade_mode", 4}, {"balance", 10'000}, {"hedging", 1}, {"leverage", 100}, {"account_mode", 0},
      {"account_trade", 1}, {"account_expert", 1}, {"terminal_trade", 1}, {"mql_trade", 1}, {"connected", 1}, {"closed", 0}, {"login", 4711},
      {"kill_after_order", 0}, {"comment_max", 31}, {"slippage", 0}, {"slippage_bps", 0}};
  std::vector<Position> positions;
  std::vector<Order> orders;
  std::vector<Deal> deals;
  std::vector<MqlRates> rates;
  std::deque<uint> answers;                        // what the next requests are answered with, 0: as it comes
  std::deque<MqlTradeTransaction> transactions;    // told to the program after its handler
  ulong last_ticket = 1'000;
  int requests = 0;

  double point() const { return std::pow(10.0, -at.at("digits")); }
  double tick_size() const { return point() * at.at("tick_points"); }
  double worth(int type, double volume, double from, double to) const {
    return (type == POSITION_TYPE_BUY ? to - from : from - to) / tick_size() * at.at("tick_value") * volume;
  }
  double leaving(int type) const { return type == POSITION_TYPE_BUY ? bid : ask; }
  double equity() const {
    double sum = at.at("balance");
    for (const Position &one : positions) sum += worth(one.type, one.volume, one.open, leaving(one.type));
    return sum;
  }
  double margin(double volume, double price) const { return volume * at.at("tick_value") / tick_size() * price / at.at("leverage"); }
  double margin_free() const {
    double sum = equity();
    for (const Position &one : positions) sum -= margin(one.volume, one.open);
    return sum;
  }
  bool whole(double value, double step) const { return std::fabs(value / step - std::round(value / step)) < 1e-6; }
  bool stops_fit(int type, double sl, double tp) const {
    double out = leaving(type), least = at.at("stops_level") * point() - 1e-9, sign = type == POSITION_TYPE_BUY ? 1 : -1;
    if ((sl && !whole(sl, tick_size())) || (tp && !whole(tp, tick_size()))) return false;
    return !(sl && sign * (out - sl) < least) && !(tp && sign * (tp - out) < least) && !(sl && sign * (out - sl) <= 0) && !(tp && sign * (tp - out) <= 0);
  }
  uint refusal(const Request &want) const {
    if (!at.at("terminal_trade") || !at.at("mql_trade")) return TRADE_RETCODE_CLIENT_DISABLES_AT;
    if (!at.at("account_trade") || !at.at("account_expert") || !at.at("trade_mode")) return TRADE_RETCODE_TRADE_DISABLED;
    if (at.at("closed")) return TRADE_RETCODE_MARKET_CLOSED;
    if (want.volume < at.at("volume_min") - 1e-9 || want.volume > at.at("volume_max") + 1e-9 || !whole(want.volume, at.at("volume_step"))) return TRADE_RETCODE_INVALID_VOLUME;
    if (want.filling == ORDER_FILLING_RETURN || !(static_cast<int>(at.at("filling")) & (want.filling + 1))) return TRADE_RETCODE_INVALID_FILL;
    if (!want.position && margin(want.volume, ask) > margin_free()) return TRADE_RETCODE_NO_MONEY;
    return stops_fit(want.type, want.sl, want.tp) ? 0u : TRADE_RETCODE_INVALID_STOPS;
  }
  uint injected() {
    if (answers.empty()) return 0;
    uint next = answers.front();
    answers.pop_front();
    return next;
  }
  Position *find(ulong ticket) {
    for (Position &one : positions)
      if (one.ticket == ticket) return &one;
    return nullptr;
  }
  ulong record(ulong order, const Position &on, int type, int entry, double volume, double price, ulong magic, const std::string &comment) {
    double profit = entry == DEAL_ENTRY_OUT ? worth(on.type, volume, on.open, price) : 0;
    at["balance"] += profit;
    deals.push_back({++last_ticket, order, on.ticket, magic, type, entry, volume, price, profit, comment, g_moments.server_s()});
    transactions.push_back({last_ticket, order, string::utf8(symbol), TRADE_TRANSACTION_DEAL_ADD, price, volume, on.ticket});
    return last_ticket;
  }
  void reduce(Position *one, double volume) {
    one->volume -= volume;
    if (one->volume > 1e-9) return;
    for (size_t at_ = 0; at_ < positions.size(); at_++)
      if (&positions[at_] == one) { positions.erase(positions.begin() + static_cast<long>(at_)); return; }
  }
  Answer send(const Request &want);
  void save(const std::string &path) const;
  void load(const std::string &path);
  uint modify(ulong ticket, double sl, double tp) {
    requests++;
    Position *one = find(ticket);
    if (uint code = injected()) return code;
    if (!one) return TRADE_RETCODE_POSITION_CLOSED;
    if (at["closed"]) return TRADE_RETCODE_MARKET_CLOSED;
    double freeze = at["freeze_level"] * point(), out = leaving(one->type);
    if (freeze && ((one->sl && std::fabs(out - one->sl) < freeze) || (one->tp && std::fabs(one->tp - out) < freeze))) return TRADE_RETCODE_FROZEN;
    if (std::fabs(one->sl - sl) < point() / 2 && std::fabs(one->tp - tp) < point() / 2) return TRADE_RETCODE_NO_CHANGES;
    if (!stops_fit(one->type, sl, tp)) return TRADE_RETCODE_INVALID_STOPS;
    one->sl = sl, one->tp = tp;
    return TRADE_RETCODE_DONE;
  }
  // `inside`: on its way within a candle, so that stops and takes fill at their price; else they fill at the tick's
  void tick(double new_bid, double new_ask, bool inside = false) {
    bid = new_bid, ask = new_ask, tick_ms = g_moments.utc_ms() + g_moments.server_offset_s * 1'000L, g_moments.ticked_s = tick_ms / 1'000;
    for (size_t at_ = positions.size(); at_-- > 0;) {
      Position one = positions[at_];
      double out = leaving(one.type), sign = one.type == POSITION_TYPE_BUY ? 1 : -1;
      bool stopped = one.sl && sign * (out - one.sl) <= 0, taken = one.tp && sign * (out - one.tp) >= 0;
      if (!stopped && !taken) continue;
      double price = inside ? stopped ? one.sl : one.tp : out;
      if (stopped) price -= sign * at["slippage"];
      record(++last_ticket, one, 1 - one.type, DEAL_ENTRY_OUT, one.volume, price, one.magic, stopped ? "[sl]" : "[tp]");
      reduce(&positions[at_], one.volume);
    }
  }
};
inline Market g_market;

// The chart's newest bar as ticks make it: one that comes after the bar's end opens another. Bars that the test gave stay.
inline void mql_bar() {
  static long own = 0;
  if (g_market.rates.empty()) return;
  long width_s = g_market.period_minutes * 60L, at = g_market.tick_ms / 1'000 / width_s * width_s;
  int spread = static_cast<int>(std::lround((g_market.ask - g_market.bid) / g_market.point()));
  if (at >= g_market.rates.back().time + width_s) g_market.rates.push_back({at, g_market.bid, g_market.bid, g_market.bid, g_market.bid, 0, spread, 0}), own = at;
  if (g_market.rates.back().time != own) return;
  MqlRates &bar = g_market.rates.back();
  bar.high = std::max(bar.high, g_market.bid), bar.low = std::min(bar.low, g_market.bid), bar.close = g_market.bid;
  bar.tick_volume++;
}
// One candle of the strategy tester: its open, then the side that hurts an open position first, the other side, its close.
inline void mql_candle(MqlRates whole, void (*handle)()) {
  double scale = std::pow(10.0, g_market.at["digits"]), spread = whole.spread / scale, prices[] = {whole.open, whole.low, whole.high, whole.close};
  g_market.rates.push_back({whole.time, whole.open, whole.open, whole.open, whole.open, 1, whole.spread, 0});
  g_market.at["slippage"] = g_market.at["slippage_bps"] * 1e-4 * whole.open;
  for (int at = 0; at < 4; at++) {
    if (at == 1 && !g_market.positions.empty() && g_market.positions[0].type == POSITION_TYPE_SELL) std::swap(prices[1], prices[2]);
    g_moments.simulated_ms = (whole.time - g_moments.server_offset_s + at * g_market.period_minutes * 15) * 1'000;
    MqlRates &bar = g_market.rates.back();
    bar.high = std::max(bar.high, prices[at]), bar.low = std::min(bar.low, prices[at]), bar.close = prices[at];
    bar.tick_volume = at + 1;
    g_market.tick(prices[at], std::round((prices[at] + spread) * scale) / scale, at > 0);
    handle();
  }
}

inline Answer Market::send(const Request &want) {
  Answer answer;
  requests++;
  uint code = injected();
  answer.retcode = code && code != TRADE_RETCODE_DONE_PARTIAL && code != TRADE_RETCODE_TIMEOUT ? code : refusal(want);
  Position *old = want.position ? find(want.position) : nullptr;
  if (!answer.retcode && want.position && !old) answer.retcode = TRADE_RETCODE_POSITION_CLOSED;
  if (answer.retcode) return answer;
  if (!old && !at["hedging"] && !positions.empty()) old = &positions[0];
  answer.retcode = code ? code : TRADE_RETCODE_DONE;
  answer.volume = code == TRADE_RETCODE_DONE_PARTIAL ? std::max(at["volume_min"], std::floor(want.volume / 2 / at["volume_step"]) * at["volume_step"]) : want.volume;
  answer.price = want.type == ORDER_TYPE_BUY ? ask + at["slippage"] : bid - at["slippage"];
  answer.order = ++last_ticket;
  std::string comment = want.comment.substr(0, static_cast<size_t>(at["comment_max"]));
  orders.push_back({answer.order, want.magic, comment, g_moments.server_s()});
  double rest = answer.volume;
  if (old && old->type != want.type) {
    double closed = std::min(rest, old->volume);
    answer.deal = record(answer.order, *old, want.type, DEAL_ENTRY_OUT, closed, answer.price, want.magic, comment);
    reduce(old, closed);
    rest -= closed;
  } else if (old) {
    old->open = (old->open * old->volume + answer.price * rest) / (old->volume + rest);
    old->volume += rest, old->sl = want.sl, old->tp = want.tp;
    answer.deal = record(answer.order, *old, want.type, DEAL_ENTRY_IN, rest, answer.price, want.magic, comment);
    rest = 0;
  }
  if (rest > 1e-9) {
    positions.push_back({answer.order, want.type, rest, answer.price, want.sl, want.tp, want.magic, comment, g_moments.server_s()});
    answer.deal = record(answer.order, positions.back(), want.type, DEAL_ENTRY_IN, rest, answer.price, want.magic, comment);
  }
  if (at["kill_after_order"]) {  // the power goes: the broker has the order, the terminal knows nothing
    save(g_sandbox + "/broker.state");
    std::printf("KILLED\n");
    std::fflush(stdout);
    _exit(9);
  }
  return answer;
}
inline void Market::save(const std::string &path) const {
  FILE *out = std::fopen(path.c_str(), "w");
  std::fprintf(out, "%lu %.17g %zu %zu %zu\n", last_ticket, at.at("balance"), positions.size(), orders.size(), deals.size());
  for (const Position &p : positions) std::fprintf(out, "%lu %d %.17g %.17g %.17g %.17g %lu %ld ~%s\n", p.ticket, p.type, p.volume, p.open, p.sl, p.tp, p.magic, p.time, p.comment.c_str());
  for (const Order &o : orders) std::fprintf(out, "%lu %lu %ld ~%s\n", o.ticket, o.magic, o.time, o.comment.c_str());
  for (const Deal &d : deals) std::fprintf(out, "%lu %lu %lu %lu %d %d %.17g %.17g %.17g %ld ~%s\n", d.ticket, d.order, d.position, d.magic, d.type, d.entry, d.volume, d.price, d.profit, d.time, d.comment.c_str());
  std::fclose(out);
}
inline void Market::load(const std::string &path) {
  FILE *in = std::fopen(path.c_str(), "r");
  size_t counts[3];
  char text[80];
  if (!in || std::fscanf(in, "%lu %lf %zu %zu %zu\n", &last_ticket, &at["balance"], counts, counts + 1, counts + 2) != 5) mql_fault("broker.state");
  auto comment = [&] { return std::fgets(text, sizeof text, in) ? std::string(text).substr(0, std::strlen(text) - 1) : std::string(); };
  positions.resize(counts[0]), orders.resize(counts[1]), deals.resize(counts[2]);
  for (Position &p : positions) {
    if (std::fscanf(in, "%lu %d %lf %lf %lf %lf %lu %ld ~", &p.ticket, &p.type, &p.volume, &p.open, &p.sl, &p.tp, &p.magic, &p.time) != 8) mql_fault("broker.state");
    p.comment = comment();
  }
  for (Order &o : orders) {
    if (std::fscanf(in, "%lu %lu %ld ~", &o.ticket, &o.magic, &o.time) != 3) mql_fault("broker.state");
    o.comment = comment();
  }
  for (Deal &d : deals) {
    if (std::fscanf(in, "%lu %lu %lu %lu %d %d %lf %lf %lf %ld ~", &d.ticket, &d.order, &d.position, &d.magic, &d.type, &d.entry, &d.volume, &d.price, &d.profit, &d.time) != 10) mql_fault("broker.state");
    d.comment = comment();
  }
  std::fclose(in);
}
