// Any bytes as a key file: what is read as a key is the one line of it that is no comment.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "daemon/policy/authorized_keys.hpp"
#include "daemon/policy/key_file.hpp"

namespace {

using namespace backstage::policy;

constexpr std::size_t file_bytes_max = 4'096;

// A broken promise must stop the fuzzer in every build type.
void require(bool holds) {
  if (!holds) std::abort();
}

// A file in memory that holds what was last written into it.
class MemoryFile {
 public:
  MemoryFile() : fd_(::memfd_create("key", MFD_CLOEXEC)) {
    require(fd_ >= 0 && ::fchmod(fd_, 0600) == 0);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(fd_); }

  void write(std::string_view bytes) const {
    require(::ftruncate(fd_, 0) == 0);
    require(::pwrite(fd_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

// The lines that say something, each with a line feed; said in another way than the reader does.
std::string meant_by(std::string_view input) {
  std::string meant;
  std::string line;
  for (std::size_t at = 0; at <= input.size(); ++at) {
    if (at < input.size() && input[at] != '\n') {
      line += input[at];
      continue;
    }
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty() && line.front() != '#') meant += line + '\n';
    line.clear();
  }
  return meant;
}

void check_authorized(const Key& key) {
  const std::string_view bytes{key.data(), key.size()};
  AuthorizedKeys keys;
  require(keys.find(bytes).empty());
  require(keys.add("desk", key));
  require(!keys.add("thief", key));
  require(keys.find(bytes) == "desk");
  require(keys.find(bytes.substr(1)).empty() && keys.find({}).empty());
  require(keys.lost_in({}).size() == 1 && keys.lost_in(keys).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const MemoryFile file;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  file.write(input);
  const auto key = read_public_key(file.path());
  const auto secret = read_secret_key(file.path());
  require(key.has_value() == secret.has_value());
  if (!key) {
    for (const auto& fault : {key.error(), secret.error()}) {
      require(fault.code == "KEY-105" && fault.where == file.path());
      require(!fault.what.empty() && !fault.next.empty());
    }
    return 0;
  }
  require(size <= file_bytes_max);
  require(meant_by(input) == std::string{secret->text()} + '\n');
  require(encode_key({key->data(), key->size()}) == secret->text());
  check_authorized(*key);
  return 0;
}
