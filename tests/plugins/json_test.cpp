// JSON of the SDK: bodies, configs and state, with what is wrong named by its place.
#include <backstage/json.hpp>
#include <backstage/plugin.hpp>

#include <map>
#include <string>
#include <vector>

#include "tests/plugins/fake_host.hpp"
#include "tests/support/catch.hpp"

namespace {

using backstage::context;
using backstage::json;
using backstage::json_config;

struct Add {
  int step = 0;
  std::vector<double> weights;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Add, step, weights)

struct Totals {
  static constexpr char name[] = "totals";
  static constexpr unsigned state_version = 1;

  explicit Totals(backstage::config given) {
    const json_config settings{given};
    settings.allow_only({"start", "limits", "hosts"});
    sum = settings.get("start", 0);
    rate = settings.get("/limits/rate", 0.5);
    hosts = settings.get("hosts", std::vector<std::string>{});
  }
  void on(backstage::message m, context& ctx) {
    dispatch(*this, m, ctx,
             {{"add", &Totals::add},
              {"any", &Totals::any},
              {"list", &Totals::list},
              {"settings", &Totals::settings}});
  }
  void add(const Add& wanted, context& ctx) {
    sum += wanted.step;
    ctx.reply(Add{sum, wanted.weights});
  }
  void any(json body, context& ctx) {
    extra = body;
    ctx.reply(body["deep"]);
  }
  void list(const std::vector<std::uint8_t>& bytes, context& ctx) { ctx.reply(bytes.size()); }
  void settings(context& ctx) { ctx.reply(json{{"rate", rate}, {"hosts", hosts}, {"sum", sum}}); }

  void save(backstage::writer& out) const { out.put(sum, extra); }
  void load(backstage::reader& in, unsigned) { in.get(sum, extra); }

  int sum = 0;
  double rate = 0;
  std::vector<std::string> hosts;
  json extra;
};

const bs_plugin* enter(const FakeHost& host) {
  return backstage::detail::enter<backstage::detail::no_hooks, Totals>(host.api(), "totals",
                                                                       "1.0.0", 0);
}

json_config config_of(std::string_view text) { return json_config{backstage::config{text}}; }

}  // namespace

TEST_CASE("JSON types are the bodies of methods and replies", "[json]") {
  FakeHost host;
  HostedActor actor(host, enter(host));
  CHECK(actor.ask(R"({"step": 5, "weights": [0.5]})", "add") == R"({"step":5,"weights":[0.5]})");
  CHECK(actor.ask(R"({"deep": {"x": [1, null]}})", "any") == R"({"x":[1,null]})");
  CHECK(actor.ask("[1, 255]", "list") == "2");
}

TEST_CASE("JSON that is none, or lacks a part, is refused with the place", "[json]") {
  FakeHost host;
  HostedActor actor(host, enter(host));
  const struct {
    const char *type, *body, *part;
  } rows[] = {
      {"add", "{", "the message add cannot be read: the body is not JSON: "},
      {"add", "{}", "key 'step' not found"},
      {"add", R"({"step": "five", "weights": []})", "type must be number, but is string"},
      {"any", "", "the body is not JSON"},
      {"list", "[1, 256]", "the body[1] must be an integer from 0 to 255, not 256"},
      {"list", "[1.5]", "the body[0] must be an integer from 0 to 255, not 1.5"},
      {"list", R"({"a": 1})", R"(the body must be a list, not {"a":1})"},
  };
  for (const auto& row : rows) {
    INFO(row.type << " " << row.body);
    CHECK_THAT(actor.ask(row.body, row.type), Catch::Matchers::Contains(row.part));
    CHECK(host.replied.back().status == BS_E_ARG);
  }
}

TEST_CASE("a config is read into nested settings, fractions and lists", "[json]") {
  FakeHost host;
  HostedActor actor(host, enter(host),
                    R"({"start": 3, "limits": {"rate": 1.25}, "hosts": ["a", "b\u00e4"]})");
  CHECK(actor.ask("", "settings") == R"({"hosts":["a","bä"],"rate":1.25,"sum":3})");
  HostedActor plain(host, enter(host));
  CHECK(plain.ask("", "settings") == R"({"hosts":[],"rate":0.5,"sum":0})");

  const auto given = config_of(R"({"a": {"b": [10, 20]}, "f": true, "n": -1})");
  CHECK(given.required<int>("/a/b/1") == 20);
  CHECK(given.get("/a/b/7", 5) == 5);
  CHECK(given.get("f", false));
  CHECK(given.get("none", "text") == "text");
  CHECK(given.required<std::map<std::string, json>>("a").size() == 1);
  CHECK(given.whole().size() == 3);
}

TEST_CASE("a config that is wrong is refused with the key and what it must be", "[json]") {
  const auto given =
      config_of(R"({"rate": "fast", "n": -1, "list": [1, "x"], "big": 1e300, "half": 0.5})");
  using Catch::Matchers::Contains;
  CHECK_THROWS_WITH(given.get("rate", 0.5),
                    Contains(R"(config key "rate" must be a number, not "fast")"));
  CHECK_THROWS_WITH(given.get("n", 0U),
                    Contains("must be an integer from 0 to 4294967295, not -1"));
  CHECK_THROWS_WITH(given.get("half", 1), Contains("not 0.5"));
  CHECK_THROWS_WITH(given.get("big", 1), Contains("must be an integer"));
  CHECK_THROWS_WITH(given.get("n", true), Contains("must be true or false"));
  CHECK_THROWS_WITH(given.get("n", "x"), Contains("must be a text"));
  CHECK_THROWS_WITH(given.get("list", std::vector<int>{}),
                    Contains(R"(config key "list"[1] must be)"));
  CHECK_THROWS_WITH(given.required<int>("/no/such"),
                    Contains(R"(config key "/no/such" is missing)"));
  CHECK_THROWS_WITH(given.get("/bad~2pointer", 1), Contains("is no JSON pointer"));
  CHECK_THROWS_WITH(given.allow_only({"rate", "n"}),
                    Contains(R"("big" is unknown; known are rate, n)"));
  CHECK_THROWS_WITH(config_of("[]"), Contains("the config must be an object"));
  CHECK_THROWS_WITH(config_of("{"), Contains("the config is not JSON"));
}

TEST_CASE("JSON is kept in the saved state", "[json]") {
  FakeHost host;
  const bs_plugin* plugin = enter(host);
  HostedActor actor(host, plugin);
  REQUIRE(actor.request(R"({"deep": [1.5]})", "any") == BS_OK);
  const std::string state = actor.save();
  HostedActor again(host, plugin, 1, state);
  CHECK(again.created == BS_OK);
  CHECK(again.save() == state);
  HostedActor broken(host, plugin, 1, std::string("\0\0\0\0\1\0\0\0{", 9));
  CHECK(broken.created == BS_E_ARG);
  CHECK(host.error_text.starts_with("a part of the saved state is not JSON"));
}
