// DeliveryWindow: what is in flight, what an ACK covers, and the same against a plain model.
#include <random>
#include <vector>

#include "daemon/gateway/delivery_window.hpp"
#include "tests/support/catch.hpp"

namespace backstage::gateway {
namespace {

DeliveryWindow::Sent message(std::uint64_t turn, std::uint64_t seq,
                             std::string_view address = "a/t", bool keeps = false) {
  DeliveryWindow::Sent sent{.turn = turn, .address = address, .seq = seq};
  if (keeps) {
    sent.copy = std::make_unique<DeliveryWindow::Copy>();
    sent.copy->payload = Payload("12345");
  }
  return sent;
}

DeliveryWindow::Sent gap(std::uint64_t turn, std::uint64_t first, std::uint64_t last,
                         std::string_view address = "a/t") {
  return {.turn = turn, .address = address, .seq = first, .gap_last = last};
}

TEST_CASE("a window is full when so many messages are in flight, and an ACK empties it",
          "[gateway]") {
  DeliveryWindow window;
  for (std::uint64_t i = 1; i <= 100; ++i) window.add(message(i, i));
  CHECK_FALSE(window.is_full());
  window.set_messages_max(100);
  CHECK(window.is_full());
  CHECK(window.acknowledge(99, true));
  CHECK(window.messages() == 1);
  CHECK_FALSE(window.acknowledge(99, true));
  CHECK(window.acknowledge(1'000, true));
  CHECK(window.bytes() == 0);
}

TEST_CASE("an ACK on a pattern means the last message of that number, whatever its address",
          "[gateway]") {
  DeliveryWindow window;
  window.add(message(1, 5, "a/x"));
  window.add(message(2, 1, "a/y"));
  window.add(message(3, 2, "a/y"));
  window.add(message(4, 5, "a/y"));
  window.add(message(5, 6, "a/x"));
  CHECK_FALSE(window.acknowledge(3, false));
  CHECK(window.acknowledge(5, false));
  REQUIRE(window.messages() == 1);
  CHECK(window.find(5)->seq == 6);
  CHECK(window.find(4) == nullptr);
}

TEST_CASE("GAPs in flight do not count, and go with the messages behind them", "[gateway]") {
  DeliveryWindow window;
  window.set_messages_max(2);
  window.add(gap(1, 1, 4));
  window.add(gap(2, 1, 1, "a/u"));
  window.add(gap(3, 5, 7));
  CHECK(window.in_flight().size() == 2);
  CHECK(window.in_flight().front().gap_last == 7);
  CHECK_FALSE(window.is_full());
  window.add(message(4, 8));
  window.add(gap(5, 9, 9));
  CHECK(window.in_flight().size() == 4);
  CHECK(window.acknowledge(8, false));
  CHECK(window.messages() == 0);
  CHECK(window.in_flight().size() == 1);
  CHECK(window.acknowledge(9, true));
  CHECK(window.in_flight().empty());
}

TEST_CASE("copies count with their payload", "[gateway]") {
  DeliveryWindow window;
  window.add(message(1, 1, "a/t", true));
  CHECK(window.bytes() == DeliveryWindow::copy_bytes + 5);
  window.add(message(2, 2));
  CHECK(window.bytes() == DeliveryWindow::copy_bytes + 5 + DeliveryWindow::mark_bytes);
  window.forget_marks();
  CHECK(window.bytes() == DeliveryWindow::copy_bytes + 5);
  CHECK(window.messages() == 1);
}

// What an ACK means, said without any of the book's short cuts.
struct Model {
  struct One {
    std::uint64_t turn;
    std::uint64_t seq;
    std::uint64_t last;  // of a GAP
    bool is_gap;
  };
  std::vector<One> flying;

  void acknowledge(std::uint64_t seq, bool one_order) {
    std::size_t covered = 0;
    for (std::size_t i = 0; i < flying.size(); ++i) {
      const One& one = flying[i];
      const bool is_meant = one_order ? one.last <= seq : !one.is_gap && one.seq == seq;
      if (is_meant) covered = i + 1;
    }
    flying.erase(flying.begin(), flying.begin() + static_cast<std::ptrdiff_t>(covered));
  }
  [[nodiscard]] std::size_t messages() const {
    std::size_t count = 0;
    for (const One& one : flying) count += one.is_gap ? 0 : 1;
    return count;
  }
};

TEST_CASE("whatever is sent and acknowledged, the book agrees with a plain model", "[gateway]") {
  for (std::uint32_t seed = 1; seed <= 500; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const bool one_order = random() % 2 == 0;
    const std::vector<std::string_view> addresses =
        one_order ? std::vector<std::string_view>{"a/t"}
                  : std::vector<std::string_view>{"a/t", "a/u", "b/t"};
    std::vector<std::uint64_t> next(addresses.size(), 1);
    DeliveryWindow window;
    window.set_messages_max(static_cast<std::uint32_t>(1 + random() % 20));
    Model model;
    std::uint64_t turn = 0;
    for (int step = 0; step < 200; ++step) {
      const auto which = random() % addresses.size();
      std::uint64_t& seq = next[which];
      ++turn;
      switch (random() % 4) {
        case 0: {
          const std::uint64_t last = seq + random() % 3;
          // Apart, so that none continues another and the model stays plain.
          window.add(gap(turn, seq + 1, last + 1, addresses[which]));
          model.flying.push_back({turn, seq + 1, last + 1, true});
          seq = last + 3;
          break;
        }
        case 1: {
          const std::uint64_t meant = random() % (seq + 2);
          (void)window.acknowledge(meant, one_order);
          model.acknowledge(meant, one_order);
          break;
        }
        default:
          window.add(message(turn, seq, addresses[which]));
          model.flying.push_back({turn, seq, seq, false});
          ++seq;
      }
      REQUIRE(window.messages() == model.messages());
      REQUIRE(window.in_flight().size() == model.flying.size());
      REQUIRE(window.is_full() == (model.messages() >= window.messages_max()));
      for (const auto& one : model.flying) {
        REQUIRE(window.find(one.turn) != nullptr);
        REQUIRE(window.find(one.turn)->seq == one.seq);
      }
      REQUIRE(window.bytes() == model.messages() * DeliveryWindow::mark_bytes);
    }
  }
}

}  // namespace
}  // namespace backstage::gateway
