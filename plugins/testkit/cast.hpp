// Cast: the test's own actors on a stage: the tester, its ear for topics, and stubs.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/testkit/world.hpp"

namespace backstage::testkit {

/// What one of them has seen, and does.
struct Role {
  std::vector<mail> got;
  std::map<RequestId, std::shared_ptr<std::optional<mail>>> asked;
  handler react;
  Cell* cell = nullptr;  // lives as long as the engine
};

class Cast {
 public:
  Cast(Engine& engine, Executor& executor) : engine_(engine), executor_(executor) {}

  /// Puts an actor on the stage. Throws failure: the name is taken, or none.
  Role& add(std::string_view name, handler react = {});
  /// Throws failure when there is none of that name.
  [[nodiscard]] Role& role(std::string_view name) const;
  [[nodiscard]] Context context(const Role& role) const { return engine_.context_of(*role.cell); }

 private:
  Engine& engine_;
  Executor& executor_;
  // Shared with the actors, which the engine owns.
  std::map<std::string, std::shared_ptr<Role>, std::less<>> roles_;
};

}  // namespace backstage::testkit
