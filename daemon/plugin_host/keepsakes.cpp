// Files of the state directory, each written beside its place and moved there.
#include "daemon/plugin_host/keepsakes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "daemon/plugin_host/fd.hpp"

namespace backstage::plugin_host {
namespace {

constexpr const char* refused_name = "refused";

std::unexpected<std::string> cannot_be(std::string_view verb, const std::string& path) {
  return std::unexpected(fmt::format("{} cannot be {}: {}", path, verb, std::strerror(errno)));
}

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const auto written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool is_content_of(const std::string& path, std::string_view content) {
  if (path.empty()) return false;
  std::ifstream file(path, std::ios::binary);
  const std::string found{std::istreambuf_iterator<char>(file), {}};
  return found == content;
}

}  // namespace

std::expected<void, std::string> Keepsakes::replace(const std::string& name,
                                                    std::string_view content) const {
  if (directory_.empty()) return {};
  if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST) {
    return cannot_be("made", directory_);
  }
  const std::string path = fmt::format("{}/{}", directory_, name);
  const std::string part = fmt::format("{}/.{}.part", directory_, name);
  const Fd file{::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!file.is_open()) return cannot_be("opened", part);
  // On the disk before it takes the place of what is there: a power cut leaves one or the other.
  if (!write_all(file.get(), content) || ::fsync(file.get()) != 0)
    return cannot_be("written", part);
  if (::rename(part.c_str(), path.c_str()) != 0) return cannot_be("replaced", path);
  return {};
}

std::expected<void, std::string> Keepsakes::keep_good(std::string_view id,
                                                      std::span<const std::byte> image) const {
  const std::string_view content{reinterpret_cast<const char*>(image.data()), image.size()};
  // At every start each plugin is good again: to look is cheaper than to write to the disk.
  if (is_content_of(good_file(id), content)) return {};
  return replace(fmt::format("{}.so", id), content);
}

std::string Keepsakes::good_file(std::string_view id) const {
  if (directory_.empty()) return {};
  auto path = fmt::format("{}/{}.so", directory_, id);
  return ::access(path.c_str(), R_OK) == 0 ? path : std::string{};
}

Keepsakes::Refused Keepsakes::refused() const {
  Refused all;
  if (directory_.empty()) return all;
  std::ifstream file(fmt::format("{}/{}", directory_, refused_name));
  for (std::string line; std::getline(file, line);) {
    std::array<std::string_view, 5> fields;
    std::string_view rest = line;
    std::size_t count = 0;
    for (auto& field : fields) {
      const auto end = rest.find('\t');
      field = rest.substr(0, end);
      ++count;
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
    }
    const auto code = known_token(fields[1]);
    if (count != fields.size() || fields[0].size() != 64 || code.empty()) continue;
    all.insert_or_assign(
        std::string(fields[0]),
        Refusal{code, std::string(fields[2]), std::string(fields[3]), std::string(fields[4])});
  }
  return all;
}

std::expected<void, std::string> Keepsakes::keep_refused(const Refused& refused) const {
  std::string content;
  for (const auto& [sha256, why] : refused) {
    content += fmt::format("{}\t{}\t{}\t{}\t{}\n", sha256, why.code, why.file, why.cause, why.fix);
  }
  return replace(refused_name, content);
}

}  // namespace backstage::plugin_host
