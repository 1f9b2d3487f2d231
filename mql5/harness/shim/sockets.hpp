// MT5's sockets over real TCP, at their worst: guesses, partial sends, stale buffers, none in the tester.
#pragma once
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>

#include "moments.hpp"

struct Network {
  bool tester = false;
  bool allowed = true;     // the address is on the terminal's list
  int piece = 0;           // most bytes a send or read moves; 0: no bound
  uint seed = 1;
  int reads = 0;
  std::map<int, bool> open;
};
inline Network g_network;
inline const uint SOCKET_DEFAULT = 0;
inline bool mql_chance(uint one_in) {
  g_network.seed = g_network.seed * 1'103'515'245u + 12'345u;
  return (g_network.seed >> 16) % one_in == 0;
}
inline bool mql_socket_ok(int socket) {
  if (g_network.tester) return mql_error(4014), false;
  if (!g_network.open.count(socket)) return mql_error(5270), false;
  return true;
}
inline int SocketCreate(uint = SOCKET_DEFAULT) {
  if (g_network.tester) return mql_error(4014), -1;
  if (g_network.open.size() >= 128) return mql_error(5271), -1;
  int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  g_network.open[socket] = false;
  return socket;
}
inline bool SocketClose(int socket) {
  if (!mql_socket_ok(socket)) return false;
  g_network.open.erase(socket);
  return ::close(socket) == 0;
}
inline bool SocketConnect(int socket, const string &server, uint port, uint timeout_ms) {
  if (!mql_socket_ok(socket)) return false;
  if (!g_network.allowed) return mql_error(4014), false;
  if (timeout_ms == 0) mql_fault("SocketConnect may block for ever");
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, server.utf8().c_str(), &to.sin_addr) != 1 || ::connect(socket, reinterpret_cast<sockaddr *>(&to), sizeof to)) return mql_error(5272), false;
  int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  g_network.open[socket] = true;
  return true;
}
inline bool SocketTimeouts(int socket, uint send_ms, uint receive_ms) {
  if (!send_ms || !receive_ms) mql_fault("SocketTimeouts of 0 wait for minutes");
  return mql_socket_ok(socket);
}
inline bool SocketIsConnected(int socket) {
  char one;
  if (!mql_socket_ok(socket) || !g_network.open[socket]) return false;
  ssize_t got = ::recv(socket, &one, 1, MSG_PEEK | MSG_DONTWAIT);
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}
inline uint SocketIsReadable(int socket) {
  int waiting = 0;
  if (!mql_socket_ok(socket) || !g_network.open[socket]) return 0;
  ioctl(socket, FIONREAD, &waiting);
  return mql_chance(8) ? 1u : static_cast<uint>(waiting);
}
inline int SocketRead(int socket, Array<uchar> &buffer, uint most, uint timeout_ms) {
  if (!mql_socket_ok(socket) || !g_network.open[socket]) return -1;
  if (timeout_ms == 0) mql_fault("SocketRead with timeout 0 waits 120 s");
  if (timeout_ms > 100) mql_fault("SocketRead would stall OnTick");
  g_network.reads++;
  if (g_network.piece && most > static_cast<uint>(g_network.piece)) most = static_cast<uint>(g_network.piece);
  buffer.resize(0);
  buffer.resize(static_cast<int>(most) + 7);  // beyond what is returned there is garbage
  pollfd one{socket, POLLIN, 0};
  ::poll(&one, 1, static_cast<int>(timeout_ms));
  ssize_t got = ::recv(socket, &buffer[0], most, MSG_DONTWAIT);
  if (got > 0) return static_cast<int>(got);
  return mql_error(5273), -1;
}
inline int SocketSend(int socket, const Array<uchar> &buffer, uint length) {
  if (!mql_socket_ok(socket) || !g_network.open[socket]) return -1;
  if (length > static_cast<uint>(buffer.size()) || length == 0) mql_fault("SocketSend: length");
  if (mql_chance(6)) length = (length + 1) / 2;
  if (g_network.piece && length > static_cast<uint>(g_network.piece)) length = static_cast<uint>(g_network.piece);
  ssize_t sent = ::send(socket, &buffer[0], length, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return static_cast<int>(sent);
  return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : (mql_error(5273), -1);
}
