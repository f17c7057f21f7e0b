// Builds the document from the parser's events, keeping the path for messages.
#include "daemon/config/json_document.hpp"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <unordered_set>

namespace backstage::config {
namespace {

class Builder {
 public:
  Builder(std::string_view text, const std::string& source, Json& root)
      : text_(text), source_(source), walker_(text), slot_(&root) {}

  [[nodiscard]] Problems take() { return std::move(problems_); }

  bool null() { return scalar(nullptr); }
  bool boolean(bool value) { return scalar(value); }
  bool number_integer(std::int64_t value) { return scalar(value); }
  bool number_unsigned(std::uint64_t value) { return scalar(value); }
  bool number_float(double value, const std::string&) { return scalar(value); }
  bool string(std::string& value) { return scalar(std::move(value)); }
  // JSON text has no binary values; the parser's interface asks for the function.
  bool binary(Json::binary_t&) { return false; }

  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    const Span span = walker_.next();
    Level& level = levels_.back();
    path_.resize(level.path_size);
    append_token(path_, name);
    if (level.names.insert(name).second) {
      auto& members = level.container->get_ref<Json::object_t&>();
      members.emplace_back(name, nullptr);
      slot_ = &members.back().second;
    } else {
      add("CFG-201", span, fmt::format("the key \"{}\" is here for the second time", name),
          "keep one of them");
      discarded_.push_back(std::make_unique<Json>());
      slot_ = discarded_.back().get();
    }
    return true;
  }

  template <class Error>
  bool parse_error(std::size_t bytes_read, const std::string&, const Error& error) {
    const auto at = walker_.failing(bytes_read);
    Problem problem{.code = "CFG-109", .source = source_};
    explain_syntax(problem, text_, at, error.what());
    // Duplicates before a syntax error say nothing about what was meant.
    problems_ = {std::move(problem)};
    return false;
  }

 private:
  struct Level {
    Json* container;
    std::size_t path_size;
    std::unordered_set<std::string> names;
  };

  void add(const char* code, Span span, std::string what, std::string help) {
    Problem problem{.code = code, .source = source_, .pointer = path_};
    problem.what = std::move(what);
    problem.help = std::move(help);
    // Placing reads the text from its start: enough for those that are shown.
    if (problems_.size() < problems_shown_max) place(problem, text_, span);
    problems_.push_back(std::move(problem));
  }

  // The place for the next value: what key() prepared, or a new array item.
  Json& next_slot() {
    if (!levels_.empty() && levels_.back().container->is_array()) {
      Level& level = levels_.back();
      path_.resize(level.path_size);
      append_token(path_, std::to_string(level.container->size()));
      level.container->push_back(nullptr);
      slot_ = &level.container->back();
    }
    return *slot_;
  }

  template <class Value>
  bool scalar(Value&& value) {
    static_cast<void>(walker_.next());
    next_slot() = std::forward<Value>(value);
    return true;
  }

  bool open(Json container) {
    const Span span = walker_.next();
    Json& slot = next_slot();
    if (levels_.size() == config_depth_max) {
      problems_.clear();
      path_.clear();
      add("CFG-106", span, fmt::format("nested deeper than {} levels", config_depth_max),
          "flatten it, or hand it to the plugin as a file of its own");
      return false;
    }
    slot = std::move(container);
    levels_.push_back({&slot, path_.size(), {}});
    return true;
  }

  bool close() {
    static_cast<void>(walker_.next());
    path_.resize(levels_.back().path_size);
    levels_.pop_back();
    return true;
  }

  std::string_view text_;
  const std::string& source_;
  TokenWalker walker_;
  Json* slot_;
  std::string path_;
  std::vector<Level> levels_;
  std::vector<std::unique_ptr<Json>> discarded_;
  Problems problems_;
};

Problem file_problem(const char* code, const std::string& source, std::string what,
                     std::string help) {
  Problem problem{.code = code, .source = source};
  problem.what = std::move(what);
  problem.help = std::move(help);
  return problem;
}

}  // namespace

Problems inspect_text(std::string_view text, const std::string& source) {
  if (text.size() > config_bytes_max) {
    return {file_problem("CFG-105", source,
                         fmt::format("the config is larger than {} bytes", config_bytes_max),
                         "check that this is the right file")};
  }
  if (text.starts_with("\xEF\xBB\xBF") || text.starts_with("\xFE\xFF") ||
      text.starts_with("\xFF\xFE")) {
    return {file_problem("CFG-107", source, "the file begins with a byte order mark",
                         "save it as plain UTF-8 without BOM")};
  }
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    auto problem = file_problem("CFG-108", source, "there is a NUL byte in the file",
                                "save it as plain UTF-8; JSON writes NUL as \\u0000");
    place(problem, text, {nul, nul + 1});
    return {std::move(problem)};
  }
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return {file_problem("CFG-104", source, "the file is empty",
                         "write {} for the defaults, or start without --config")};
  }
  return {};
}

Problems parse_json(std::string_view text, const std::string& source, Json& root) {
  root = nullptr;
  Builder builder{text, source, root};
  const bool whole = Json::sax_parse(text.begin(), text.end(), &builder);
  if (!whole) root = nullptr;
  return builder.take();
}

}  // namespace backstage::config
