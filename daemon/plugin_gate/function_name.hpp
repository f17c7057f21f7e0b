/// Names of functions by their place in a file: what turns a crash in a plugin into a line to read.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace backstage::plugin_gate {

/// The function that holds byte `offset` of the file `image`, as "book::Book::Book()+0x1a". From
/// the symbol table, so that functions which are not exported have names too; of a stripped file
/// from the dynamic one. Nothing: no function is known there. Any bytes are safe to pass. [any]
[[nodiscard]] std::optional<std::string> function_at(std::span<const std::byte> image,
                                                     std::uint64_t offset);

}  // namespace backstage::plugin_gate
