/// Staging: private copies of judged plugins, the only files that are ever loaded.
///
/// Loading the dropped file itself would end in SIGBUS when it is overwritten in place, and would
/// give the old code for a new file of the same path. A staged file is written once under a name
/// of its own and kept as long as its code may be looked at, so that core dumps keep their symbols.
#pragma once
#include <cstddef>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/plugin_host/fd.hpp"
#include "daemon/plugin_host/refusal.hpp"
#include "daemon/plugin_host/staging_dir.hpp"

namespace backstage::plugin_host {

/// One private copy; removed with its object.
class StagedFile {
 public:
  StagedFile(StagedFile&&) noexcept = default;
  StagedFile& operator=(StagedFile&&) = delete;
  ~StagedFile();

  /// For code that came from no file.
  [[nodiscard]] static StagedFile none() noexcept { return {{}, nullptr, Fd{}}; }
  /// What the loader opens; unique in this process.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Leaves the file where it is; the next daemon clears it away. [loader]
  void keep() noexcept { is_kept_ = true; }

 private:
  friend class Staging;
  StagedFile(std::string path, std::shared_ptr<StagingDir> directory, Fd memory) noexcept
      : path_(std::move(path)), directory_(std::move(directory)), memory_(std::move(memory)) {}

  std::string path_;
  // Shared by all files in it: the last one removes the directory. Null for a file in memory.
  std::shared_ptr<StagingDir> directory_;
  Fd memory_;
  bool is_kept_ = false;
};

class Staging {
 public:
  /// Whether code can be mapped from files in the directory; `directory` is open.
  using Probe = bool (*)(int directory) noexcept;
  /// Maps a file of its own executable: mounts with noexec refuse that, and so do some policies.
  [[nodiscard]] static bool maps_executable(int directory) noexcept;

  /// Takes the first of `parents` that works, else anonymous memory. Errors: staging_failed, when
  /// memory does not work either. [loader]
  [[nodiscard]] static std::expected<Staging, Refusal> open(const std::vector<std::string>& parents,
                                                            Probe probe = &maps_executable);

  /// Writes `image` under `name`.so, or `name`-2.so and so on. `file` is for texts only.
  /// Errors: staging_failed. [loader]
  [[nodiscard]] std::expected<StagedFile, Refusal> stage(std::string_view file,
                                                         const std::string& name,
                                                         std::span<const std::byte> image);

  /// Where copies go, or empty: into memory.
  [[nodiscard]] std::string_view directory() const noexcept {
    return directory_ == nullptr ? std::string_view{} : directory_->path();
  }
  /// Why directories were passed over, a clause each.
  [[nodiscard]] const std::vector<std::string>& passed_over() const noexcept {
    return passed_over_;
  }

 private:
  Staging() = default;
  [[nodiscard]] std::expected<StagedFile, std::string> to_disk(const std::string& name,
                                                               std::span<const std::byte> image);
  [[nodiscard]] std::expected<StagedFile, std::string> to_memory(const std::string& name,
                                                                 std::span<const std::byte> image);

  std::shared_ptr<StagingDir> directory_;
  std::vector<std::string> passed_over_;
  int memory_fd_min_ = 0;  // the next file in memory gets at least this descriptor
};

}  // namespace backstage::plugin_host
