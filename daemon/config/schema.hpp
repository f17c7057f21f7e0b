/// The config schema at work: judges a document, fills in defaults, tells what a reload may change.
///
/// The subset of JSON Schema 2020-12 understood here: $ref (into $defs), type, properties,
/// patternProperties (only "^x-": true), propertyNames, additionalProperties, required, items,
/// maxItems, minItems, enum, minimum, maximum, minLength, maxLength, oneOf (branches of different
/// type), default; title, description, $id, $schema and $defs say nothing about a value; `pattern`
/// serves editors and always stands beside the x-kind that decides. Our own: x-kind, x-minimum and
/// x-maximum (durations), x-reload. A test holds the shipped schema to this list.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/json_document.hpp"

namespace backstage::config {

/// config/schema.json, byte for byte.
extern const std::string_view schema_text;

/// One thing wrong with a document; where it is in the file is found later.
struct Violation {
  std::string code{};
  std::string pointer{};
  /// The mistake is in the key, not in the value.
  bool at_key = false;
  std::string what{};
  std::string help{};
};
using Violations = std::vector<Violation>;

class Schema {
 public:
  /// Parses schema_text; throws std::logic_error if the build embedded something else.
  Schema();

  /// All that is wrong with `document`, in document order. [any]
  [[nodiscard]] Violations validate(const Json& document) const;
  /// The document with defaults filled in, keys in the schema's order, x- keys left out. Values
  /// that are not valid are taken as they are. [any]
  [[nodiscard]] Json complete(const Json& document) const;
  /// `live` or `restart` for a pointer, by the nearest key that says so. [any]
  [[nodiscard]] bool is_live(std::string_view pointer) const;

  [[nodiscard]] const Json& root() const noexcept { return root_; }

 private:
  Json root_;
};

/// A member of a schema node, through $ref: the node's own keywords win. Null when absent.
[[nodiscard]] const Json* keyword(const Json& root, const Json& node, const char* name);
/// The schema of member `name` of an object described by `node`: by properties, else by
/// additionalProperties; null when free or unknown.
[[nodiscard]] const Json* member_schema(const Json& root, const Json& node, std::string_view name);
/// The branch of oneOf that fits the value's type, else the node itself; borrowed from `node`,
/// which therefore must not be a temporary.
[[nodiscard]] const Json& branch_for(const Json& root, const Json& node, const Json& value);
const Json& branch_for(const Json& root, const Json&& node, const Json& value) = delete;
/// Whether `value` has JSON Schema type `type`; integer means written without point or exponent.
[[nodiscard]] bool has_type(const Json& value, std::string_view type) noexcept;
/// A key of an object with fixed keys that is free for comments.
[[nodiscard]] inline bool is_comment_key(std::string_view name) noexcept {
  return name.starts_with("x-");
}

}  // namespace backstage::config
