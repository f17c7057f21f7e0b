// The service manager's socket.
#include "daemon/notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/daemon/temp_dir.hpp"
#include "tests/support/catch.hpp"

namespace backstage::daemon {
namespace {

// The service manager's end.
class Receiver {
 public:
  Receiver(const char* path, std::size_t size) : fd_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path, size);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), length) == 0);
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  ~Receiver() { ::close(fd_); }
  [[nodiscard]] std::string take() const {
    char buffer[256];
    const auto size = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    return size < 0 ? "nothing" : std::string{buffer, static_cast<std::size_t>(size)};
  }

 private:
  int fd_;
};

}  // namespace

TEST_CASE("the service manager is told over its path or abstract socket", "[daemon]") {
  const TempDir dir;
  const auto path = dir.path("notify");
  const Receiver receiver{path.c_str(), path.size()};
  CHECK(notify("READY=1\n", path.c_str()) == Notified::sent);
  CHECK(receiver.take() == "READY=1\n");

  const auto abstract = "@backstage-test-" + std::to_string(::getpid());
  auto address = abstract;
  address[0] = '\0';
  const Receiver hidden{address.data(), address.size()};
  ::setenv("NOTIFY_SOCKET", abstract.c_str(), 1);
  CHECK(notify_ready("3 actors\nREADY=0") == Notified::sent);
  CHECK(hidden.take() == "READY=1\nSTATUS=3 actors READY=0\n");
  CHECK(notify_stopping("draining") == Notified::sent);
  CHECK(hidden.take() == "STOPPING=1\nSTATUS=draining\n");
  CHECK(notify_status("fine") == Notified::sent);
  CHECK(hidden.take() == "STATUS=fine\n");
  ::unsetenv("NOTIFY_SOCKET");
  CHECK(notify_ready("x") == Notified::nobody_asked);
  CHECK(hidden.take() == "nothing");
}

TEST_CASE("a service manager that is not there is no reason to stop", "[daemon]") {
  CHECK(notify("READY=1", "") == Notified::nobody_asked);
  CHECK(notify("READY=1", "/nonexistent/socket") == Notified::failed);
  CHECK(notify("READY=1", "relative") == Notified::failed);
  CHECK(notify("READY=1", ('/' + std::string(200, 'a')).c_str()) == Notified::failed);
}

}  // namespace backstage::daemon
