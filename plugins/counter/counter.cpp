// counter: adds the integer in each message, publishes the new total (retained) and replies with
// it.
#include <backstage/plugin.hpp>
#include <cstdint>
#include <string>

class Counter {
 public:
  static constexpr char name[] = "counter";
  static constexpr unsigned state_version = 1;

  explicit Counter(backstage::config given) : total_(given.integer("start", 0)) {}

  void on(backstage::message m, backstage::context& ctx) {
    if (!m.is_mail()) return;
    const auto step = m.integer();
    if (!step) {
      return ctx.refuse(BS_E_ARG, "counter adds integers, like 5 or -3; \"" +
                                      std::string{m.body().substr(0, 64)} + "\" is none");
    }
    std::int64_t sum = 0;
    if (__builtin_add_overflow(total_, *step, &sum)) {
      return ctx.refuse(BS_E_ARG, "the total " + std::to_string(total_) + " has no room for " +
                                      std::to_string(*step) + "; add something smaller");
    }
    total_ = sum;
    const std::string text = std::to_string(total_);
    if (const auto kept = ctx.retain(text); !kept.ok()) {
      ctx.warn("the new total was not published: " + std::string{kept.name()});
    }
    if (m.is_request()) ctx.reply(text);
  }

  void save(backstage::writer& out) const { out.put(total_); }
  void load(backstage::reader& in, unsigned) { in.get(total_); }

 private:
  std::int64_t total_;
};

BACKSTAGE_PLUGIN("org.backstage.counter", "1.0.0", Counter)
