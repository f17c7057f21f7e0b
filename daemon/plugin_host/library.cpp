// dlopen, and the translation of its messages into causes and fixes.
#include "daemon/plugin_host/library.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <optional>

namespace backstage::plugin_host {
namespace {

constexpr const char* entry_name = "backstage_plugin_v1";

// The text after `before`, up to `until` or the end; nothing when `before` is not there.
std::optional<std::string_view> after(std::string_view text, std::string_view before,
                                      std::string_view until) {
  const auto at = text.find(before);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + before.size());
  return text.substr(0, text.find(until));
}

std::string readable(std::string_view symbol) {
  int failed = 0;
  const std::unique_ptr<char, void (*)(void*)> plain{
      abi::__cxa_demangle(std::string{symbol}.c_str(), nullptr, nullptr, &failed), &std::free};
  if (failed != 0) return std::string{symbol};
  return fmt::format("{} ({})", plain.get(), symbol);
}

Refusal missing_symbol(std::string_view file, std::string_view symbol) {
  return refuse(Code::symbol_missing, file,
                fmt::format("it uses the symbol {}, which nothing it links with defines",
                            readable(symbol)),
                "link the library that defines it; -Wl,-z,defs shows such symbols at build time")
      .error();
}

Refusal old_library(std::string_view file, std::string_view message, std::string_view version) {
  const auto library = message.substr(0, message.find(": version"));
  return refuse(Code::library_too_old, file,
                fmt::format("it needs {} of {}, and the one installed is older", version, library),
                "build it on this system or an older one, or upgrade this system")
      .error();
}

Refusal missing_library(std::string_view file, std::string_view message) {
  const auto library = message.substr(0, message.find(": cannot open shared object"));
  return refuse(Code::library_missing, file,
                fmt::format("it needs the library {}, which is not found", library),
                "install the package with that library, or link it statically")
      .error();
}

}  // namespace

Refusal explain_load_error(std::string_view file, std::string_view path, std::string_view message) {
  if (const auto symbol = after(message, "undefined symbol: ", ",")) {
    return missing_symbol(file, symbol->substr(0, symbol->find(' ')));
  }
  if (const auto version = after(message, ": version `", "' not found")) {
    return old_library(file, message, *version);
  }
  if (message.find("cannot open shared object file") != std::string_view::npos &&
      !message.starts_with(path)) {
    return missing_library(file, message);
  }
  if (message.find("static TLS") != std::string_view::npos) {
    return refuse(Code::static_tls, file,
                  "it wants static thread-local storage, of which none is left in this process",
                  "build it and what it links without -ftls-model=initial-exec")
        .error();
  }
  if (message.find("failed to map segment") != std::string_view::npos) {
    return refuse(Code::not_executable, file,
                  fmt::format("the system refuses to map code from its copy {}", path),
                  "check that this file system is mounted without noexec and that no security "
                  "policy forbids it")
        .error();
  }
  if (message.starts_with(path)) {
    message.remove_prefix(path.size());
    message.remove_prefix(std::min(message.find_first_not_of(": "), message.size()));
  }
  return refuse(Code::load_failed, file, fmt::format("the dynamic loader refuses it: {}", message),
                "build it again with the SDK's backstage_add_plugin for this system")
      .error();
}

std::expected<Library, Refusal> Library::open(std::string_view file, const std::string& path) {
  // What a static constructor throws must not unwind the loader, which holds its lock.
  void* handle = [&path]() noexcept { return ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL); }();
  if (handle == nullptr) {
    const char* message = ::dlerror();
    return std::unexpected(
        explain_load_error(file, path, message == nullptr ? "no reason given" : message));
  }
  void* symbol = ::dlsym(handle, entry_name);
  // dlsym also looks into the libraries it links: an entry of theirs would be another plugin's.
  Dl_info where{};
  const bool is_own = symbol != nullptr && ::dladdr(symbol, &where) != 0 && path == where.dli_fname;
  if (!is_own) {
    return refuse(Code::no_entry, file, fmt::format("it does not export {}", entry_name),
                  "define it with BACKSTAGE_PLUGIN (C++) or BS_EXPORT (C), and check that no "
                  "version script hides it: nm -D FILE");
  }
  return Library{handle, reinterpret_cast<Entry>(symbol)};
}

bool Library::close(const std::string& path) const noexcept {
  if (::dlclose(handle_) != 0) return false;
  void* const still = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (still == nullptr) return true;
  ::dlclose(still);
  return false;
}

}  // namespace backstage::plugin_host
