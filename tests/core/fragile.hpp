// Actors that fail on demand, and the sum that the counts of dead letters must give.
#pragma once
#include <memory>
#include <utility>

#include "core/dead_letters.hpp"
#include "tests/support/stage.hpp"

namespace backstage::test {

using namespace std::chrono_literals;

inline constexpr auto no_wait =
    Supervision{.backoff_min = 0ms, .backoff_max = 0ms, .intensity = 1000};

// A type whose actors fail with every message that says "bad", as long as `*is_broken`.
inline std::shared_ptr<Script> fragile(Stage& stage, const std::shared_ptr<bool>& is_broken,
                                       Supervision supervision = no_wait) {
  ActorType settings;
  settings.supervision = supervision;
  return stage.type(
      "fragile",
      [is_broken](Context&, const Envelope& envelope) -> Outcome {
        if (*is_broken && envelope.payload.text().starts_with("bad")) {
          return std::unexpected(Failure{"it is bad"});
        }
        return Handled::done;
      },
      settings);
}

inline bool adds_up(const LetterCounts& counts) {
  return counts.buried == counts.kept + counts.fell_out + counts.replayed + counts.dropped;
}

}  // namespace backstage::test
