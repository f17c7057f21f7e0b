// The verdict: every mistake of a document, each worded for the person who made it.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "daemon/config/schema.hpp"
#include "daemon/config/schema_kinds.hpp"
#include "daemon/text/suggest.hpp"

namespace backstage::config {
namespace {

// Longer values are cut in messages.
constexpr std::size_t shown_bytes_max = 80;

std::string shown(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  auto text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() <= shown_bytes_max) return text;
  std::size_t end = shown_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "...";
}

std::string_view article_type(std::string_view type) {
  if (type == "object") return "an object";
  if (type == "array") return "an array";
  if (type == "integer") return "a whole number";
  if (type == "string") return "a string";
  return type == "boolean" ? "true or false" : "a number";
}

class Validator {
 public:
  explicit Validator(const Json& root) : root_(root) {}
  [[nodiscard]] Violations take() { return std::move(violations_); }

  void check(const Json& schema, const Json& value) {
    const Json& node = branch_for(root_, schema, value);
    if (const Json* branches = keyword(root_, node, "oneOf")) {
      refuse_branches(schema, *branches, value);
      return;
    }
    if (const Json* type = keyword(root_, node, "type")) {
      if (!has_type(value, type->get_ref<const std::string&>())) {
        refuse_type(node, type->get_ref<const std::string&>(), value);
        return;
      }
    }
    check_enum(node, value);
    if (value.is_number_integer()) check_range(node, value);
    if (value.is_string()) check_string(node, value.get_ref<const std::string&>());
    if (value.is_array()) check_array(node, value);
    if (value.is_object()) check_object(node, value);
  }

 private:
  void add(std::string code, std::string what, std::string help, bool at_key = false) {
    violations_.push_back({std::move(code), path_, at_key, std::move(what), std::move(help)});
  }

  // What the schema says the value is for, and its default.
  std::string help_of(const Json& node) const {
    std::string help;
    if (const Json* text = keyword(root_, node, "description")) help = text->get<std::string>();
    const Json* fallback = keyword(root_, node, "default");
    if (fallback != nullptr && fallback->is_primitive()) {
      help += fmt::format("\ndefault: {}", shown(*fallback));
    }
    return help;
  }

  void refuse_type(const Json& node, std::string_view type, const Json& value) {
    if (keyword(root_, node, "enum") != nullptr) {
      check_enum(node, value);
      return;
    }
    const Json* kind = keyword(root_, node, "x-kind");
    if (kind != nullptr && *kind == "duration") {
      add("CFG-203",
          fmt::format("must be a string with a unit, such as \"10s\", not {}", shown(value)),
          "units: ms s m h\n" + help_of(node));
      return;
    }
    std::string article{article_type(type)};
    const Json* minimum = keyword(root_, node, "minimum");
    const Json* maximum = keyword(root_, node, "maximum");
    if (minimum != nullptr && maximum != nullptr) {
      article += fmt::format(" from {} to {}", shown(*minimum), shown(*maximum));
    }
    add("CFG-203", fmt::format("must be {}, not {}", article, shown(value)), help_of(node));
  }

  void refuse_branches(const Json& schema, const Json& branches, const Json& value) {
    std::string allowed;
    for (const Json& branch : branches) {
      if (!allowed.empty()) allowed += " or ";
      allowed += article_type(keyword(root_, branch, "type")->get_ref<const std::string&>());
    }
    add("CFG-203", fmt::format("must be {}, not {}", allowed, shown(value)), help_of(schema));
  }

  void check_enum(const Json& node, const Json& value) {
    const Json* allowed = keyword(root_, node, "enum");
    if (allowed == nullptr) return;
    std::string list;
    std::vector<std::string_view> words;
    for (const Json& word : *allowed) {
      if (word == value) return;
      list += (list.empty() ? "" : ", ") + shown(word);
      if (word.is_string()) words.push_back(word.get_ref<const std::string&>());
    }
    std::string help;
    if (value.is_string()) {
      const auto close = text::nearest(value.get_ref<const std::string&>(), words);
      if (!close.empty()) help = fmt::format("did you mean \"{}\"?\n", close);
    }
    add("CFG-205", fmt::format("{} is not one of the allowed values", shown(value)),
        help + "allowed: " + list + '\n' + help_of(node));
  }

  void check_range(const Json& node, const Json& value) {
    const Json* minimum = keyword(root_, node, "minimum");
    const Json* maximum = keyword(root_, node, "maximum");
    if (minimum != nullptr && value < *minimum) {
      add("CFG-204", fmt::format("{} is below the minimum {}", shown(value), shown(*minimum)),
          help_of(node));
    } else if (maximum != nullptr && value > *maximum) {
      add("CFG-204", fmt::format("{} is above the maximum {}", shown(value), shown(*maximum)),
          help_of(node));
    }
  }

  void check_string(const Json& node, const std::string& text) {
    const Json* shortest = keyword(root_, node, "minLength");
    const Json* longest = keyword(root_, node, "maxLength");
    if (shortest != nullptr && text.size() < shortest->get<std::size_t>()) {
      add("CFG-207", "must not be empty", help_of(node));
      return;
    }
    if (longest != nullptr && text.size() > longest->get<std::size_t>()) {
      add("CFG-207", fmt::format("is longer than {} bytes", shown(*longest)), help_of(node));
      return;
    }
    if (const Json* kind = keyword(root_, node, "x-kind")) check_kind(*kind, node, text, false);
  }

  void check_kind(const Json& kind, const Json& node, const std::string& text, bool at_key) {
    const auto bound = [&](const char* name) {
      const Json* found = keyword(root_, node, name);
      return found == nullptr ? std::string_view{} : found->get_ref<const std::string&>();
    };
    auto fault = judge_kind(kind.get_ref<const std::string&>(), text,
                            {bound("x-minimum"), bound("x-maximum")});
    if (!fault) return;
    auto help = fault->help;
    if (help.empty()) help = help_of(node);
    add(fault->code, fmt::format("{} {}", shown(Json(text)), fault->what), help, at_key);
  }

  void check_array(const Json& node, const Json& value) {
    const Json* fewest = keyword(root_, node, "minItems");
    const Json* most = keyword(root_, node, "maxItems");
    if (fewest != nullptr && value.size() < fewest->get<std::size_t>()) {
      add("CFG-207", fmt::format("must have at least {} item", shown(*fewest)), help_of(node));
    }
    if (most != nullptr && value.size() > most->get<std::size_t>()) {
      add("CFG-207",
          fmt::format("has {} items, at most {} are allowed", value.size(), shown(*most)),
          help_of(node));
    }
    const Json* items = keyword(root_, node, "items");
    if (items == nullptr) return;
    const auto size = path_.size();
    for (std::size_t i = 0; i < value.size(); ++i) {
      append_token(path_, std::to_string(i));
      check(*items, value[i]);
      path_.resize(size);
    }
  }

  void check_object(const Json& node, const Json& value) {
    const Json* properties = keyword(root_, node, "properties");
    const Json* additional = keyword(root_, node, "additionalProperties");
    const Json* names = keyword(root_, node, "propertyNames");
    const bool closed = additional != nullptr && *additional == false;
    const auto size = path_.size();
    for (const auto& [name, member] : value.items()) {
      append_token(path_, name);
      if (names != nullptr) check_kind(names->at("x-kind"), node, name, true);
      const bool is_named = properties != nullptr && properties->contains(name);
      if (const Json* schema = member_schema(root_, node, name)) {
        check(*schema, member);
      } else if (closed && !is_named && !is_comment_key(name)) {
        refuse_key(*properties, name);
      }
      path_.resize(size);
    }
    check_required(node, value);
  }

  void refuse_key(const Json& properties, const std::string& name) {
    std::vector<std::string_view> known;
    std::string list;
    for (auto it = properties.begin(); it != properties.end(); ++it) {
      known.push_back(it.key());
      list += (list.empty() ? "" : ", ") + it.key();
    }
    const auto close = text::nearest(name, known);
    const auto help = close.empty() ? std::string{} : fmt::format("did you mean \"{}\"?\n", close);
    add("CFG-202", fmt::format("unknown key {}", shown(Json(name))), help + "known here: " + list,
        true);
  }

  void check_required(const Json& node, const Json& value) {
    const Json* required = keyword(root_, node, "required");
    if (required == nullptr) return;
    for (const Json& name : *required) {
      const auto& key = name.get_ref<const std::string&>();
      if (value.contains(key)) continue;
      add("CFG-206", fmt::format("the key \"{}\" is missing", key),
          help_of(*member_schema(root_, node, key)));
    }
  }

  const Json& root_;
  std::string path_;
  Violations violations_;
};

}  // namespace

Violations Schema::validate(const Json& document) const {
  Validator validator{root_};
  validator.check(root_, document);
  return validator.take();
}

}  // namespace backstage::config
