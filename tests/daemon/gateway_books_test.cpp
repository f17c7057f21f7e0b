// Whatever is published, taken, acknowledged, cut and resumed: each number arrives first once, or
// is in one GAP, in order. Against a client that keeps its books as PROTOCOL.md says.
#include <map>
#include <optional>
#include <random>
#include <sstream>

#include "tests/daemon/gateway_resume.hpp"

namespace backstage::gateway::test {
namespace {

struct Read {
  std::string verb;
  std::uint64_t sub = 0;
  std::string address;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool is_again = false;  // redelivered, or a GAP of a resume

  explicit Read(const std::string& line) {
    std::istringstream words(line.substr(0, line.find('\n')));
    words >> verb >> sub >> address >> first;
    last = first;
    if (verb == "GAP") words >> last;
    is_again = line.find(" redelivered=1") != std::string::npos || line.ends_with(" resume");
  }
};

// One subscription as its client sees it.
struct Books {
  bool acks = false;
  std::size_t window = 0;  // 0: none
  std::map<std::string, std::uint64_t> next{};
  std::vector<std::uint64_t> flying{};  // numbers of MSG, in the order they came
  std::string wrong{};

  void read(const std::string& line) {
    const Read one(line);
    if (one.verb != "MSG" && one.verb != "GAP") return;
    auto& expected = next.try_emplace(one.address, 1).first->second;
    const bool covers_past = one.verb == "GAP" && one.is_again && !acks;
    if (covers_past) {
      expected = std::max(expected, one.last + 1);
      return;
    }
    // What comes again is known, or else it is news and must be the next.
    const bool is_known = one.is_again && one.last < expected;
    const bool is_wider = one.verb == "GAP" && one.is_again && one.first < expected;
    if (!is_known && !is_wider && one.first != expected)
      note("expected " + std::to_string(expected), line);
    expected = std::max(expected, one.last + 1);
    if (one.verb != "MSG") return;
    flying.push_back(one.first);
    if (window != 0 && flying.size() > window) note("over its window", line);
  }
  void note(const std::string& what, const std::string& line) {
    if (wrong.empty()) wrong = what + ": " + line;
  }
};

class Player {
 public:
  explicit Player(std::uint32_t seed)
      : random_(seed),
        world_(options(4 + pick(30))),
        client_(world_.dealer()),
        feed_(world_.dealer()) {
    books_.acks = pick(2) == 0;
    if (books_.acks || pick(2) == 0) books_.window = 1 + pick(12);
    is_pattern_ = pick(2) == 0;
    token_ = open(*client_, "name=desk ttl=60");
    static const std::vector<std::string> overs{"oldest", "newest", "conflate"};
    std::string sub = is_pattern_ ? "SUB a/> id=1 over=" : "SUB a/x id=1 over=";
    sub += overs.at(pick(overs.size()));
    if (books_.window != 0) sub += " window=" + std::to_string(books_.window);
    if (books_.acks) sub += " ack=1";
    client_->say(sub);
  }

  void play(int steps) {
    for (int i = 0; i < steps; ++i) step();
    client_->take_all();
    // Until nothing more comes: what waits behind a window comes with ACKs.
    do {
      read_all();
      acknowledge(books_.flying.size());
    } while (!client_is_quiet());
    for (const auto& [address, count] : published_) {
      INFO(address);
      CHECK(books_.next[address] == count + 1);
    }
    CHECK(books_.wrong == "");
    CHECK(world_.stage.ledger().is_balanced());
  }
  [[nodiscard]] std::uint64_t redelivered() const { return world_.counters.redelivered.get(); }

 private:
  static Options options(std::size_t messages) {
    auto options = GatewayWorld::default_options();
    options.limits.session_messages_max = static_cast<std::uint32_t>(messages);
    return options;
  }
  std::size_t pick(std::size_t below) { return random_() % below; }

  void step() {
    switch (pick(8)) {
      case 0:
        client_->take_only(pick(10));
        break;
      case 1:
        client_->take_all();
        break;
      case 2:
        read_all();
        break;
      case 3:
        read_all();
        if (!books_.flying.empty()) acknowledge(1 + pick(books_.flying.size()));
        break;
      case 4:
        if (pick(4) == 0) cut();
        break;
      default: {
        const std::string address = is_pattern_ && pick(2) == 0 ? "a/y" : "a/x";
        const auto count = 1 + pick(12);
        publish(feed_, address, static_cast<int>(count));
        published_[address] += count;
      }
    }
  }
  void read_all() {
    for (const auto& line : client_->heard()) books_.read(line);
  }
  bool client_is_quiet() { return world_.transport.lines[client_->id()].heard.empty(); }
  // The first `count` of what came and is not acknowledged.
  void acknowledge(std::size_t count) {
    if (books_.window == 0 || count == 0) return books_.flying.clear();
    // The number stands for the last message that has it.
    const auto seq = books_.flying[count - 1];
    while (count < books_.flying.size()) {
      const auto again = std::find(books_.flying.begin() + static_cast<std::ptrdiff_t>(count),
                                   books_.flying.end(), seq);
      if (again == books_.flying.end()) break;
      count = static_cast<std::size_t>(again - books_.flying.begin()) + 1;
    }
    books_.flying.erase(books_.flying.begin(),
                        books_.flying.begin() + static_cast<std::ptrdiff_t>(count));
    client_->say("ACK 1 " + std::to_string(seq));
  }
  // The connection takes with it what the client has not read, and mail comes meanwhile.
  void cut() {
    const auto heard = client_->heard();
    const auto kept = pick(heard.size() + 1);
    for (std::size_t i = 0; i < kept; ++i) books_.read(heard[i]);
    client_->leave();
    books_.flying.clear();
    const auto missed = pick(20);
    publish(feed_, "a/x", static_cast<int>(missed));
    published_["a/x"] += missed;
    client_.emplace(world_.dealer());
    if (pick(2) == 0) client_->take_only(1 + pick(5));
    client_->say("HELLO v=1 resume=" + token_ + " ttl=60");
  }

  std::mt19937 random_;
  GatewayWorld world_;
  std::optional<FakeClient> client_;
  FakeClient feed_;
  Books books_;
  bool is_pattern_ = false;
  std::string token_;
  std::map<std::string, std::uint64_t> published_;
};

TEST_CASE("each number comes first once or is in one GAP, whatever is cut and resumed",
          "[gateway]") {
  std::uint64_t redelivered = 0;
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    Player player(seed);
    player.play(120);
    redelivered += player.redelivered();
  }
  CHECK(redelivered > 100);
}

}  // namespace
}  // namespace backstage::gateway::test
