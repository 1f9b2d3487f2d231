// MQL5 strings: UTF-16, by value.
#pragma once
#include <cstdint>
#include <string>

#include "array.hpp"

class string {
  std::u16string m_units;

public:
  string() = default;
  string(const char16_t *units) : m_units(units) {}
  string(std::u16string units) : m_units(std::move(units)) {}
  static string utf8(const std::string &bytes) {
    std::u16string units;
    for (size_t at = 0; at < bytes.size();) {
      uint32_t lead = static_cast<uchar>(bytes[at]), point = lead;
      int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
      if (more) point = lead & (0x3Fu >> more);
      for (at++; more && at < bytes.size(); more--) point = point << 6 | (static_cast<uchar>(bytes[at++]) & 0x3F);
      if (point >= 0x10000) {
        units += static_cast<char16_t>(0xD7C0 + (point >> 10));
        units += static_cast<char16_t>(0xDC00 | (point & 0x3FF));
      } else
        units += static_cast<char16_t>(point);
    }
    return string(units);
  }
  std::string utf8() const {
    std::string bytes;
    for (size_t at = 0; at < m_units.size(); at++) {
      uint32_t point = m_units[at];
      if ((point & 0xFC00) == 0xD800 && at + 1 < m_units.size()) point = 0x10000 + ((point & 0x3FF) << 10) + (m_units[++at] & 0x3FF);
      if (point < 0x80) bytes += static_cast<char>(point);
      else {
        int more = point >= 0x10000 ? 3 : point >= 0x800 ? 2 : 1;
        bytes += static_cast<char>((more == 3 ? 0xF0 : more == 2 ? 0xE0 : 0xC0) | point >> (6 * more));
        while (more--) bytes += static_cast<char>(0x80 | (point >> (6 * more) & 0x3F));
      }
    }
    return bytes;
  }
  const std::u16string &units() const { return m_units; }
  std::u16string &units() { return m_units; }
  string operator+(const string &other) const { return string(m_units + other.m_units); }
  string &operator+=(const string &other) { m_units += other.m_units; return *this; }
  bool operator==(const string &other) const { return m_units == other.m_units; }
  bool operator!=(const string &other) const { return m_units != other.m_units; }
  bool operator<(const string &other) const { return m_units < other.m_units; }
  bool operator>(const string &other) const { return m_units > other.m_units; }
};

inline int StringLen(const string &text) { return static_cast<int>(text.units().size()); }
inline string StringSubstr(const string &text, int from, int length = -1) {
  if (from < 0) mql_fault("StringSubstr from a negative place");
  if (from >= StringLen(text)) return string();
  return string(text.units().substr(static_cast<size_t>(from), length < 0 ? std::u16string::npos : static_cast<size_t>(length)));
}
inline int StringFind(const string &text, const string &what, int from = 0) {
  size_t at = text.units().find(what.units(), static_cast<size_t>(from));
  return at == std::u16string::npos ? -1 : static_cast<int>(at);
}
inline ushort StringGetCharacter(const string &text, int at) {
  if (at < 0 || at >= StringLen(text)) mql_fault("StringGetCharacter out of range");
  return text.units()[static_cast<size_t>(at)];
}
inline int StringCompare(const string &a, const string &b, bool = true) { return a < b ? -1 : a > b ? 1 : 0; }
inline int StringReplace(string &text, const string &what, const string &by) {
  int count = 0;
  for (size_t at = 0; (at = text.units().find(what.units(), at)) != std::u16string::npos; at += by.units().size(), count++)
    text.units().replace(at, what.units().size(), by.units());
  return count;
}
inline int StringSplit(const string &text, ushort separator, Array<string> &parts) {
  std::u16string part;
  int count = 0;
  parts.resize(0);
  if (text.units().empty()) return 0;
  for (char16_t unit : text.units() + static_cast<char16_t>(separator)) {
    if (unit != separator) part += unit;
    else {
      parts.resize(count + 1);
      parts[count++] = string(part);
      part.clear();
    }
  }
  return count;
}
inline int mql_trim(string &text, bool left) {
  auto &units = text.units();
  size_t size = units.size(), from = 0;
  while (left && from < size && units[from] <= u' ') from++;
  units.erase(0, from);
  while (!left && !units.empty() && units.back() <= u' ') units.pop_back();
  return static_cast<int>(size - units.size());
}
inline int StringTrimLeft(string &text) { return mql_trim(text, true); }
inline int StringTrimRight(string &text) { return mql_trim(text, false); }
inline string ShortToString(ushort unit) { return string(std::u16string(1, static_cast<char16_t>(unit))); }
inline string CharToString(uchar unit) { return ShortToString(unit); }

inline const uint CP_ACP = 0, CP_UTF8 = 65001;
inline int StringToCharArray(const string &text, Array<uchar> &bytes, int start = 0, int count = -1, uint codepage = CP_ACP) {
  std::string raw;
  if (codepage == CP_UTF8) raw = text.utf8();
  else
    for (char16_t unit : text.units()) raw += unit < 0x80 ? static_cast<char>(unit) : '?';
  if (count < 0) raw += '\0';  // MQL5 copies the terminator too, unless told how much
  else raw = raw.substr(0, static_cast<size_t>(count));
  if (bytes.size() < start + static_cast<int>(raw.size())) bytes.resize(start + static_cast<int>(raw.size()));
  for (size_t at = 0; at < raw.size(); at++) bytes[start + static_cast<int>(at)] = static_cast<uchar>(raw[at]);
  return static_cast<int>(raw.size());
}
inline string CharArrayToString(const Array<uchar> &bytes, int start = 0, int count = -1, uint codepage = CP_ACP) {
  std::string raw;
  for (int at = start; at < bytes.size() && (count < 0 || at < start + count) && bytes[at]; at++) raw += static_cast<char>(bytes[at]);
  if (codepage == CP_UTF8) return string::utf8(raw);
  std::u16string units;
  for (char byte : raw) units += static_cast<uchar>(byte) < 0x80 ? static_cast<char16_t>(byte) : u'?';
  return string(units);
}
