#include "daemon/key_keeper.hpp"

namespace backstage::daemon {
namespace {

config::Problem problem_of(const policy::KeyFault& fault) {
  config::Problem problem{.code = fault.code, .source = fault.where};
  problem.what = fault.what;
  problem.help = fault.next;
  return problem;
}

}  // namespace

KeyKeeper::KeyKeeper(config::CurveConfig config, log::Log& log)
    : config_(std::move(config)), log_(log), directory_(config_.authorized_keys_dir) {}

std::expected<gateway::CurveOptions, config::Problem> KeyKeeper::read() {
  auto secret = policy::read_secret_key(config_.secret_key_file);
  if (!secret) return std::unexpected(problem_of(secret.error()));
  auto found = directory_.read();
  if (!found) return std::unexpected(problem_of(found.error()));
  tell_refused(*found);
  log_.info("keys read", {{"authorized", found->keys.size()}});
  return gateway::CurveOptions{
      .secret = std::make_shared<const policy::SecretKey>(*std::move(secret)),
      .keys = std::move(found->keys)};
}

std::optional<policy::AuthorizedKeys> KeyKeeper::look() {
  if (!directory_.has_changed()) return std::nullopt;
  auto found = directory_.read();
  if (!found) {
    log_.error("the directory of authorized keys is refused: nobody is let in by a key",
               {{"dir", found.error().where},
                {"code", found.error().code},
                {"reason", found.error().what},
                {"fix", found.error().next}});
    return policy::AuthorizedKeys{};
  }
  tell_refused(*found);
  log_.info("keys read again", {{"authorized", found->keys.size()}});
  return std::move(found->keys);
}

void KeyKeeper::tell_refused(const policy::KeyDirectory::Found& found) {
  for (const auto& fault : found.refused) {
    log_.warn(
        "a key file lets nobody in",
        {{"file", fault.where}, {"code", fault.code}, {"reason", fault.what}, {"fix", fault.next}});
  }
}

config::Problems check_keys(const config::Config& config) {
  config::Problems problems;
  if (!config.gateway.curve) return problems;
  const auto& curve = *config.gateway.curve;
  if (const auto secret = policy::read_secret_key(curve.secret_key_file); !secret) {
    problems.push_back(problem_of(secret.error()));
  }
  const auto found = policy::KeyDirectory(curve.authorized_keys_dir).read();
  if (!found) {
    problems.push_back(problem_of(found.error()));
    return problems;
  }
  for (const auto& fault : found->refused) problems.push_back(problem_of(fault));
  return problems;
}

}  // namespace backstage::daemon
