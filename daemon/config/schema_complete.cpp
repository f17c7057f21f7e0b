// Defaults: the schema's, in the schema's order, at every level where a value is missing.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/config/schema.hpp"

namespace backstage::config {
namespace {

Json completed(const Json& root, const Json& schema, const Json& value);

Json completed_object(const Json& root, const Json& schema, const Json& value) {
  Json out = Json::object();
  auto& members = out.get_ref<Json::object_t&>();
  const Json* properties = keyword(root, schema, "properties");
  if (properties != nullptr) {
    for (const auto& [name, member] : properties->items()) {
      if (const auto found = value.find(name); found != value.end()) {
        members.emplace_back(name, completed(root, member, *found));
      } else if (const Json* fallback = keyword(root, member, "default")) {
        members.emplace_back(name, completed(root, member, *fallback));
      }
    }
  }
  for (const auto& [name, member] : value.items()) {
    if (properties != nullptr && (is_comment_key(name) || properties->contains(name))) continue;
    const Json* known = member_schema(root, schema, name);
    members.emplace_back(name, known != nullptr ? completed(root, *known, member) : member);
  }
  return out;
}

Json completed(const Json& root, const Json& schema, const Json& value) {
  const Json& branch = branch_for(root, schema, value);
  const bool is_described = keyword(root, branch, "properties") != nullptr ||
                            keyword(root, branch, "additionalProperties") != nullptr;
  if (value.is_object() && is_described) return completed_object(root, branch, value);
  const Json* items = keyword(root, branch, "items");
  if (value.is_array() && items != nullptr) {
    Json out = Json::array();
    for (const Json& item : value) out.push_back(completed(root, *items, item));
    return out;
  }
  return value;
}

}  // namespace

Json Schema::complete(const Json& document) const { return completed(root_, root_, document); }

}  // namespace backstage::config
