// Bad names: every illegal name, topic, address and pattern is refused with its code by every verb
// that takes one, and the engine goes on.
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;
using namespace std::string_view_literals;

namespace {

const Texts& bad_names() {
  static const Texts names{"",
                           " ",
                           "a b",
                           "a/b",
                           "/",
                           "%",
                           "a%",
                           "a%4",
                           "a%4G",
                           "%%41",
                           "a\n",
                           "\ta",
                           std::string("a\0b"sv),
                           std::string("\0"sv),
                           "\xFF",
                           "caf\xC3\xA9",
                           "*",
                           ">",
                           "a*",
                           "a{1}",
                           "a$b",
                           "$",
                           "$$",
                           "\"a\"",
                           std::string(actor_name_bytes_max + 1, 'a'),
                           std::string(1U << 20U, 'a')};
  return names;
}

// Illegal as an address and as a pattern.
const Texts& bad_addresses() {
  static const Texts addresses{"",
                               "/",
                               "//",
                               "a/",
                               "/x",
                               "a//b",
                               "a/b/c",
                               "a/.x",
                               "a/x.",
                               "a/x..y",
                               "a/.",
                               "a/x y",
                               "a/%4",
                               "a/x\n",
                               "a b/x",
                               "a/b*",
                               "a/*b.c",
                               "a/**",
                               "a/>.x",
                               "a/x>",
                               "a*/x",
                               ">",
                               ">/x",
                               "**/x",
                               "$/x",
                               std::string("a/\0"sv),
                               "a/" + std::string(topic_name_bytes_max + 1, 'x'),
                               std::string(actor_name_bytes_max + 1, 'a') + "/x",
                               std::string(1U << 20U, 'x')};
  return addresses;
}

// An actor that runs `act` for every send, and the stage it lives on.
struct Lab {
  explicit Lab(const std::function<void(Context&)>& act, Limits limits = {}) : stage(limits) {
    script = stage.type("lab", [act](Context& context, const Envelope& envelope) -> Outcome {
      if (envelope.kind == Kind::send) act(context);
      return Handled::done;
    });
    id = stage.spawn("lab", "lab");
  }
  void run() {
    CHECK(stage.send("lab", "go"));
    CHECK(stage.settle());
    CHECK(stage.ledger().is_balanced());
  }
  Stage stage;
  std::shared_ptr<Script> script;
  ActorId id;
};

constexpr auto uncounted = static_cast<std::size_t>(Errc::bad_name);

}  // namespace

TEST_CASE("a name of any illegal kind is refused by every verb that takes a name", "[core]") {
  Lab lab([](Context& context) {
    for (const auto& name : bad_names()) {
      CAPTURE(name);
      const bool is_reserved_looking = !name.empty() && name.front() == '$';
      const Errc why = is_reserved_looking ? Errc::reserved_name : Errc::bad_name;
      CHECK(context.spawn({.type = "lab", .name = name}).error() == why);
      CHECK(context.spawn({.type = "lab", .name = name, .as_child = true}).error() == why);
      const std::array group{SpawnRequest{.type = "lab", .name = name}};
      CHECK(context.spawn_group(group).error() == why);
      CHECK(context.resolve(name).error() == Errc::bad_name);
      CHECK(context.send(name, {}).error() == Errc::bad_name);
    }
  });
  lab.run();
  Stage& stage = lab.stage;
  const auto before = stage.ledger().refused[uncounted];
  for (const auto& name : bad_names()) {
    CAPTURE(name);
    CHECK(stage.engine.spawn({.type = "lab", .name = name}).error() == Errc::bad_name);
    CHECK(stage.send(name, "x").error() == Errc::bad_name);
    CHECK(stage.engine.find(name).error() == Errc::no_actor);
    auto actor = std::make_unique<ScriptedActor>(std::make_shared<Script>());
    const auto attached = stage.engine.attach(name, std::move(actor), stage.executor, {});
    CHECK(attached.error() == Errc::bad_name);
  }
  CHECK(stage.ledger().refused[uncounted] == before + 3 * bad_names().size());
  CHECK(stage.engine.stats().actors == 1);
}

TEST_CASE("a type of an illegal or reserved name is refused, and none of it is spawned", "[core]") {
  Stage stage;
  auto names = bad_names();
  names.emplace_back("$daemon");
  for (const auto& name : names) {
    CAPTURE(name);
    ActorType type;
    type.name = name;
    const auto added = stage.engine.add_type(std::move(type));
    CHECK(added.error() == Errc::bad_name);
    CHECK(stage.engine.spawn({.type = name, .name = "a"}).error() == Errc::no_type);
    CHECK(stage.engine.remove_type(name).error() == Errc::no_type);
  }
  CHECK(stage.engine.types().empty());
}

TEST_CASE("an address, topic or pattern of any illegal kind is refused with bad_addr", "[core]") {
  for (const auto& text : bad_addresses()) {
    CAPTURE(text);
    CHECK(Address::parse(text).error() == Errc::bad_addr);
    CHECK(Pattern::parse(text).error() == Errc::bad_addr);
  }
  for (const auto* wildcard : {"*/x", "a/*", "a/>", "*/*.b", "*"}) {
    CAPTURE(wildcard);
    CHECK(Pattern::parse(wildcard));
    CHECK(Address::parse(wildcard).error() == Errc::bad_addr);  // nobody publishes on a wildcard
  }
  Lab lab([](Context& context) {
    const Texts topics{"/",
                       "a/b",
                       ".",
                       ".x",
                       "x.",
                       "x..y",
                       "x y",
                       "*",
                       ">",
                       "x%",
                       std::string(topic_name_bytes_max + 1, 'x')};
    for (const auto& topic : topics) {
      CAPTURE(topic);
      CHECK(context.publish(topic, {}).error() == Errc::bad_addr);
      const bool is_pattern = topic == "*" || topic == ">";
      CHECK((context.watch_interest(topic).has_value()) == is_pattern);
    }
  });
  lab.run();
  CHECK(lab.stage.engine.stats().topics == 0);
}

TEST_CASE("a reserved name is the daemon's: no actor may spawn it, the daemon may", "[core]") {
  Lab lab([](Context& context) {
    CHECK(context.spawn({.type = "lab", .name = "$backstage"}).error() == Errc::reserved_name);
    CHECK(context.send("$backstage", {}).error() == Errc::no_actor);
  });
  lab.run();
  CHECK(lab.stage.engine.spawn({.type = "lab", .name = "$backstage"}));
}
