// Walking the schema: references, branches, members, and x-reload by the nearest key.
#include "daemon/config/schema.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace backstage::config {
namespace {

// Cuts the first token off a JSON pointer, unescaped.
std::string next_token(std::string_view& pointer) {
  pointer.remove_prefix(1);
  const auto end = std::min(pointer.find('/'), pointer.size());
  std::string token;
  for (std::size_t i = 0; i < end; ++i) {
    if (pointer[i] == '~' && i + 1 < end) {
      token += pointer[++i] == '1' ? '/' : '~';
    } else {
      token += pointer[i];
    }
  }
  pointer.remove_prefix(end);
  return token;
}

// The schema one step down, whatever branch the value may take; null when free.
const Json* step(const Json& root, const Json& node, std::string_view token) {
  if (const Json* items = keyword(root, node, "items")) return items;
  if (const Json* member = member_schema(root, node, token)) return member;
  if (const Json* branches = keyword(root, node, "oneOf")) {
    for (const Json& branch : *branches) {
      if (const Json* found = step(root, branch, token)) return found;
    }
  }
  return nullptr;
}

}  // namespace

Schema::Schema() {
  const auto problems = parse_json(schema_text, "schema.json", root_);
  if (!problems.empty()) throw std::logic_error(render(problems));
}

bool Schema::is_live(std::string_view pointer) const {
  const Json* node = &root_;
  bool live = false;
  while (node != nullptr) {
    if (const Json* reload = keyword(root_, *node, "x-reload")) live = *reload == "live";
    if (pointer.empty()) break;
    node = step(root_, *node, next_token(pointer));
  }
  return live;
}

const Json* keyword(const Json& root, const Json& node, const char* name) {
  if (!node.is_object()) return nullptr;
  if (const auto found = node.find(name); found != node.end()) return &*found;
  const auto ref = node.find("$ref");
  if (ref == node.end()) return nullptr;
  constexpr std::string_view prefix = "#/$defs/";
  const auto& target = ref->get_ref<const std::string&>();
  return keyword(root, root.at("$defs").at(target.substr(prefix.size())), name);
}

const Json* member_schema(const Json& root, const Json& node, std::string_view name) {
  if (const Json* properties = keyword(root, node, "properties")) {
    if (const auto found = properties->find(std::string{name}); found != properties->end()) {
      return &*found;
    }
  }
  const Json* additional = keyword(root, node, "additionalProperties");
  return additional != nullptr && additional->is_object() ? additional : nullptr;
}

const Json& branch_for(const Json& root, const Json& node, const Json& value) {
  if (const Json* branches = keyword(root, node, "oneOf")) {
    for (const Json& branch : *branches) {
      const Json* type = keyword(root, branch, "type");
      if (type != nullptr && has_type(value, type->get_ref<const std::string&>())) return branch;
    }
  }
  return node;
}

bool has_type(const Json& value, std::string_view type) noexcept {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  return type == "null" && value.is_null();
}

}  // namespace backstage::config
