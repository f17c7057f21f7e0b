// Reads where the system keeps libraries, and tells whose a needed library is.
#include "daemon/plugin_gate/private_libraries.hpp"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace backstage::plugin_gate {
namespace {

// Debian keeps one file per directory list; a hand's breadth more than any system has.
constexpr std::size_t conf_files_max = 64;

std::vector<std::string> files_of(const std::string& pattern) {
  std::vector<std::string> files;
  ::glob_t found{};
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) files.emplace_back(found.gl_pathv[i]);
  }
  ::globfree(&found);
  return files;
}

void add(std::vector<std::string>& directories, std::string directory) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  if (std::ranges::find(directories, directory) == directories.end()) {
    directories.push_back(std::move(directory));
  }
}

std::string trimmed(std::string line) {
  line = line.substr(0, line.find('#'));
  constexpr const char* blanks = " \t\r";
  const auto first = line.find_first_not_of(blanks);
  if (first == std::string::npos) return {};
  return line.substr(first, line.find_last_not_of(blanks) - first + 1);
}

}  // namespace

std::vector<std::string> system_library_directories(const std::string& conf) {
  std::vector<std::string> directories;
#if defined(__x86_64__)
  constexpr const char* triplet = "x86_64-linux-gnu";
#elif defined(__aarch64__)
  constexpr const char* triplet = "aarch64-linux-gnu";
#elif defined(__riscv)
  constexpr const char* triplet = "riscv64-linux-gnu";
#else
#error "name this machine's multiarch triplet here"
#endif
  for (const char* root : {"/lib", "/usr/lib"}) {
    add(directories, std::string{root} + '/' + triplet);
    add(directories, std::string{root} + "64");
    add(directories, root);
  }
  // Not recursive, so that files that include each other end.
  std::vector<std::string> todo{conf};
  for (std::size_t i = 0; i < todo.size() && i < conf_files_max; ++i) {
    std::ifstream file{todo[i]};
    for (std::string line; std::getline(file, line);) {
      line = trimmed(std::move(line));
      constexpr std::string_view include = "include ";
      if (line.starts_with('/')) add(directories, line);
      if (!line.starts_with(include)) continue;
      std::filesystem::path pattern{trimmed(line.substr(include.size()))};
      if (pattern.is_relative()) pattern = std::filesystem::path{todo[i]}.parent_path() / pattern;
      std::ranges::move(files_of(pattern), std::back_inserter(todo));
    }
  }
  return directories;
}

bool is_in_directories(std::string_view library, std::span<const std::string> directories) {
  return std::ranges::any_of(directories, [library](const std::string& directory) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(std::filesystem::path{directory} / library, ignored);
  });
}

std::vector<std::string> private_libraries(std::span<const std::string> needed,
                                           const std::function<bool(std::string_view)>& is_shared) {
  std::vector<std::string> found;
  for (const auto& library : needed) {
    if (library.find('/') != std::string::npos || !is_shared(library)) found.push_back(library);
  }
  return found;
}

}  // namespace backstage::plugin_gate
