#include "daemon/policy/secret_key.hpp"

#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace backstage::policy {
namespace {

// A page of its own: what is advised for it concerns nothing else.
constexpr std::size_t page_bytes = 4'096;

}  // namespace

void wipe(char* text, std::size_t size) noexcept { ::explicit_bzero(text, size); }

SecretKey::SecretKey(std::string_view text) : page_(nullptr) {
  void* const page =
      ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  page_ = static_cast<char*>(page);
  // Both are help, not promise: a limit on locked memory does not keep the daemon from starting.
  (void)::madvise(page, page_bytes, MADV_DONTDUMP);
  (void)::mlock(page, page_bytes);
  std::copy_n(text.data(), std::min(text.size(), key_digits), page_);
}

SecretKey::SecretKey(SecretKey&& other) noexcept : page_(std::exchange(other.page_, nullptr)) {}

SecretKey::~SecretKey() {
  if (page_ == nullptr) return;
  wipe(page_, page_bytes);
  (void)::munmap(page_, page_bytes);
}

}  // namespace backstage::policy
