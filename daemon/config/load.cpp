// Loading: text -> document -> overrides -> verdict -> values; mistakes are placed at the end.
#include "daemon/config/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "daemon/config/json_document.hpp"
#include "daemon/config/read.hpp"
#include "daemon/config/schema.hpp"
#include "daemon/config/schema_kinds.hpp"

namespace backstage::config {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 5> path_pointers{
    "/runtime_dir", "/plugins/dir", "/plugins/state_dir", "/gateway/curve/secret_key_file",
    "/gateway/curve/authorized_keys_dir"};

// Makes relative paths of the document absolute, beginning at `base`.
void anchor_directories(Json& root, const fs::path& base) {
  for (const char* pointer : path_pointers) {
    const Json::json_pointer path{pointer};
    if (!root.is_object() || !root.contains(path)) continue;
    Json& value = root.at(path);
    const auto* text = value.get_ptr<const std::string*>();
    if (text == nullptr || text->empty() || *text == "auto" || text->front() == '/') continue;
    value = (base / *text).lexically_normal().string();
  }
}

// By place, those without one last, equals as they came.
Problems in_order(Problems problems) {
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::size_t>, Problem> sorted;
  for (auto& problem : problems) {
    const auto line = problem.at.line == 0 ? UINT32_MAX : problem.at.line;
    sorted.emplace(std::tuple{line, problem.at.column, sorted.size()}, std::move(problem));
  }
  problems.clear();
  for (auto& [key, problem] : sorted) problems.push_back(std::move(problem));
  return problems;
}

Problem option_problem(const char* code, const Override& given, std::string what,
                       std::string help) {
  Problem problem{.code = code, .source = given.option};
  problem.what = std::move(what);
  problem.help = std::move(help);
  return problem;
}

bool is_utf8(const std::string& text) {
  try {
    static_cast<void>(Json(text).dump());
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

// A directory of the system's may be no UTF-8; it is kept as it is, and shown as well as can be.
std::string printed(const Json& completed) {
  return completed.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

// The member or item `token` of `node`, made if it may be; null when there is no such place.
Json* step_into(Json& node, const std::string& token) {
  if (node.is_null()) node = Json::object();
  if (node.is_object()) return &node[token];
  if (!node.is_array()) return nullptr;
  std::size_t index = node.size();
  if (token != "-") {
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
    if (error != std::errc{} || end != token.data() + token.size()) return nullptr;
  }
  if (index > node.size()) return nullptr;
  if (index == node.size()) node.push_back(nullptr);
  return &node[index];
}

class Loader {
 public:
  Loader(std::string_view text, const std::string& name, const Environment& environment)
      : text_(text), name_(name), environment_(environment) {}

  std::expected<LoadedConfig, Problems> run(const std::vector<Override>& overrides) {
    problems_ = inspect_text(text_, name_);
    if (!problems_.empty()) return std::unexpected(std::move(problems_));
    Json root;
    problems_ = parse_json(text_, name_, root);
    if (root.is_null() && !problems_.empty()) return std::unexpected(std::move(problems_));
    const Schema schema;
    // What is no object is refused by the schema, with its place; there is nothing to set in it.
    if (root.is_object()) {
      anchor_directories(root, fs::absolute(name_).parent_path());
      // Defaults first, so that an override can name an item of a default list.
      root = schema.complete(root);
      for (const Override& given : overrides) apply(given, root);
      anchor_directories(root, fs::current_path());
    }
    const Json completed = schema.complete(root);
    auto violations = schema.validate(root);
    for (auto& violation : check_together(completed, environment_)) {
      violations.push_back(std::move(violation));
    }
    place_all(violations);
    if (!problems_.empty()) return std::unexpected(std::move(problems_));
    return LoadedConfig{read_config(completed), printed(completed)};
  }

 private:
  void apply(const Override& given, Json& root) {
    const auto equals = given.assignment.find('=');
    if (equals == std::string::npos || !given.assignment.starts_with('/') || equals == 0) {
      problems_.push_back(option_problem("CFG-401", given, "is not /pointer=value",
                                         "for example --set /log/level=debug"));
      return;
    }
    if (!is_utf8(given.assignment)) {
      problems_.push_back(
          option_problem("CFG-403", given, "is not UTF-8", "JSON holds UTF-8 only"));
      return;
    }
    const auto pointer = given.assignment.substr(0, equals);
    const auto text = given.assignment.substr(equals + 1);
    Json value;
    auto mistakes = parse_json(text, given.option, value);
    if (!mistakes.empty() && mistakes.front().code == "CFG-109") {
      // Not JSON: the text itself is meant, so that --set /log/level=debug needs no quotes.
      value = text;
    } else {
      for (Problem& mistake : mistakes) {
        mistake.pointer.insert(0, pointer);
        problems_.push_back(std::move(mistake));
      }
    }
    try {
      std::vector<std::string> tokens;
      for (Json::json_pointer path{pointer}; !path.empty(); path.pop_back()) {
        tokens.push_back(path.back());
      }
      Json* place = &root;
      for (auto token = tokens.rbegin(); token != tokens.rend() && place != nullptr; ++token) {
        place = step_into(*place, *token);
      }
      if (place == nullptr) {
        problems_.push_back(option_problem("CFG-402", given, "there is no place of that name",
                                           "a pointer leads through objects by key and through "
                                           "arrays by index; - appends"));
        return;
      }
      *place = std::move(value);
      overridden_.emplace_back(pointer, given.option);
    } catch (const Json::exception&) {
      problems_.push_back(option_problem("CFG-401", given, "the pointer is malformed",
                                         "in a pointer ~ is written ~0, and / within a key ~1"));
    }
  }

  static bool is_within(const std::string& pointer, const std::string& outer) {
    return pointer.starts_with(outer) &&
           (pointer.size() == outer.size() || pointer[outer.size()] == '/');
  }

  // The option that gave the value at `pointer`, or one around it, or, for what the file does not
  // hold, one that made it by setting something inside; the last one counts.
  [[nodiscard]] const std::string* option_of(const std::string& pointer, bool is_in_file) const {
    for (auto it = overridden_.rbegin(); it != overridden_.rend(); ++it) {
      if (is_within(pointer, it->first)) return &it->second;
      if (!is_in_file && is_within(it->first, pointer)) return &it->second;
    }
    return nullptr;
  }

  void place_all(const Violations& violations) {
    std::vector<std::string> wanted;
    for (const auto& violation : violations) {
      // The value may be a default or missing: then the nearest object around it is shown.
      for (auto pointer = violation.pointer;; pointer.resize(pointer.rfind('/'))) {
        wanted.push_back(pointer);
        if (pointer.empty()) break;
      }
    }
    const auto spots = locate(text_, wanted);
    std::vector<Located> located;
    for (const auto& violation : violations) {
      const bool is_in_file = spots.contains(violation.pointer);
      if (const std::string* option = option_of(violation.pointer, is_in_file)) {
        located.push_back({&violation, option, {SIZE_MAX, SIZE_MAX}});
        continue;
      }
      auto pointer = violation.pointer;
      while (!spots.contains(pointer)) pointer.resize(pointer.rfind('/'));
      const Spot& spot = spots.at(pointer);
      located.push_back(
          {&violation, nullptr, violation.at_key && is_in_file ? spot.key : spot.value});
    }
    // Violations lie in one vector, so their addresses keep the order of equals.
    std::ranges::sort(located, {},
                      [](const Located& one) { return std::pair{one.where.begin, one.violation}; });
    for (const Located& one : located) tell(one);
    problems_ = in_order(std::move(problems_));
  }

  struct Located {
    const Violation* violation;
    const std::string* option;
    Span where;
  };

  void tell(const Located& one) {
    Problem problem{.code = one.violation->code,
                    .source = one.option != nullptr ? *one.option : name_,
                    .pointer = one.violation->pointer};
    problem.what = one.violation->what;
    problem.help = one.violation->help;
    // Finding a line and column reads the text from its start: enough for those that are shown.
    if (one.option == nullptr && placed_++ < problems_shown_max) {
      place(problem, text_, one.where);
    }
    problems_.push_back(std::move(problem));
  }

  std::string_view text_;
  const std::string& name_;
  const Environment& environment_;
  std::vector<std::pair<std::string, std::string>> overridden_;
  std::size_t placed_ = 0;
  Problems problems_;
};

}  // namespace

std::expected<LoadedConfig, Problems> load_config_text(std::string_view text,
                                                       const std::string& name,
                                                       const std::vector<Override>& overrides,
                                                       const Environment& environment) {
  return Loader{text, name, environment}.run(overrides);
}

std::expected<LoadedConfig, Problems> load_config(const ConfigSource& source,
                                                  const Environment& environment) {
  if (!source.file) {
    return load_config_text("{}", "(built-in defaults)", source.overrides, environment);
  }
  auto text = read_config_file(*source.file);
  if (!text) return std::unexpected(Problems{std::move(text.error())});
  return load_config_text(*text, *source.file, source.overrides, environment);
}

std::string resolve_endpoint(std::string_view endpoint, std::string_view runtime_dir) {
  std::string resolved{endpoint};
  const auto mark = resolved.find(runtime_dir_mark);
  if (mark != std::string::npos) resolved.replace(mark, runtime_dir_mark.size(), runtime_dir);
  return resolved;
}

}  // namespace backstage::config
