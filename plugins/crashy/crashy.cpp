// crashy: fails on demand, to watch supervision at work.
//
// The command is the message type, or the body when there is no type: "throw" throws an exception,
// "fail" returns a failure with a text; everything else is answered "alive" and how many messages
// this incarnation has seen. Config {"throw_in_create": true} fails every creation.
#include <backstage/plugin.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

class Crashy {
 public:
  static constexpr char name[] = "crashy";

  explicit Crashy(backstage::config given) {
    if (given.boolean("throw_in_create", false)) {
      throw std::runtime_error("crashy was told to fail at its creation");
    }
  }

  backstage::status on(backstage::message m, backstage::context& ctx) {
    if (!m.is_mail()) return {};
    const std::string_view command = m.type().empty() ? m.body() : m.type();
    if (command == "throw") throw std::runtime_error("crashy was told to throw");
    if (command == "fail") return ctx.fail("crashy was told to fail");
    ++seen_;
    if (m.is_request()) ctx.reply("alive " + std::to_string(seen_));
    return {};
  }

 private:
  std::uint64_t seen_ = 0;
};

BACKSTAGE_PLUGIN("org.backstage.crashy", "1.0.0", Crashy)
