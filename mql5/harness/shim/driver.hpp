// The terminal's main loop: commands on stdin, what the program does on stdout; a lone dot ends each answer.
#pragma once
#include <sstream>

#include "chart.hpp"
#include "crypt.hpp"
#include "inputs.hpp"
#include "trade.hpp"

int OnInit() __attribute__((weak));
void OnDeinit(const int) __attribute__((weak));
void OnTick() __attribute__((weak));
void OnTimer() __attribute__((weak));
void OnStart() __attribute__((weak));
void OnTradeTransaction(const MqlTradeTransaction &, const MqlTradeRequest &, const MqlTradeResult &) __attribute__((weak));
int OnCalculate(const int, const int, const Array<datetime> &, const Array<double> &, const Array<double> &, const Array<double> &, const Array<double> &, const Array<long> &, const Array<long> &, const Array<int> &)
    __attribute__((weak));
void OnChartEvent(const int, const long &, const double &, const string &) __attribute__((weak));

inline void mql_tell() {
  while (!g_market.transactions.empty()) {
    MqlTradeTransaction one = g_market.transactions.front();
    g_market.transactions.pop_front();
    if (OnTradeTransaction) OnTradeTransaction(one, MqlTradeRequest(), MqlTradeResult());
  }
}
inline void mql_state() {
  for (const Position &p : g_market.positions)
    std::printf("= position %lu %d %.2f %.5f %.5f %.5f %lu %s\n", p.ticket, p.type, p.volume, p.open, p.sl, p.tp, p.magic, p.comment.c_str());
  for (const Deal &d : g_market.deals) std::printf("= deal %lu %d %d %.2f %.8f %.2f %lu %ld %s\n", d.ticket, d.type, d.entry, d.volume, d.price, d.profit, d.magic, d.time, d.comment.c_str());
  std::printf("= requests %d\n= sockets %zu\n= files %zu\n= timer %u\n= ticks %lu\n", g_market.requests, g_network.open.size(), g_files.size(), g_moments.timer_ms, GetTickCount64());
  for (const auto &[name, text] : g_objects) std::printf("= object %s %s\n", name.c_str(), text.c_str());
}
template <class T, class V> Array<T> mql_column(V MqlRates::*field) {
  Array<T> made;
  made.resize(static_cast<int>(g_market.rates.size()));
  for (int at = 0; at < made.size(); at++) made[at] = static_cast<T>(g_market.rates[static_cast<size_t>(at)].*field);
  return made;
}
inline void mql_calculate(int before) {
  int total = static_cast<int>(g_market.rates.size());
  for (auto &[index, buffer] : g_buffers) buffer->resize(total);
  int done = OnCalculate(total, before, mql_column<datetime>(&MqlRates::time), mql_column<double>(&MqlRates::open), mql_column<double>(&MqlRates::high),
                         mql_column<double>(&MqlRates::low), mql_column<double>(&MqlRates::close), mql_column<long>(&MqlRates::tick_volume),
                         mql_column<long>(&MqlRates::real_volume), mql_column<int>(&MqlRates::spread));
  std::printf("= calculated %d\n", done);
  for (auto &[index, buffer] : g_buffers)
    for (int at = 0; at < total; at++)
      if ((*buffer)[at] != EMPTY_VALUE) std::printf("= buffer %d %d %.5f\n", index, at, (*buffer)[at]);
}
inline void mql_settings(const std::string &command, std::istringstream &words) {
  std::string name, rest;
  words >> name;
  std::getline(words >> std::ws, rest);
  if (command == "input") {
    if (!mql_inputs().count(name)) mql_fault("no such input");
    mql_inputs()[name]->set(rest);
  } else if (command == "market") {
    if (!g_market.at.count(name)) mql_fault("no such property of the market");
    g_market.at[name] = std::strtod(rest.c_str(), nullptr);
  } else {
    long value = std::strtol(rest.c_str(), nullptr, 10);
    if (name == "symbol") g_market.symbol = rest;
    else if (name == "period") g_market.period_minutes = static_cast<int>(value);
    else if (name == "simulated") g_moments.simulated = value;
    else if (name == "utc_ms") g_moments.simulated_ms = value;
    else if (name == "gmt_error_s") g_moments.gmt_error_s = value;
    else if (name == "server_offset_s") g_moments.server_offset_s = static_cast<int>(value);
    else if (name == "tester") g_network.tester = value;
    else if (name == "allowed") g_network.allowed = value;
    else if (name == "piece") g_network.piece = static_cast<int>(value);
    else if (name == "disk_full") g_disk_full = value;
    else if (name == "answer") g_market.answers.push_back(static_cast<uint>(value));
    else if (name == "load") g_market.load(g_sandbox + "/broker.state");
    else mql_fault("no such setting");
  }
}
inline void mql_timers(int count) {
  for (; count > 0; count--) {
    if (g_moments.simulated) g_moments.simulated_ms += std::max(16u, g_moments.timer_ms);
    usleep(500);
    if (OnTimer && g_moments.timer_ms) OnTimer();
    mql_tell();
  }
}
inline void mql_command(const std::string &command, std::istringstream &words) {
  double a = 0, b = 0;
  long n = 1;
  if (command == "init") {
    std::printf("= init %d\n", OnInit ? OnInit() : 0);
  } else if (command == "start") {
    OnStart();
  } else if (command == "deinit") {
    words >> n;
    if (OnDeinit) OnDeinit(static_cast<int>(n));
  } else if (command == "tick") {
    words >> a >> b;
    g_market.tick(a, b);
    mql_bar();
    mql_tell();
    if (OnTick) OnTick();
  } else if (command == "bar") {
    MqlRates one{};
    words >> one.time >> one.open >> one.high >> one.low >> one.close >> one.spread;
    mql_candle(one, [] {
      mql_tell();
      if (OnTick) OnTick();
      mql_tell();
    });
  } else if (command == "timer") {
    words >> n;
    mql_timers(static_cast<int>(n));
  } else if (command == "advance") {
    words >> n;
    g_moments.simulated_ms += n;
  } else if (command == "calculate") {
    words >> n;
    mql_calculate(static_cast<int>(n));
  } else if (command == "candle") {
    MqlRates one{};
    words >> one.time >> one.open >> one.high >> one.low >> one.close >> one.tick_volume >> one.spread;
    g_market.rates.push_back(one);
  } else if (command == "click") {
    std::string name;
    std::getline(words >> std::ws, name);
    if (OnChartEvent) OnChartEvent(CHARTEVENT_OBJECT_CLICK, 0, 0, string::utf8(name));
  } else if (command == "state") {
    mql_state();
  } else {
    mql_settings(command, words);
  }
  mql_tell();
}
int main(int count, char **arguments) {
  if (count > 1) g_sandbox = arguments[1];
  std::string line, command;
  for (int c; (c = std::fgetc(stdin)) != EOF;) {
    if (c != '\n') { line += static_cast<char>(c); continue; }
    std::istringstream words(line);
    line.clear();
    words >> command;
    if (command == "quit") return 0;
    mql_command(command, words);
    std::printf(".\n");
    std::fflush(stdout);
  }
  return 0;
}
