// An actor that writes down what it gets, and answers as its role says.
#include "plugins/testkit/cast.hpp"

#include "core/topics.hpp"
#include "daemon/plugin_host/status.hpp"

namespace backstage::testkit {
namespace {

mail mail_of(const Envelope& envelope) {
  mail got;
  got.kind = name_of(envelope.kind);
  got.from = envelope.sender_name.text();
  got.type = envelope.type.text();
  got.body = envelope.payload.text();
  if (envelope.topic != nullptr) got.address = envelope.topic->address.text();
  got.seq = envelope.seq;
  if (envelope.is_error) got.error = token(envelope.error);
  return got;
}

class RoleActor final : public Actor {
 public:
  explicit RoleActor(std::shared_ptr<Role> role) : role_(std::move(role)) {}

  Outcome receive(Context& context, const Envelope& envelope) override {
    mail got = mail_of(envelope);
    if (envelope.kind == Kind::reply) {
      if (const auto open = role_->asked.extract(envelope.request)) *open.mapped() = std::move(got);
      return Handled::done;
    }
    role_->got.push_back(got);
    if (envelope.kind == Kind::request && role_->react) {
      react(context, envelope.request_ref(), role_->react(got));
    }
    return Handled::done;
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  // A requester that is gone by now is not the stub's business.
  static void react(Context& context, RequestRef request, const reaction& wanted) {
    if (!wanted.replies) return;
    if (wanted.error < 0) {
      (void)context.reply_error(request, plugin_host::errc_of(wanted.error), wanted.body);
    } else {
      (void)context.reply(request, {wanted.type, Payload{wanted.body}});
    }
  }

  std::shared_ptr<Role> role_;
};

}  // namespace

Role& Cast::add(std::string_view name, handler react) {
  auto role = std::make_shared<Role>();
  role->react = std::move(react);
  // Room for all that a test may send in one go.
  const Mailbox::Options room{{}, Overflow::reject, true};
  role->cell = taken(engine_.attach(name, std::make_unique<RoleActor>(role), executor_, room),
                     "the stub " + std::string{name});
  return *roles_.insert_or_assign(std::string{name}, std::move(role)).first->second;
}

Role& Cast::role(std::string_view name) const {
  const auto found = roles_.find(name);
  if (found == roles_.end()) {
    throw failure("no_stub", "there is no stub " + std::string{name} +
                                 "; make it with stage.stub(\"" + std::string{name} + "\")");
  }
  return *found->second;
}

}  // namespace backstage::testkit
