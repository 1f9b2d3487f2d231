// What a program asks of terminal, account, symbol, positions and history.
#pragma once
#include "files.hpp"
#include "market.hpp"
#include "sockets.hpp"

inline const Position *g_position = nullptr;
inline bool g_stopped = false;
inline bool IsStopped() { return g_stopped; }
inline string mql_symbol() { return string::utf8(g_market.symbol); }
#define _Symbol mql_symbol()
#define _Digits static_cast<int>(g_market.at["digits"])
#define _Point g_market.point()
#define _Period mql_period()
inline ENUM_TIMEFRAMES mql_period() {
  int m = g_market.period_minutes;
  return static_cast<ENUM_TIMEFRAMES>(m < 60 ? m : m < 10'080 ? 16384 + m / 60 : 32769);
}
inline ENUM_TIMEFRAMES Period() { return mql_period(); }
inline int PeriodSeconds(ENUM_TIMEFRAMES period) {
  int value = period == PERIOD_CURRENT ? mql_period() : period;
  return value >= 32769 ? 604'800 : value > 16384 ? (value - 16384) * 3'600 : value * 60;
}
inline double AccountInfoDouble(ENUM_ACCOUNT_INFO_DOUBLE what) {
  return what == ACCOUNT_BALANCE ? g_market.at["balance"] : what == ACCOUNT_EQUITY ? g_market.equity() : g_market.margin_free();
}
inline long AccountInfoInteger(ENUM_ACCOUNT_INFO_INTEGER what) {
  switch (what) {
    case ACCOUNT_LOGIN: return static_cast<long>(g_market.at["login"]);
    case ACCOUNT_TRADE_MODE: return static_cast<long>(g_market.at["account_mode"]);
    case ACCOUNT_TRADE_ALLOWED: return static_cast<long>(g_market.at["account_trade"]);
    case ACCOUNT_TRADE_EXPERT: return static_cast<long>(g_market.at["account_expert"]);
    default: return g_market.at["hedging"] ? ACCOUNT_MARGIN_MODE_RETAIL_HEDGING : ACCOUNT_MARGIN_MODE_RETAIL_NETTING;
  }
}
inline int TerminalInfoInteger(ENUM_TERMINAL_INFO_INTEGER what) { return static_cast<int>(g_market.at[what == TERMINAL_CONNECTED ? "connected" : "terminal_trade"]); }
inline int MQLInfoInteger(ENUM_MQL_INFO_INTEGER what) { return what == MQL_TESTER ? g_network.tester : static_cast<int>(g_market.at["mql_trade"]); }
inline void mql_known(const string &symbol) {
  if (symbol != mql_symbol()) mql_fault("another symbol than the chart's");
}
inline double SymbolInfoDouble(const string &symbol, ENUM_SYMBOL_INFO_DOUBLE what) {
  mql_known(symbol);
  switch (what) {
    case SYMBOL_TRADE_TICK_VALUE:
    case SYMBOL_TRADE_TICK_VALUE_LOSS: return g_market.at["tick_value"];
    case SYMBOL_TRADE_TICK_SIZE: return g_market.tick_size();
    case SYMBOL_VOLUME_MIN: return g_market.at["volume_min"];
    case SYMBOL_VOLUME_MAX: return g_market.at["volume_max"];
    case SYMBOL_VOLUME_STEP: return g_market.at["volume_step"];
    default: return g_market.point();
  }
}
inline long SymbolInfoInteger(const string &symbol, ENUM_SYMBOL_INFO_INTEGER what) {
  mql_known(symbol);
  const char *names[] = {"digits", "trade_mode", "stops_level", "freeze_level", "filling"};
  int at = what == SYMBOL_DIGITS ? 0 : what == SYMBOL_TRADE_MODE ? 1 : what == SYMBOL_TRADE_STOPS_LEVEL ? 2 : what == SYMBOL_TRADE_FREEZE_LEVEL ? 3 : 4;
  return static_cast<long>(g_market.at[names[at]]);
}
inline bool SymbolInfoTick(const string &symbol, MqlTick &tick) {
  mql_known(symbol);
  if (!g_market.tick_ms) return false;
  tick = {g_market.tick_ms / 1'000, g_market.bid, g_market.ask, 0, 0, g_market.tick_ms, 6};
  return true;
}
inline int CopyRates(const string &symbol, ENUM_TIMEFRAMES, int from, int count, Array<MqlRates> &rates) {
  mql_known(symbol);
  int all = static_cast<int>(g_market.rates.size()), last = all - from, first = last - count < 0 ? 0 : last - count;
  if (last <= first) return mql_error(4401), -1;
  if (rates.size() < last - first || !rates.fixed()) rates.resize(last - first);
  for (int at = first; at < last; at++) rates[at - first] = g_market.rates[static_cast<size_t>(at)];
  return last - first;
}
inline datetime iTime(const string &symbol, ENUM_TIMEFRAMES, int shift) {
  mql_known(symbol);
  int at = static_cast<int>(g_market.rates.size()) - 1 - shift;
  return at < 0 ? 0 : g_market.rates[static_cast<size_t>(at)].time;
}
inline int iBarShift(const string &symbol, ENUM_TIMEFRAMES, datetime at, bool exact = false) {
  mql_known(symbol);
  int newest = static_cast<int>(g_market.rates.size()) - 1, bar = newest;
  while (bar >= 0 && g_market.rates[static_cast<size_t>(bar)].time > at) bar--;
  if (bar < 0 || (exact && g_market.rates[static_cast<size_t>(bar)].time != at)) return -1;
  return newest - bar;
}
inline bool OrderCalcMargin(ENUM_ORDER_TYPE, const string &symbol, double volume, double price, double &margin) {
  mql_known(symbol);
  margin = g_market.margin(volume, price);
  return true;
}

inline int PositionsTotal() { return static_cast<int>(g_market.positions.size()); }
inline bool PositionSelectByTicket(ulong ticket) { return (g_position = g_market.find(ticket)) != nullptr; }
inline ulong PositionGetTicket(int at) {
  if (at < 0 || at >= PositionsTotal()) return g_position = nullptr, 0;
  g_position = &g_market.positions[static_cast<size_t>(at)];
  return g_position->ticket;
}
inline const Position &mql_position() {
  for (const Position &one : g_market.positions)
    if (&one == g_position) return one;
  mql_fault("PositionGet without a selected position");
}
inline long PositionGetInteger(ENUM_POSITION_PROPERTY_INTEGER what) {
  const Position &one = mql_position();
  return what == POSITION_TYPE ? one.type : what == POSITION_MAGIC ? static_cast<long>(one.magic) : what == POSITION_TIME ? one.time : static_cast<long>(one.ticket);
}
inline double PositionGetDouble(ENUM_POSITION_PROPERTY_DOUBLE what) {
  const Position &one = mql_position();
  return what == POSITION_VOLUME ? one.volume : what == POSITION_PRICE_OPEN ? one.open : what == POSITION_SL ? one.sl : what == POSITION_TP ? one.tp : g_market.worth(one.type, one.volume, one.open, g_market.leaving(one.type));
}
inline string PositionGetString(ENUM_POSITION_PROPERTY_STRING what) { return what == POSITION_SYMBOL ? (mql_position(), mql_symbol()) : string::utf8(mql_position().comment); }

inline bool g_history = false;
inline bool HistorySelect(datetime from, datetime to) { return g_history = from <= to; }
inline void mql_history() {
  if (!g_history) mql_fault("history without HistorySelect");
}
inline int HistoryOrdersTotal() { return mql_history(), static_cast<int>(g_market.orders.size()); }
inline int HistoryDealsTotal() { return mql_history(), static_cast<int>(g_market.deals.size()); }
inline ulong HistoryOrderGetTicket(int at) { return mql_history(), g_market.orders.at(static_cast<size_t>(at)).ticket; }
inline ulong HistoryDealGetTicket(int at) { return mql_history(), g_market.deals.at(static_cast<size_t>(at)).ticket; }
template <class T> const T &mql_ticket(const std::vector<T> &all, ulong ticket) {
  for (const T &one : all)
    if (one.ticket == ticket) return one;
  mql_fault("a ticket that is not in the history");
}
inline bool HistoryDealSelect(ulong ticket) {
  for (const Deal &one : g_market.deals)
    if (one.ticket == ticket) return true;
  return false;
}
inline long HistoryOrderGetInteger(ulong ticket, ENUM_ORDER_PROPERTY_INTEGER) { return static_cast<long>(mql_ticket(g_market.orders, ticket).magic); }
inline string HistoryOrderGetString(ulong ticket, ENUM_ORDER_PROPERTY_STRING what) { return what == ORDER_SYMBOL ? mql_symbol() : string::utf8(mql_ticket(g_market.orders, ticket).comment); }
inline long HistoryDealGetInteger(ulong ticket, ENUM_DEAL_PROPERTY_INTEGER what) {
  const Deal &one = mql_ticket(g_market.deals, ticket);
  switch (what) {
    case DEAL_ORDER: return static_cast<long>(one.order);
    case DEAL_MAGIC: return static_cast<long>(one.magic);
    case DEAL_ENTRY: return one.entry;
    case DEAL_TIME: return one.time;
    case DEAL_TYPE: return one.type;
    default: return static_cast<long>(one.position);
  }
}
inline double HistoryDealGetDouble(ulong ticket, ENUM_DEAL_PROPERTY_DOUBLE what) {
  const Deal &one = mql_ticket(g_market.deals, ticket);
  return what == DEAL_VOLUME ? one.volume : what == DEAL_PRICE ? one.price : what == DEAL_PROFIT ? one.profit : 0;
}
inline string HistoryDealGetString(ulong ticket, ENUM_DEAL_PROPERTY_STRING what) { return what == DEAL_SYMBOL ? mql_symbol() : string::utf8(mql_ticket(g_market.deals, ticket).comment); }
