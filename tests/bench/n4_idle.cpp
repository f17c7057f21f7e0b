// N4: resident bytes of the broker (--pid) for each idle session, --n of them, each with its own
// connection and one subscription.
#include <fstream>

#include "tests/bench/zmtp.hpp"

using namespace backstage::bench;

namespace {

double resident_bytes_of(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/statm");
  double all = 0;
  double resident = 0;
  if (!(file >> all >> resident)) give_up("--pid", pid, "give the broker's process id");
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

Zmtp subscriber(long port, const std::string& topic) {
  Zmtp client(port, "DEALER");
  client.send("SUB bench/" + topic + " id=1");
  if (const auto answer = client.next_frame(); !answer.starts_with("OK 1")) {
    give_up("a subscription", answer, "raise the broker's limit of sessions");
  }
  return client;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const long port = arguments.number("--port", 15600);
  const long sessions = arguments.number("--n", 9'000);
  const std::string pid = arguments.text("--pid", "");
  std::vector<Zmtp> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(subscriber(port, "warm." + std::to_string(i)));
  const double before = resident_bytes_of(pid);
  for (long i = 0; i < sessions; ++i) {
    clients.push_back(subscriber(port, "idle." + std::to_string(i)));
  }
  report("N4", "conns=" + std::to_string(sessions),
         (resident_bytes_of(pid) - before) / static_cast<double>(sessions), "bytes/conn",
         arguments.text("--peer", "backstage"));
}
