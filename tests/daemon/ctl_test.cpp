// backstagectl's own parts: its command line, names, templates, tables, endpoint; and the client.
#include <fstream>
#include <string>
#include <vector>

#include "daemon/ctl/door.hpp"
#include "daemon/ctl/drop.hpp"
#include "daemon/ctl/options.hpp"
#include "daemon/ctl/plugin_rows.hpp"
#include "daemon/ctl/table.hpp"
#include "daemon/ctl/template.hpp"
#include "tests/daemon/temp_dir.hpp"
#include "tests/support/catch.hpp"

namespace backstage::ctl {
using daemon::TempDir;

namespace {

Outcome<Options> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "backstagectl");
  return parse_arguments(static_cast<int>(words.size()), words.data(), "1.2.3");
}

}  // namespace

TEST_CASE("options may stand before, between and after the words of a command", "[ctl]") {
  const std::vector<std::vector<const char*>> rows{
      {"--endpoint", "tcp://h:1", "-o", "json", "plugin", "info", "id"},
      {"plugin", "--endpoint", "tcp://h:1", "info", "id", "-o", "json"},
      {"plugin", "info", "--output=json", "id", "--endpoint=tcp://h:1"}};
  for (const auto& row : rows) {
    const auto options = parse(row);
    REQUIRE(options);
    CHECK(options->command == Command::plugin_info);
    CHECK(options->endpoint == "tcp://h:1");
    CHECK(options->is_json);
    CHECK(options->name == "id");
  }
}

TEST_CASE("each command takes what it needs and nothing more", "[ctl]") {
  const auto made = parse({"plugin", "new", "greeter", "--lang", "rust", "--dir", "there"});
  REQUIRE(made);
  CHECK(made->command == Command::plugin_new);
  CHECK(made->name == "greeter");
  CHECK(made->lang == "rust");
  CHECK(made->dir == "there");
  CHECK(parse({"plugin", "new", "greeter"})->lang == "c++");
  CHECK(parse({"plugin", "check", "a.so", "b.so"})->files.size() == 2);
  CHECK(parse({"plugin", "upgrade", "id", "--file", "f.so"})->file == "f.so");
  CHECK(parse({"stats", "--timeout", "3"})->timeout == std::chrono::seconds{3});
  // Options of one command are no options of another.
  CHECK_FALSE(parse({"plugin", "check", "a.so", "--lang", "c"}));
  CHECK_FALSE(parse({"actors", "more"}));
  CHECK_FALSE(parse({"plugin", "ls", "more"}));
}

TEST_CASE("names of plugins are such that every tool takes them", "[ctl]") {
  for (const char* const good : {"a", "greeter", "order_book2", "self", "struct"}) {
    CHECK(check_name(good));
  }
  const std::string longest(40, 'x');
  CHECK(check_name(longest));
  for (const std::string& bad :
       {std::string{}, longest + "x", std::string{"Big"}, std::string{"_a"}, std::string{"2a"},
        std::string{"a-b"}, std::string{"a.b"}, std::string{"a/b"}, std::string{"test"},
        std::string{"all"}, std::string{"a\n"}, std::string{"\xc3\xa4"}}) {
    INFO(bad);
    const auto checked = check_name(bad);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().exit == exit_code::usage);
    CHECK(checked.error().code == "CTL-102");
    CHECK_FALSE(checked.error().why.empty());
    CHECK_FALSE(checked.error().next.empty());
  }
}

TEST_CASE("a template gets the name as a word and as a type, wherever it stands", "[ctl]") {
  CHECK(fill("my_actor(MyActor) my_actor_type", "order_book") ==
        "order_book(OrderBookActor) order_book_type");
  CHECK(fill("MyActor", "string") == "StringActor");
  CHECK(fill("MyActor", "b2_2b__c") == "B22bCActor");
  // A name that holds the word itself is no endless tale.
  CHECK(fill("my_actor", "my_actor_2") == "my_actor_2");
  CHECK(fill("nothing", "x") == "nothing");
}

TEST_CASE("a table is aligned, safe for a terminal, and coloured only when asked", "[ctl]") {
  Table table({"ID", "STATE", "REASON"});
  table.add({"k\u00e4se", "active", ""});
  table.add({"x", "rejected", "\x1b[2J"});
  CHECK(table.text(false) ==
        "ID    STATE     REASON\n"
        "k\u00e4se  active    -\n"
        "x     rejected  \\x1b[2J\n");
  const auto coloured = table.text(true);
  CHECK(coloured.find("\x1b[32mactive\x1b[0m    -") != std::string::npos);
  CHECK(coloured.find("\x1b[31mrejected\x1b[0m  ") != std::string::npos);
}

TEST_CASE("the endpoint is the option's, the environment's, the daemon's own, or the default",
          "[ctl]") {
  const TempDir dir;
  const auto runtime = dir.path("run");
  std::filesystem::create_directory(runtime);
  const auto chosen = [&runtime] { return choose_endpoint("", std::nullopt, runtime); };
  CHECK(chosen() == "tcp://127.0.0.1:7770");
  std::ofstream(runtime + "/endpoints.json") << R"({"cmd":["ipc:///x","tcp://127.0.0.1:9"]})";
  CHECK(chosen() == "ipc:///x");
  CHECK(choose_endpoint("", "", runtime) == "ipc:///x");
  CHECK(choose_endpoint("", "tcp://e:1", runtime) == "tcp://e:1");
  CHECK(choose_endpoint("tcp://o:1", "tcp://e:1", runtime) == "tcp://o:1");
  for (const char* const odd :
       {"", "[]", "{", R"({"cmd":[]})", R"({"cmd":[5]})", R"({"cmd":"x"})"}) {
    INFO(odd);
    std::ofstream(runtime + "/endpoints.json", std::ios::trunc) << odd;
    CHECK(chosen() == "tcp://127.0.0.1:7770");
  }
}

TEST_CASE("a fault is one line of what, and one each of where, why and next", "[ctl]") {
  const Fault fault{65, "CTL-402", "it was\nrefused", "there", "", "mend it"};
  CHECK(render(fault) ==
        "backstagectl: error[CTL-402]: it was\\x0arefused\n  where: there\n  next: mend it\n");
  CHECK(Json::parse(render_json(fault))["error"]["next"] == "mend it");
}

TEST_CASE("plugins are found by id, file name and path", "[ctl]") {
  const auto answer = Json::parse(R"({"plugins":[
    {"id":"a.b","file":"/p/one.so","state":"active"},
    {"id":"a.b","file":"/p/two.so","state":"rejected","code":"NO_ENTRY","reason":"why"}, 7]})");
  CHECK(rows_named(answer, "a.b")->size() == 2);
  CHECK(rows_named(answer, "two.so")->size() == 1);
  CHECK(rows_named(answer, "/p/one.so")->size() == 1);
  CHECK(rows_named(answer, "a.c").error().code == "CTL-401");
  CHECK(is_serving(rows_of(answer)[0]));
  CHECK_FALSE(is_serving(rows_of(answer)[1]));
  CHECK(reason_of(rows_of(answer)[1]) == "NO_ENTRY: why");
  CHECK(reason_of(rows_of(answer)[0]).empty());
}

TEST_CASE("a file is dropped whole, closed to others, over the old one", "[ctl]") {
  const TempDir dir;
  const auto folder = dir.path("plugins");
  std::filesystem::create_directory(folder);
  std::ofstream(folder + "/it.so") << "old";
  const PluginFile plugin{{std::byte{'n'}, std::byte{'e'}, std::byte{'w'}}, {}, {}};
  REQUIRE(drop(plugin, folder, "it.so"));
  std::string text;
  std::ifstream(folder + "/it.so") >> text;
  CHECK(text == "new");
  const auto mode = std::filesystem::status(folder + "/it.so").permissions();
  CHECK(mode == std::filesystem::perms{0755});
  // A folder stands where the file belongs: nothing is left of the attempt.
  std::filesystem::create_directories(folder + "/dir.so/full");
  CHECK(drop(plugin, folder, "dir.so").error().code == "CTL-205");
  const auto left = std::distance(std::filesystem::directory_iterator(folder),
                                  std::filesystem::directory_iterator{});
  CHECK(left == 2);
}

}  // namespace backstage::ctl
