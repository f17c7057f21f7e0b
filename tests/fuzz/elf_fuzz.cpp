// Any bytes as a plugin file: the gate answers every time, and what it admits is sound.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "core/values/names.hpp"
#include "daemon/plugin_gate/elf.hpp"
#include "daemon/plugin_gate/function_name.hpp"
#include "daemon/plugin_gate/gate.hpp"
#include "daemon/plugin_gate/unique.hpp"

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

// Demotion changes only symbols, is done at once, and undoes nothing that was judged.
void check_demotion(std::span<const std::byte> image) {
  std::vector<std::byte> copy(image.begin(), image.end());
  const bool was_sound = read_elf(image).has_value();
  const auto counted = count_unique(image);
  const auto demoted = demote_unique(copy);
  require(demoted <= counted && demoted <= image.size() / 24);
  require(was_sound || demoted == 0);
  require(!was_sound || read_elf(copy).has_value());
  if (demoted == 0) require(std::ranges::equal(copy, image));
  for (std::size_t at = 0; at < image.size(); at += 1 + image.size() / 8) {
    if (const auto name = function_at(image, at)) require(is_printable(*name));
  }
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
  check_demotion(image);
  // The note alone, so that mutations reach it without keeping an ELF file intact.
  if (const auto note = read_note(image, {}); note) require(!note->types.empty());
  return 0;
}
