// Writes copies to the first directory that can carry code, or into memory.
#include "daemon/plugin_host/staging.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace backstage::plugin_host {
namespace {

#ifndef MFD_EXEC
constexpr unsigned MFD_EXEC = 0x10U;  // Linux 6.3; older kernels answer EINVAL
#endif

// Names of one plugin in one version with one hash: two would be a lot.
constexpr int names_max = 100;
// glibc takes a path it has seen for the library it has loaded, so no descriptor number of a file
// in memory is ever used again; they count up from here, clear of the daemon's other descriptors.
constexpr int memory_fd_first = 512;

std::string error_text(int error) { return std::generic_category().message(error); }

bool write_all(int fd, std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

bool maps(int fd, std::size_t size) noexcept {
  void* code = ::mmap(nullptr, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
  if (code == MAP_FAILED) return false;
  ::munmap(code, size);
  return true;
}

int make_memory(const std::string& name) noexcept {
  const int fd = ::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (fd >= 0 || errno != EINVAL) return fd;
  return ::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

bool memory_maps_executable() noexcept {
  const Fd probe{make_memory("backstage-probe")};
  constexpr std::byte byte{};
  return probe.is_open() && write_all(probe.get(), {&byte, 1}) && maps(probe.get(), 1);
}

}  // namespace

StagedFile::~StagedFile() {
  if (directory_ != nullptr && !is_kept_) ::unlink(path_.c_str());
}

bool Staging::maps_executable(int directory) noexcept {
  constexpr const char* name = ".probe";
  const Fd fd{::openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0700)};
  if (!fd.is_open()) return false;
  constexpr std::byte byte{};
  const bool works = write_all(fd.get(), {&byte, 1}) && maps(fd.get(), 1);
  ::unlinkat(directory, name, 0);
  return works;
}

std::expected<Staging, Refusal> Staging::open(const std::vector<std::string>& parents,
                                              Probe probe) {
  Staging staging;
  for (const auto& parent : parents) {
    auto directory = StagingDir::make(parent);
    if (!directory) {
      staging.passed_over_.push_back(std::move(directory.error()));
    } else if (!probe(directory->fd())) {
      staging.passed_over_.push_back(
          fmt::format("{} cannot carry code (mounted noexec, or full)", parent));
    } else {
      staging.directory_ = std::make_shared<StagingDir>(std::move(*directory));
      return staging;
    }
  }
  staging.memory_fd_min_ = memory_fd_first;
  if (memory_maps_executable()) return staging;
  staging.passed_over_.emplace_back("memory cannot carry code (vm.memfd_noexec)");
  return refuse(Code::staging_failed, "plugin staging",
                fmt::format("no place can hold private copies of plugins: {}",
                            fmt::join(staging.passed_over_, "; ")),
                "point runtime_dir or plugins.state_dir at a directory of the daemon's user on a "
                "file system mounted without noexec");
}

std::expected<StagedFile, Refusal> Staging::stage(std::string_view file, const std::string& name,
                                                  std::span<const std::byte> image) {
  auto staged = directory_ == nullptr ? to_memory(name, image) : to_disk(name, image);
  if (staged) return std::move(*staged);
  return refuse(Code::staging_failed, file, staged.error(),
                "make room there, or point runtime_dir at another file system");
}

std::expected<StagedFile, std::string> Staging::to_disk(const std::string& name,
                                                        std::span<const std::byte> image) {
  for (int i = 1; i <= names_max; ++i) {
    const auto leaf = i == 1 ? fmt::format("{}.so", name) : fmt::format("{}-{}.so", name, i);
    const auto path = fmt::format("{}/{}", directory_->path(), leaf);
    const Fd fd{
        ::openat(directory_->fd(), leaf.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500)};
    if (!fd.is_open() && errno == EEXIST) continue;
    if (!fd.is_open()) {
      return std::unexpected(
          fmt::format("its copy {} cannot be made: {}", path, error_text(errno)));
    }
    if (!write_all(fd.get(), image)) {
      const int error = errno;
      ::unlinkat(directory_->fd(), leaf.c_str(), 0);
      return std::unexpected(
          fmt::format("its copy {} cannot be written: {}", path, error_text(error)));
    }
    return StagedFile{path, directory_, Fd{}};
  }
  return std::unexpected(fmt::format("{} copies of it are staged already", names_max));
}

std::expected<StagedFile, std::string> Staging::to_memory(const std::string& name,
                                                          std::span<const std::byte> image) {
  const Fd low{make_memory(name)};
  if (!low.is_open() || !write_all(low.get(), image)) {
    return std::unexpected(fmt::format("no memory for its copy: {}", error_text(errno)));
  }
  Fd fd{::fcntl(low.get(), F_DUPFD_CLOEXEC, memory_fd_min_)};
  if (!fd.is_open()) {
    return std::unexpected(fmt::format("no descriptor for its copy: {}", error_text(errno)));
  }
  memory_fd_min_ = fd.get() + 1;
  ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
  // By pid, not by "self": debuggers open the path in a process of their own.
  return StagedFile{fmt::format("/proc/{}/fd/{}", ::getpid(), fd.get()), nullptr, std::move(fd)};
}

}  // namespace backstage::plugin_host
