// Reads the record, judges by it, forgets, and keeps it from growing.
#include "daemon/plugin_host/crash_history.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace backstage::plugin_host {
namespace {

using std::chrono::milliseconds;

// What is looked at of a record that something else has filled.
constexpr std::streamoff read_bytes_max = std::streamoff{4} * 1024 * 1024;

milliseconds since_epoch(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<milliseconds>(time.time_since_epoch());
}

// The end of the file; empty when there is none.
std::string tail_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {};
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - read_bytes_max));
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    // Without its newline it is torn.
    if (end == std::string_view::npos) break;
    if (end != 0) lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string in_words(milliseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  if (seconds >= 60 && seconds % 60 == 0) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} s", seconds);
}

// One write, so that it stays one line whoever else appends.
bool append(const Fd& fd, std::string_view line) {
  return ::write(fd.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

}  // namespace

CrashHistory::CrashHistory(std::string path, CrashRules rules,
                           std::chrono::system_clock::time_point now)
    : path_(std::move(path)), rules_(rules), now_(since_epoch(now)) {
  const std::string text = tail_of(path_);
  const auto lines = lines_of(text);
  for (const auto line : lines) {
    if (auto entry = parse_crash(line)) {
      take(*std::move(entry));
    } else {
      ++foreign_lines_;
    }
  }
  if (text.size() > record_bytes_max) write_anew(lines);
}

void CrashHistory::take(CrashEntry entry) {
  if (entry.is_forgotten) {
    crashes_.erase(entry.sha256);
    return;
  }
  auto& crashes = crashes_[entry.sha256];
  // The wall clock may have been set back.
  const auto place = std::ranges::upper_bound(crashes, entry.time, {}, &CrashEntry::time);
  crashes.insert(place, std::move(entry));
}

// A new file renamed over the old one. If it cannot be written the old one stays, and grows.
void CrashHistory::write_anew(const std::vector<std::string_view>& lines) const {
  std::map<std::string, std::size_t, std::less<>> kept;
  std::vector<std::string_view> chosen;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    const auto entry = parse_crash(*line);
    if (!entry || entry->is_forgotten || !crashes_.contains(entry->sha256)) continue;
    // Newest first: those before it was forgotten come last, and are no more than it has now.
    auto& count = kept[entry->sha256];
    if (count == std::min(lines_kept, crashes_.find(entry->sha256)->second.size())) continue;
    ++count;
    chosen.push_back(*line);
  }
  const std::string next = path_ + ".new";
  {
    const Fd fd{::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!fd.is_open()) return;
    for (auto line = chosen.rbegin(); line != chosen.rend(); ++line) {
      if (!append(fd, fmt::format("{}\n", *line))) return;
    }
  }
  static_cast<void>(std::rename(next.c_str(), path_.c_str()));
}

// Whether so many of them ever fell within one window: it stays out however long ago that was.
bool CrashHistory::is_over_limit(const std::vector<CrashEntry>& crashes) const {
  const std::size_t limit = rules_.crashes_max;
  if (limit == 0) return false;
  for (std::size_t last = limit - 1; last < crashes.size(); ++last) {
    if (crashes[last].time - crashes[last + 1 - limit].time <= rules_.window) return true;
  }
  return false;
}

CrashHistory::Recent CrashHistory::recent(std::string_view sha256) const {
  const auto found = crashes_.find(sha256);
  if (found == crashes_.end()) return {};
  const auto is_recent = [&](const CrashEntry& crash) {
    return now_ - crash.time <= rules_.window;
  };
  const auto count = std::ranges::count_if(found->second, is_recent);
  if (count == 0) return {};
  return {static_cast<std::size_t>(count), found->second.back()};
}

std::optional<Refusal> CrashHistory::quarantine_of(std::string_view sha256,
                                                   std::string_view file) const {
  const auto found = crashes_.find(sha256);
  // Crashes of no plugin have no hash.
  if (sha256.empty() || found == crashes_.end() || !is_over_limit(found->second)) {
    return std::nullopt;
  }
  const CrashEntry& last = found->second.back();
  return refuse(Code::quarantined, file,
                fmt::format("it crashed the daemon {} times, {} of them within {}, the last at {}",
                            found->second.size(), rules_.crashes_max, in_words(rules_.window),
                            last.sentence()),
                fmt::format("replace the file by one that is mended, or give it another chance: "
                            "backstagectl plugin retry {}",
                            last.id))
      .error();
}

std::expected<bool, std::string> CrashHistory::forget(std::string_view sha256,
                                                      std::chrono::system_clock::time_point now) {
  const auto found = crashes_.find(sha256);
  if (found == crashes_.end()) return false;
  const auto fd = open_crash_record(path_);
  if (!fd) return std::unexpected(fd.error());
  if (!append(*fd, compose_forgotten(sha256, since_epoch(now)))) {
    return std::unexpected(
        fmt::format("{} cannot be written: {}", path_, std::generic_category().message(errno)));
  }
  crashes_.erase(found);
  return true;
}

std::expected<Fd, std::string> open_crash_record(const std::string& path) {
  Fd fd{::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
               0600)};
  if (!fd.is_open()) {
    return std::unexpected(fmt::format("{} cannot be opened for writing: {}", path,
                                       std::generic_category().message(errno)));
  }
  struct stat facts{};
  if (::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return std::unexpected(fmt::format("{} is no regular file", path));
  }
  return fd;
}

}  // namespace backstage::plugin_host
