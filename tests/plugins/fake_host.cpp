// The fake host's side of every function of the ABI.
#include "tests/plugins/fake_host.hpp"

#include <dlfcn.h>

#include <stdexcept>
#include <utility>

#include "tests/support/catch.hpp"

struct bs_ctx {
  FakeHost& host;
};
struct bs_sink {
  FakeHost& host;
};
struct bs_buf {
  int count = 1;
  std::string bytes;
};

namespace {

std::string text_of(bs_slice slice) {
  return slice.len == 0 ? std::string{}
                        : std::string{static_cast<const char*>(slice.ptr), slice.len};
}
bs_slice slice_of(std::string_view text) { return {text.data(), text.size()}; }

bool is_nobody(bs_addr who) { return who.w[0] == 0 && who.w[1] == 0; }

/// As the real host must: a body that claims a buffer lies inside it.
bool is_inside(const bs_out& out) {
  if (out.buf == nullptr) return true;
  const char* begin = out.buf->bytes.data();
  const char* at = static_cast<const char*>(out.body.ptr);
  return out.body.len == 0 || (at >= begin && at + out.body.len <= begin + out.buf->bytes.size());
}

Outgoing record(const bs_out& out) {
  return {.to = {},
          .corr = 0,
          .status = BS_OK,
          .topic = {},
          .type = text_of(out.type),
          .body = text_of(out.body),
          .flags = 0,
          .buf = out.buf};
}

}  // namespace

/// One function per entry of bs_api and the extension tables.
struct HostCalls {
  static FakeHost& of(const bs_api* api) { return *static_cast<FakeHost*>(api->impl); }

  static const void* extension(const bs_api* api, const char* id) {
    static const bs_timers timers{&set_timer, &cancel_timer};
    static const bs_monitor monitors{&monitor, &demonitor};
    static const bs_interest interests{&watch};
    static const bs_metrics metrics{&open_metric, &add_metric, &set_metric};
    const std::string_view wanted{id};
    if (!of(api).offers_extensions) return nullptr;
    if (wanted == BS_EXT_TIMERS) return &timers;
    if (wanted == BS_EXT_MONITOR) return &monitors;
    if (wanted == BS_EXT_INTEREST) return &interests;
    if (wanted == BS_EXT_METRICS) return &metrics;
    return nullptr;
  }
  static void log(const bs_api* api, std::int32_t level, bs_slice text) {
    of(api).logged.push_back(std::to_string(level) + " " + text_of(text));
  }
  static void set_error(const bs_api* api, bs_status code, bs_slice text) {
    of(api).error_code = code;
    of(api).error_text = text_of(text);
  }
  static bs_buf* buf_new(const bs_api* api, std::size_t size, void** data) {
    if (size > (1U << 20U)) return nullptr;
    auto* made = new bs_buf{1, std::string(size, '\0')};
    ++of(api).buffers_alive;
    *data = made->bytes.data();
    return made;
  }
  static void buf_ref(const bs_api*, bs_buf* buf) { ++buf->count; }
  static void buf_unref(const bs_api* api, bs_buf* buf) {
    if (--buf->count > 0) return;
    --of(api).buffers_alive;
    delete buf;
  }
  static bs_status post(const bs_api* api, bs_addr to, const bs_out* out) {
    return deliver(of(api), "post", to, *out, of(api).sent);
  }

  static bs_addr self(bs_ctx*) { return {{1, 1}}; }
  static bs_slice self_name(bs_ctx* ctx) { return slice_of(ctx->host.name); }
  static bs_status resolve(bs_ctx* ctx, bs_slice name, bs_addr* out) {
    const auto found = ctx->host.actors_.find(text_of(name));
    if (found == ctx->host.actors_.end()) return BS_E_NO_ACTOR;
    *out = found->second;
    return BS_OK;
  }
  static bs_status send(bs_ctx* ctx, bs_addr to, const bs_out* out) {
    return deliver(ctx->host, "send", to, *out, ctx->host.sent);
  }
  static bs_status deliver(FakeHost& host, std::string_view function, bs_addr to, const bs_out& out,
                           std::vector<Outgoing>& where) {
    if (const bs_status no = host.verdict(function); no < 0) return no;
    if (is_nobody(to)) return BS_E_NO_ACTOR;
    if (!is_inside(out)) return BS_E_ARG;
    where.push_back(record(out));
    where.back().to = to;
    return BS_OK;
  }
  static bs_status publish(bs_ctx* ctx, bs_slice topic, const bs_out* out, std::uint32_t flags) {
    if (const bs_status no = ctx->host.verdict("publish"); no < 0) return no;
    if (!is_inside(*out)) return BS_E_ARG;
    Outgoing made = record(*out);
    made.topic = topic.len == 0 ? "default" : text_of(topic);
    made.flags = flags;
    ctx->host.published.push_back(made);
    return BS_OK;
  }
  static bs_status subscribe(bs_ctx* ctx, bs_slice pattern, std::uint64_t* sub) {
    if (const bs_status no = ctx->host.verdict("subscribe"); no < 0) return no;
    ctx->host.subscribed.push_back(text_of(pattern));
    *sub = ctx->host.subscribed.size();
    return BS_OK;
  }
  static bs_status unsubscribe(bs_ctx* ctx, std::uint64_t sub) {
    if (sub == 0 || sub > ctx->host.subscribed.size()) return BS_E_NO_SUB;
    ctx->host.unsubscribed.push_back(sub);
    return BS_OK;
  }
  static bs_status request(bs_ctx* ctx, bs_addr to, const bs_out* out, std::uint32_t timeout_ms,
                           std::uint64_t* corr) {
    const bs_status answer = deliver(ctx->host, "request", to, *out, ctx->host.asked);
    if (answer != BS_OK) return answer;
    *corr = ctx->host.next_id_++;
    ctx->host.asked.back().corr = *corr;
    ctx->host.asked.back().flags = timeout_ms;
    return BS_OK;
  }
  static bs_status reply(bs_ctx* ctx, bs_request request, const bs_out* out) {
    if (ctx->host.open_requests_.erase(request.corr) == 0) return BS_E_STATE;
    if (!is_inside(*out)) return BS_E_ARG;
    ctx->host.replied.push_back(record(*out));
    ctx->host.replied.back().corr = request.corr;
    return BS_OK;
  }
  static bs_status reply_error(bs_ctx* ctx, bs_request request, bs_status status, bs_slice text) {
    if (status >= 0) return BS_E_ARG;
    const bs_out out{{}, text, nullptr};
    const bs_status answer = reply(ctx, request, &out);
    if (answer == BS_OK) ctx->host.replied.back().status = status;
    return answer;
  }
  static bs_status spawn(bs_ctx* ctx, bs_slice type, bs_slice name, bs_slice config,
                         std::uint32_t flags, bs_addr* out) {
    FakeHost& host = ctx->host;
    if (const bs_status no = host.verdict("spawn"); no < 0) return no;
    const std::string who = text_of(name);
    const bool existed = host.actors_.contains(who);
    *out = existed ? host.actors_[who] : host.add_actor(who);
    Outgoing made = record({type, name, nullptr});
    made.topic = text_of(config);
    made.flags = flags;
    host.spawned.push_back(made);
    return existed ? BS_EXISTING : BS_OK;
  }
  static bs_status stop_self(bs_ctx* ctx) {
    ctx->host.is_stopped = true;
    return BS_OK;
  }
  static bs_status write(bs_sink* sink, bs_slice bytes) {
    if (const bs_status no = sink->host.verdict("write"); no < 0) return no;
    sink->host.state += text_of(bytes);
    return BS_OK;
  }

  static bs_status set_timer(bs_ctx* ctx, std::uint64_t delay_ms, std::uint64_t period_ms,
                             std::uint64_t* id) {
    if (const bs_status no = ctx->host.verdict("set_timer"); no < 0) return no;
    *id = ctx->host.next_id_++;
    ctx->host.timers[*id] = {delay_ms, period_ms};
    return BS_OK;
  }
  static bs_status cancel_timer(bs_ctx* ctx, std::uint64_t id) {
    return ctx->host.timers.erase(id) == 0 ? BS_E_NO_TIMER : BS_OK;
  }
  static bs_status monitor(bs_ctx* ctx, bs_addr who) {
    if (is_nobody(who)) return BS_E_ARG;
    ctx->host.monitored.push_back(who);
    return BS_OK;
  }
  static bs_status demonitor(bs_ctx* ctx, bs_addr who) {
    ctx->host.demonitored.push_back(who);
    return BS_OK;
  }
  static bs_status watch(bs_ctx* ctx, bs_slice topics) {
    if (const bs_status no = ctx->host.verdict("watch"); no < 0) return no;
    ctx->host.watched.push_back(text_of(topics));
    return BS_OK;
  }

  static bs_status open_metric(const bs_api* api, std::uint32_t kind, bs_slice name,
                               std::uint32_t* id) {
    if (const bs_status no = of(api).verdict("open_metric"); no < 0) return no;
    auto& all = of(api).metrics;
    for (*id = 0; *id < all.size(); ++*id) {
      if (all[*id].name != text_of(name)) continue;
      return all[*id].kind == kind ? BS_OK : BS_E_TYPE_MISMATCH;
    }
    all.push_back({text_of(name), kind, 0});
    return BS_OK;
  }
  static bs_status add_metric(const bs_api* api, std::uint32_t id, std::uint64_t amount) {
    of(api).metrics.at(id).value += static_cast<double>(amount);
    return BS_OK;
  }
  static bs_status set_metric(const bs_api* api, std::uint32_t id, double value) {
    of(api).metrics.at(id).value = value;
    return BS_OK;
  }
};

FakeHost::FakeHost() {
  api_ = {.struct_size = sizeof(bs_api),
          .abi_major = BS_ABI_MAJOR,
          .abi_minor = BS_ABI_MINOR,
          .impl = this,
          .host_version = "test",
          .extension = &HostCalls::extension,
          .log = &HostCalls::log,
          .set_error = &HostCalls::set_error,
          .buf_new = &HostCalls::buf_new,
          .buf_ref = &HostCalls::buf_ref,
          .buf_unref = &HostCalls::buf_unref,
          .post = &HostCalls::post,
          .self = &HostCalls::self,
          .self_name = &HostCalls::self_name,
          .resolve = &HostCalls::resolve,
          .send = &HostCalls::send,
          .publish = &HostCalls::publish,
          .subscribe = &HostCalls::subscribe,
          .unsubscribe = &HostCalls::unsubscribe,
          .request = &HostCalls::request,
          .reply = &HostCalls::reply,
          .reply_error = &HostCalls::reply_error,
          .spawn = &HostCalls::spawn,
          .stop_self = &HostCalls::stop_self,
          .write = &HostCalls::write};
}

FakeHost::~FakeHost() = default;

const bs_plugin* FakeHost::load(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  using Entry = const bs_plugin* (*)(const bs_api*);
  const auto entry = reinterpret_cast<Entry>(dlsym(library, "backstage_plugin_v1"));
  if (entry == nullptr) throw std::runtime_error(path + " has no entry");
  api_.abi_major = abi_major;
  return entry(&api_);
}

const bs_plugin* FakeHost::load_with(const std::string& path, std::size_t struct_size) {
  api_.struct_size = static_cast<std::uint32_t>(struct_size);
  const bs_plugin* plugin = load(path);
  api_.struct_size = sizeof api_;
  return plugin;
}

bs_addr FakeHost::add_actor(std::string_view who) {
  const bs_addr made{{actors_.size() + 2, 1}};
  actors_.emplace(who, made);
  return made;
}

void FakeHost::refuse_next(std::string_view function, bs_status status) {
  refusals_.insert_or_assign(std::string{function}, status);
}

bs_status FakeHost::verdict(std::string_view function) {
  const auto found = refusals_.find(function);
  if (found == refusals_.end()) return BS_OK;
  const bs_status status = found->second;
  refusals_.erase(found);
  return status;
}

HostedActor::HostedActor(FakeHost& host, const bs_plugin* plugin, std::string_view config,
                         std::size_t type)
    : host_(host), type_(plugin->types[type]) {
  bs_ctx ctx{host_};
  created = type_->create(&ctx, slice_of(config), &self_);
}

HostedActor::HostedActor(FakeHost& host, const bs_plugin* plugin, std::uint32_t version,
                         std::string_view state)
    : host_(host), type_(plugin->types[0]) {
  bs_ctx ctx{host_};
  created = type_->load(&ctx, {}, version, slice_of(state), &self_);
}

HostedActor::~HostedActor() { end(BS_END_STOPPED); }

void HostedActor::end(std::int32_t reason) {
  bs_ctx ctx{host_};
  if (created >= 0) type_->destroy(self_, &ctx, reason);
  created = BS_E_STATE;
}

bs_status HostedActor::fire(std::uint64_t timer) {
  bs_msg message{};
  message.kind = BS_MSG_TIMER;
  message.corr = timer;
  if (host_.timers.at(timer).period_ms == 0) host_.timers.erase(timer);
  return receive(message);
}

bs_status HostedActor::answer(std::uint64_t corr, std::string_view body, bs_status status) {
  bs_msg message{};
  message.kind = BS_MSG_REPLY;
  message.corr = corr;
  message.status = status;
  message.body = slice_of(body);
  return receive(message);
}

bs_status HostedActor::tell_down(bs_addr who, std::string_view name, std::string_view reason) {
  bs_msg message{};
  message.kind = BS_MSG_DOWN;
  message.from = who;
  message.from_name = slice_of(name);
  message.body = slice_of(reason);
  return receive(message);
}

bs_status HostedActor::receive(bs_msg message) {
  bs_ctx ctx{host_};
  message.struct_size = sizeof message;
  return type_->receive(self_, &ctx, &message);
}

bs_status HostedActor::send(std::string_view body, std::string_view type) {
  bs_msg message{};
  message.kind = BS_MSG_SEND;
  message.body = slice_of(body);
  message.type = slice_of(type);
  return receive(message);
}

bs_status HostedActor::publish(std::string_view address, std::string_view body) {
  bs_msg message{};
  message.kind = BS_MSG_PUBLISH;
  message.address = slice_of(address);
  message.body = slice_of(body);
  message.seq = 1;
  message.sub = 1;
  return receive(message);
}

bs_status HostedActor::request(std::string_view body, std::string_view type) {
  bs_msg message{};
  message.kind = BS_MSG_REQUEST;
  message.from = {{99, 1}};
  message.from_name = slice_of("asker");
  message.corr = host_.next_id_++;
  message.body = slice_of(body);
  message.type = slice_of(type);
  host_.open_requests_.insert(message.corr);
  return receive(message);
}

std::string HostedActor::ask(std::string_view body, std::string_view type) {
  const std::size_t before = host_.replied.size();
  REQUIRE(request(body, type) == BS_OK);
  REQUIRE(host_.replied.size() == before + 1);
  return host_.replied.back().body;
}

bs_status HostedActor::try_save() {
  StateSink sink(host_);
  return type_->save(self_, sink.raw());
}

std::string HostedActor::save() {
  REQUIRE(try_save() == BS_OK);
  return host_.state;
}

StateSink::StateSink(FakeHost& host) : sink_(std::make_unique<bs_sink>(bs_sink{host})) {
  host.state.clear();
}
StateSink::~StateSink() = default;
