/// Catalog: which of several files gets to be the plugin. Pure.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "daemon/plugin_gate/verdict.hpp"
#include "daemon/plugin_host/refusal.hpp"

namespace backstage::plugin_host {

/// A file and what its note says. Borrowed.
struct Claim {
  const std::string* file;
  const plugin_gate::Manifest* manifest;
};

/// The order to try claims in, as indices: by file name, but of one id the higher version first, so
/// that a lower one gets its turn only where the higher was refused. [any]
[[nodiscard]] std::vector<std::size_t> order_of(std::span<const Claim> claims);

/// Why `claim` cannot stand beside those who hold their ids and types already; names both files.
/// Errors: older_version, duplicate_id, duplicate_type. [any]
[[nodiscard]] std::optional<Refusal> conflict(const Claim& claim, std::span<const Claim> holders);

}  // namespace backstage::plugin_host
