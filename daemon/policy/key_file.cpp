#include "daemon/policy/key_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace backstage::policy {
namespace {

constexpr std::size_t file_bytes_max = 4'096;

std::unexpected<KeyFault> refuse(const char* code, const std::string& path, std::string what,
                                 std::string next) {
  return std::unexpected(KeyFault{code, path, std::move(what), std::move(next)});
}

// What was read of a file, gone without a trace when it is let go: it may be a secret.
struct Text {
  std::array<char, file_bytes_max + 1> bytes{};
  std::size_t size = 0;

  Text() = default;
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() { wipe(bytes.data(), bytes.size()); }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes.data(), size}; }
};

class File {
 public:
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  explicit File(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

std::expected<void, KeyFault> judge(const File& file, const std::string& path, mode_t forbidden) {
  struct stat about{};
  if (file.fd() < 0 || ::fstat(file.fd(), &about) != 0) {
    return refuse("KEY-101", path, fmt::format("cannot be read: {}", std::strerror(errno)),
                  "`backstagectl keygen` makes key files; the daemon's user must be able to read "
                  "this one");
  }
  if (!S_ISREG(about.st_mode)) {
    return refuse("KEY-102", path, "is no regular file", "name the file that holds the key");
  }
  const uid_t own = ::geteuid();
  if (about.st_uid != own && about.st_uid != 0) {
    return refuse("KEY-103", path,
                  fmt::format("belongs to uid {}, who could change it", about.st_uid),
                  fmt::format("chown {} it", own));
  }
  if ((about.st_mode & forbidden) != 0) {
    const bool is_secret = (forbidden & S_IROTH) != 0;
    return refuse(
        "KEY-104", path,
        fmt::format("is open to others (mode {:04o}): {}", about.st_mode & 07777U,
                    is_secret ? "whoever reads it can pretend to be this daemon"
                              : "whoever writes it can let anybody in"),
        is_secret ? "chmod 600 it; if others may have read it, make a new key" : "chmod go-w it");
  }
  return {};
}

bool read_all(const File& file, Text& text) noexcept {
  while (text.size < text.bytes.size()) {
    const auto count =
        ::read(file.fd(), text.bytes.data() + text.size, text.bytes.size() - text.size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count == 0;
    text.size += static_cast<std::size_t>(count);
  }
  return true;
}

// The only line that is no comment; empty if there are others or none.
std::string_view only_line(std::string_view text) noexcept {
  std::string_view found;
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    if (!found.empty()) return {};
    found = line;
  }
  return found;
}

// The key's text within `text`.
std::expected<std::string_view, KeyFault> find_key(const std::string& path, mode_t forbidden,
                                                   Text& text) {
  const File file(path);
  if (auto fine = judge(file, path, forbidden); !fine) return std::unexpected(fine.error());
  if (!read_all(file, text)) {
    return refuse("KEY-101", path, fmt::format("cannot be read: {}", std::strerror(errno)),
                  "the daemon's user must be able to read it");
  }
  const auto line = only_line(text.view());
  if (text.size > file_bytes_max || !decode_key(line)) {
    return refuse("KEY-105", path, "holds no key",
                  "a key is one line of 40 characters in Z85, as `backstagectl keygen` writes it");
  }
  return line;
}

}  // namespace

std::expected<SecretKey, KeyFault> read_secret_key(const std::string& path) {
  Text text;
  const auto key = find_key(path, S_IRWXG | S_IRWXO, text);
  if (!key) return std::unexpected(key.error());
  return SecretKey(*key);
}

std::expected<Key, KeyFault> read_public_key(const std::string& path) {
  Text text;
  const auto key = find_key(path, S_IWGRP | S_IWOTH, text);
  if (!key) return std::unexpected(key.error());
  return *decode_key(*key);
}

}  // namespace backstage::policy
