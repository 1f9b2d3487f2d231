// MQL5 arrays: range checks, and garbage in every new element.
#pragma once
#include <climits>
#include <cstring>
#include <initializer_list>
#include <type_traits>

#include "fault.hpp"

inline const int WHOLE_ARRAY = -1;

struct FixedSize {
  int count;
};

template <class T> class Array {
  T *m_data = nullptr;
  int m_size = 0;
  bool m_fixed = false;

  static T *garbage(int count) {
    T *data = new T[static_cast<size_t>(count)];
    if constexpr (std::is_trivially_copyable_v<T>) std::memset(static_cast<void *>(data), 0xCD, sizeof(T) * static_cast<size_t>(count));
    return data;
  }

public:
  Array() = default;
  explicit Array(FixedSize size) : m_data(garbage(size.count)), m_size(size.count), m_fixed(true) {}
  Array(std::initializer_list<T> values) : Array(FixedSize{static_cast<int>(values.size())}) {
    int at = 0;
    for (const T &value : values) m_data[at++] = value;
  }
  Array(const Array &other) : m_fixed(other.m_fixed) { *this = other; }
  Array &operator=(const Array &other) {
    if (this == &other) return *this;
    delete[] m_data;
    m_size = other.m_size;
    m_data = m_size ? garbage(m_size) : nullptr;
    for (int at = 0; at < m_size; at++) m_data[at] = other.m_data[at];
    return *this;
  }
  ~Array() { delete[] m_data; }

  int size() const { return m_size; }
  bool fixed() const { return m_fixed; }
  template <class I> T &operator[](I at) {
    if (at < I(0) || static_cast<ulong>(at) >= static_cast<ulong>(m_size)) mql_fault("array out of range");
    return m_data[at];
  }
  template <class I> const T &operator[](I at) const { return (*const_cast<Array *>(this))[at]; }
  int resize(int size) {
    if (m_fixed) mql_fault("ArrayResize of a fixed array");
    if (size < 0) return -1;
    if (size == m_size) return size;
    T *data = size ? garbage(size) : nullptr;
    for (int at = 0; at < size && at < m_size; at++) data[at] = m_data[at];
    delete[] m_data;
    m_data = data;
    m_size = size;
    return size;
  }
};

template <class T> int ArraySize(const Array<T> &array) { return array.size(); }
template <class T> int ArrayResize(Array<T> &array, int size, int = 0) { return array.resize(size); }
template <class T> void ArrayFree(Array<T> &array) { array.resize(0); }
template <class T, class V> int ArrayInitialize(Array<T> &array, V value) {
  for (int at = 0; at < array.size(); at++) array[at] = static_cast<T>(value);
  return array.size();
}
template <class T> int ArrayCopy(Array<T> &to, const Array<T> &from, int to_start = 0, int from_start = 0, int count = WHOLE_ARRAY) {
  if (to_start < 0 || from_start < 0) mql_fault("ArrayCopy from or to a negative place");
  if (count < 0 || count > from.size() - from_start) count = from.size() - from_start;
  if (count <= 0) return 0;
  if (to.size() < to_start + count) {
    if (to.fixed()) count = to.size() - to_start;
    else to.resize(to_start + count);
  }
  if (&to == &from && to_start > from_start) mql_fault("ArrayCopy onto itself, upwards");
  for (int at = 0; at < count; at++) to[to_start + at] = from[from_start + at];
  return count < 0 ? 0 : count;
}
