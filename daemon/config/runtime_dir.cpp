// Choosing, making and checking directories; writing endpoints.json in one step.
#include "daemon/config/runtime_dir.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace backstage::config {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return {};
  return std::string{value};
}

// systemd separates several directories by ':'; the first is the main one.
std::optional<std::string> first_absolute(const std::optional<std::string>& list) {
  if (!list) return {};
  auto first = list->substr(0, list->find(':'));
  if (!first.starts_with('/')) return {};
  return first;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string endpoints_text(const BoundEndpoints& endpoints) {
  nlohmann::ordered_json json;
  json["pid"] = endpoints.pid;
  json["version"] = endpoints.version;
  json["cmd"] = endpoints.cmd;
  json["pub"] = endpoints.pub;
  json["ingest"] = endpoints.ingest;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace

Environment Environment::of_process() {
  return {.runtime_directory = variable("RUNTIME_DIRECTORY"),
          .state_directory = variable("STATE_DIRECTORY"),
          .xdg_runtime_dir = variable("XDG_RUNTIME_DIR"),
          .uid = ::geteuid()};
}

std::string choose_runtime_dir(std::string_view configured, const Environment& environment) {
  if (!configured.empty()) return std::string{configured};
  if (auto given = first_absolute(environment.runtime_directory)) return *given;
  const auto& xdg = environment.xdg_runtime_dir;
  if (xdg && xdg->starts_with('/')) return *xdg + "/backstaged";
  return fmt::format("/tmp/backstaged-{}", environment.uid);
}

std::string choose_state_dir(std::string_view configured, const Environment& environment,
                             std::string_view runtime_dir) {
  if (!configured.empty()) return std::string{configured};
  if (auto given = first_absolute(environment.state_directory)) return *given;
  return std::string{runtime_dir};
}

std::expected<void, Problem> prepare_directory(const std::string& path,
                                               const Environment& environment) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return refuse("RUN-101", path, fmt::format("cannot be made: {}", std::strerror(errno)),
                  "make it and its parents, owned by the daemon's user, or set another with "
                  "--set /runtime_dir=DIR (state: /plugins/state_dir)");
  }
  // Opened without following a link, then judged by descriptor: nobody can swap it in between.
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    if (errno == EACCES) {
      return refuse("RUN-103", path, "belongs to somebody else and cannot be opened",
                    "choose another with --set /runtime_dir=DIR");
    }
    return refuse("RUN-102", path, "is no directory of its own (a file or a symbolic link)",
                  "name the directory itself, or remove what is there");
  }
  struct stat about{};
  const int result = ::fstat(fd, &about);
  ::close(fd);
  if (result != 0 || about.st_uid != environment.uid) {
    return refuse(
        "RUN-103", path,
        fmt::format("belongs to uid {}, not to the daemon's uid {}", about.st_uid, environment.uid),
        fmt::format("chown {} it, or choose another with --set /runtime_dir=DIR", environment.uid));
  }
  if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return refuse("RUN-104", path,
                  fmt::format("is writable by others (mode {:04o}): they could replace its sockets",
                              about.st_mode & 07777U),
                  "chmod go-w it");
  }
  return {};
}

std::expected<void, Problem> write_endpoints(const std::string& dir,
                                             const BoundEndpoints& endpoints) {
  const auto path = dir + "/endpoints.json";
  const auto fresh = fmt::format("{}/.endpoints.json.{}", dir, ::getpid());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
  bool done = fd >= 0 && write_all(fd, endpoints_text(endpoints));
  int error = errno;
  if (fd >= 0 && ::close(fd) != 0 && done) {
    error = errno;
    done = false;
  }
  if (done && ::rename(fresh.c_str(), path.c_str()) != 0) {
    error = errno;
    done = false;
  }
  if (done) return {};
  if (fd >= 0) ::unlink(fresh.c_str());
  return refuse("RUN-105", path, fmt::format("cannot be written: {}", std::strerror(error)),
                "free space in the runtime directory, or choose another");
}

void remove_endpoints(const std::string& dir) noexcept {
  std::error_code ignored;
  std::filesystem::remove(std::filesystem::path{dir} / "endpoints.json", ignored);
}

std::string default_plugin_dir(std::string_view executable) {
  namespace fs = std::filesystem;
  const auto bindir = fs::path{executable}.parent_path();
  const auto beside = (bindir.parent_path() / "plugins").lexically_normal();
  std::error_code ignored;
  if (fs::is_directory(beside, ignored)) return beside.string();
  return (bindir.parent_path() / "lib" / "backstaged" / "plugins").lexically_normal().string();
}

std::string executable_path() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::string{} : path.string();
}

}  // namespace backstage::config
