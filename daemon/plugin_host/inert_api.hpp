/// InertApi: a host table without a host, for a plugin that is only tried.
///
/// Everything is there and answers as the ABI has it outside of a turn: BS_E_STATE, nobody, or
/// nothing. Buffers and metrics are real, since an entry function may make some.
#pragma once
#include <backstage/plugin.h>

#include <string>
#include <string_view>

#include "daemon/plugin_host/metrics.hpp"

namespace backstage::plugin_host {

class InertApi {
 public:
  /// `version` must outlive it.
  explicit InertApi(const char* version) noexcept;
  InertApi(const InertApi&) = delete;
  InertApi& operator=(const InertApi&) = delete;

  /// Valid as long as this object.
  [[nodiscard]] const bs_api* table() const noexcept { return &table_; }
  /// What the plugin last gave to set_error. [loader]
  [[nodiscard]] std::string_view error() const noexcept { return error_; }
  [[nodiscard]] Metrics& metrics() noexcept { return metrics_; }

 private:
  static void set_error(const bs_api* api, bs_status code, bs_slice text) noexcept;

  bs_api table_{};
  std::string error_;
  Metrics metrics_;
};

}  // namespace backstage::plugin_host
