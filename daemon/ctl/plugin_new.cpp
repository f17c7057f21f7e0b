// plugin new: a folder that builds, from the templates beside the program.
#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/template.hpp"

namespace backstage::ctl {
namespace {

namespace fs = std::filesystem;

std::unexpected<Fault> cannot_write(const fs::path& where, const std::error_code& why) {
  return std::unexpected(Fault{exit_code::cannot_write, "CTL-202", "the plugin cannot be written",
                               where.string(), why.message(),
                               "name a directory that exists and is yours, with --dir DIR"});
}

// A name nobody else has, in the same directory: the last step is a rename.
Outcome<fs::path> make_draft(const fs::path& parent, const std::string& name) {
  std::string pattern = (parent / fmt::format(".{}-XXXXXX", name)).string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    return cannot_write(parent, std::error_code(errno, std::generic_category()));
  }
  return fs::path{pattern};
}

std::error_code copy_filled(const fs::path& from, const fs::path& to, std::string_view name) {
  std::ifstream source(from, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(source), {}};
  std::ofstream target(to, std::ios::binary);
  target << fill(std::move(text), name);
  target.close();
  if (source && target) return {};
  return std::make_error_code(std::errc::io_error);
}

Outcome<std::vector<std::string>> fill_draft(const fs::path& source, const fs::path& draft,
                                             const std::string& name) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(source, error)) {
    const auto file = entry.path().filename();
    error = copy_filled(entry.path(), draft / file, name);
    if (error) break;
    names.push_back(file.string());
  }
  if (error) return cannot_write(draft, error);
  std::ranges::sort(names);
  return names;
}

void tell(const Options& options, const fs::path& folder, const std::vector<std::string>& files) {
  if (options.is_json) {
    const nlohmann::ordered_json json{{"name", options.name},
                                      {"lang", options.lang},
                                      {"folder", folder.string()},
                                      {"files", files}};
    fmt::print("{}\n", json.dump());
    return;
  }
  fmt::print("{} is a plugin in {}:", folder.string(), options.lang);
  for (const auto& file : files) fmt::print(" {}", file);
  fmt::print(
      "\nnext:\n"
      "  cd {}\n"
      "  cmake -S . -B build\n"
      "  cmake --build build\n"
      "  ctest --test-dir build\n",
      folder.string());
}

}  // namespace

Outcome<int> plugin_new(const Options& options, const std::string& share) {
  if (auto checked = check_name(options.name); !checked) return std::unexpected(checked.error());
  const auto source = fs::path{share} / "templates" / options.lang;
  std::error_code error;
  if (!fs::is_directory(source, error)) {
    return std::unexpected(Fault{exit_code::internal, "CTL-203", "the templates are missing",
                                 source.string(), "they are installed beside backstagectl",
                                 "install backstaged again: cmake --install"});
  }
  const auto folder = (fs::path{options.dir} / options.name).lexically_normal();
  if (fs::symlink_status(folder, error).type() != fs::file_type::not_found) {
    return std::unexpected(Fault{exit_code::cannot_write, "CTL-201", "there is something already",
                                 folder.string(), "plugin new changes nothing that exists",
                                 "choose another name, or another place with --dir DIR"});
  }
  const auto draft =
      make_draft(folder.parent_path().empty() ? "." : folder.parent_path(), options.name);
  if (!draft) return std::unexpected(draft.error());
  auto files = fill_draft(source, *draft, options.name);
  if (files) {
    // mkdtemp made it for its owner alone; the gate wants it closed to writers only.
    fs::permissions(*draft, fs::perms{0755}, error);
    if (!error) fs::rename(*draft, folder, error);
    if (error) files = cannot_write(folder, error);
  }
  if (!files) {
    std::error_code ignored;
    fs::remove_all(*draft, ignored);
    return std::unexpected(files.error());
  }
  tell(options, folder, *files);
  return exit_code::ok;
}

}  // namespace backstage::ctl
