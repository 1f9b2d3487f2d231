// Files of the terminal's sandbox. What was not flushed when the terminal is killed is lost.
#pragma once
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "format.hpp"

inline const int FILE_READ = 1, FILE_WRITE = 2, FILE_BIN = 4, FILE_CSV = 8, FILE_TXT = 16, FILE_ANSI = 32, FILE_UNICODE = 64,
                 FILE_SHARE_READ = 128, FILE_SHARE_WRITE = 256, FILE_COMMON = 4096, INVALID_HANDLE = -1;
enum ENUM_FILE_POSITION { SEEK_SET_ = 0 };
#undef SEEK_SET
#undef SEEK_CUR
#undef SEEK_END
inline const int SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2;

struct OpenFile {
  std::string path, content;
  size_t at = 0;
  int flags = 0;
  size_t stored = 0;  // so much of the content stands on the disk as it is here
};
inline std::string g_sandbox = ".";
inline bool g_disk_full = false;
inline std::map<int, OpenFile> g_files;

inline std::string mql_path(const string &name) {
  std::string path = name.utf8();
  for (char &c : path) {
    if (c == '\\') c = '/';
    if (std::strchr(":*?\"<>|", c)) mql_fault("a file name that Windows refuses");
  }
  if (path.find("..") != std::string::npos) mql_fault("a file outside the sandbox");
  return g_sandbox + "/" + path;
}
inline OpenFile &mql_file(int handle) {
  if (!g_files.count(handle)) mql_fault("a file handle that is not open");
  return g_files[handle];
}
inline bool mql_store(OpenFile &file) {
  if (!(file.flags & FILE_WRITE)) return true;
  FILE *out = std::fopen(file.path.c_str(), file.stored ? "r+b" : "wb");
  if (!out) return false;
  std::fseek(out, static_cast<long>(file.stored), 0);
  std::fwrite(file.content.data() + file.stored, 1, file.content.size() - file.stored, out);
  std::fclose(out);
  file.stored = file.content.size();
  return true;
}
inline int FileOpen(const string &name, int flags, ushort = '\t', uint = CP_ACP) {
  static int last = 0;
  OpenFile file;
  file.path = mql_path(name), file.flags = flags;
  for (size_t at = g_sandbox.size() + 1; (at = file.path.find('/', at)) != std::string::npos; at++)
    if (flags & FILE_WRITE) mkdir(file.path.substr(0, at).c_str(), 0700);
  FILE *in = std::fopen(file.path.c_str(), "rb");
  if (!in && !(flags & FILE_WRITE)) return mql_error(5004), INVALID_HANDLE;
  if (in && flags & FILE_READ)
    for (int c; (c = std::fgetc(in)) != EOF;) file.content += static_cast<char>(c);
  if (in) std::fclose(in);
  if (!mql_store(file)) return mql_error(5004), INVALID_HANDLE;
  g_files[++last] = file;
  return last;
}
inline void FileClose(int handle) { mql_store(mql_file(handle)); g_files.erase(handle); }
inline void FileFlush(int handle) { mql_store(mql_file(handle)); }
inline bool FileSeek(int handle, long offset, int origin) {
  OpenFile &file = mql_file(handle);
  file.at = static_cast<size_t>(offset + (origin == SEEK_END ? static_cast<long>(file.content.size()) : origin == SEEK_CUR ? static_cast<long>(file.at) : 0));
  return true;
}
inline bool FileIsEnding(int handle) { return mql_file(handle).at >= mql_file(handle).content.size(); }
inline ulong FileSize(int handle) { return mql_file(handle).content.size(); }
inline uint FileWriteString(int handle, const string &text, int = -1) {
  OpenFile &file = mql_file(handle);
  if (!(file.flags & FILE_WRITE)) mql_fault("writing to a file that is open for reading");
  if (g_disk_full) return mql_error(5019), 0;
  std::string raw = text.utf8();
  file.stored = std::min(file.stored, file.at);
  file.content.replace(std::min(file.at, file.content.size()), raw.size(), raw);
  file.at += raw.size();
  return static_cast<uint>(raw.size());
}
inline string FileReadString(int handle, int = -1) {
  OpenFile &file = mql_file(handle);
  size_t end = std::min(file.content.find('\n', file.at), file.content.size());
  std::string line = file.content.substr(std::min(file.at, end), end - std::min(file.at, end));
  file.at = end + 1;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return string::utf8(line);
}
inline bool FileIsExist(const string &name, int = 0) { return access(mql_path(name).c_str(), F_OK) == 0; }
inline bool FileDelete(const string &name, int = 0) { return unlink(mql_path(name).c_str()) == 0; }
