// Time: the real clock, or one that only the test moves. Server and GMT time have whole seconds.
#pragma once
#include <unistd.h>

#include <ctime>

#include "format.hpp"

struct Moments {
  bool simulated = false;
  long simulated_ms = 1'732'233'600'000;
  long boot_ms = 7'654'321;  // GetTickCount64 begins anywhere
  long gmt_error_s = 0;      // how wrong this computer's clock is
  int server_offset_s = 7'200;
  long ticked_s = 0;         // TimeCurrent moves with ticks
  uint timer_ms = 0;

  static long system_ms(clockid_t kind) {
    timespec now;
    clock_gettime(kind, &now);
    return now.tv_sec * 1'000 + now.tv_nsec / 1'000'000;
  }
  long utc_ms() const { return simulated ? simulated_ms : system_ms(CLOCK_REALTIME); }
  long server_s() const { return utc_ms() / 1'000 + server_offset_s; }
};
inline Moments g_moments;
inline long g_started_ms = Moments::system_ms(CLOCK_MONOTONIC);

inline ulong GetTickCount64() {
  long elapsed = g_moments.simulated ? g_moments.simulated_ms - 1'732'233'600'000 : Moments::system_ms(CLOCK_MONOTONIC) - g_started_ms;
  return static_cast<ulong>(g_moments.boot_ms + elapsed);
}
inline datetime TimeGMT() { return g_moments.utc_ms() / 1'000 + g_moments.gmt_error_s; }
inline datetime TimeLocal() { return TimeGMT(); }
inline datetime TimeTradeServer() { return g_moments.server_s(); }
inline datetime TimeCurrent() { return g_moments.ticked_s; }
inline bool EventSetMillisecondTimer(int ms) {
  if (ms <= 0) mql_fault("EventSetMillisecondTimer: not positive");
  g_moments.timer_ms = ms < 16 ? 16u : static_cast<uint>(ms);
  return true;
}
inline void Sleep(int ms) {
  if (g_moments.simulated) g_moments.simulated_ms += ms;
  usleep(500);
}
inline void EventKillTimer() { g_moments.timer_ms = 0; }

struct MqlDateTime {
  int year, mon, day, hour, min, sec, day_of_week, day_of_year;
};
inline bool TimeToStruct(datetime at, MqlDateTime &parts) {
  time_t raw = at;
  tm made;
  gmtime_r(&raw, &made);
  parts = {made.tm_year + 1900, made.tm_mon + 1, made.tm_mday, made.tm_hour, made.tm_min, made.tm_sec, made.tm_wday, made.tm_yday};
  return true;
}
inline const int TIME_DATE = 1, TIME_MINUTES = 2, TIME_SECONDS = 4;
inline string TimeToString(datetime at, int flags = TIME_DATE | TIME_MINUTES) {
  MqlDateTime p;
  TimeToStruct(at, p);
  char text[80];
  std::string made;
  if (flags & TIME_DATE) std::snprintf(text, sizeof text, "%04d.%02d.%02d", p.year, p.mon, p.day), made = text;
  if (flags & (TIME_MINUTES | TIME_SECONDS)) {
    std::snprintf(text, sizeof text, flags & TIME_SECONDS ? "%s%02d:%02d:%02d" : "%s%02d:%02d", made.empty() ? "" : " ", p.hour, p.min, p.sec);
    made += text;
  }
  return string::utf8(made);
}
