// Puts the checks in order and the file's name into every verdict.
#include "daemon/plugin_gate/gate.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "backstage/plugin.h"
#include "daemon/plugin_gate/elf.hpp"
#include "daemon/plugin_gate/hash.hpp"
#include "daemon/plugin_gate/ownership.hpp"
#include "daemon/plugin_gate/refuse.hpp"
#include "daemon/plugin_gate/unique.hpp"

namespace backstage::plugin_gate {
namespace {

Refused named(std::string_view file, Rejection rejection) {
  rejection.file = printable(file);
  return Refused(std::move(rejection));
}

// Closes what open_checked opened.
class OpenFile final {
 public:
  explicit OpenFile(int fd) noexcept : fd_(fd) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { ::close(fd_); }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

Refused too_large(std::uint64_t size, std::uint64_t bytes_max) {
  return refuse(Code::too_large, fmt::format("it has {} bytes, allowed are {}", size, bytes_max),
                "strip its debug information, or move its data into a file of its own");
}

Refused changing() {
  return refuse(Code::changing, "it changed while it was read: still being copied",
                "copy it under another name, then rename it into the plugin directory");
}

bool is_same(const timespec& a, const timespec& b) noexcept {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

std::expected<std::vector<std::byte>, Rejection> read_all(int fd, std::uint64_t bytes_max) {
  const auto failed = [] {
    return refuse(Code::unreadable,
                  fmt::format("reading it failed: {}", std::generic_category().message(errno)),
                  "check the disk and copy the file again");
  };
  struct stat before{};
  if (::fstat(fd, &before) != 0) return failed();
  const auto size = static_cast<std::uint64_t>(before.st_size);
  if (size > bytes_max) return too_large(size, bytes_max);

  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto got = ::read(fd, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed();
    if (got == 0) return changing();
    done += static_cast<std::size_t>(got);
  }
  struct stat after{};
  if (::fstat(fd, &after) != 0) return failed();
  if (after.st_size != before.st_size || !is_same(after.st_mtim, before.st_mtim)) {
    return changing();
  }
  return bytes;
}

// Asked before anything else is read: a file that is not on the list is nobody's plugin.
Checked check_allowed(const std::string& sha256, const std::vector<std::string>& allowed) {
  if (allowed.empty() || std::ranges::find(allowed, sha256) != allowed.end()) return {};
  return refuse(Code::not_allowed,
                fmt::format("its SHA-256 {} is not among the {} that the config allows", sha256,
                            allowed.size()),
                "if you trust it, add that hash to /plugins/allow_sha256 in the daemon's config");
}

std::expected<Manifest, Rejection> judge(std::span<const std::byte> image, const Rules& rules) {
  const auto elf = read_elf(image);
  if (!elf) return Refused(elf.error());
  if (!elf->has_note) {
    return refuse(Code::no_note, "it has no note .note.backstage: a library, but no plugin",
                  "build it with the SDK's BACKSTAGE_PLUGIN or BS_NOTE_C macro, or move it away");
  }
  auto manifest = read_note(elf->note, rules.abi);
  if (!manifest) return manifest;
  if (elf->exec_stack) {
    return refuse(Code::exec_stack, "it would make the daemon's stacks executable",
                  "link it with -Wl,-z,noexecstack and mark assembler files .note.GNU-stack");
  }
  if ((manifest->flags & BS_NEEDS_ISOLATION) != 0) {
    return refuse(Code::needs_isolation,
                  "it wants a process of its own, which this daemon does not offer yet",
                  "clear BS_NEEDS_ISOLATION if it may run inside the daemon");
  }
  manifest->build_id = hex(elf->build_id);
  for (const auto name : elf->needed) manifest->needed.push_back(printable(name));
  manifest->static_tls = elf->static_tls;
  manifest->no_delete = elf->no_delete;
  manifest->unique_symbols = count_unique(image);
  return manifest;
}

}  // namespace

std::expected<void, Rejection> judge_directory(const std::string& directory, const Rules& rules) {
  auto checked = check_directory(directory, rules.trusted_uid);
  if (!checked) return named(directory, std::move(checked.error()));
  return {};
}

std::expected<Manifest, Rejection> judge_image(std::string_view file,
                                               std::span<const std::byte> image,
                                               const Rules& rules) {
  if (image.size() > rules.bytes_max) {
    return named(file, too_large(image.size(), rules.bytes_max).error());
  }
  auto sha256 = sha256_hex(image);
  std::expected<Manifest, Rejection> manifest;
  if (auto allowed = check_allowed(sha256, rules.allowed); !allowed) {
    manifest = Refused(std::move(allowed.error()));
  } else {
    manifest = judge(image, rules);
  }
  if (!manifest) {
    manifest.error().sha256 = std::move(sha256);
    return named(file, std::move(manifest.error()));
  }
  manifest->sha256 = std::move(sha256);
  return manifest;
}

std::expected<Admitted, Rejection> judge_file(const std::string& path, const Rules& rules) {
  const auto parent = std::filesystem::path{path}.parent_path();
  auto directory = check_directory(parent.empty() ? "." : parent.string(), rules.trusted_uid);
  if (!directory) return named(path, std::move(directory.error()));
  const auto opened = open_checked(path, rules.trusted_uid);
  if (!opened) return named(path, opened.error());
  const OpenFile file{*opened};
  auto image = read_all(file.fd(), rules.bytes_max);
  if (!image) return named(path, std::move(image.error()));
  auto manifest = judge_image(path, *image, rules);
  if (!manifest) return Refused(std::move(manifest.error()));
  return Admitted{std::move(*manifest), std::move(*image)};
}

}  // namespace backstage::plugin_gate
