#include "daemon/transport/zap_server.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

#include "daemon/policy/zap_check.hpp"

namespace backstage::transport {
namespace {

// ZMQ_ZAP_ENFORCE_DOMAIN: hidden among the drafts of the header, obeyed by the release. Without it
// libzmq lets everybody in whenever the handler is not there.
constexpr int enforce_domain_option = 93;
// Version, id, domain, address, routing id, mechanism, and credentials: one for CURVE, two for
// PLAIN.
constexpr std::size_t frames_kept = 8;

// The frames of a question, held while it is answered.
class Question {
 public:
  Question() noexcept {
    for (auto& part : parts_) (void)::zmq_msg_init(&part);
  }
  ~Question() {
    for (auto& part : parts_) (void)::zmq_msg_close(&part);
  }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  bool receive(ZmqSocket& socket) {
    zmq_msg_t surplus;
    (void)::zmq_msg_init(&surplus);
    bool more = true;
    bool is_there = false;
    while (more) {
      const bool is_kept = count_ < frames_kept;
      zmq_msg_t& part = is_kept ? parts_[count_] : surplus;
      if (!socket.receive(&part)) break;
      is_there = true;
      more = ::zmq_msg_more(&part) != 0;
      if (!is_kept) continue;
      views_[count_++] = {static_cast<const char*>(::zmq_msg_data(&part)), ::zmq_msg_size(&part)};
    }
    (void)::zmq_msg_close(&surplus);
    return is_there;
  }
  [[nodiscard]] std::span<const std::string_view> frames() const noexcept {
    return {views_.data(), count_};
  }

 private:
  std::array<zmq_msg_t, frames_kept> parts_;
  std::array<std::string_view, frames_kept> views_;
  std::size_t count_ = 0;
};

}  // namespace

ZapServer::ZapServer(ZmqContext& context, Principals& principals)
    : principals_(principals), socket_(context, ZMQ_REP) {
  socket_.set(ZMQ_LINGER, 0);
  if (!socket_.bind("inproc://zeromq.zap.01")) {
    throw std::system_error(errno, std::generic_category(), "binding the ZAP handler");
  }
}

void ZapServer::guard(ZmqSocket& socket, policy::Door door) {
  socket.set(ZMQ_ZAP_DOMAIN, policy::domain_of(door));
  socket.set(enforce_domain_option, 1);
}

void ZapServer::report_to(Counters& counters, Events& events) noexcept {
  counters_ = &counters;
  events_ = &events;
}

bool ZapServer::answer_one() {
  Question question;
  if (!question.receive(socket_)) return false;
  const auto verdict = policy::check_zap(question.frames(), principals_.zap_rules());
  if (verdict.status != "200") {
    ++refused_;
    if (counters_ != nullptr) counters_->auth_refused.add();
    if (events_ != nullptr) events_->connection_refused(verdict.who, verdict.why);
  }
  // Frames of a REP socket go out one after the other, or none does.
  (void)(send("1.0", true) && send(verdict.id, true) && send(verdict.status, true) &&
         send(verdict.status == "200" ? "" : "refused", true) && send(verdict.user, true) &&
         send("", false));
  return true;
}

bool ZapServer::send(std::string_view frame, bool more) {
  zmq_msg_t message;
  if (::zmq_msg_init_size(&message, frame.size()) != 0) throw std::bad_alloc();
  if (!frame.empty()) std::memcpy(::zmq_msg_data(&message), frame.data(), frame.size());
  if (socket_.send(&message, more ? ZMQ_SNDMORE : 0)) return true;
  (void)::zmq_msg_close(&message);
  return false;
}

}  // namespace backstage::transport
