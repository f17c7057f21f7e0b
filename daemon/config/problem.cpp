// Rendering of problems: nothing from the file reaches the terminal unescaped.
#include "daemon/config/problem.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/text/escape.hpp"

namespace backstage::config {
namespace {

void append_lines(std::string& out, std::string_view label, std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    out += fmt::format("  {:>5} {}\n", label, text::printable(text.substr(0, end)));
    label = "";
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
}

}  // namespace

std::unexpected<Problem> refuse(const char* code, const std::string& source, std::string what,
                                std::string help) {
  Problem problem{.code = code, .source = source};
  problem.what = std::move(what);
  problem.help = std::move(help);
  return std::unexpected(std::move(problem));
}

std::string render(const Problem& problem) {
  std::string out = text::printable(problem.source);
  if (problem.at.line != 0) out += fmt::format(":{}:{}", problem.at.line, problem.at.column);
  out += fmt::format(": error[{}]: ", problem.code);
  if (!problem.pointer.empty()) out += text::printable(problem.pointer) + ": ";
  out += text::printable(problem.what) + '\n';
  if (!problem.excerpt.empty()) {
    const auto number = std::to_string(problem.at.line);
    out += fmt::format("{:>6} | {}\n", number, problem.excerpt);
    out += fmt::format("       | {}{}\n", std::string(problem.excerpt_column - 1, ' '),
                       std::string(std::max(problem.excerpt_width, 1U), '^'));
  }
  append_lines(out, "help:", problem.help);
  return out;
}

std::string render(std::span<const Problem> problems) {
  std::string out;
  const auto shown = std::min(problems.size(), problems_shown_max);
  for (const Problem& problem : problems.first(shown)) out += render(problem);
  if (problems.size() > shown) out += fmt::format("... and {} more\n", problems.size() - shown);
  out += problems.size() == 1 ? std::string{"1 error"} : fmt::format("{} errors", problems.size());
  return out + ". Nothing was started or changed.\n";
}

}  // namespace backstage::config
