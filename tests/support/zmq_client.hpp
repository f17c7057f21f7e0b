// ZmqClient: a plain libzmq socket, as any program would use it.
#pragma once
#include <zmq.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace backstage::test {

class ZmqClient {
 public:
  // Sockets of one context.
  class Context {
   public:
    Context() : context_(zmq_ctx_new()) {}
    ~Context() { zmq_ctx_term(context_); }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    [[nodiscard]] void* get() const { return context_; }

   private:
    void* context_;
  };

  ZmqClient(Context& context, int type);
  ~ZmqClient() { close(); }
  ZmqClient(const ZmqClient&) = delete;
  ZmqClient& operator=(const ZmqClient&) = delete;

  void set(int option, const std::string& value);
  void set(int option, int value);
  void connect(const std::string& endpoint);
  // False: it would block.
  bool say_all(const std::vector<std::string>& frames);
  bool say(const std::string& frame) { return say_all({frame}); }
  // The next message, frames joined by a line feed; nothing if none comes within `patience`.
  std::optional<std::string> hear(std::chrono::milliseconds patience = std::chrono::milliseconds{
                                      5'000});
  std::string ask(const std::string& frame) {
    (void)say(frame);
    return hear().value_or("nothing heard");
  }
  void close();

 private:
  void* socket_;
};

}  // namespace backstage::test
