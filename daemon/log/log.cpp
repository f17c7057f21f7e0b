// Rate limits, wording, and the sink that spdlog writes to.
#include "daemon/log/log.hpp"

#include <poll.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <vector>

namespace backstage::log {
namespace {

// A reader that is merely busy gets this long once; a stuck one costs no further waiting.
constexpr int patience_ms = 20;

}  // namespace

bool LogSite::admit(std::chrono::steady_clock::time_point now, std::uint64_t* suppressed) noexcept {
  const auto second =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  auto seen = second_.load(std::memory_order_relaxed);
  if (seen != second && second_.compare_exchange_strong(seen, second, std::memory_order_relaxed)) {
    lines_.store(0, std::memory_order_relaxed);
  }
  if (lines_.fetch_add(1, std::memory_order_relaxed) >= lines_per_second_max) {
    suppressed_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  *suppressed = suppressed_.exchange(0, std::memory_order_relaxed);
  return true;
}

LogOptions options_for(int fd) {
  LogOptions options{.fd = fd};
  if (::isatty(fd) == 1) {
    options.format = LogFormat::text;
    const char* terminal = std::getenv("TERM");
    const char* no_colour = std::getenv("NO_COLOR");
    const bool dumb = terminal == nullptr || std::string_view{terminal} == "dumb";
    options.colour = !dumb && (no_colour == nullptr || *no_colour == '\0');
  }
  return options;
}

// One line, one write(2); spdlog's own descriptor sinks would wait for a reader who has stopped.
class Log::DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit DescriptorSink(int fd) : fd_(fd) {
    // The lines come worded: what a pattern cannot do is escape.
    set_formatter(std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc,
                                                              std::string{}));
  }
  [[nodiscard]] std::uint64_t lost() const noexcept {
    return lost_.load(std::memory_order_relaxed);
  }

 private:
  void sink_it_(const spdlog::details::log_msg& record) override {
    spdlog::memory_buf_t line;
    formatter_->format(record, line);
    if (!write_line({line.data(), line.size()})) lost_.fetch_add(1, std::memory_order_relaxed);
  }
  void flush_() override {}
  [[nodiscard]] bool write_line(std::string_view line) noexcept;

  const int fd_;
  bool stuck_ = false;  // guarded by the base's mutex
  std::atomic<std::uint64_t> lost_{0};
};

struct Log::Library {
  explicit Library(int fd)
      : sink(std::make_shared<DescriptorSink>(fd)), logger("backstaged", sink) {
    logger.set_level(spdlog::level::trace);  // Log filters, before a line is worded.
  }
  std::shared_ptr<DescriptorSink> sink;
  spdlog::logger logger;
};

Log::Log(LogOptions options)
    : now_(options.now),
      library_(std::make_unique<Library>(options.fd)),
      level_(options.level),
      format_(options.format),
      colour_(options.colour) {}

Log::~Log() = default;

void Log::add(LogLevel level, std::string_view message, Fields fields) {
  if (is_on(level)) emit(level, message, {fields.begin(), fields.size()});
}

void Log::add(LogLevel level, LogSite& site, std::string_view message, Fields fields) {
  if (!is_on(level)) return;
  std::uint64_t suppressed = 0;
  if (!site.admit(std::chrono::steady_clock::now(), &suppressed)) return;
  if (suppressed == 0) {
    emit(level, message, {fields.begin(), fields.size()});
    return;
  }
  std::vector<LogField> all(fields);
  all.emplace_back("suppressed", suppressed);
  emit(level, message, all);
}

void Log::set_format(LogFormat format, bool colour) noexcept {
  format_.store(format, std::memory_order_relaxed);
  colour_.store(colour, std::memory_order_relaxed);
}

std::uint64_t Log::lost() const noexcept {
  return unworded_.load(std::memory_order_relaxed) + library_->sink->lost();
}

void Log::emit(LogLevel level, std::string_view message, std::span<const LogField> fields) {
  try {
    const auto line =
        format_line({now_(), level, message, fields}, format_.load(std::memory_order_relaxed),
                    colour_.load(std::memory_order_relaxed));
    library_->logger.log(static_cast<spdlog::level::level_enum>(level), line);
  } catch (const std::exception&) {
    // Out of memory while wording a line: the line is lost, not the daemon.
    unworded_.fetch_add(1, std::memory_order_relaxed);
  }
}

bool Log::DescriptorSink::write_line(std::string_view line) noexcept {
  // A pipe or terminal that is writable takes up to PIPE_BUF bytes without waiting, and a line is
  // shorter, so this poll is what keeps a stopped reader from stopping the daemon.
  pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
  const int count = ::poll(&ready, 1, stuck_ ? 0 : patience_ms);
  stuck_ = count != 1 || (ready.revents & POLLOUT) == 0;
  if (stuck_) return false;
  while (!line.empty()) {
    const ssize_t written = ::write(fd_, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    line.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace backstage::log
