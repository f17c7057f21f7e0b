// What a reload would change, key by key.
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/config/load.hpp"
#include "daemon/config/schema.hpp"

namespace backstage::config {
namespace {

class Differ {
 public:
  explicit Differ(const Schema& schema) : schema_(schema) {}
  [[nodiscard]] std::vector<ConfigChange> take() { return std::move(changes_); }

  // Objects with keys of ours are compared key by key; what a person named is one setting.
  void compare(const Json& before, const Json& after, const Json& node, bool is_map_entry) {
    if (before == after) return;
    const bool is_map = keyword(schema_.root(), node, "propertyNames") != nullptr;
    const bool is_ours = keyword(schema_.root(), node, "properties") != nullptr && !is_map_entry;
    if (!before.is_object() || !after.is_object() || (!is_map && !is_ours)) {
      add(&before, &after);
      return;
    }
    std::set<std::string> names;
    for (const auto& [name, value] : before.items()) {
      names.insert(name);
      compare_member(name, &value, after.contains(name) ? &after.at(name) : nullptr, node, is_map);
    }
    for (const auto& [name, value] : after.items()) {
      if (!names.contains(name)) compare_member(name, nullptr, &value, node, is_map);
    }
  }

 private:
  void add(const Json* before, const Json* after) {
    changes_.push_back({path_, schema_.is_live(path_), before == nullptr ? "" : before->dump(),
                        after == nullptr ? "" : after->dump()});
  }

  void compare_member(const std::string& name, const Json* before, const Json* after,
                      const Json& node, bool is_map) {
    const auto size = path_.size();
    append_token(path_, name);
    const Json* member = member_schema(schema_.root(), node, name);
    if (before == nullptr || after == nullptr) {
      add(before, after);
    } else {
      compare(*before, *after, member == nullptr ? Json::object() : *member, is_map);
    }
    path_.resize(size);
  }

  const Schema& schema_;
  std::string path_;
  std::vector<ConfigChange> changes_;
};

}  // namespace

std::vector<ConfigChange> diff(const LoadedConfig& before, const LoadedConfig& after) {
  const Schema schema;
  Differ differ{schema};
  differ.compare(Json::parse(before.effective), Json::parse(after.effective), schema.root(), false);
  return differ.take();
}

std::string_view config_schema() noexcept { return schema_text; }

}  // namespace backstage::config
