// DeliveryWindow: what is in flight, what an ACK covers, and the same against a plain model.
#include <algorithm>
#include <random>
#include <string>
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

TEST_CASE("an ACK with an address covers that address, up to its number, and nothing else",
          "[gateway]") {
  DeliveryWindow window;
  window.set_messages_max(5);
  window.add(message(1, 5, "a/x"));
  window.add(message(2, 1, "a/y"));
  window.add(gap(3, 2, 4, "a/y"));
  window.add(message(4, 5, "a/y"));
  window.add(message(5, 6, "a/x"));
  window.add(message(6, 6, "a/y"));
  CHECK(window.is_full());
  CHECK_FALSE(window.acknowledge_of("a/z", 5));
  CHECK_FALSE(window.acknowledge_of("a/x", 4));
  CHECK(window.acknowledge_of("a/y", 5));
  CHECK_FALSE(window.acknowledge_of("a/y", 5));
  CHECK(window.messages() == 3);
  for (const std::uint64_t gone : {2U, 3U, 4U}) CHECK(window.find(gone) == nullptr);
  for (const std::uint64_t left : {1U, 5U, 6U}) CHECK(window.find(left) != nullptr);
  // Without an address it is the order delivered again, and 5 is only x's now.
  CHECK(window.acknowledge(5, false));
  CHECK(window.messages() == 2);
  CHECK(window.acknowledge_of("a/x", 100));
  CHECK(window.acknowledge_of("a/y", 100));
  CHECK(window.in_flight().empty());
  CHECK(window.bytes() == 0);
}

TEST_CASE("an ACK with an address covers an old snapshot in the order delivered", "[gateway]") {
  DeliveryWindow window;
  window.add(message(1, 5));
  window.add(message(2, 6));
  window.add(message(3, 3));  // A snapshot that was asked for again.
  window.add(message(4, 7));
  CHECK_FALSE(window.acknowledge_of("a/t", 2));
  CHECK(window.acknowledge_of("a/t", 3));
  CHECK(window.messages() == 1);
  CHECK(window.find(4) != nullptr);
}

TEST_CASE("an address that nobody acknowledges keeps no book of the others", "[gateway]") {
  DeliveryWindow window;
  std::uint64_t turn = 0;
  window.add(message(++turn, 1, "a/silent", true));
  for (std::uint64_t seq = 1; seq <= 10'000; ++seq) {
    window.add(message(++turn, seq, "a/busy", true));
    window.add(gap(++turn, seq, seq, "a/lossy"));
    REQUIRE(window.acknowledge_of("a/busy", seq));
    REQUIRE(window.in_flight().size() < 300);
  }
  CHECK(window.messages() == 1);
  CHECK(window.bytes() == DeliveryWindow::copy_bytes + 5);
}

// In steps, not in time: the largest window there is, acknowledged in the worst order. Were each
// ACK as long as the window, this would be two thousand million of them.
TEST_CASE("a window of 65536 is acknowledged by address in any order", "[gateway]") {
  constexpr std::uint64_t each = 256;
  std::vector<std::string> addresses;
  addresses.reserve(each);
  for (std::uint64_t i = 0; i < each; ++i) addresses.push_back("a/t" + std::to_string(i));
  DeliveryWindow window;
  std::uint64_t turn = 0;
  for (std::uint64_t seq = 1; seq <= each; ++seq) {
    for (const auto& address : addresses) window.add(message(++turn, seq, address));
  }
  CHECK(window.messages() == 65'536);
  for (auto address = addresses.rbegin(); address != addresses.rend(); ++address) {
    for (std::uint64_t seq = 1; seq <= each; ++seq) {
      if (!window.acknowledge_of(*address, seq)) FAIL(*address << ' ' << seq);
    }
  }
  CHECK(window.in_flight().empty());
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
  window.forget_marks_and_gaps();
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
    std::string_view address;
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
  void acknowledge_of(std::string_view address, std::uint64_t seq) {
    std::uint64_t covered = 0;
    for (const One& one : flying) {
      if (one.address == address && one.last <= seq) covered = one.turn;
    }
    std::erase_if(flying,
                  [&](const One& one) { return one.address == address && one.turn <= covered; });
  }
  [[nodiscard]] std::size_t messages() const {
    std::size_t count = 0;
    for (const One& one : flying) count += one.is_gap ? 0 : 1;
    return count;
  }
};

// One window and its model, and the same done to both.
struct Pair {
  DeliveryWindow window;
  Model model;
  std::uint64_t turn = 0;

  void send(std::uint64_t seq, std::string_view address) {
    window.add(message(++turn, seq, address));
    model.flying.push_back({turn, seq, seq, false, address});
  }
  void lose(std::uint64_t first, std::uint64_t last, std::string_view address) {
    window.add(gap(++turn, first, last, address));
    model.flying.push_back({turn, first, last, true, address});
  }
  void check() const {
    REQUIRE(window.messages() == model.messages());
    const auto in_flight = std::ranges::count_if(
        window.in_flight(), [](const auto& sent) { return !sent.is_acknowledged(); });
    REQUIRE(static_cast<std::size_t>(in_flight) == model.flying.size());
    REQUIRE(window.is_full() == (model.messages() >= window.messages_max()));
    for (const auto& one : model.flying) {
      const auto* const found = window.find(one.turn);
      REQUIRE(found != nullptr);
      REQUIRE(found->seq == one.seq);
      REQUIRE(found->address == one.address);
    }
    REQUIRE(window.bytes() == model.messages() * DeliveryWindow::mark_bytes);
  }
};

TEST_CASE("whatever is sent and acknowledged, the book agrees with a plain model", "[gateway]") {
  for (std::uint32_t seed = 1; seed <= 500; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const bool one_order = random() % 2 == 0;
    // Where the first is never acknowledged, the book is put in order again and again.
    const bool is_first_silent = !one_order && random() % 2 == 0;
    const std::vector<std::string_view> addresses =
        one_order ? std::vector<std::string_view>{"a/t"}
                  : std::vector<std::string_view>{"a/t", "a/u", "b/t"};
    std::vector<std::uint64_t> next(addresses.size(), 1);
    Pair pair;
    pair.window.set_messages_max(static_cast<std::uint32_t>(1 + random() % 20));
    for (int step = 0; step < 300; ++step) {
      const auto which = random() % addresses.size();
      std::uint64_t& seq = next[which];
      switch (random() % 6) {
        case 0: {
          const std::uint64_t last = seq + random() % 3;
          // Apart, so that none continues another and the model stays plain.
          pair.lose(seq + 1, last + 1, addresses[which]);
          seq = last + 3;
          break;
        }
        case 1: {
          if (is_first_silent) break;
          const std::uint64_t meant = random() % (seq + 2);
          (void)pair.window.acknowledge(meant, one_order);
          pair.model.acknowledge(meant, one_order);
          break;
        }
        case 2: {
          if (is_first_silent && which == 0) break;
          const std::uint64_t meant = random() % (seq + 2);
          (void)pair.window.acknowledge_of(addresses[which], meant);
          pair.model.acknowledge_of(addresses[which], meant);
          break;
        }
        case 3:
          // A snapshot that is asked for again.
          if (random() % 4 == 0) pair.send(1 + random() % seq, addresses[which]);
          break;
        default:
          pair.send(seq++, addresses[which]);
      }
      pair.check();
    }
    if (is_first_silent)
      REQUIRE(pair.window.in_flight().size() < 2 * pair.model.flying.size() + 70);
  }
}

}  // namespace
}  // namespace backstage::gateway
