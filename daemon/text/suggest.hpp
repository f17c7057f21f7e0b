/// "Did you mean": the known word nearest to a mistyped one.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace backstage::text {

/// The nearest of `known` by edits (insert, delete, replace, swap of neighbours; case does not
/// count), or empty when none is near enough to be meant: a third of the word, at most 3 edits.
/// Words over 64 bytes have no neighbours. [any]
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> known) noexcept;

}  // namespace backstage::text
