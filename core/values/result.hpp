/// Result<T>: a value, or the Errc that says why not. Data-plane code never throws.
#pragma once
#include <expected>

#include "core/values/errc.hpp"

namespace backstage {

template <class T>
using Result = std::expected<T, Errc>;

using Refused = std::unexpected<Errc>;

}  // namespace backstage
