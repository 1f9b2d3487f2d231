// `input` variables, set by the test before OnInit.
#pragma once
#include <map>

#include "format.hpp"

struct Input {
  virtual ~Input() = default;
  virtual void set(const std::string &text) = 0;
};
inline std::map<std::string, Input *> &mql_inputs() {
  static std::map<std::string, Input *> all;
  return all;
}
template <class T> struct InputOf : Input {
  T value;
  InputOf(const char *name, T first) : value(first) { mql_inputs()[name] = this; }
  void set(const std::string &text) override {
    if constexpr (std::is_same_v<T, string>) value = string::utf8(text);
    else if constexpr (std::is_same_v<T, bool>) value = text == "true";
    else if constexpr (std::is_same_v<T, double>) value = std::strtod(text.c_str(), nullptr);
    else value = static_cast<T>(std::strtol(text.c_str(), nullptr, 10));
  }
};
#define MQL_INPUT(type, name, first) static InputOf<type> name##_input(#name, first); static const type &name = name##_input.value
