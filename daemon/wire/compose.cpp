#include "daemon/wire/compose.hpp"

#include "core/values/names.hpp"
#include "daemon/wire/line.hpp"

namespace backstage::wire {
namespace {

void append_number_if(std::string& out, std::string_view key, std::uint64_t number) {
  if (number != 0) append_pair(out, key, number);
}
void append_text_if(std::string& out, std::string_view key, std::string_view text) {
  if (!text.empty()) append_pair(out, key, text);
}
void append_flag_if(std::string& out, std::string_view word, bool flag) {
  if (flag) append_word(out, word);
}
void append_address(std::string& out, std::string_view actor, std::string_view topic) {
  append_word(out, actor);
  out.append(1, '/').append(topic);
}

// One `write` per verb: everything after the verb itself.
struct Composer {
  std::string& out;

  void operator()(const Hello& it) const {
    append_pair(out, "v=", it.version);
    append_number_if(out, "id=", it.id);
    append_text_if(out, "name=", it.name);
    append_text_if(out, "resume=", it.resume);
    append_number_if(out, "ttl=", static_cast<std::uint64_t>(it.ttl.count()));
    append_number_if(out, "hb=", static_cast<std::uint64_t>(it.heartbeat.count()));
    append_flag_if(out, "verbose=1", it.verbose);
    append_flag_if(out, "frames=1", it.one_frame);
    append_flag_if(out, "batch=1", it.batch);
  }
  void operator()(const Send& it) const {
    append_word(out, it.actor);
    append_number_if(out, "id=", it.id);
    append_text_if(out, "type=", it.type);
    append_text_if(out, "from=", it.from);
  }
  void operator()(const Request& it) const {
    append_word(out, it.actor);
    append_number_if(out, "id=", it.id);
    append_number_if(out, "ttl=", static_cast<std::uint64_t>(it.ttl.count()));
    append_text_if(out, "type=", it.type);
  }
  void operator()(const Publish& it) const {
    append_address(out, it.actor, it.topic);
    append_number_if(out, "id=", it.id);
    append_text_if(out, "type=", it.type);
    append_text_if(out, "from=", it.from);
    append_flag_if(out, "retain=1", it.retain);
  }
  void operator()(const Subscribe& it) const {
    append_word(out, it.pattern.text());
    append_number_if(out, "id=", it.id);
    append_number_if(out, "window=", it.window);
    append_flag_if(out, "ack=1", it.ack);
    append_flag_if(out, "snap=1", it.snapshot);
    if (it.over) append_pair(out, "over=", text(*it.over));
  }
  void operator()(const Unsubscribe& it) const {
    append_word(out, it.pattern.text());
    append_number_if(out, "id=", it.id);
  }
  void operator()(const Get& it) const {
    append_address(out, it.actor, it.topic);
    append_number_if(out, "id=", it.id);
  }
  void operator()(const Ack& it) const {
    append_word(out, it.sub);
    append_word(out, it.seq);
    if (!it.actor.empty()) append_address(out, it.actor, it.topic);
    append_number_if(out, "id=", it.id);
  }
  void operator()(const Reply& it) const {
    append_word(out, it.rid);
    append_number_if(out, "id=", it.id);
    append_text_if(out, "type=", it.type);
  }
  void operator()(const ReplyError& it) const {
    append_word(out, it.rid);
    append_word(out, it.code);
    append_word(out, it.token);
    append_number_if(out, "id=", it.id);
  }
  void operator()(const Ping& it) const { token_line(it.token, it.id); }
  void operator()(const Sync& it) const { token_line(it.token, it.id); }
  void operator()(const Batch& it) const {
    append_word(out, it.count);
    append_number_if(out, "id=", it.id);
  }
  void operator()(const Bye& it) const { append_number_if(out, "id=", it.id); }
  void operator()(const Watch& it) const { token_line(it.actor, it.id); }
  void operator()(const Unwatch& it) const { token_line(it.actor, it.id); }

  // One word, which PING may leave out, and the id.
  void token_line(std::string_view word, std::uint64_t id) const {
    if (!word.empty()) append_word(out, word);
    append_number_if(out, "id=", id);
  }
};

}  // namespace

void compose(std::string& out, const Command& command) {
  out.append(text(verb_of(command)));
  std::visit(Composer{out}, command);
}

}  // namespace backstage::wire
