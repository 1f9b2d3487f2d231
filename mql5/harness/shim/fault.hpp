// What a program must never do ends the run here, loudly.
#pragma once
#include <cstdio>
#include <cstdlib>

[[noreturn]] inline void mql_fault(const char *what) {
  std::printf("FAULT %s\n", what);
  std::fflush(stdout);
  std::abort();
}

inline int _LastError = 0;
inline int GetLastError() { return _LastError; }
inline void ResetLastError() { _LastError = 0; }
inline void mql_error(int code) { _LastError = code; }

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef long datetime;
typedef unsigned int color;
static_assert(sizeof(long) == 8, "MQL5's long has 64 bits");
