// The driver of the C++ client for the behaviour suite: DRIVER.md over stdin and stdout.
#include <poll.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "clients/cpp/backstage/client.hpp"

namespace {

using Json = nlohmann::json;
using namespace backstage;
using std::chrono::milliseconds;

void write(const Json& line) { std::cout << line.dump() << '\n' << std::flush; }

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4U];
    text += digits[static_cast<unsigned char>(byte) & 15U];
  }
  return text;
}

std::string unhex(std::string_view text) {
  const auto digit = [](char one) { return one <= '9' ? one - '0' : one - 'a' + 10; };
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes += static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
  }
  return bytes;
}

// A key that may be missing or null.
template <class T>
T given(const Json& object, const char* key, T fallback) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? std::move(fallback) : found->get<T>();
}
std::string text(const Json& object, const char* key) {
  return given<std::string>(object, key, {});
}
milliseconds time(const Json& object, const char* key, milliseconds fallback) {
  return milliseconds{given<std::int64_t>(object, key, fallback.count())};
}

// How a command ends that failed.
struct Failed {
  client::error why;
};
template <class T>
T value_of(client::outcome<T> got) {
  if (!got) throw Failed{got.error()};
  return *std::move(got);
}
Json receipt_of(const client::reply& it) {
  return {{"n", it.number("n")}, {"full", it.number("full")}};
}

client::options options_of(const Json& command) {
  client::options with;
  with.name = text(command, "name");
  with.ttl = std::chrono::seconds{given<std::int64_t>(command, "ttl", 0)};
  with.timeout = time(command, "timeout_ms", with.timeout);
  with.ping = time(command, "ping_ms", with.ping);
  if (const auto curve = command.find("curve"); curve != command.end() && curve->is_object()) {
    with.curve = {text(*curve, "server"), text(*curve, "public"), text(*curve, "secret")};
  }
  with.on_refused = [](const client::error& why) {
    write({{"event", "refused"}, {"code", why.number}, {"token", why.token}});
  };
  with.on_session = [](const std::string& kind, const std::string& reason) {
    write({{"event", "session"}, {"kind", kind}, {"reason", reason}});
  };
  return with;
}

class Driver {
 public:
  // Until the end of stdin.
  void run() {
    while (true) {
      if (session_) session_->poll(milliseconds{2});
      if (!take_line(session_ ? 0 : -1)) return;
    }
  }

 private:
  // One command, if one is there within that time; false at the end of stdin.
  bool take_line(int wait_ms) {
    auto end = typed_.find('\n');
    pollfd in{STDIN_FILENO, POLLIN, 0};
    while (end == std::string::npos) {
      if (::poll(&in, 1, wait_ms) <= 0) return true;
      std::array<char, 65'536> buffer{};
      const auto size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
      if (size <= 0) return false;
      typed_.append(buffer.data(), static_cast<std::size_t>(size));
      end = typed_.find('\n');
    }
    const auto command = Json::parse(typed_.substr(0, end));
    typed_.erase(0, end + 1);
    const auto& tag = command.at("tag");
    try {
      Json done{{"done", tag}};
      done.update(act(text(command, "do"), command));
      write(done);
    } catch (const Failed& failed) {
      const auto& why = failed.why;
      write({{"failed", tag},
             {"code", why.number},
             {"token", why.token},
             {"text", why.text},
             {"next", why.next},
             {"retryable", why.is_retryable()}});
    }
    return true;
  }

  Json act(const std::string& verb, const Json& command) {
    if (verb == "connect") return connect(command);
    if (verb == "close") return close();
    if (!session_) throw Failed{{0, "closed", "the client is closed", "connect"}};
    if (verb == "send") return send(command);
    if (verb == "request") return request(command);
    if (verb == "publish") return publish(command);
    if (verb == "subscribe") return subscribe(command);
    if (verb == "batch") return batch(command);
    if (verb == "get") return get(command);
    if (verb == "watch") return watch(text(command, "actor"));
    if (verb == "serve") return serve();
    if (verb == "ping") return {{"epoch", value_of(session_->ping()).key("epoch")}};
    if (verb == "unsubscribe") {
      value_of(session_->unsubscribe(text(command, "pattern")));
    } else if (verb == "unwatch") {
      value_of(session_->unwatch(text(command, "actor")));
    } else {
      throw std::invalid_argument("no such command: " + verb);
    }
    return Json::object();
  }

  Json connect(const Json& command) {
    const auto with = options_of(command);
    session_.emplace(text(command, "endpoint"), with);
    if (const auto opened = session_->open(with.timeout); !opened) {
      session_.reset();
      throw Failed{opened.error()};
    }
    return {{"name", session_->name()},
            {"epoch", session_->epoch()},
            {"ttl", with.ttl.count()},
            {"batch", true}};
  }
  Json close() {
    if (session_) session_->close();
    session_.reset();
    return Json::object();
  }
  static client::command command_of(const Json& it) {
    client::command made{.payload = unhex(text(it, "hex"))};
    made.with = {.type = text(it, "type"),
                 .is_retained = given(it, "retain", false),
                 .timeout = time(it, "timeout_ms", {})};
    const bool is_publish = text(it, "do") == "publish";
    made.verb = is_publish ? "PUB" : "SEND";
    made.target = text(it, is_publish ? "address" : "actor");
    return made;
  }
  Json send(const Json& command) {
    const auto it = command_of(command);
    if (!given(command, "confirm", true)) {
      tell_refusal_of(it);
    } else {
      value_of(session_->send(it.target, it.payload, it.with));
    }
    return Json::object();
  }
  Json request(const Json& command) {
    const auto it = command_of(command);
    const auto got = value_of(session_->request(it.target, it.payload, it.with));
    return {{"hex", hex(got.payload)}, {"type", got.key("type")}};
  }
  Json publish(const Json& command) {
    const auto it = command_of(command);
    return receipt_of(given(command, "confirm", true)
                          ? value_of(session_->publish(it.target, it.payload, it.with))
                          : tell_refusal_of(it));
  }
  // What this library has instead of commands without id: nobody waits for the answer.
  client::reply tell_refusal_of(const client::command& it) {
    session_->start(it, [](const client::outcome<client::reply>& got) {
      if (got) return;
      write({{"event", "refused"}, {"code", got.error().number}, {"token", got.error().token}});
    });
    return {};
  }
  Json subscribe(const Json& command) {
    const auto pattern = client::with_topic(text(command, "pattern"));
    const auto pause = time(command, "handler_ms", {});
    const client::call_options with{.wants_snapshot = given(command, "snap", false),
                                    .over = text(command, "over"),
                                    .window = given<std::uint32_t>(command, "window", 0),
                                    .is_acked = given(command, "ack", false)};
    const auto on_message = [pattern, pause](const client::message& it) {
      write({{"event", "message"},
             {"pattern", pattern},
             {"address", it.address},
             {"seq", it.seq},
             {"sender", it.sender},
             {"type", it.type},
             {"hex", hex(it.payload)},
             {"snap", it.is_snapshot},
             {"redelivered", it.is_redelivered}});
      std::this_thread::sleep_for(pause);
    };
    const auto on_gap = [pattern](const client::gap& it) {
      write({{"event", "gap"},
             {"pattern", pattern},
             {"address", it.address},
             {"first", it.first},
             {"last", it.last},
             {"reason", it.reason}});
    };
    const auto got =
        value_of(session_->subscribe(text(command, "pattern"), with, on_message, on_gap));
    return {{"seq", got.key("seq").empty() ? Json(nullptr) : Json(got.number("seq"))},
            {"window", with.window},
            {"ack", with.is_acked}};
  }
  Json batch(const Json& command) {
    std::vector<client::command> entries;
    for (const auto& it : command.at("entries")) entries.push_back(command_of(it));
    Json outcomes = Json::array();
    const auto got = session_->batch(entries);
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (!got[i]) {
        outcomes.push_back({{"code", got[i].error().number}, {"token", got[i].error().token}});
      } else {
        outcomes.push_back(entries[i].verb == "PUB" ? receipt_of(*got[i]) : Json::object());
      }
    }
    return {{"outcomes", outcomes}};
  }
  Json get(const Json& command) {
    const auto got = value_of(session_->get(text(command, "address")));
    return {{"address", got.address},
            {"seq", got.seq},
            {"sender", got.sender},
            {"type", got.type},
            {"hex", hex(got.payload)}};
  }
  Json watch(const std::string& actor) {
    value_of(session_->watch(actor, [actor](const std::string& reason) {
      write({{"event", "down"}, {"actor", actor}, {"reason", reason}});
    }));
    return Json::object();
  }
  Json serve() {
    session_->serve([this](const client::message& it) {
      write({{"event", "mail"},
             {"sender", it.sender},
             {"type", it.type},
             {"hex", hex(it.payload)},
             {"asked", it.request != 0}});
      if (it.type == "mute") return;
      if (it.type == "fail") throw std::runtime_error("this handler fails");
      if (it.type == "refuse") return session_->refuse(it, 404, "no_value");
      session_->reply_to(it, it.payload, "served");
    });
    return Json::object();
  }
  std::string typed_;
  std::optional<client::connection> session_;
};

}  // namespace

int main(int argc, char**) {
  // With an argument: what this library leaves out (DRIVER.md).
  if (argc > 1) {
    std::cout << "retry sync older_daemons\n";
    return 0;
  }
  try {
    Driver().run();
  } catch (const std::exception& error) {
    std::cerr << "client_driver: " << error.what() << '\n';
    return 70;
  }
  return 0;
}
