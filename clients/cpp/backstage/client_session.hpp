/// One session of the C++ client: its calls and deliveries, which outlive a lost connection.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "client_wire.hpp"

namespace backstage::client {

using clock = std::chrono::steady_clock;
using answer = outcome<reply>;

// Shared by the table and the deliveries that wait, which may be the last to need it.
struct subscription {
  command it;
  std::function<void(const message&)> on_message;
  std::function<void(const gap&)> on_gap;
  std::map<std::string, std::uint64_t> had{};  // of each address the last that came
  bool is_live = true;
};
using subscription_ptr = std::shared_ptr<subscription>;
// One command under way. It stays whole until its answer: it may have to be sent again.
struct call {
  command it{};
  std::function<void(answer)> then = [](const answer&) {};
  clock::time_point expires = clock::time_point::max();
  subscription_ptr sub{};  // that of a SUB
  bool is_post = false;    // nothing answers it, and it means nothing to another session
  bool is_sent = false, is_probed = false;
  // When a PING asks whether the daemon lives at all.
  [[nodiscard]] auto probe_at() const {
    return expires - std::min(it.with.timeout / 2, milliseconds{1'000});
  }
};

class session final {
 public:
  enum class state : std::uint8_t { down, greeting, up };

  session(std::string place, options with) : with_(std::move(with)), place_(std::move(place)) {
    connect();
  }
  [[nodiscard]] bool is_up() const noexcept { return state_ == state::up; }
  // `then` is called once, by step() or at once.
  void begin(command it, std::function<void(answer)> then, subscription_ptr sub = {}) {
    if (auto why = ended_ ? ended_ : mistake_in(it, payload_max_))
      return then(std::unexpected(*why));
    if (it.with.timeout.count() == 0) it.with.timeout = with_.timeout;
    // Of a request the daemon keeps the deadline; its answer needs time to arrive.
    const auto grace = it.verb == "REQ" ? second : milliseconds{0};
    const auto expires = clock::now() + it.with.timeout + grace;
    calls_[++last_id_] = {std::move(it), std::move(then), expires, std::move(sub)};
  }
  answer ask(command it, subscription_ptr sub = {}) {
    std::optional<answer> got;
    begin(std::move(it), [&got](answer one) { got = std::move(one); }, std::move(sub));
    while (!got) step(clock::time_point::max());
    return *std::move(got);
  }
  void post(command it) {
    if (!ended_) calls_[++last_id_] = {.it = std::move(it), .is_post = true};
  }
  [[nodiscard]] error unanswered(const call& one) const {
    const auto after = " within " + std::to_string(one.it.with.timeout.count()) + " ms; ";
    if (!one.is_sent) {
      return {0, "unreachable", one.it.what() + " was not sent" + after + why_down_,
              "start backstaged, or give the endpoint it wrote to its endpoints.json"};
    }
    const bool is_alive = one.is_probed && heard_at_ >= one.probe_at();
    const auto* said = is_alive ? " answers PING" : " does not answer PING either";
    const auto why = is_up() ? "the daemon at " + endpoint_ + said : why_down_;
    return {0, "no_answer", one.it.what() + ": no answer" + after + why,
            "give it more time, or see why the daemon is silent; it may have had effects"};
  }
  void flush() {
    while (is_up() && send_some()) {
    }
  }
  // One turn: waits until something happens, `until` at most, and takes it in. Calls no handler.
  void step(clock::time_point until) {
    flush();
    if (ended_) return;
    const auto now = clock::now();
    const auto wake = std::min({until, due(), calls_.empty() ? until : now + sweep_period});
    const bool is_stuck = is_up() && calls_.lower_bound(unsent_) != calls_.end();
    wire_.wait(std::chrono::ceil<milliseconds>(wake - now), is_stuck);
    take_in();
    keep_up(clock::now());
    sweep(clock::now());
    flush();
  }
  void refuse(const message& it, int number, const std::string& token, std::string text = {}) {
    if (it.request == 0 || !is_word(token)) return;
    const auto why = ' ' + std::to_string(number) + ' ' + token;
    post({"ERR", std::to_string(it.request) + why, std::move(text)});
  }
  void close() {
    flush();
    if (is_up()) wire_.push("BYE");
    const auto until = clock::now() + second;
    while (is_up() && clock::now() < until) step(until);
    end({0, "closed", "the client is closed", "open another"});
  }
  // Nothing comes after this.
  void end(error why) {
    if (ended_) return;
    wire_.close();
    state_ = state::down;
    ended_ = std::move(why);
    for (const auto& [id, one] : std::exchange(calls_, {})) one.then(std::unexpected(*ended_));
  }

  // What the verbs set and read.
  const options with_;
  std::string endpoint_{}, name_{}, epoch_{};
  std::optional<error> ended_{};  // why nothing goes any more
  std::map<std::uint64_t, subscription_ptr> subs_{};
  std::map<std::string, std::function<void(std::string)>> watches_{};
  std::function<void(const message&)> on_mail_{};
  std::deque<std::function<void()>> kept_{}, mail_{};  // calls of handlers, to be made by poll()

 private:
  static constexpr milliseconds second{1'000}, sweep_period{10};
  static constexpr std::size_t kept_max = 65'536, batch_bytes = 65'536, batch_max = 1'024;

  // Several together are one BATCH.
  bool send_some() {
    std::vector<std::uint64_t> ids;
    std::string line, packed;
    for (auto at = calls_.lower_bound(unsent_); at != calls_.end(); ++at) {
      if (ids.size() == batch_max || packed.size() >= batch_bytes) break;
      const auto& [id, one] = *at;
      if (one.is_sent) continue;
      line = one.it.verb == "PING" ? ping(id) : one.it.line(one.is_post ? 0 : id);
      pack(packed, line, one.it.payload);
      ids.push_back(id);
    }
    if (ids.empty()) return false;
    const bool is_one = ids.size() == 1;
    if (!is_one) line = command{"BATCH", std::to_string(ids.size())}.line(++last_id_);
    if (!wire_.push(line, is_one ? calls_[ids[0]].it.payload : packed)) return false;
    unsent_ = ids.back() + 1;
    for (const auto id : ids) calls_[id].is_sent = true;
    std::erase_if(calls_, [](const auto& one) { return one.second.is_post && one.second.is_sent; });
    return true;
  }
  // The end of one; the answer to an unknown id is late, or the second one.
  void settle(std::uint64_t id, answer got) {
    const auto one = calls_.extract(id);
    if (!one) return;
    if (got && one.mapped().sub) confirm(one.mapped().sub, *got);
    one.mapped().then(std::move(got));
  }
  void sweep(clock::time_point now) {
    if (now < sweep_at_) return;
    sweep_at_ = now + sweep_period;
    std::vector<std::uint64_t> over;
    for (auto& [id, one] : calls_) {
      const bool is_waiting = is_up() && one.is_sent && !one.is_probed;
      if (is_waiting && now >= one.probe_at()) one.is_probed = wire_.push(ping(0));
      if (now >= one.expires) over.push_back(id);
    }
    for (const auto id : over) settle(id, std::unexpected(unanswered(calls_[id])));
  }
  // On another connection, what was sent goes again: SEND and PUB with their ids, for the daemon
  // answers those again that it has executed; what may be done twice with new ids; requests of a
  // session that lives on are being answered. In another session nobody knows what has been done.
  void send_again(bool is_resumed) {
    unsent_ = 0;
    for (auto& [id, one] : std::exchange(calls_, {})) {
      const bool is_request = one.it.verb == "REQ";
      const bool is_once = is_request || one.it.verb == "SEND" || one.it.verb == "PUB";
      if (!is_resumed && one.is_post) continue;
      if (!is_resumed && is_once && one.is_sent) {
        const auto text = one.it.what() + ": the session ended before the answer: " + why_down_;
        one.then(std::unexpected(error{0, "lost", text, "find out whether it had effects"}));
        continue;
      }
      const auto now_as = is_once || !one.is_sent ? id : ++last_id_;
      one.is_sent &= is_request;
      calls_[now_as] = std::move(one);
    }
  }
  void connect() try {
    endpoint_ = endpoint_in(place_);
    if (endpoint_.empty()) return lost("no daemon has written its endpoints to " + place_);
    wire_.open(endpoint_, with_.curve);
    std::string hello = "v=1 frames=1 batch=1";
    if (with_.ttl.count() > 0) hello += " ttl=" + std::to_string(with_.ttl.count());
    if (!token_.empty()) hello += " resume=" + token_;
    if (token_.empty() && !with_.name.empty()) hello += " name=" + with_.name;
    wire_.push(command{"HELLO", hello}.line(hello_id_ = ++last_id_));
    state_ = state::greeting;
    timer_ = clock::now() + with_.timeout;
  } catch (const zmq::error_t& thrown) {
    lost(endpoint_ + ": " + thrown.what());
    if (is_greeted()) return;
    end({0, "bad_endpoint", why_down_, "give one such as tcp://127.0.0.1:7770, keys of 40 bytes"});
  }
  [[nodiscard]] bool is_greeted() const { return !epoch_.empty(); }
  void lost(std::string why) {
    if (is_up()) tell("disconnected", why);
    wire_.close();
    state_ = state::down;
    why_down_ = std::move(why);
    // Clients that lost one daemon do not come back all at once.
    timer_ = clock::now() + milliseconds{50 + random_() % 450};
  }
  void tell(const char* kind, std::string reason) {
    kept_.push_back([this, kind, why = std::move(reason)] { with_.on_session(kind, why); });
  }
  void tell_refused(error why) {
    kept_.push_back([this, why = std::move(why)] { with_.on_refused(why); });
  }
  // When something is to be done about a connection that is silent, or not there.
  [[nodiscard]] clock::time_point due() const {
    if (!is_up()) return timer_;
    return asked_at_ > heard_at_ ? asked_at_ + 2 * with_.ping : heard_at_ + with_.ping;
  }
  void keep_up(clock::time_point now) {
    if (ended_ || now < due()) return;
    if (state_ == state::down) return connect();
    if (state_ == state::greeting) return lost("no answer from " + endpoint_);
    if (asked_at_ > heard_at_) return lost("the daemon does not answer PING");
    if (wire_.push(ping(0))) asked_at_ = now;
  }
  // With what should be: fewer subscriptions than these are those of another session.
  [[nodiscard]] std::string ping(std::uint64_t id) const {
    return "PING " + std::to_string(id) + ':' + std::to_string(subs_.size());
  }
  void take_in() {
    // A connection that has ended is read to its end first.
    const auto event = wire_.ended();
    for (int left = 512; event != 0 || left > 0; --left) {
      auto it = wire_.receive();
      if (!it) break;
      heard_at_ = clock::now();
      handle(*std::move(it));
    }
    if (event == 0 || state_ == state::down) return;
    const auto* broken = is_up() ? "the connection broke: " : "other keys, or no ZeroMQ, at ";
    lost((event == ZMQ_EVENT_CONNECT_RETRIED ? "nobody listens at " : broken) + endpoint_);
  }
  void handle(reply it) {
    const auto verb = word(it.line, 0);
    if (verb == "MSG") return take_message(std::move(it));
    if (verb == "GAP") return take_gap(it.line);
    if (verb == "ERR") return take_refusal(it);
    if (verb == "PONG") return take_pong(std::move(it));
    if (verb == "WELCOME") return welcome(it);
    if (verb == "DOWN") return take_down(it.line);
    if (verb == "BYE") return take_bye(it);
    if (verb == "PING") wire_.push("PING");
    if (verb == "DRAINING") tell("draining", word(it.line, 1) + " ms");
    const auto take = [this](reply one) { handle(std::move(one)); };
    if (verb == "BATCH" && !unpack(it.payload, take)) lost("a BATCH does not add up");
    if (verb != "OK" && verb != "REP" && verb != "VAL") return;
    const auto id = number(word(it.line, 1));
    settle(id, std::move(it));
  }
  void welcome(const reply& it) {
    const bool is_first = !is_greeted(), is_same_epoch = it.key("epoch") == epoch_;
    const bool is_resumed = !token_.empty() && it.key("session") == token_ && is_same_epoch;
    name_ = it.key("name");
    epoch_ = it.key("epoch");
    payload_max_ = it.number("max_payload");
    if (with_.ttl.count() > 0) token_ = it.key("session");
    state_ = state::up;
    if (is_resumed) tell("resumed", {});
    if (!is_resumed && !is_first) set_again(is_same_epoch);
    send_again(is_resumed);
  }
  void set_again(bool is_same_epoch) {
    const auto why = is_same_epoch ? "the session ended" : "epoch " + epoch_ + ": a new daemon";
    // Told when the last of these calls has ended; of a renewal that was cut short, nothing.
    const std::shared_ptr<void> all(nullptr, [this, why, of = ++renewals_](void*) {
      if (of == renewals_ && is_up()) tell("renewed", why);
    });
    const auto then = [this, all](const answer& got) {
      if (!got) tell_refused(got.error());
    };
    for (const auto& [number, sub] : std::exchange(subs_, {})) {
      if (!is_same_epoch) sub->had.clear();
      calls_[++last_id_] = {.it = sub->it, .then = then, .sub = sub};
    }
    for (const auto& [actor, told] : watches_) calls_[++last_id_] = {{"WATCH", actor}, then};
  }
  void take_refusal(const reply& it) {
    const auto id = number(word(it.line, 1));
    if (id == hello_id_) return take_no_welcome(error_of(it, "HELLO"));
    if (id == 0) {
      const auto over = subs_.extract(it.number("sub"));
      return tell_refused(error_of(it, over ? over.mapped()->it.what() : "a message to answer"));
    }
    // An answer that is late is that of an empty call.
    const auto& asked = calls_[id].it;
    auto why = error_of(it, asked.what());
    const auto after = std::to_string(asked.with.timeout.count());
    if (why.token == "timeout") why.text += " after " + after + " ms";
    settle(id, std::unexpected(std::move(why)));
  }
  void take_no_welcome(const error& why) {
    if (why.token == "no_session") token_.clear();
    lost(why.text);
    // Later on a name may be held by our own last session until the daemon sees its end.
    if (!is_greeted()) end(why);
  }
  void take_bye(const reply& it) {
    token_.clear();
    if (word(it.line, 2) != "superseded") return lost("the daemon ended it: " + it.line);
    tell("closed", it.line);
    end(error_of({"ERR 0 409 superseded", {}}, "another client has this session"));
  }
  void take_pong(reply it) {
    const auto token = it.line.substr(it.line.rfind(' ') + 1);
    const auto subs = number(std::string_view(token).substr(token.find(':') + 1));
    const bool is_ours = it.key("epoch") == epoch_ && it.number("subs") >= subs;
    if (is_ours) return settle(number(token), std::move(it));
    token_.clear();
    lost("the daemon has lost the session");
  }
  void take_down(const std::string& line) {
    const auto watch = watches_.extract(word(line, 1));
    if (watch) kept_.push_back([told = watch.mapped(), why = word(line, 2)] { told(why); });
  }
  // The OK of a SUB.
  void confirm(const subscription_ptr& sub, const reply& it) {
    const auto seq = it.number("seq");
    auto& same = subs_[it.number("sub")];
    if (same) sub->had = same->had;
    if (!same && !it.key("seq").empty()) lose(sub, sub->it.target, seq, seq, "reconnect");
    same = sub;
  }
  void take_message(reply line) {
    const auto number = client::number(word(line.line, 1));
    const auto found = subs_.find(number);
    auto it = message_of(std::move(line));
    if (number == 0) return take_mail(std::move(it));
    if (found == subs_.end()) return;
    const auto sub = found->second;
    const bool is_acked = sub->it.with.is_acked || sub->it.with.window > 0;
    if (!it.is_snapshot) {
      const bool is_lost = !is_acked && kept_.size() >= kept_max;
      lose(sub, it.address, it.seq - 1, it.seq - 1, "reconnect");
      if (is_lost) return lose(sub, it.address, it.seq - 1, it.seq, "slow");
      sub->had[it.address] = std::max(sub->had[it.address], it.seq);
    }
    kept_.push_back([this, sub, number, is_acked, it = std::move(it), of = renewals_] {
      if (!sub->is_live) return;
      sub->on_message(it);
      // Without a wildcard the pattern is the address; with one a number is not enough.
      const auto of_it = sub->it.target == it.address ? "" : ' ' + it.address;
      const auto taken = std::to_string(number) + ' ' + std::to_string(it.seq) + of_it;
      if (is_acked && of == renewals_) post({"ACK", taken});
    });
  }
  void take_gap(const std::string& line) {
    const auto found = subs_.find(number(word(line, 1)));
    if (found == subs_.end()) return;
    // After a resume it begins at 0, whatever of it has come.
    const auto first = std::max<std::uint64_t>(number(word(line, 3)), 1);
    lose(found->second, word(line, 2), first - 1, number(word(line, 4)), word(line, 5));
  }
  // Of an address, what has not come of the numbers up to `last` will not come. `before` is the
  // last that had, where nothing is known of it.
  void lose(const subscription_ptr& sub, const std::string& address, std::uint64_t before,
            std::uint64_t last, const std::string& reason) {
    auto& had = sub->had.try_emplace(address, before).first->second;
    if (had >= last) return;
    kept_.push_back([sub, it = gap{address, had + 1, last, reason}] {
      if (sub->is_live) sub->on_gap(it);
    });
    had = last;
  }
  // Mail waits until there is a handler for it, or its sender gives up.
  void take_mail(message it) {
    if (mail_.size() == kept_max) return refuse(it, 429, "mailbox_full");
    (on_mail_ ? kept_ : mail_).push_back([this, it = std::move(it)] {
      try {
        on_mail_(it);
      } catch (const std::exception& thrown) {
        refuse(it, 500, "actor_failed", thrown.what());
      }
    });
  }

  const std::string place_;
  wire wire_{};
  state state_ = state::down;
  std::string token_{}, why_down_ = "no answer to HELLO";
  std::map<std::uint64_t, call> calls_{};  // by id
  std::uint64_t last_id_ = 0, unsent_ = 0, hello_id_ = 0, payload_max_ = 0, renewals_ = 0;
  clock::time_point timer_{}, heard_at_{}, asked_at_{}, sweep_at_{};
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace backstage::client
