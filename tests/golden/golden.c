/* golden: every callback, function and extension of plugin ABI 1.0 in one small plugin. Its binary
 * in this folder is never built again: see README.md.
 *
 * The message type is the command; the reply is "ok" or a figure. */
#include <backstage/plugin.h>
#include <stdio.h>
#include <stdlib.h>

BS_NOTE_C("id=test.golden\0version=1.0.0\0types=golden;golden_bare", BS_UNLOAD_SAFE);

static const bs_api* host;
static const bs_timers* timers;
static const bs_monitor* monitors;
static const bs_interest* interests;
static const bs_metrics* metrics;
static uint32_t counter_id, gauge_id;
static int inits, quiesces;

struct golden {
  int64_t total;
  uint64_t subscription, timer;
  bs_request kept;  /* a request that is answered in a later turn */
  bs_request asker; /* who waits for what we asked */
};

static int is(bs_slice text, const char* word) {
  return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static bs_out out_of(bs_slice type, bs_slice body) {
  bs_out out;
  out.type = type;
  out.body = body;
  out.buf = NULL;
  return out;
}

static bs_request request_of(const bs_msg* msg) {
  bs_request request;
  request.from = msg->from;
  request.corr = msg->corr;
  return request;
}

static bs_status answer(bs_ctx* ctx, bs_request to, const char* text) {
  const bs_out out = out_of(bs_text("golden"), bs_text(text));
  return host->reply(ctx, to, &out);
}

static bs_status publish(bs_ctx* ctx, const char* topic, bs_slice body, uint32_t flags) {
  const bs_out out = out_of(bs_text(""), body);
  return host->publish(ctx, bs_text(topic), &out, flags);
}

static bs_status create(bs_ctx* ctx, bs_slice config, void** self) {
  struct golden* made;
  if (is(config, "fail")) {
    host->set_error(host, BS_E_ARG, bs_text("golden was told to fail"));
    return BS_E_ARG;
  }
  made = calloc(1, sizeof *made);
  if (made == NULL) return BS_E_NO_MEMORY;
  made->total = (int64_t)config.len;
  host->log(host, BS_LOG_INFO, host->self_name(ctx));
  *self = made;
  return BS_OK;
}

static void destroy(void* self, bs_ctx* ctx, int32_t reason) {
  char text[32];
  snprintf(text, sizeof text, "end %d", (int)reason);
  publish(ctx, "end", bs_text(text), 0);
  free(self);
}

static bs_status save(void* self, bs_sink* sink) {
  const struct golden* golden = self;
  bs_slice bytes;
  if (golden->kept.corr != 0) return BS_E_BUSY;
  bytes.ptr = &golden->total;
  bytes.len = sizeof golden->total;
  return host->write(sink, bytes);
}

static bs_status load(bs_ctx* ctx, bs_slice config, uint32_t version, bs_slice state, void** self) {
  const bs_status made = create(ctx, config, self);
  if (made < 0) return made;
  if (version == 1 && state.len == sizeof(int64_t)) {
    memcpy(&((struct golden*)*self)->total, state.ptr, sizeof(int64_t));
    return BS_OK;
  }
  free(*self);
  host->set_error(host, BS_E_ARG, bs_text("golden knows no such state"));
  return BS_E_ARG;
}

/* Sends the body through a buffer of the host's, both ways of counting it. */
static bs_status share(bs_ctx* ctx, const bs_msg* msg) {
  void* data = NULL;
  bs_buf* const buf = host->buf_new(host, msg->body.len + 1, &data);
  bs_status status;
  bs_out out;
  if (buf == NULL) return BS_E_NO_MEMORY;
  memcpy(data, "<", 1);
  memcpy((char*)data + 1, msg->body.ptr, msg->body.len);
  host->buf_ref(host, buf);
  host->buf_unref(host, buf);
  out.type = msg->type;
  out.body.ptr = data;
  out.body.len = msg->body.len + 1;
  out.buf = buf;
  status = host->reply(ctx, request_of(msg), &out);
  host->buf_unref(host, buf);
  return status;
}

static bs_status act(struct golden* golden, bs_ctx* ctx, const bs_msg* msg) {
  const bs_out out = out_of(bs_text("from_golden"), msg->body);
  bs_addr other = {{0, 0}};
  uint64_t corr = 0;
  bs_status status;
  if (is(msg->type, "fail")) {
    host->set_error(host, BS_E_FAIL, bs_text("golden failed as told"));
    return BS_E_FAIL;
  }
  if (is(msg->type, "stop")) return BS_STOP;
  if (is(msg->type, "stop_self")) return host->stop_self(ctx);
  if (is(msg->type, "refuse"))
    return host->reply_error(ctx, request_of(msg), BS_E_NOSUP, msg->body);
  if (is(msg->type, "share")) return share(ctx, msg);
  if (is(msg->type, "keep")) {
    golden->kept = request_of(msg);
    return BS_OK;
  }
  if (is(msg->type, "publish")) return publish(ctx, "", msg->body, 0);
  if (is(msg->type, "retain")) return publish(ctx, "kept", msg->body, BS_PUBLISH_RETAIN);
  if (is(msg->type, "subscribe")) return host->subscribe(ctx, msg->body, &golden->subscription);
  if (is(msg->type, "unsubscribe")) return host->unsubscribe(ctx, golden->subscription);
  if (is(msg->type, "once")) return timers->set(ctx, 100, 0, &golden->timer);
  if (is(msg->type, "every")) return timers->set(ctx, 100, 100, &golden->timer);
  if (is(msg->type, "cancel")) return timers->cancel(ctx, golden->timer);
  if (is(msg->type, "watch")) return interests->watch(ctx, msg->body);
  if (is(msg->type, "count")) return metrics->add(host, counter_id, 2);
  if (is(msg->type, "gauge")) return metrics->set(host, gauge_id, 1.5);
  if (is(msg->type, "spawn"))
    return host->spawn(ctx, bs_text("golden_bare"), msg->body, bs_text(""), BS_SPAWN_CHILD, &other);
  if (is(msg->type, "self")) {
    other = host->self(ctx);
    return host->send(ctx, other, &out);
  }
  status = host->resolve(ctx, msg->body, &other);
  if (status < 0) return host->reply_error(ctx, request_of(msg), status, bs_text("not there"));
  if (is(msg->type, "send")) return host->send(ctx, other, &out);
  if (is(msg->type, "post")) return host->post(host, other, &out);
  if (is(msg->type, "monitor")) return monitors->monitor(ctx, other);
  if (is(msg->type, "demonitor")) return monitors->demonitor(ctx, other);
  if (is(msg->type, "ask")) {
    golden->asker = request_of(msg);
    return host->request(ctx, other, &out, 1000, &corr);
  }
  return BS_E_NOSUP;
}

static bs_status receive_request(struct golden* golden, bs_ctx* ctx, const bs_msg* msg) {
  char text[32];
  bs_status status;
  if (is(msg->type, "total")) {
    snprintf(text, sizeof text, "%lld", (long long)golden->total);
    return answer(ctx, request_of(msg), text);
  }
  if (is(msg->type, "answer_kept")) {
    status = answer(ctx, golden->kept, "at last");
    memset(&golden->kept, 0, sizeof golden->kept);
  } else {
    status = act(golden, ctx, msg);
  }
  if (status < 0 || status == BS_STOP) return status;
  /* Refused, kept and asked ones are answered elsewhere: then this is one answer too many. */
  if (!is(msg->type, "keep") && !is(msg->type, "ask")) answer(ctx, request_of(msg), "ok");
  return BS_OK;
}

static bs_status receive(void* self, bs_ctx* ctx, const bs_msg* msg) {
  struct golden* const golden = self;
  char text[128];
  switch (msg->kind) {
    case BS_MSG_REQUEST:
      return receive_request(golden, ctx, msg);
    case BS_MSG_SEND:
      if (is(msg->type, "from_golden")) return publish(ctx, "self", msg->body, 0);
      if (is(msg->type, "")) {
        golden->total += 1;
        return BS_OK;
      }
      return act(golden, ctx, msg);
    case BS_MSG_PUBLISH:
      snprintf(text, sizeof text, "%.*s %llu %d", (int)msg->address.len,
               (const char*)msg->address.ptr, (unsigned long long)msg->seq,
               msg->sub == golden->subscription);
      return publish(ctx, "heard", bs_text(text), 0);
    case BS_MSG_REPLY:
      if (msg->status < 0) return host->reply_error(ctx, golden->asker, msg->status, msg->body);
      return answer(ctx, golden->asker, "they replied");
    case BS_MSG_TIMER:
      return publish(ctx, "timer", bs_text(msg->corr == golden->timer ? "mine" : "other"), 0);
    case BS_MSG_DOWN:
      snprintf(text, sizeof text, "%.*s %.*s %d", (int)msg->from_name.len,
               (const char*)msg->from_name.ptr, (int)msg->body.len, (const char*)msg->body.ptr,
               (int)msg->status);
      return publish(ctx, "down", bs_text(text), 0);
    case BS_MSG_INTEREST:
      return publish(ctx, "interest", bs_text(msg->status == 1 ? "first" : "none"), 0);
    default:
      return BS_OK;
  }
}

static bs_status bare_create(bs_ctx* ctx, bs_slice config, void** self) {
  (void)ctx, (void)config, (void)self;
  return BS_OK;
}
static bs_status bare_receive(void* self, bs_ctx* ctx, const bs_msg* msg) {
  (void)self, (void)ctx, (void)msg;
  return BS_STOP;
}
static void bare_destroy(void* self, bs_ctx* ctx, int32_t reason) {
  (void)self, (void)ctx, (void)reason;
}

static bs_status init(bs_slice config) {
  inits += 1;
  if (!is(config, "refuse")) return BS_OK;
  host->set_error(host, BS_E_ARG, bs_text("golden's config says refuse"));
  return BS_E_ARG;
}
static bs_status quiesce(uint32_t deadline_ms) {
  quiesces += 1;
  return deadline_ms > 0 ? BS_OK : BS_E_BUSY;
}
static void fini(void) {
  char text[64];
  snprintf(text, sizeof text, "fini after %d init, %d quiesce", inits, quiesces);
  host->log(host, BS_LOG_INFO, bs_text(text));
}
static const void* extension(const char* id) {
  (void)id;
  return NULL;
}

static const bs_actor_type golden_type = {
    sizeof golden_type, 0, "golden", 1, 1, create, receive, destroy, save, load};
static const bs_actor_type bare_type = {
    sizeof bare_type, 0, "golden_bare", 0, 0, bare_create, bare_receive, bare_destroy, NULL, NULL};
static const bs_actor_type* const types[] = {&golden_type, &bare_type};
static const bs_plugin plugin = {sizeof plugin, BS_ABI_MAJOR, 0,     BS_UNLOAD_SAFE, 2,
                                 "test.golden", "1.0.0",      types, init,           quiesce,
                                 fini,          extension};

BS_EXPORT const bs_plugin* backstage_plugin_v1(const bs_api* api) {
  host = api;
  if (api->abi_major != BS_ABI_MAJOR || !BS_HAS(bs_api, api, write)) return NULL;
  timers = api->extension(api, BS_EXT_TIMERS);
  monitors = api->extension(api, BS_EXT_MONITOR);
  interests = api->extension(api, BS_EXT_INTEREST);
  metrics = api->extension(api, BS_EXT_METRICS);
  if (timers == NULL || monitors == NULL || interests == NULL || metrics == NULL) return NULL;
  if (api->extension(api, "backstage.no_such/9") != NULL) return NULL;
  if (metrics->open(api, BS_METRIC_COUNTER, bs_text("golden_counts"), &counter_id) < 0) return NULL;
  if (metrics->open(api, BS_METRIC_GAUGE, bs_text("golden_gauge"), &gauge_id) < 0) return NULL;
  return &plugin;
}
