// Endpoints: what is bound, who else may, and every way it can fail with what to do.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "daemon/transport/endpoint.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/gateway_service.hpp"
#include "tests/support/zmq_client.hpp"

namespace backstage::gateway::test {
namespace {

using backstage::test::ZmqClient;
namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "gateway-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

Options only_cmd(const std::string& address) {
  Options options;
  options.epoch = "e10e9ffb";
  options.cmd = {{address}};
  return options;
}

std::string ipc(const fs::path& path) { return "ipc://" + path.string(); }

StartError start_error(const Options& options) {
  GatewayService service(options);
  const auto started = service.gateway.start();
  return started ? StartError{{}, 0, "it started"} : started.error();
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

void check_serves(const std::string& address) {
  ZmqClient::Context context;
  ZmqClient client(context, ZMQ_DEALER);
  client.connect(address);
  CHECK(client.ask("PING x") == "PONG epoch=e10e9ffb subs=0 x");
}

TEST_CASE("a port of * is any free one, and is told", "[gateway][zmq]") {
  GatewayService service(GatewayService::loopback());
  const auto bound = service.gateway.start();
  REQUIRE(bound);
  REQUIRE(bound->cmd.size() == 1);
  CHECK(bound->cmd[0].starts_with("tcp://127.0.0.1:"));
  CHECK_FALSE(contains(bound->cmd[0], "*"));
  check_serves(bound->cmd[0]);
}

TEST_CASE("a port in use is named with what to do, and nothing is half-started", "[gateway][zmq]") {
  GatewayService first(only_cmd("tcp://127.0.0.1:*"));
  const auto bound = first.gateway.start();
  REQUIRE(bound);
  Folder folder;
  auto options = only_cmd(ipc(folder / "cmd.sock"));
  options.ingest = {{bound->cmd[0]}};
  const auto error = start_error(options);
  CHECK(error.endpoint == bound->cmd[0]);
  CHECK(error.code == EADDRINUSE);
  CHECK(contains(error.text, bound->cmd[0]));
  CHECK(contains(error.text, "choose another port"));
  CHECK_FALSE(fs::exists(folder / "cmd.sock"));
  CHECK_FALSE(fs::exists(folder / "cmd.sock.lock"));
  check_serves(bound->cmd[0]);
}

TEST_CASE("an ipc socket has its mode and goes with the gateway", "[gateway][zmq]") {
  Folder folder;
  for (const unsigned mode : {0600U, 0660U}) {
    auto options = only_cmd(ipc(folder / "cmd.sock"));
    options.cmd[0].mode = mode;
    {
      GatewayService service(options);
      REQUIRE(service.gateway.start());
      struct stat info{};
      REQUIRE(::stat((folder / "cmd.sock").c_str(), &info) == 0);
      CHECK((info.st_mode & 0777U) == mode);
      check_serves(options.cmd[0].address);
    }
    CHECK_FALSE(fs::exists(folder / "cmd.sock"));
    CHECK_FALSE(fs::exists(folder / "cmd.sock.lock"));
  }
}

TEST_CASE("one gateway serves ipc and tcp together", "[gateway][zmq]") {
  Folder folder;
  auto options = only_cmd(ipc(folder / "a.sock"));
  options.cmd.push_back({"tcp://127.0.0.1:*"});
  options.cmd.push_back({ipc(folder / "b.sock")});
  GatewayService service(options);
  const auto bound = service.gateway.start();
  REQUIRE(bound);
  REQUIRE(bound->cmd.size() == 3);
  for (const auto& address : bound->cmd) check_serves(address);
}

TEST_CASE("a second daemon on an ipc path is refused and the first keeps serving",
          "[gateway][zmq]") {
  Folder folder;
  const auto options = only_cmd(ipc(folder / "cmd.sock"));
  GatewayService first(options);
  REQUIRE(first.gateway.start());
  const auto error = start_error(options);
  CHECK(error.code == EADDRINUSE);
  CHECK(contains(error.text, "another backstaged serves it"));
  check_serves(options.cmd[0].address);
}

TEST_CASE("the socket a crash left behind is taken over", "[gateway][zmq]") {
  Folder folder;
  const auto path = folder / "cmd.sock";
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  ::close(fd);
  std::ofstream(path.string() + ".lock") << "";
  GatewayService service(only_cmd(ipc(path)));
  REQUIRE(service.gateway.start());
  check_serves(ipc(path));
}

TEST_CASE("what cannot be bound is said with a reason and a remedy", "[gateway][zmq]") {
  Folder folder;
  std::ofstream(folder / "file") << "precious";
  auto no_group = only_cmd(ipc(folder / "g.sock"));
  no_group.cmd[0].group = "no-such-group-here";
  const std::vector<std::pair<Options, std::string>> rows{
      {only_cmd(ipc(folder / "file")), "no socket is in its place"},
      {only_cmd(ipc(folder / "missing" / "cmd.sock")), "create the directory first"},
      {only_cmd(ipc(folder / std::string(120, 'x').c_str())), "use a shorter"},
      {only_cmd("ipc://@abstract"), "must name a file"},
      {no_group, "there is no group 'no-such-group-here'"},
      {only_cmd("tcp://0.0.0.0:*"), "open to other machines"},
      {only_cmd("tcp://*:7770"), "open to other machines"},
      {only_cmd("tcp://192.0.2.1:7770"), "open to other machines"},
      {only_cmd("tcp://127.0.0.1:99999"), "an endpoint is tcp://ADDRESS:PORT"},
      {only_cmd("tcp://127.0.0.1"), "an endpoint is tcp://ADDRESS:PORT"},
      {only_cmd("tcp://127.0.0.1:"), "an endpoint is tcp://ADDRESS:PORT"},
      {only_cmd("nonsense"), "an endpoint is tcp://ADDRESS:PORT"},
      {only_cmd("udp://127.0.0.1:1"), "an endpoint is tcp://ADDRESS:PORT"},
  };
  for (const auto& [options, expected] : rows) {
    INFO(options.cmd[0].address);
    const auto error = start_error(options);
    INFO(error.text);
    CHECK(error.code != 0);
    CHECK(error.endpoint == options.cmd[0].address);
    CHECK(contains(error.text, options.cmd[0].address));
    CHECK(contains(error.text, expected));
  }
  CHECK(fs::file_size(folder / "file") == 8);
}

TEST_CASE("only loopback and ipc are local", "[gateway]") {
  for (const auto* local : {"tcp://127.0.0.1:1", "tcp://127.8.9.1:*", "tcp://[::1]:1",
                            "tcp://localhost:1", "ipc:///x"}) {
    INFO(local);
    CHECK(transport::is_local(local));
  }
  for (const auto* remote : {"tcp://0.0.0.0:1", "tcp://*:1", "tcp://[::]:1", "tcp://10.0.0.1:1",
                             "tcp://127.evil.example:1", "tcp://eth0:1", "", "tcp://"}) {
    INFO(remote);
    CHECK_FALSE(transport::is_local(remote));
    CHECK_FALSE(transport::is_loopback(remote));
  }
}

TEST_CASE("loopback is told by its number, not by a name that may mean anything", "[gateway]") {
  for (const auto* loopback : {"tcp://127.0.0.1:1", "tcp://127.8.9.1:*", "tcp://[::1]:1"}) {
    CHECK(transport::is_loopback(loopback));
  }
  for (const auto* other : {"tcp://localhost:1", "ipc:///x", "ipc://127.0.0.1"}) {
    CHECK_FALSE(transport::is_loopback(other));
  }
}

}  // namespace
}  // namespace backstage::gateway::test
