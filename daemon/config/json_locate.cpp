// Finds the places of a few JSON pointers in one pass over the text.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "daemon/config/json_document.hpp"

namespace backstage::config {
namespace {

class Locator {
 public:
  Locator(std::string_view text, const std::vector<std::string>& pointers)
      : walker_(text), wanted_(pointers.begin(), pointers.end()) {}

  [[nodiscard]] std::map<std::string, Spot> take() { return std::move(spots_); }

  bool null() { return scalar(); }
  bool boolean(bool) { return scalar(); }
  bool number_integer(std::int64_t) { return scalar(); }
  bool number_unsigned(std::uint64_t) { return scalar(); }
  bool number_float(double, const std::string&) { return scalar(); }
  bool string(std::string&) { return scalar(); }
  bool binary(Json::binary_t&) { return false; }

  bool start_object(std::size_t) { return open(false); }
  bool start_array(std::size_t) { return open(true); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    key_ = walker_.next();
    path_.resize(levels_.back().path_size);
    append_token(path_, name);
    return true;
  }
  template <class Error>
  bool parse_error(std::size_t, const std::string&, const Error&) {
    return false;
  }

 private:
  struct Level {
    std::size_t path_size;
    bool is_array;
    std::size_t items;
  };

  void visit() {
    const Span value = walker_.next();
    if (!levels_.empty() && levels_.back().is_array) {
      path_.resize(levels_.back().path_size);
      append_token(path_, std::to_string(levels_.back().items++));
      key_ = value;
    }
    if (wanted_.contains(path_)) spots_.emplace(path_, Spot{key_, value});
  }
  bool scalar() {
    visit();
    return true;
  }
  bool open(bool is_array) {
    visit();
    levels_.push_back({path_.size(), is_array, 0});
    return true;
  }
  bool close() {
    static_cast<void>(walker_.next());
    path_.resize(levels_.back().path_size);
    levels_.pop_back();
    return true;
  }

  TokenWalker walker_;
  std::unordered_set<std::string> wanted_;
  std::map<std::string, Spot> spots_;
  Span key_;
  std::string path_;
  std::vector<Level> levels_;
};

}  // namespace

std::map<std::string, Spot> locate(std::string_view text,
                                   const std::vector<std::string>& pointers) {
  Locator locator{text, pointers};
  // The verdict was spoken by parse_json; here only the places matter.
  static_cast<void>(Json::sax_parse(text.begin(), text.end(), &locator));
  return locator.take();
}

}  // namespace backstage::config
