/// One session of the C++ client: what is under way, and how it outlives a lost connection.
#pragma once
#include <random>

#include "client_calls.hpp"
#include "client_deliveries.hpp"

namespace backstage::client::detail {

class session {
 public:
  enum class state : std::uint8_t { down, connecting, greeting, up, closed };

  /// Begins to connect to where `find` says, now and each time anew: a daemon that is started again
  /// may listen elsewhere. Throws zmq::error_t for a wrong endpoint, or wrong keys.
  session(std::function<std::string()> find, options with)
      : with_(std::move(with)),
        deliveries_(with_.kept_max,
                    [this](const mail& it, const char* token, std::string_view text) {
                      if (it.request == 0) return;
                      push_soon("ERR " + std::to_string(it.request) + token, text);
                    }),
        find_(std::move(find)),
        calls_(with_.batch) {
    // Only a named session knows the ids it has executed, which is what makes repeats safe.
    if (with_.ttl.count() > 0 && with_.name.empty()) {
      with_.name = "client-" + std::to_string(random_()) + '-' + std::to_string(random_());
    }
    connect();
  }
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// Sends a command with an id as soon as that is possible; `then` is called once, by step().
  void begin(const command& it, done then) {
    if (auto why = ended_ ? ended_ : mistake_in(it, max_payload_)) return then(*std::move(why));
    const auto id = calls_.next_id();
    const auto wait = wait_of(it);
    const auto expires = clock::now() + wait;
    const bool is_ping = it.verb == "PING";
    auto line = std::string{it.verb} + ' ' +
                (is_ping ? std::to_string(id) : std::string{it.target} + id_key(id) + it.keys);
    calls_.add(id, {std::move(line), std::string{it.payload}, wait, expires,
                    expires - std::min(wait / 2, patience), std::move(then)});
  }
  /// The same, and waits. Without confirmation: until it is sent.
  outcome<answer> ask(const command& it, bool is_confirmed = true) {
    const auto until = clock::now() + wait_of(it);
    if (!is_confirmed) return push_by(it, until);
    for (int attempt = 1;; ++attempt) {
      std::optional<outcome<answer>> got;
      begin(it, [&got](outcome<answer> one) { got = std::move(one); });
      while (!got) step(clock::time_point::max());
      if (got->ok() || attempt >= with_.retry.attempts) return *std::move(got);
      const auto& why = got->error();
      if (why.number != 429 && why.number != 503) return *std::move(got);
      const auto again = clock::now() + (why.retry.count() > 0 ? why.retry : pause(attempt));
      if (again >= until) return *std::move(got);
      while (clock::now() < again) step(again);
    }
  }
  void begin_subscribe(const subscription_ptr& sub, done then) {
    const auto& with = sub->with;
    auto keys = key("snap", with.wants_snapshot ? 1 : 0) + key("over", with.over) +
                key("window", with.window) + key("ack", with.is_acked ? 1 : 0);
    begin({"SUB", sub->pattern, std::move(keys), {}, {}, with.over},
          [this, sub, then = std::move(then)](outcome<answer> got) {
            if (got.ok()) deliveries_.confirm(sub, words(got.value().line));
            const bool asked_more = sub->with.window > 0 || sub->with.is_acked;
            if (got.ok() || got.error().token != "unsupported" || !asked_more) {
              return then(std::move(got));
            }
            sub->with.window = 0;
            sub->with.is_acked = false;
            begin_subscribe(sub, then);
          });
  }
  /// A line without an id, to go out before all that waits.
  void push_soon(std::string line, std::string_view payload = {}) {
    calls_.add_soon(std::move(line), payload);
    flush();
  }
  void flush() {
    if (state_ == state::up) calls_.flush(wire_);
  }
  /// One turn: waits until something happens, `until` at most, and takes it in. Calls no handler.
  void step(clock::time_point until) {
    flush();
    keep_connecting();
    if (state_ == state::closed) return;
    const auto now = clock::now();
    const auto left = std::chrono::ceil<milliseconds>(std::min(until, wake_at(now)) - now);
    const bool is_writing =
        state_ == state::connecting || (state_ == state::up && !calls_.all_sent());
    const bool is_writable = wire_.wait(left, is_writing);
    take_in();
    if (state_ == state::connecting && is_writable) greet();
    check_silence(clock::now());
    sweep(clock::now());
    flush();
  }
  /// Calls the handlers of all that is kept, and acknowledges; their number.
  std::size_t run() {
    const auto count = deliveries_.run();
    for (auto& line : deliveries_.take_acks()) push_soon(std::move(line));
    flush();
    return count;
  }
  void close(milliseconds within) {
    if (state_ == state::up) {
      flush();
      is_closing_ = true;
      wire_.push("BYE", {});
      for (const auto until = clock::now() + within; state_ == state::up && clock::now() < until;) {
        step(until);
      }
    }
    end({0, "closed", "the client is closed", "open another"});
  }
  [[nodiscard]] error unreachable(const std::string& what, milliseconds after) const {
    return {0, "unreachable",
            what + " was not sent within " + std::to_string(after.count()) +
                " ms: " + (why_down_.empty() ? "nobody listens at " + endpoint_ : why_down_),
            "start backstaged, or give the endpoint it wrote to its endpoints.json"};
  }
  // What the verbs set and read.
  options with_;
  std::string endpoint_{}, name_{}, epoch_{}, pub_{}, ingest_{};
  state state_ = state::down;
  std::optional<error> fatal_{};  ///< the first HELLO was refused
  deliveries deliveries_;
  std::map<std::string, std::function<void(std::string)>, std::less<>> watches_{};
  std::function<void(const error&)> on_refused_{};
  std::function<void(const session_change&)> on_session_{};

 private:
  // How long before a call gives up the daemon is asked whether it lives.
  static constexpr milliseconds patience{1'000};
  static constexpr milliseconds sweep_period{10};

  static std::string id_key(std::uint64_t id) { return " id=" + std::to_string(id); }
  [[nodiscard]] milliseconds wait_of(const command& it) const {
    return it.timeout.count() > 0 ? it.timeout : with_.timeout;
  }

  void connect() try {
    auto found = find_();
    if (found.empty()) return lost("no daemon has written its endpoints there");
    endpoint_ = std::move(found);
    wire_.open(endpoint_, with_.curve);
    state_ = state::connecting;
    since_ = clock::now();
  } catch (const zmq::error_t& thrown) {
    if (epoch_.empty()) throw;
    lost(std::string{"cannot connect: "} + thrown.what());
  }
  void greet() {
    hello_id_ = calls_.next_id();
    is_resuming_ = !token_.empty();
    state_ = state::greeting;
    since_ = clock::now();
    wire_.push("HELLO v=1" + id_key(hello_id_) +
                   (is_resuming_ ? key("resume", token_) : key("name", with_.name)) +
                   key("ttl", with_.ttl.count()) + key("frames", with_.frames ? 1 : 0) +
                   key("batch", with_.batch ? 1 : 0),
               {});
  }
  void lost(std::string why) {
    if (state_ == state::closed) return;
    const bool was_up = state_ == state::up;
    wire_.close();
    state_ = state::down;
    why_down_ = std::move(why);
    retry_at_ = clock::now() + pause(++tries_);
    calls_.unpack_sent();
    if (was_up) tell(on_session_, {"disconnected", why_down_});
  }
  // Nothing comes after this.
  void end(error why) {
    if (state_ == state::closed) return;
    wire_.close();
    state_ = state::closed;
    ended_ = std::move(why);
    calls_.settle_all(*ended_);
  }
  void keep_connecting() {
    const auto now = clock::now();
    if (state_ == state::down && now >= retry_at_) connect();
    if (state_ != state::connecting && state_ != state::greeting) return;
    if (now < since_ + with_.connect_timeout) return;
    lost(state_ == state::greeting ? "whoever is at " + endpoint_ + " does not answer HELLO"
                                   : "nobody listens at " + endpoint_);
  }
  // After what has come is read: silence of our own making is no silence of the daemon's.
  void check_silence(clock::time_point now) {
    if (state_ != state::up || now < heard_at_ + with_.ping) return;
    if (asked_at_ <= heard_at_) return ask_for_life(now);
    if (now < asked_at_ + 2 * with_.ping) return;
    lost("the daemon has not answered PING for " + std::to_string(2 * with_.ping.count()) + " ms");
  }
  void ask_for_life(clock::time_point now) {
    // With what should be: fewer subscriptions than these are those of another session.
    const auto leaving =
        std::ranges::count_if(calls_.all(), [](const auto& one) { return one.second.is("UNSUB"); });
    const auto subs = static_cast<std::ptrdiff_t>(deliveries_.confirmed()) - leaving;
    if (wire_.push("PING subs-" + std::to_string(subs), {})) asked_at_ = now;
  }
  [[nodiscard]] clock::time_point wake_at(clock::time_point now) const {
    auto at = since_ + with_.connect_timeout;
    if (state_ == state::down) at = retry_at_;
    if (state_ == state::up) at = heard_at_ + with_.ping;
    if (state_ == state::up && asked_at_ > heard_at_) at = asked_at_ + 2 * with_.ping;
    return calls_.empty() ? at : std::min(at, now + sweep_period);
  }
  void sweep(clock::time_point now) {
    if (now < sweep_at_) return;
    sweep_at_ = now + sweep_period;
    std::vector<std::uint64_t> over;
    for (auto& [id, it] : calls_.all()) {
      if (it.is_sent && !it.is_probed && now >= it.probe_at && state_ == state::up) {
        it.is_probed = true;
        ask_for_life(now);
      }
      if (now >= it.expires) over.push_back(id);
    }
    for (const auto id : over) calls_.settle(id, unanswered(calls_.all()[id]));
  }
  [[nodiscard]] error unanswered(const call& it) const {
    if (!it.is_sent) return unreachable(it.what(), it.wait);
    if (state_ != state::up) return no_answer(it, false, "the connection is lost: " + why_down_);
    const bool is_alive = it.is_probed && heard_at_ >= it.probe_at;
    const auto* said = is_alive ? " answers PING" : " does not answer PING either";
    return no_answer(it, is_alive, "the daemon at " + endpoint_ + said);
  }
  milliseconds pause(int attempt) {
    const auto full =
        std::min(with_.retry.cap, with_.retry.base * (1 << std::min(attempt - 1, 16)));
    return full / 2 + full * static_cast<int>(random_() % 1'000) / 2'000;
  }

  outcome<answer> push_by(const command& it, clock::time_point until) {
    if (auto why = ended_ ? ended_ : mistake_in(it, max_payload_)) return *std::move(why);
    const auto what = std::string{it.verb} + ' ' + std::string{it.target};
    // What was begun before goes first.
    for (flush();
         state_ != state::up || !calls_.all_sent() || !wire_.push(what + it.keys, it.payload);
         step(until)) {
      if (ended_) return *ended_;
      if (clock::now() >= until) return unreachable(what, wait_of(it));
    }
    return answer{};
  }
  void take_in() {
    // A connection that has ended is read to its end first.
    const auto cut = wire_.ended();
    const auto take = [this](const piece& it) { handle(it); };
    for (int left = 512; (left > 0 || cut) && !gone_ && wire_.is_open() && wire_.receive(take);) {
      heard_at_ = clock::now();
      --left;
    }
    if (cut && !gone_) gone_ = error{0, "lost", *cut + endpoint_};
    if (!gone_) return;
    const auto why = *std::exchange(gone_, std::nullopt);
    if (why.token == "lost") return lost(why.text);
    if (why.token == "superseded") tell(on_session_, {"closed", why.token});
    end(why);
  }
  void handle(const piece& it) {
    const words line(it.line);
    const auto verb = line.at(0);
    if (verb == "MSG" && line.number(1) == 0) return deliveries_.take_mail(line, it.payload);
    if (verb == "MSG") return deliveries_.take_message(line, it.payload);
    if (verb == "GAP") return deliveries_.take_gap(line);
    if (verb == "ERR") return refused(line, it.payload);
    if (verb == "PONG") return take_pong(line, it);
    if (verb == "WELCOME") return welcome(line);
    if (verb == "DRAINING") return tell(on_session_, {"draining", std::string{line.at(1)} + " ms"});
    if (verb == "BYE") return take_bye(line);
    if (verb == "DOWN") return take_down(line);
    if (verb == "PING") return static_cast<void>(wire_.push("PING", {}));
    if (verb == "OK" || verb == "REP" || verb == "VAL") {
      return calls_.settle(line.number(1), answer{std::string{it.line}, std::string{it.payload}});
    }
    if (verb != "BATCH") return;
    const auto entries = unpack(it.payload, line.number(1));
    if (!entries) gone_ = error{0, "lost", "the daemon sent a BATCH that does not add up"};
    if (entries) std::ranges::for_each(*entries, [this](const piece& one) { handle(one); });
  }
  void take_down(const words& line) {
    const auto found = watches_.find(line.at(1));
    if (found == watches_.end()) return;
    deliveries_.keep(
        [then = std::move(found->second), why = std::string{line.at(2)}] { then(why); });
    watches_.erase(found);
  }
  void take_bye(const words& line) {
    token_.clear();
    const auto token = std::string{line.at(2)};
    gone_ = error{0, "lost", "the daemon ended the session: " + token};
    if (is_closing_) gone_ = error{0, "closed", "the client is closed", "open another"};
    if (token == "superseded") {
      gone_ = error{409, token, "another client has taken this session over",
                    std::string{advice(409, token)}};
    }
  }
  void take_pong(const words& line, const piece& it) {
    constexpr std::string_view mark = "subs-";
    const auto token = line.last();
    if (!token.starts_with(mark)) {
      return calls_.settle(words::to_number(token), answer{std::string{it.line}, {}});
    }
    const auto subs = words::to_number(token.substr(mark.size()));
    if (line.key("epoch") == epoch_ && line.number("subs") >= subs) return;
    token_.clear();
    gone_ = error{0, "lost", "the daemon has lost the session"};
  }
  void refused(const words& line, std::string_view body) {
    const auto id = line.number(1);
    if (id == hello_id_ && state_ == state::greeting) return hello_refused(line, body);
    const auto found = calls_.all().find(id);
    if (found != calls_.all().end()) {
      auto why = error_of(line, body, found->second.what());
      const auto ttl = words(found->second.line).key("ttl");
      if (why.token == "timeout") why.text.append(" after ").append(ttl).append(" ms");
      return calls_.settle(id, std::move(why));
    }
    if (id == 0) tell(on_refused_, error_of(line, body, "a command without id"));
  }
  // Calls, when its turn has come, the handler that is set then.
  template <class T>
  void tell(const std::function<void(const T&)>& handler, T what) {
    deliveries_.keep([&handler, what = std::move(what)] {
      if (handler) handler(what);
    });
  }

  void hello_refused(const words& line, std::string_view body) {
    const auto token = line.at(3);
    const bool is_too_much = token == "unsupported" && (with_.batch || with_.ttl.count() > 0);
    if (is_too_much && !with_.batch) with_.ttl = {};
    if (is_too_much) with_.batch = calls_.is_packing_ = false;
    if (token == "no_session" && is_resuming_) token_.clear();
    if (is_too_much || (token == "no_session" && is_resuming_)) return greet();
    auto why = error_of(line, body, "HELLO");
    // Later on a name may be held by our own last session until the daemon sees its end.
    if (epoch_.empty()) fatal_ = why;
    gone_ = error{0, "lost", std::move(why.text)};
  }
  void welcome(const words& line) {
    const bool is_first = epoch_.empty();
    const bool is_same_epoch = line.key("epoch") == epoch_;
    name_ = line.key("name");
    epoch_ = line.key("epoch");
    pub_ = plain(line.key("pub"));
    ingest_ = plain(line.key("ingest"));
    max_payload_ = line.number("max_payload");
    const bool is_resumed = is_resuming_ && is_same_epoch && line.key("session") == token_;
    if (with_.ttl.count() > 0) token_ = line.key("session");
    state_ = state::up;
    tries_ = 0;
    if (is_first) return;
    if (is_resumed) {
      tell(on_session_, {"resumed", {}});
    } else {
      renew(is_same_epoch);
    }
    calls_.repeat();
  }
  void renew(bool is_same_epoch) {
    deliveries_.renew(is_same_epoch);
    calls_.give_up(why_down_);
    // Told when all of it is set again; of an earlier renewal that was cut short, not at all.
    const auto left = std::make_shared<std::size_t>(1 + deliveries_.all().size() + watches_.size());
    const auto reason = is_same_epoch ? "the session ended with its connection"
                                      : "epoch " + epoch_ + ": the daemon was started anew";
    const auto set = [this, left, reason, of = ++renewals_] {
      if (--*left == 0 && of == renewals_) tell(on_session_, {"renewed", reason});
    };
    const done then = [this, set](const outcome<answer>& got) {
      if (!got.ok()) tell(on_refused_, got.error());
      set();
    };
    for (const auto& [pattern, sub] : deliveries_.all()) begin_subscribe(sub, then);
    for (const auto& [actor, told] : watches_) begin({"WATCH", actor}, then);
    set();
  }

  const std::function<std::string()> find_;
  wire wire_{};
  calls calls_;
  std::string token_{}, why_down_{};
  std::optional<error> gone_{}, ended_{};  // what take_in() is to do; why nothing goes any more
  std::uint64_t hello_id_ = 0, max_payload_ = 0, renewals_ = 0;
  int tries_ = 0;
  bool is_resuming_ = false, is_closing_ = false;
  clock::time_point since_{}, heard_at_{}, asked_at_{}, retry_at_{}, sweep_at_{};
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace backstage::client::detail
