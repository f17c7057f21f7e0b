/* stranger in C: what of stranger.cpp there is without a C++ library. TYPE_NAME is its type. */
#include <backstage/plugin.h>
#include <stdio.h>
#include <stdlib.h>

BS_NOTE_C("id=test." TYPE_NAME "\0version=1.0.0\0types=" TYPE_NAME, BS_UNLOAD_SAFE);

static const bs_api* host;

static int is(bs_slice text, const char* word) {
  return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static bs_status create(bs_ctx* ctx, bs_slice config, void** self) {
  (void)ctx, (void)config;
  *self = calloc(1, sizeof(long long));
  return *self == NULL ? BS_E_NO_MEMORY : BS_OK;
}

static bs_status receive(void* self, bs_ctx* ctx, const bs_msg* msg) {
  long long* const total = self;
  char text[64] = "none";
  bs_request request;
  bs_out out;
  if (msg->kind != BS_MSG_REQUEST) return BS_OK;
  if (is(msg->type, "throw") || is(msg->type, "throw_own") || is(msg->type, "fail")) {
    host->set_error(host, BS_E_FAIL, is(msg->type, "throw_own") ? bs_text("own") : msg->body);
    return BS_E_FAIL;
  }
  if (is(msg->type, "add")) {
    snprintf(text, sizeof text, "%.*s", (int)(msg->body.len < 20 ? msg->body.len : 20),
             (const char*)msg->body.ptr);
    *total += strtoll(text, NULL, 10);
    snprintf(text, sizeof text, "%lld", *total);
  }
  request.from = msg->from;
  request.corr = msg->corr;
  memset(&out, 0, sizeof out);
  out.body = bs_text(text);
  return host->reply(ctx, request, &out);
}

static void destroy(void* self, bs_ctx* ctx, int32_t reason) {
  (void)ctx, (void)reason;
  free(self);
}

static const bs_actor_type type = {sizeof type, 0,       TYPE_NAME, 0,    0,
                                   create,      receive, destroy,   NULL, NULL};
static const bs_actor_type* const types[] = {&type};
static const bs_plugin plugin = {
    sizeof plugin, BS_ABI_MAJOR, BS_ABI_MINOR, BS_UNLOAD_SAFE, 1,    "test." TYPE_NAME,
    "1.0.0",       types,        NULL,         NULL,           NULL, NULL};

BS_EXPORT const bs_plugin* backstage_plugin_v1(const bs_api* api) {
  host = api;
  return &plugin;
}
