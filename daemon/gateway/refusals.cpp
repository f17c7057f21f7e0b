#include "daemon/gateway/refusals.hpp"

namespace backstage::gateway {

void count_refusal(Counters& counters, wire::Status status) noexcept {
  if (const auto errc = wire::find_errc(status.token)) {
    counters.refused[static_cast<std::size_t>(*errc)].add();
    return;
  }
  for (std::size_t i = 0; i < wire::wire_errc_count; ++i) {
    if (wire::status(static_cast<wire::WireErrc>(i)) == status) {
      counters.refused_by_wire[i].add();
      return;
    }
  }
}

}  // namespace backstage::gateway
