#include "board.hpp"

#include <algorithm>

namespace {

constexpr std::size_t fields_count = 5;
// A century: no real delay comes near, and sums of as many as a daemon can ever count still fit.
constexpr std::int64_t minutes_max = 52'560'000;

[[noreturn]] void refuse(std::string_view line, const std::string& why) {
  throw backstage::error(BS_E_ARG, why + " in the departure \"" + std::string{line.substr(0, 80)} +
                                       "\"; expected departure,origin,destination,delay_min,"
                                       "distance_miles");
}

std::int64_t number(std::string_view line, std::string_view field, const char* what) {
  const auto value = backstage::to_integer(field);
  if (!value || *value < -minutes_max || *value > minutes_max) {
    refuse(line, std::string{what} + " \"" + std::string{field.substr(0, 32)} + "\" is no integer");
  }
  return *value;
}

// Codes go into JSON as they are, so nothing else than letters and digits may pass.
std::string_view code(std::string_view line, std::string_view field, const char* what) {
  const auto allowed = [](char byte) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
  };
  if (field.empty() || field.size() > 4 || !std::all_of(field.begin(), field.end(), allowed)) {
    refuse(line, std::string{what} + " is not 1 to 4 capital letters or digits");
  }
  return field;
}

}  // namespace

Departure Departure::decode(std::string_view line) {
  std::array<std::string_view, fields_count> fields;
  std::string_view rest = line;
  for (std::size_t i = 0; i < fields_count; ++i) {
    const auto comma = rest.find(',');
    const bool is_last = i + 1 == fields_count;
    if (is_last != (comma == std::string_view::npos)) refuse(line, "not five fields");
    fields[i] = rest.substr(0, comma);
    rest.remove_prefix(is_last ? rest.size() : comma + 1);
  }
  if (fields[0].empty()) refuse(line, "no departure time");
  number(line, fields[4], "distance_miles");
  return {.origin = code(line, fields[1], "origin"),
          .destination = code(line, fields[2], "destination"),
          .delay_min = number(line, fields[3], "delay_min")};
}

void Board::add(std::int64_t delay_min) noexcept {
  worst_ = count_ == 0 ? delay_min : std::max(worst_, delay_min);
  last_[count_ % last_max] = delay_min;
  sum_ += delay_min;
  ++count_;
}

std::size_t Board::kept() const noexcept {
  return static_cast<std::size_t>(std::min<std::uint64_t>(count_, last_max));
}

std::string Board::json(std::string_view origin) const {
  std::string text;
  text.reserve(192);
  text.append("{\"origin\":\"").append(origin);
  text.append("\",\"count\":").append(std::to_string(count_));
  text.append(",\"sum\":").append(std::to_string(sum_));
  text.append(",\"worst\":").append(count_ == 0 ? "null" : std::to_string(worst_));
  text.append(",\"last\":[");
  for (std::size_t i = kept(); i > 0; --i) {
    text.append(std::to_string(last_[(count_ - i) % last_max]));
    if (i > 1) text.push_back(',');
  }
  return text.append("]}");
}

void Board::save(backstage::writer& out) const {
  out.put(count_);
  out.put(sum_);
  out.put(worst_);
  for (std::size_t i = kept(); i > 0; --i) out.put(last_[(count_ - i) % last_max]);
}

void Board::load(backstage::reader& in) {
  in.get(count_);
  in.get(sum_);
  in.get(worst_);
  for (std::size_t i = kept(); i > 0; --i) in.get(last_[(count_ - i) % last_max]);
}
