// Ids and types are each held by one file; the rest is refused with the holder's name.
#include "daemon/plugin_host/catalog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <string_view>

#include "daemon/plugin_host/version.hpp"

namespace backstage::plugin_host {
namespace {

Refusal same_id(const Claim& claim, const Claim& holder) {
  const auto& id = claim.manifest->id;
  const auto order = compare_versions(claim.manifest->version, holder.manifest->version);
  if (order < 0) {
    return refuse(Code::older_version, *claim.file,
                  fmt::format("{} has the same plugin {} in the higher version {}, this is {}",
                              *holder.file, id, holder.manifest->version, claim.manifest->version),
                  "delete the file you do not want")
        .error();
  }
  const bool is_copy = claim.manifest->sha256 == holder.manifest->sha256;
  return refuse(Code::duplicate_id, *claim.file,
                fmt::format("{} has the plugin {} in version {} already, with {} content",
                            *holder.file, id, holder.manifest->version,
                            is_copy ? "the same" : "other"),
                is_copy ? "delete one of the two files"
                        : "delete one of the two files, or build this one with a higher version")
      .error();
}

}  // namespace

std::vector<std::size_t> order_of(std::span<const Claim> claims) {
  std::map<std::string_view, std::string_view> first_file;
  for (const auto& claim : claims) {
    const auto [found, is_new] = first_file.try_emplace(claim.manifest->id, *claim.file);
    if (!is_new) found->second = std::min<std::string_view>(found->second, *claim.file);
  }
  std::vector<std::size_t> order(claims.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t left, std::size_t right) {
    const Claim& a = claims[left];
    const Claim& b = claims[right];
    if (a.manifest->id != b.manifest->id) {
      return first_file[a.manifest->id] < first_file[b.manifest->id];
    }
    const auto versions = compare_versions(a.manifest->version, b.manifest->version);
    return versions != 0 ? versions > 0 : *a.file < *b.file;
  });
  return order;
}

std::optional<Refusal> conflict(const Claim& claim, std::span<const Claim> holders) {
  for (const auto& holder : holders) {
    if (holder.manifest->id == claim.manifest->id) return same_id(claim, holder);
  }
  for (const auto& holder : holders) {
    for (const auto& type : claim.manifest->types) {
      if (std::ranges::find(holder.manifest->types, type) == holder.manifest->types.end()) continue;
      return refuse(Code::duplicate_type, *claim.file,
                    fmt::format("the actor type '{}' belongs to the plugin {} of {}", type,
                                holder.manifest->id, *holder.file),
                    "rename the type in one of the two, or delete one of the two files")
          .error();
    }
  }
  return std::nullopt;
}

}  // namespace backstage::plugin_host
