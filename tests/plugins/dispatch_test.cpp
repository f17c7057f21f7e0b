// dispatch of the SDK: methods by message type, with the body as the type that each wants.
#include <backstage/plugin.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "tests/plugins/fake_host.hpp"
#include "tests/support/catch.hpp"

namespace {

using backstage::context;
using backstage::message;

struct Point {
  static constexpr char message_type[] = "point";
  int x = 0;
  static Point decode(std::string_view bytes) {
    if (bytes == "code") throw backstage::error(BS_E_TOO_LARGE, "too far out");
    if (bytes == "int") throw std::runtime_error("std says no");
    if (!bytes.starts_with("x=")) throw backstage::error("a point begins with x=");
    return {static_cast<int>(backstage::to_integer(bytes.substr(2)).value())};
  }
};

struct Base {
  // NOLINTNEXTLINE(performance-unnecessary-value-param): a handler may take its body by value
  void inherited(std::string text, context& ctx) { ctx.reply("base " + text); }
};

struct Calculator : Base {
  static constexpr char name[] = "calculator";

  backstage::status on(message m, context& ctx) {
    return dispatch(*this, m, ctx,
                    {{"", &Calculator::untyped},
                     {"add", &Calculator::add},
                     {"byte", &Calculator::byte},
                     {"flag", &Calculator::flag},
                     {"text", &Calculator::text},
                     {"keep", &Calculator::keep},
                     {"total", &Calculator::total},
                     {"set", &Calculator::set},
                     {"stop", &Calculator::stop},
                     {"clear", &Calculator::clear},
                     {"fail", &Calculator::fail},
                     {"inherited", &Calculator::inherited},
                     {&Calculator::move}});
  }

  void untyped(message m, context& ctx) { ctx.reply(m.body().size()); }
  void add(std::int64_t step, context& ctx) { ctx.reply(sum += step); }
  void byte(std::uint8_t value, context& ctx) { ctx.reply(static_cast<unsigned>(value)); }
  void flag(bool value, context& ctx) { ctx.reply(value ? "yes" : "no"); }
  void text(std::string_view value, context& ctx) const { ctx.reply(value); }
  // NOLINTNEXTLINE(performance-unnecessary-value-param): a handler may take its body by value
  void keep(backstage::payload value, context& ctx) { ctx.reply(value); }
  void total(context& ctx) const { ctx.reply(sum); }
  void set(std::int64_t value) { sum = value; }
  backstage::status stop(context&) { return BS_STOP; }
  void clear() { sum = 0; }
  void fail(std::string_view why, context&) { throw std::runtime_error(std::string{why}); }
  void move(const Point& by, context& ctx) noexcept { ctx.reply(by.x); }

  std::int64_t sum = 0;
};

struct Scene {
  FakeHost host;
  HostedActor actor{host, backstage::detail::enter<backstage::detail::no_hooks, Calculator>(
                              host.api(), "calculator", "1.0.0", 0)};
};

}  // namespace

TEST_CASE("a method gets the body as the type it wants", "[dispatch]") {
  Scene scene;
  auto& actor = scene.actor;
  CHECK(actor.ask("abc") == "3");
  CHECK(actor.ask("5", "add") == "5");
  CHECK(actor.ask("-7", "add") == "-2");
  CHECK(actor.ask("255", "byte") == "255");
  CHECK(actor.ask("true", "flag") == "yes");
  CHECK(actor.ask("false", "flag") == "no");
  CHECK(actor.ask("as it is", "text") == "as it is");
  CHECK(actor.ask("kept", "keep") == "kept");
  CHECK(actor.ask("", "total") == "-2");
  CHECK(actor.send("40", "set") == BS_OK);
  CHECK(actor.ask("2", "add") == "42");
  CHECK(actor.ask("x=9", "point") == "9");
  CHECK(actor.ask("x", "inherited") == "base x");
  CHECK(actor.send("", "clear") == BS_OK);
  CHECK(actor.ask("", "total") == "0");
  CHECK(actor.send("", "stop") == BS_STOP);
}

TEST_CASE("a body that cannot be read is refused with the reason, and nothing fails",
          "[dispatch]") {
  Scene scene;
  const struct {
    const char *type, *body;
    bs_status status;
    std::string text;
  } rows[] = {
      {"byte", "256", BS_E_ARG,
       "the message byte cannot be read: the body must be an integer from 0 to 255, not \"256\""},
      {"byte", "-1", BS_E_ARG,
       "the message byte cannot be read: the body must be an integer from 0 to 255, not \"-1\""},
      {"byte", "", BS_E_ARG,
       "the message byte cannot be read: the body must be an integer from 0 to 255, not \"\""},
      {"flag", "1", BS_E_ARG,
       "the message flag cannot be read: the body must be true or false, not \"1\""},
      {"point", "y", BS_E_ARG, "the message point cannot be read: a point begins with x="},
      {"point", "code", BS_E_TOO_LARGE, "the message point cannot be read: too far out"},
      {"point", "int", BS_E_ARG, "the message point cannot be read: std says no"},
  };
  for (const auto& row : rows) {
    INFO(row.type << " " << row.body);
    CHECK(scene.actor.ask(row.body, row.type) == row.text);
    CHECK(scene.host.replied.back().status == row.status);
  }
  CHECK(scene.actor.send("x", "add") == BS_OK);
  CHECK(scene.host.logged.back().find("the message add cannot be read") != std::string::npos);
  CHECK(scene.actor.ask(std::string(100, '9'), "add").ends_with("999...\""));
}

TEST_CASE("a type that no method has is refused with the names of those that one has",
          "[dispatch]") {
  Scene scene;
  CHECK(scene.actor.ask("", "multiply") ==
        "tested takes no message of type multiply; it takes no type, add, byte, flag, text, keep, "
        "total, set, stop, clear, fail, inherited, point");
  CHECK(scene.host.replied.back().status == BS_E_NOSUP);
}

TEST_CASE("what a method throws fails the actor", "[dispatch]") {
  Scene scene;
  CHECK(scene.actor.send("as told", "fail") == BS_E_FAIL);
  CHECK(scene.host.error_text == "as told");
}

TEST_CASE("timers, replies and ends are no methods' business", "[dispatch]") {
  Scene scene;
  CHECK(scene.actor.answer(17, "late") == BS_OK);
  CHECK(scene.actor.tell_down({{3, 0}}, "who", "stopped") == BS_OK);
  CHECK(scene.host.logged.empty());
}
