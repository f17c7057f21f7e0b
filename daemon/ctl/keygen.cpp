// keygen: a CURVE key pair as two files, and what to put where.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/ctl/commands.hpp"

namespace backstage::ctl {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t key_name_bytes_max = 64;
constexpr std::size_t text_bytes = 41;  // 40 characters of Z85 and a NUL

struct KeyPair {
  std::array<char, text_bytes> open{};
  std::array<char, text_bytes> secret{};
  KeyPair() = default;
  KeyPair(const KeyPair&) = delete;
  KeyPair& operator=(const KeyPair&) = delete;
  ~KeyPair() { ::explicit_bzero(secret.data(), secret.size()); }
};

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= key_name_bytes_max && name.front() != '.' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

std::unexpected<Fault> cannot_write(const std::string& path, int code) {
  if (code == EEXIST) {
    return std::unexpected(Fault{exit_code::cannot_write, "CTL-502", "there is a key already", path,
                                 "keygen never overwrites: who uses that key would be shut out",
                                 "choose another --name or --dir, or move it away first"});
  }
  return std::unexpected(Fault{exit_code::cannot_write, "CTL-503", "the key cannot be written",
                               path, std::strerror(code),
                               "name a directory that exists and is yours, with --dir DIR"});
}

// errno, 0 if all of `text` is in a file that was not there before.
int write_new(const std::string& path, mode_t mode, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0) return errno;
  int code = 0;
  while (!text.empty() && code == 0) {
    const auto count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno != EINTR) code = errno;
    if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
  }
  if (code == 0 && ::fsync(fd) != 0) code = errno;
  if (::close(fd) != 0 && code == 0) code = errno;
  if (code != 0) ::unlink(path.c_str());
  return code;
}

void tell(const Options& options, const std::string& name, const std::string& open_path,
          const std::string& secret_path, const KeyPair& keys) {
  if (options.is_json) {
    const nlohmann::ordered_json json{{"name", name},
                                      {"public_key", keys.open.data()},
                                      {"public_key_file", open_path},
                                      {"secret_key_file", secret_path}};
    fmt::print("{}\n", json.dump());
    return;
  }
  fmt::print(
      "{0}: public key  {2}\n"
      "{1}: secret key, for nobody else's eyes\n"
      "next, if these are a client's:\n"
      "  copy {0} into the daemon's authorized_keys_dir: it is let in as curve:{3}\n"
      "  keep {1} with the client, which also needs the daemon's public key:\n"
      "  backstagectl stats --server-key SERVER.key --key {1}\n"
      "next, if these are the daemon's:\n"
      "  \"gateway\": {{\"curve\": {{\"secret_key_file\": \"{1}\", \"authorized_keys_dir\": "
      "...}}}}\n"
      "  the file must belong to the daemon's user; give clients {0}\n",
      open_path, secret_path, keys.open.data(), name);
}

}  // namespace

Outcome<int> keygen(const Options& options) {
  const std::string name = options.name.empty() ? "server" : options.name;
  if (!is_name(name)) {
    return std::unexpected(Fault{exit_code::usage,
                                 "CTL-501",
                                 fmt::format("\"{}\" cannot be the name of a key", name),
                                 {},
                                 "a name is 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with .",
                                 "choose a name such as desk"});
  }
  KeyPair keys;
  if (::zmq_curve_keypair(keys.open.data(), keys.secret.data()) != 0) {
    return std::unexpected(Fault{exit_code::internal,
                                 "CTL-504",
                                 "no key can be made",
                                 {},
                                 ::zmq_strerror(errno),
                                 "install Debian's libzmq5, which has CURVE"});
  }
  const auto stem = (fs::absolute(options.dir) / name).lexically_normal().string();
  const auto open_path = stem + ".key";
  const auto secret_path = stem + ".key_secret";
  std::string secret_text =
      fmt::format("# backstaged: secret key of {}\n{}\n", name, keys.secret.data());
  const int secret_code = write_new(secret_path, 0600, secret_text);
  ::explicit_bzero(secret_text.data(), secret_text.size());
  if (secret_code != 0) return cannot_write(secret_path, secret_code);
  const auto open_text =
      fmt::format("# backstaged: public key of {}\n{}\n", name, keys.open.data());
  if (const int code = write_new(open_path, 0644, open_text); code != 0) {
    ::unlink(secret_path.c_str());
    return cannot_write(open_path, code);
  }
  tell(options, name, open_path, secret_path, keys);
  return exit_code::ok;
}

}  // namespace backstage::ctl
