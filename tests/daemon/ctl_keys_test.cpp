// Keys of backstagectl: the files it takes, those it refuses and how, and endpoints that want none
// or others.
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "daemon/ctl/handshake.hpp"
#include "daemon/ctl/keys.hpp"
#include "daemon/policy/z85.hpp"
#include "tests/daemon/temp_dir.hpp"
#include "tests/support/catch.hpp"

namespace backstage::ctl {
using daemon::TempDir;

namespace {

struct Pair {
  std::string open = std::string(policy::key_digits + 1, '\0');
  std::string secret = open;
  Pair() {
    REQUIRE(zmq_curve_keypair(open.data(), secret.data()) == 0);
    open.pop_back();
    secret.pop_back();
  }
};

// Both files as keygen writes them.
struct Files {
  TempDir dir;
  Pair server;
  Pair own;
  KeyFiles paths{write("server.key", server.open, 0644),
                 write("desk.key_secret", own.secret, 0600)};

  std::string write(const std::string& name, const std::string& text, mode_t mode) const {
    const auto path = dir.path(name);
    std::ofstream(path) << "# a comment\n" << text << '\n';
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    return path;
  }
  [[nodiscard]] client::curve_keys keys() const { return {server.open, own.open, own.secret}; }
};

// An endpoint that shakes hands and says nothing.
struct Place {
  zmq::context_t context{1};
  zmq::socket_t socket{context, zmq::socket_type::router};
  std::string endpoint;

  explicit Place(const Pair* keys) {
    socket.set(zmq::sockopt::linger, 0);
    if (keys != nullptr) {
      socket.set(zmq::sockopt::curve_server, true);
      socket.set(zmq::sockopt::curve_secretkey, keys->secret);
    }
    socket.bind("tcp://127.0.0.1:*");
    endpoint = socket.get(zmq::sockopt::last_endpoint);
  }
  [[nodiscard]] std::string code(const client::curve_keys& keys) const {
    const auto fault = fault_of_handshake(endpoint, keys, {"server.key", "desk.key_secret"});
    return fault ? fault->code : std::string{};
  }
};

}  // namespace

TEST_CASE("both key files make the keys of a client, and none makes none", "[ctl]") {
  const Files files;
  const auto keys = read_keys(files.paths);
  REQUIRE(keys);
  CHECK(keys->server == files.server.open);
  CHECK(keys->own_public == files.own.open);
  CHECK(keys->own_secret == files.own.secret);
  const auto none = read_keys({});
  REQUIRE(none);
  CHECK(none->server.empty());
}

TEST_CASE("key files are named by options, else by the environment", "[ctl]") {
  Options options;
  options.keys = {"a.key", "b.key_secret"};
  ::setenv("BACKSTAGED_SERVER_KEY", "c.key", 1);
  ::setenv("BACKSTAGED_KEY", "", 1);
  CHECK(key_files_of(options).server == "a.key");
  CHECK(key_files_of(options).own == "b.key_secret");
  CHECK(key_files_of({}).server == "c.key");
  CHECK(key_files_of({}).own.empty());
  ::unsetenv("BACKSTAGED_SERVER_KEY");
  ::unsetenv("BACKSTAGED_KEY");
  const std::vector<const char*> words{"backstagectl", "--server-key", "s.key", "stats",
                                       "--key=k.key_secret"};
  const auto parsed = parse_arguments(static_cast<int>(words.size()), words.data(), "1.2.3");
  REQUIRE(parsed);
  CHECK(parsed->keys.server == "s.key");
  CHECK(parsed->keys.own == "k.key_secret");
}

TEST_CASE("what is wrong with a key file is named, with a code and what to do", "[ctl]") {
  const Files files;
  const auto& [server, own] = files.paths;
  const auto junk = files.write("junk", "this is no key", 0600);
  const auto shared = files.write("shared.key_secret", files.own.secret, 0640);
  const auto loose = files.write("loose.key", files.server.open, 0666);
  const auto mistaken = files.write("desk.key", files.own.open, 0644);
  struct Row {
    KeyFiles given;
    const char* code;
    int exit;
    std::string where;
    const char* next;
  };
  const std::vector<Row> rows{
      {{server, ""}, "CTL-505", exit_code::usage, server, "BACKSTAGED_KEY"},
      {{"", own}, "CTL-505", exit_code::usage, own, "BACKSTAGED_SERVER_KEY"},
      {{"/nowhere", own}, "CTL-506", exit_code::not_found, "/nowhere", "who runs the daemon"},
      {{server, "/nowhere"}, "CTL-506", exit_code::not_found, "/nowhere", "keygen"},
      {{junk, own}, "CTL-507", exit_code::refused, junk, "40 characters"},
      {{server, junk}, "CTL-507", exit_code::refused, junk, "NAME.key_secret"},
      {{server, "/dev/null"}, "CTL-507", exit_code::refused, "/dev/null", "--key"},
      {{server, shared}, "CTL-508", exit_code::permission, shared, "chmod 600"},
      {{server, mistaken}, "CTL-508", exit_code::permission, mistaken, "NAME.key_secret"},
      {{loose, own}, "CTL-508", exit_code::permission, loose, "chmod go-w"}};
  for (const auto& [given, code, exit, where, next] : rows) {
    const auto read = read_keys(given);
    REQUIRE_FALSE(read);
    const auto& fault = read.error();
    INFO(render(fault));
    CHECK(fault.code == code);
    CHECK(fault.exit == exit);
    CHECK(fault.where == where);
    CHECK_FALSE(fault.why.empty());
    CHECK(fault.next.find(next) != std::string::npos);
    CHECK(render(fault).find(files.own.secret) == std::string::npos);
  }
}

TEST_CASE("an endpoint that does not answer for keys is told from one that is not there", "[ctl]") {
  const Files files;
  const Pair other;
  auto with_other_server = files.keys();
  with_other_server.server = other.open;
  const Place locked(&files.server);
  const Place open(nullptr);
  CHECK(mechanism_of(locked.endpoint) == "CURVE");
  CHECK(mechanism_of(open.endpoint) == "NULL");
  CHECK(locked.code({}) == "CTL-509");
  CHECK(locked.code(with_other_server) == "CTL-510");
  CHECK(open.code(files.keys()) == "CTL-512");
  CHECK(locked.code(files.keys()).empty());
  CHECK(open.code({}).empty());
  for (const char* const nobody : {"tcp://127.0.0.1:1", "ipc:///nowhere/cmd.sock", "no endpoint"}) {
    INFO(nobody);
    CHECK_FALSE(mechanism_of(nobody));
    CHECK_FALSE(fault_of_handshake(nobody, files.keys(), files.paths));
    CHECK_FALSE(fault_of_handshake(nobody, {}, {}));
  }
}

}  // namespace backstage::ctl
