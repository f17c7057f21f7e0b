// GatewayWorld: the whole of the gateway's logic on a stage, behind a transport made of lists.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/gateway/front.hpp"
#include "daemon/gateway/ready_list.hpp"
#include "tests/support/stage.hpp"

namespace backstage::gateway::test {

using backstage::test::Stage;

// Frames of one message, as a test writes and reads them: "CTL" or "CTL\npayload" in one frame,
// {"CTL", "payload"} in two.
using Frames = std::vector<std::string>;

// As libzmq's: large payloads are adopted, and keep the frames they lie in.
class FakeMessage final : public InMessage {
 public:
  explicit FakeMessage(Frames frames) : frames_(std::make_shared<Frames>(std::move(frames))) {
    for (const auto& frame : *frames_) views_.emplace_back(frame);
  }
  [[nodiscard]] std::span<const std::string_view> frames() const noexcept override {
    return views_;
  }
  [[nodiscard]] Payload take(std::size_t frame, std::size_t offset) override;
  [[nodiscard]] std::string_view user_id() const noexcept override { return user; }

  std::string user = "tcp:local";

 private:
  std::shared_ptr<Frames> frames_;
  std::vector<std::string_view> views_;
};

// Peers with a number of messages they still take.
class FakeTransport final : public Transport {
 public:
  struct Line {
    std::deque<Frames> heard;
    std::vector<const void*> shared;  // bytes that were given to be shared, not copied
    std::size_t room = unbounded;
    bool is_gone = false;
    bool is_blocked = false;
  };
  static constexpr std::size_t unbounded = static_cast<std::size_t>(-1);

  SendResult send(PeerId peer, std::span<const OutFrame> frames) override;
  void publish(std::span<const OutFrame> frames) override;
  void pause_ingest() override { is_paused = true; }
  void resume_ingest() override { is_paused = false; }

  std::map<PeerId, Line> lines;
  std::vector<Frames> published;
  bool is_paused = false;
};

// Writes down what the gateway tells, a line each.
class RecordedEvents final : public Events {
 public:
  void session_opened(std::string_view name, const Peer&) noexcept override { add("opened", name); }
  void session_detached(std::string_view name, std::chrono::seconds) noexcept override {
    add("detached", name);
  }
  void session_resumed(std::string_view name, const Peer&) noexcept override {
    add("resumed", name);
  }
  void session_ended(std::string_view name, EndReason reason) noexcept override {
    add("ended", std::string(name).append(1, ' ').append(token(reason)));
  }
  void peer_refused(PeerId, std::string_view why) noexcept override { add("peer_refused", why); }
  void ingest_refused(wire::Status status, std::string_view what) noexcept override {
    add("ingest_refused", std::string(status.token).append(1, ' ').append(what));
  }
  void ingest_stalled(std::string_view target) noexcept override { add("stalled", target); }
  void ingest_resumed() noexcept override { add("resumed", ""); }
  void filter_refused(std::string_view filter) noexcept override { add("filter_refused", filter); }
  void connection_refused(std::string_view who, std::string_view why) noexcept override {
    add("connection_refused", std::string(who).append(1, ' ').append(why));
  }
  void principal_revoked(std::string_view user, std::size_t sessions) noexcept override {
    add("revoked", std::string(user).append(1, ' ').append(std::to_string(sessions)));
  }
  void connection_cut(std::string_view user, std::string_view why) noexcept override {
    add("cut", std::string(user).append(1, ' ').append(why));
  }
  void gate_closed(std::size_t) noexcept override { add("gate", "closed"); }
  void gate_opened(std::size_t) noexcept override { add("gate", "opened"); }
  void trouble(std::string_view what) noexcept override { add("trouble", what); }

  [[nodiscard]] bool has(std::string_view line) const;
  std::vector<std::string> lines;

 private:
  void add(std::string_view what, std::string_view more) {
    lines.push_back(std::string(what).append(1, ' ').append(more));
  }
};

class GatewayWorld;

// A client as its own program would see itself.
class FakeClient {
 public:
  FakeClient(GatewayWorld& world, Peer peer) : world_(world), peer_(std::move(peer)) {}

  // Says one message and lets the world come to rest.
  void say(const std::string& one_frame) { say(Frames{one_frame}); }
  void say(Frames frames);
  // Says it, and nothing else happens yet.
  void whisper(Frames frames);
  // Says it in a message that the test keeps.
  void say(FakeMessage& message);
  // All heard since the last look, a BATCH as what is in it: frames joined by a line feed.
  std::vector<std::string> heard();
  // All heard since the last look, as sent: a BATCH is one message. Frames are joined as above.
  std::vector<std::string> heard_raw();
  // Says it and hears the answers.
  std::vector<std::string> ask(const std::string& one_frame) {
    say(one_frame);
    return heard();
  }
  // Takes so many more messages and then no more; then anything again.
  void take_only(std::size_t messages);
  void take_all();
  void leave();
  [[nodiscard]] PeerId id() const { return peer_.id; }

 private:
  GatewayWorld& world_;
  Peer peer_;
};

class GatewayWorld {
 public:
  explicit GatewayWorld(Options given = default_options(), backstage::Limits limits = {});
  ~GatewayWorld();
  static Options default_options();

  FakeClient dealer() { return connect(SocketKind::dealer); }
  // One that the transport has checked to be that principal.
  FakeClient dealer_of(std::string_view user_id) {
    return {*this, Peer{PeerId{++last_peer_}, SocketKind::dealer, false, NameRef(user_id)}};
  }
  FakeClient req() { return connect(SocketKind::req); }
  FakeClient connect(SocketKind kind, bool chose_routing_id = false,
                     std::string_view user = "tcp:local");
  void ingest(const std::string& one_frame, std::string user = "tcp:local");
  // Runs actors and clients until nothing moves.
  void settle();
  void advance(Duration duration);

  Stage stage;
  Options options;
  BoundEndpoints endpoints{
      {"tcp://127.0.0.1:7770"}, {"tcp://127.0.0.1:7771"}, {"tcp://127.0.0.1:7772"}};
  RecordedEvents events;
  Counters counters;
  ReadyList ready{[] {}};
  FakeTransport transport;
  Principals principals;
  Front front;

 private:
  std::uint64_t last_peer_ = 0;
};

}  // namespace backstage::gateway::test
