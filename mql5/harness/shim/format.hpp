// Numbers to text and back; StringFormat refuses a number that its %-mark would cut.
#pragma once
#include <cmath>
#include <vector>

#include "text.hpp"

inline string IntegerToString(long value, int width = 0, ushort fill = ' ') {
  std::string text = std::to_string(value);
  while (static_cast<int>(text.size()) < width) text.insert(0, 1, static_cast<char>(fill));
  return string::utf8(text);
}
inline string DoubleToString(double value, int digits = 8) {
  char text[400];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return string::utf8(text);
}
inline long StringToInteger(const string &text) {
  errno = 0;
  long value = std::strtol(text.utf8().c_str(), nullptr, 10);
  return errno ? 0x7F5A5A5A5A5A5A5A : value;  // nobody says what MQL5 makes of more than 64 bits
}
inline double StringToDouble(const string &text) { return std::strtod(text.utf8().c_str(), nullptr); }

struct FormatValue {
  char kind;  // i: 32 bits, l: 64 bits, d: double, s: string
  long integer = 0;
  double real = 0;
  std::string text;
  template <class T, std::enable_if_t<std::is_integral_v<T> || std::is_enum_v<T>, int> = 0>
  FormatValue(T value) : kind(sizeof(T) == 8 ? 'l' : 'i'), integer(static_cast<long>(value)) {}
  FormatValue(double value) : kind('d'), real(value) {}
  FormatValue(const string &value) : kind('s'), text(value.utf8()) {}
  std::string plain() const {
    if (kind == 's') return text;
    if (kind == 'd') {
      char made[64];
      std::snprintf(made, sizeof made, "%.8g", real);
      return made;
    }
    return std::to_string(integer);
  }
};

inline std::string mql_format_one(const std::string &mark, const FormatValue &value) {
  char made[512];
  char last = mark.back();
  if (last == 's') {
    if (value.kind != 's') mql_fault("StringFormat: %s without a string");
    return value.text;
  }
  if (std::strchr("fge", last)) {
    if (value.kind != 'd') mql_fault("StringFormat: %f without a double");
    std::snprintf(made, sizeof made, mark.c_str(), value.real);
    return made;
  }
  size_t wide = mark.find("I64");
  if ((wide != std::string::npos) != (value.kind == 'l')) mql_fault("StringFormat: %I64d goes with 64 bits, %d with 32");
  if (wide == std::string::npos && value.kind != 'i') mql_fault("StringFormat: %d without an integer");
  std::string spelt = wide == std::string::npos ? mark : std::string(mark).replace(wide, 3, "l");
  if (value.kind == 'l') std::snprintf(made, sizeof made, spelt.c_str(), value.integer);
  else std::snprintf(made, sizeof made, spelt.c_str(), static_cast<int>(value.integer));
  return made;
}

inline string mql_format(const string &format, const std::vector<FormatValue> &values) {
  std::string marks = format.utf8(), made;
  size_t used = 0;
  for (size_t at = 0; at < marks.size(); at++) {
    if (marks[at] != '%') { made += marks[at]; continue; }
    if (marks[at + 1] == '%') { made += '%'; at++; continue; }
    size_t end = marks.find_first_of("sfgedux", at + 1);
    if (end == std::string::npos || used == values.size()) mql_fault("StringFormat: marks and values differ");
    made += mql_format_one(marks.substr(at, end - at + 1), values[used++]);
    at = end;
  }
  if (used != values.size()) mql_fault("StringFormat: more values than marks");
  return string::utf8(made);
}
template <class... V> string StringFormat(const string &format, const V &...values) { return mql_format(format, {FormatValue(values)...}); }

inline void mql_say(char kind, const std::string &text) {
  std::string line;
  for (char c : text) line += c == '\n' || c == '\r' ? ' ' : c;
  std::printf("%c %s\n", kind, line.c_str());
}
inline void mql_say_all(char kind, const std::vector<FormatValue> &values) {
  std::string text;
  for (const FormatValue &value : values) text += value.plain();
  mql_say(kind, text);
}
template <class... V> void Print(const V &...values) { mql_say_all('P', {FormatValue(values)...}); }
template <class... V> void Alert(const V &...values) { mql_say_all('A', {FormatValue(values)...}); }
template <class... V> void Comment(const V &...values) { mql_say_all('C', {FormatValue(values)...}); }
template <class... V> void PrintFormat(const string &format, const V &...values) { mql_say('P', mql_format(format, {FormatValue(values)...}).utf8()); }
inline bool SendNotification(const string &text) { mql_say('N', text.utf8()); return StringLen(text) <= 255; }
