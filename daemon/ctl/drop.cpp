#include "daemon/ctl/drop.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <span>
#include <system_error>

#include "daemon/plugin_gate/gate.hpp"

namespace backstage::ctl {
namespace {

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Outcome<PluginFile> read_plugin(const std::string& path, const std::string& id) {
  // The mode and owner of the original do not matter: what is judged is the copy made of it.
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  PluginFile plugin;
  if (!error && size <= plugin_gate::file_bytes_max) {
    plugin.image.resize(static_cast<std::size_t>(size));
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(plugin.image.data()), static_cast<std::streamsize>(size));
    if (!file) error = std::make_error_code(std::errc::io_error);
  }
  if (error) {
    return std::unexpected(Fault{exit_code::not_found, "CTL-204", "the file cannot be read", path,
                                 error.message(), "give the plugin's .so with --file FILE"});
  }
  auto manifest = plugin_gate::judge_image(path, plugin.image);
  if (!manifest) {
    const auto& why = manifest.error();
    return std::unexpected(Fault{exit_code::refused, "CTL-402", "the file was refused", path,
                                 fmt::format("{}: {}", token(why.code), why.cause), why.fix});
  }
  if (manifest->id != id) {
    return std::unexpected(
        Fault{exit_code::refused,
              "CTL-405",
              fmt::format("the file is the plugin {}, not {}", manifest->id, id),
              path,
              {},
              fmt::format("backstagectl plugin upgrade {} --file {}", manifest->id, path)});
  }
  plugin.sha256 = std::move(manifest->sha256);
  plugin.version = std::move(manifest->version);
  return plugin;
}

Outcome<void> drop(const PluginFile& plugin, const std::string& directory,
                   const std::string& name) {
  const auto fresh = fmt::format("{}/.{}.{}", directory, name, ::getpid());
  const auto target = directory + '/' + name;
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755);
  // The gate refuses what others may write, whatever the umask here.
  bool done = fd >= 0 && write_all(fd, plugin.image) && ::fchmod(fd, 0755) == 0 && ::fsync(fd) == 0;
  int error = errno;
  if (fd >= 0) ::close(fd);
  if (done && std::rename(fresh.c_str(), target.c_str()) != 0) {
    error = errno;
    done = false;
  }
  if (done) return {};
  if (fd >= 0) ::unlink(fresh.c_str());
  return std::unexpected(Fault{exit_code::cannot_write, "CTL-205",
                               "the file cannot be put into the plugin directory", target,
                               std::generic_category().message(error),
                               "run backstagectl as a user who may write there"});
}

}  // namespace backstage::ctl
