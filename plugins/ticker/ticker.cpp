// ticker: publishes 1, 2, 3, ... on its default topic, one number per period.
#include <backstage/plugin.hpp>
#include <cstdint>
#include <string>

class Ticker {
 public:
  static constexpr char name[] = "ticker";

  Ticker(backstage::config given, backstage::context& ctx) {
    const auto period = given.integer("period_ms", 1'000, 1, 86'400'000);
    timer_ = ctx.every(backstage::milliseconds{period}).must();
  }

  void on(backstage::message m, backstage::context& ctx) {
    if (m.kind() != backstage::message_kind::timer || m.id() != timer_) return;
    ctx.publish(std::to_string(++ticks_));
  }

 private:
  std::uint64_t timer_;
  std::uint64_t ticks_ = 0;
};

BACKSTAGE_PLUGIN("org.backstage.ticker", "1.0.0", Ticker)
