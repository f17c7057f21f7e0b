// misuse: breaks the rules of the ABI on demand, to see that the host answers instead of obeying.
//
// The message type is what to do; each replies the status it got. Test-only; actor type `misuse`.
#include <backstage/plugin.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const bs_api* host;
static bs_ctx* kept;

static int is(const bs_msg* msg, const char* type) {
  return msg->type.len == strlen(type) && memcmp(msg->type.ptr, type, msg->type.len) == 0;
}

static bs_out out_of(const char* text) {
  const bs_out out = {{NULL, 0}, bs_text(text), NULL};
  return out;
}

static bs_status send_with(bs_ctx* ctx, bs_addr to) {
  const bs_out out = out_of("should not arrive");
  return host->send(ctx, to, &out);
}

struct other_thread {
  bs_ctx* ctx;
  bs_addr to;
  bs_status answer;
};

static void* run_other_thread(void* given) {
  struct other_thread* work = given;
  host->set_error(host, BS_E_FAIL, bs_text("said outside of any callback"));
  work->answer = send_with(work->ctx, work->to);
  return NULL;
}

static bs_status on_other_thread(bs_ctx* ctx, bs_addr to) {
  struct other_thread work = {ctx, to, BS_OK};
  pthread_t thread;
  if (pthread_create(&thread, NULL, run_other_thread, &work) != 0) return BS_E_FAIL;
  pthread_join(thread, NULL);
  return work.answer;
}

// A body that ends one byte behind the buffer it claims to lie in.
static bs_status body_outside(bs_ctx* ctx, bs_addr to) {
  void* data = NULL;
  bs_buf* buf = host->buf_new(host, 8, &data);
  const bs_out out = {{NULL, 0}, {(char*)data + 1, 8}, buf};
  const bs_status answer = host->send(ctx, to, &out);
  host->buf_unref(host, buf);
  return answer;
}

static bs_status null_body(bs_ctx* ctx, bs_addr to) {
  const bs_out out = {{NULL, 0}, {NULL, 5}, NULL};
  return host->send(ctx, to, &out);
}

static bs_status bad_type(bs_ctx* ctx, bs_addr to) {
  const bs_out out = {bs_text("two\nlines"), {NULL, 0}, NULL};
  return host->send(ctx, to, &out);
}

static bs_status made_up_address(bs_ctx* ctx) {
  const bs_addr nowhere = {{0x7777777777777777, 0x7777777777777777}};
  return send_with(ctx, nowhere);
}

static bs_status act(bs_ctx* ctx, const bs_msg* msg) {
  if (is(msg, "keep")) {
    kept = ctx;
    return BS_OK;
  }
  if (is(msg, "use_kept")) return send_with(kept, msg->from);
  if (is(msg, "use_null")) return send_with(NULL, msg->from);
  if (is(msg, "other_thread")) return on_other_thread(ctx, msg->from);
  if (is(msg, "body_outside")) return body_outside(ctx, msg->from);
  if (is(msg, "null_body")) return null_body(ctx, msg->from);
  if (is(msg, "null_out")) return host->send(ctx, msg->from, NULL);
  if (is(msg, "bad_type")) return bad_type(ctx, msg->from);
  if (is(msg, "made_up_address")) return made_up_address(ctx);
  if (is(msg, "write")) return host->write(NULL, bs_text("state"));
  if (is(msg, "unknown_extension")) return host->extension(host, "no.such/1") == NULL ? BS_OK : -1;
  if (is(msg, "log")) {
    host->log(host, BS_LOG_WARN, bs_text("a line from misuse"));
    return BS_OK;
  }
  return BS_E_ARG;
}

static bs_status create(bs_ctx* ctx, bs_slice config, void** self) {
  (void)ctx;
  (void)config;
  (void)self;
  return BS_OK;
}

static bs_status receive(void* self, bs_ctx* ctx, const bs_msg* msg) {
  char text[16];
  (void)self;
  if (msg->kind != BS_MSG_REQUEST) return BS_OK;
  if (is(msg, "fail_silently")) return BS_E_TOO_LARGE;
  if (is(msg, "stop")) return BS_STOP;
  snprintf(text, sizeof text, "%d", (int)act(ctx, msg));
  const bs_out out = out_of(text);
  const bs_request request = {msg->from, msg->corr};
  host->reply(ctx, request, &out);
  return BS_OK;
}

// Says its last words on its own topic; what needs a future is refused.
static void destroy(void* self, bs_ctx* ctx, int32_t reason) {
  uint64_t sub = 0;
  char text[48];
  (void)self;
  snprintf(text, sizeof text, "reason %d, subscribe %d", (int)reason,
           (int)host->subscribe(ctx, bs_text("any"), &sub));
  const bs_out out = out_of(text);
  host->publish(ctx, bs_text("last_words"), &out, 0);
}

static const bs_actor_type misuse = {
    .struct_size = sizeof(bs_actor_type),
    .name = "misuse",
    .create = create,
    .receive = receive,
    .destroy = destroy,
};
static const bs_actor_type* const types[] = {&misuse};
static const bs_plugin plugin = {
    .struct_size = sizeof(bs_plugin),
    .abi_major = BS_ABI_MAJOR,
    .flags = BS_UNLOAD_SAFE,
    .type_count = 1,
    .id = "test.misuse",
    .version = "1.0.0",
    .types = types,
};
BS_NOTE_C("id=test.misuse\0version=1.0.0\0types=misuse", BS_UNLOAD_SAFE);

const bs_plugin* backstage_plugin_v1(const bs_api* api) {
  host = api;
  return &plugin;
}
