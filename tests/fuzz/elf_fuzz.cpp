// Any bytes as a plugin file: the gate answers every time, and what it admits is sound.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "core/values/names.hpp"
#include "daemon/plugin_gate/elf.hpp"
#include "daemon/plugin_gate/gate.hpp"

namespace {

using namespace backstage::plugin_gate;

// A broken promise must stop the fuzzer in every build type.
void require(bool holds) {
  if (!holds) std::abort();
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

void check_rejection(const Rejection& rejection) {
  require(rejection.file == "x.so");
  require(!rejection.cause.empty() && !rejection.fix.empty());
  require(is_printable(rejection.text()));
  require(rejection.text().size() < 2048);
}

void check_manifest(const Manifest& manifest) {
  require(!manifest.id.empty() && manifest.id.size() <= 64 && manifest.id.front() != '.');
  require(manifest.id.find('/') == std::string::npos);
  require(manifest.version.find('/') == std::string::npos);
  require(is_printable(manifest.id) && is_printable(manifest.version));
  require(is_printable(manifest.sdk) && is_printable(manifest.lang));
  require(!manifest.types.empty() && manifest.types.size() <= types_max);
  require(std::ranges::all_of(manifest.types, backstage::is_type_name));
  require(std::ranges::none_of(manifest.types, backstage::is_reserved));
  require(std::ranges::all_of(manifest.needed, is_printable));
  require(manifest.needed.size() <= needed_max);
  require(manifest.abi_major == AbiOffer{}.major);
  require(manifest.abi_minor_required <= AbiOffer{}.minor);
  require(manifest.sha256.size() == 64);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto image = std::as_bytes(std::span{data, size});
  const auto verdict = judge_image("x.so", image);
  if (verdict) {
    check_manifest(*verdict);
  } else {
    check_rejection(verdict.error());
  }
  // The note alone, so that mutations reach it without keeping an ELF file intact.
  if (const auto note = read_note(image, {}); note) require(!note->types.empty());
  return 0;
}
