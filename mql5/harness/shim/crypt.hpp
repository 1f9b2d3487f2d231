// CryptEncode(CRYPT_HASH_SHA256).
#pragma once
#include "array.hpp"

enum ENUM_CRYPT_METHOD { CRYPT_HASH_SHA256 = 3 };

inline uint mql_prime_root(int which, double power) {  // the fractional bits that SHA-256's constants are
  int prime = 1, found = -1;
  while (found < which) {
    bool is_prime = true;
    prime++;
    for (int d = 2; d * d <= prime; d++) is_prime = is_prime && prime % d;
    found += is_prime;
  }
  long double root = powl(static_cast<long double>(prime), 1.0L / static_cast<long double>(power));
  return static_cast<uint>((root - floorl(root)) * 4294967296.0L);
}
inline uint mql_turn(uint x, int by) { return x >> by | x << (32 - by); }
inline void mql_sha256_block(const uchar *block, uint *state, const uint *k) {
  uint w[64], s[8];
  for (int i = 0; i < 16; i++) w[i] = static_cast<uint>(block[4 * i]) << 24 | static_cast<uint>(block[4 * i + 1]) << 16 | static_cast<uint>(block[4 * i + 2]) << 8 | block[4 * i + 3];
  for (int i = 16; i < 64; i++)
    w[i] = w[i - 16] + (mql_turn(w[i - 15], 7) ^ mql_turn(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] + (mql_turn(w[i - 2], 17) ^ mql_turn(w[i - 2], 19) ^ w[i - 2] >> 10);
  for (int i = 0; i < 8; i++) s[i] = state[i];
  for (int i = 0; i < 64; i++) {
    uint one = s[7] + (mql_turn(s[4], 6) ^ mql_turn(s[4], 11) ^ mql_turn(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
    uint two = (mql_turn(s[0], 2) ^ mql_turn(s[0], 13) ^ mql_turn(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    for (int j = 7; j > 0; j--) s[j] = s[j - 1];
    s[4] += one;
    s[0] = one + two;
  }
  for (int i = 0; i < 8; i++) state[i] += s[i];
}
inline int CryptEncode(ENUM_CRYPT_METHOD, const Array<uchar> &data, const Array<uchar> &, Array<uchar> &result) {
  static uint k[64], start[8];
  if (!k[0])
    for (int i = 0; i < 64; i++) k[i] = mql_prime_root(i, 3), start[i % 8] = mql_prime_root(i % 8, 2);
  if (data.size() == 0) return mql_error(4003), 0;  // MQL5 hashes no empty array
  uint state[8];
  std::memcpy(state, start, sizeof state);
  std::string text;
  for (int i = 0; i < data.size(); i++) text += static_cast<char>(data[i]);
  text += '\x80';
  while (text.size() % 64 != 56) text += '\0';
  for (int i = 7; i >= 0; i--) text += static_cast<char>(static_cast<ulong>(data.size()) * 8 >> (8 * i));
  for (size_t at = 0; at < text.size(); at += 64) mql_sha256_block(reinterpret_cast<const uchar *>(text.data()) + at, state, k);
  result.resize(32);
  for (int i = 0; i < 32; i++) result[i] = static_cast<uchar>(state[i / 4] >> (24 - 8 * (i % 4)));
  return 32;
}
