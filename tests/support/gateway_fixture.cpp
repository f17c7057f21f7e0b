// GatewayWorld's longer parts.
#include "tests/support/gateway_fixture.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "daemon/wire/batch.hpp"

namespace backstage::gateway::test {

namespace {

// Bytes of a message's frame, which lives with them.
struct Adopted : PayloadBuffer {
  std::shared_ptr<Frames> frames;
};

void release(PayloadBuffer* buffer) noexcept { delete static_cast<Adopted*>(buffer); }

// What is in a BATCH, or the message itself.
void unpack(const Frames& frames, std::vector<std::string>& all) {
  std::string joined = frames.at(0);
  for (std::size_t i = 1; i < frames.size(); ++i) joined.append(1, '\n').append(frames[i]);
  if (!joined.starts_with("BATCH ")) return all.push_back(std::move(joined));
  const auto cut = joined.find('\n');
  const auto count = std::stoul(joined.substr(6, cut - 6));
  auto reader = wire::BatchReader::open(std::string_view(joined).substr(cut + 1),
                                        static_cast<std::uint32_t>(count));
  if (!reader) throw std::logic_error(reader.error().text);
  while (const auto message = reader->next()) all.emplace_back(*message);
}

}  // namespace

Payload FakeMessage::take(std::size_t frame, std::size_t offset) {
  const std::string_view bytes = views_[frame].substr(offset);
  if (bytes.size() < frame_adopt_bytes_min) return Payload(bytes);
  auto* const adopted = new Adopted;
  adopted->frames = frames_;
  adopted->data = reinterpret_cast<const std::byte*>(bytes.data());
  adopted->size = static_cast<std::uint32_t>(bytes.size());
  adopted->release = release;
  return Payload::adopt(adopted);
}

namespace {

Frames copy_of(std::span<const OutFrame> frames) {
  Frames copy;
  for (const auto& frame : frames) {
    copy.emplace_back(frame.bytes);
    if (frame.rest) copy.back().append(1, '\n').append(*frame.rest);
  }
  return copy;
}

}  // namespace

SendResult FakeTransport::send(PeerId peer, std::span<const OutFrame> frames) {
  Line& line = lines[peer];
  if (line.is_gone) return SendResult::gone;
  if (line.room == 0) {
    line.is_blocked = true;
    return SendResult::would_block;
  }
  if (line.room != unbounded) --line.room;
  for (const auto& frame : frames) {
    const bool is_shared = frame.buffer != nullptr && frame.bytes.size() >= frame_adopt_bytes_min;
    if (is_shared) line.shared.push_back(frame.bytes.data());
  }
  line.heard.push_back(copy_of(frames));
  return SendResult::sent;
}

void FakeTransport::publish(std::span<const OutFrame> frames) {
  published.push_back(copy_of(frames));
}

bool RecordedEvents::has(std::string_view line) const {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

void FakeClient::whisper(Frames frames) {
  FakeMessage message(std::move(frames));
  message.user = peer_.user_id.text();
  world_.front.on_message(peer_, message);
}

void FakeClient::say(FakeMessage& message) {
  world_.front.on_message(peer_, message);
  world_.settle();
}

void FakeClient::say(Frames frames) {
  whisper(std::move(frames));
  world_.settle();
}

std::vector<std::string> FakeClient::heard() {
  std::vector<std::string> all;
  auto& heard = world_.transport.lines[peer_.id].heard;
  for (const auto& frames : heard) unpack(frames, all);
  heard.clear();
  return all;
}

std::vector<std::string> FakeClient::heard_raw() {
  std::vector<std::string> all;
  auto& heard = world_.transport.lines[peer_.id].heard;
  for (const auto& frames : heard) {
    std::string joined = frames.at(0);
    for (std::size_t i = 1; i < frames.size(); ++i) joined.append(1, '\n').append(frames[i]);
    all.push_back(std::move(joined));
  }
  heard.clear();
  return all;
}

void FakeClient::take_only(std::size_t messages) {
  auto& line = world_.transport.lines[peer_.id];
  line.room = messages;
  if (messages != 0 && line.is_blocked) {
    line.is_blocked = false;
    world_.front.on_writable(peer_.id);
  }
  world_.settle();
}

void FakeClient::take_all() { take_only(FakeTransport::unbounded); }

void FakeClient::leave() {
  world_.transport.lines[peer_.id].is_gone = true;
  world_.front.on_gone(peer_.id);
  world_.settle();
}

Options GatewayWorld::default_options() {
  Options options;
  options.epoch = "e10e9ffb";
  return options;
}

GatewayWorld::GatewayWorld(Options given, backstage::Limits limits)
    : stage(limits),
      options(std::move(given)),
      principals(options, options.limits),
      front(House{stage.engine, stage.clock, options, events, counters, ready, transport, endpoints,
                  principals}) {
  ready.own_here();
  if (!front.open()) throw std::logic_error("$pub is taken");
  settle();
}

GatewayWorld::~GatewayWorld() {
  front.begin_stop();
  front.finish_stop();
}

FakeClient GatewayWorld::connect(SocketKind kind, bool chose_routing_id, std::string_view user) {
  return {*this, Peer{PeerId{++last_peer_}, kind, chose_routing_id, NameRef(user)}};
}

void GatewayWorld::ingest(const std::string& one_frame, std::string user) {
  FakeMessage message({one_frame});
  message.user = std::move(user);
  front.on_ingest(message);
  settle();
}

void GatewayWorld::settle() {
  for (int turns = 0; turns < 1'000'000; ++turns) {
    const bool has_clients = front.turn();
    if (!stage.step() && !has_clients && ready.empty()) return;
  }
  throw std::logic_error("the world does not come to rest");
}

void GatewayWorld::advance(Duration duration) {
  stage.clock.set(stage.clock.now() + duration);
  (void)stage.engine.fire_due(stage.clock.now());
  front.on_time(stage.clock.now());
  settle();
}

}  // namespace backstage::gateway::test
