/// Random bytes of the kernel: for tokens, and to make libzmq's routing ids unpredictable.
#pragma once
#include <cstddef>
#include <string>

namespace backstage::transport {

/// `digits` lower-case hex digits, an even number. Throws std::system_error if the kernel has none.
/// [any]
[[nodiscard]] std::string random_hex(std::size_t digits);
/// [any]
[[nodiscard]] unsigned random_seed();

}  // namespace backstage::transport
