/// The plugin ABI of backstaged, major version 1: C11 and C++20, no dependency.
///
/// A plugin is a shared object that exports one function, backstage_plugin_v1, and carries one ELF
/// note (BS_NOTE_C below). It registers actor types; the daemon creates, feeds and destroys actors.
///
/// Threads. Every function carries one tag:
///   [any-thread]     callable from every thread at every time between entry and the end of fini.
///   [actor-turn]     only with the bs_ctx of the callback that is running, on its thread. Turns of
///                    one actor never overlap and never re-enter, but hop OS threads (unless the
///                    config pins its type): use no thread_local. Actors of one type run at once.
///   [loader-thread]  called one at a time by the daemon's loader thread; no bs_ctx exists.
///
/// Ownership. Nobody frees the other side's memory. What the host passes in is valid until the call
/// returns, unless a sentence says otherwise (buf_ref keeps bodies); what the plugin passes in is
/// read or copied before the call returns.
///
/// Errors. A bs_status: 0 or positive is success, negative is failure and changed nothing.
/// set_error adds the sentence a person needs. No exception, longjmp, panic or thread exit may
/// cross the boundary in either direction.
///
/// Growth. Value types (bs_slice, bs_addr, bs_request, bs_out) and extension tables are frozen for
/// ever. Tables that begin with struct_size grow at their end only; the reader checks BS_HAS before
/// it uses a field that v1.0 did not have. Never copy *their* struct_size bytes, never refuse a
/// larger table, never write past the size the other side declared.
///
/// Units: milliseconds of a monotonic clock; bytes. Texts: UTF-8; const char * ends with NUL.
#ifndef BACKSTAGE_PLUGIN_H
#define BACKSTAGE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BS_ABI_MAJOR 1
#define BS_ABI_MINOR 0

/// True when `table` (a `type *`) was built with `field` and has it set.
#define BS_HAS(type, table, field)                                                   \
  (offsetof(type, field) + sizeof((table)->field) <= (size_t)(table)->struct_size && \
   (table)->field != 0)

// --- Status codes: an int32_t on every function. The numbers are stable for ever. ----------------

typedef int32_t bs_status;

enum {
  BS_OK = 0,
  BS_STOP = 1,      ///< only from receive: handled, now stop this actor
  BS_EXISTING = 2,  ///< only from spawn: an actor of that name and type was there already

  BS_E_FAIL = -1,   ///< the plugin failed; set_error says why
  BS_E_ARG = -2,    ///< an argument is missing or out of range          (engine: bad_arg)
  BS_E_NOSUP = -3,  ///< known, but not offered by this host             (engine: unsupported)
  BS_E_STATE = -4,  ///< not now: no such open request (engine: no_request); outside of a turn
  BS_E_BUSY = -5,   ///< only from save and quiesce: ask again later

  // One per error of the engine; the names are the tokens of the wire protocol.
  BS_E_NO_ACTOR = -16,
  BS_E_MAILBOX_FULL = -17,
  BS_E_STOPPING = -18,
  BS_E_PARKED = -19,
  BS_E_TIMEOUT = -20,
  BS_E_ACTOR_FAILED = -21,
  BS_E_NAME_IN_USE = -22,
  BS_E_TYPE_MISMATCH = -23,
  BS_E_NO_TYPE = -24,
  BS_E_BAD_NAME = -25,
  BS_E_BAD_ADDR = -26,
  BS_E_RESERVED_NAME = -27,
  BS_E_TOO_LARGE = -28,
  BS_E_NO_VALUE = -29,
  BS_E_NO_SUB = -30,
  BS_E_NO_TIMER = -31,
  BS_E_RETAINED_FULL = -32,
  BS_E_TOPICS_FULL = -33,
  BS_E_SUBS_FULL = -34,
  BS_E_TIMERS_FULL = -35,
  BS_E_REQUESTS_FULL = -36,
  BS_E_ACTORS_FULL = -37,
  BS_E_ACTIVATION_LIMIT = -38,
  BS_E_SLOW_CONSUMER = -39,
  BS_E_CALL_CYCLE = -40,
  BS_E_NO_MEMORY = -41,
  BS_E_THREADS_FULL = -42
};

// --- Value types: frozen. ------------------------------------------------------------------------
/// Borrowed bytes. ptr may be NULL when len is 0.
typedef struct bs_slice {
  const void* ptr;
  size_t len;
} bs_slice;

/// Names one actor or client. Opaque; may be stored, compared word by word and used from any actor
/// of the same daemon, across restarts and upgrades of its owner. Once that owner has ended, using
/// it answers BS_E_NO_ACTOR. All zero is nobody.
typedef struct bs_addr {
  uint64_t w[2];
} bs_addr;

/// Names one open request: `from` and `corr` of its bs_msg. May be stored to reply in a later turn
/// of the same actor; the request closes at its first reply, at its deadline, and when this actor
/// fails or stops.
typedef struct bs_request {
  bs_addr from;
  uint64_t corr;
} bs_request;

/// A reference-counted payload of the host. Opaque.
typedef struct bs_buf bs_buf;

/// What goes out. `type` is the message type: at most 64 bytes, may be empty. If `buf` is not NULL,
/// `body` must lie inside that buffer: it is shared with every receiver without a copy and nobody
/// may write to it any more; the host takes its own count, the caller keeps his. Else the host
/// copies body.
typedef struct bs_out {
  bs_slice type;
  bs_slice body;
  bs_buf* buf;
} bs_out;

/// The running callback as the host knows it. Valid until that callback returns.
typedef struct bs_ctx bs_ctx;
/// Where save writes to. Valid until save returns.
typedef struct bs_sink bs_sink;

// --- What an actor receives. ---------------------------------------------------------------------

/// Kinds of messages. A plugin must ignore (answer BS_OK to) kinds it does not know.
enum {
  BS_MSG_SEND = 1,     ///< from somebody who expects no reply
  BS_MSG_PUBLISH = 2,  ///< to a subscription: address, seq, sub
  BS_MSG_REQUEST = 3,  ///< wants one reply: {from, corr} is its bs_request
  BS_MSG_REPLY = 4,    ///< ends our request `corr`: status BS_OK, or why not and body the detail
  BS_MSG_TIMER = 5,    ///< corr is the id that timers/1 set gave
  BS_MSG_DOWN = 6,     ///< the monitored `from`, from_name ended: status and body (token) say why
  BS_MSG_INTEREST = 7  ///< `address` got its first subscriber (status 1) or lost its last (0)
};

/// One message. Everything in it is the host's and valid until receive returns.
typedef struct bs_msg {
  uint32_t struct_size;
  uint32_t kind;       ///< BS_MSG_*
  uint32_t flags;      ///< 0; unknown bits are to be ignored
  bs_status status;    ///< of reply, down and interest; else BS_OK
  bs_addr from;        ///< nobody when the daemon itself or `post` is the sender
  bs_slice from_name;  ///< the sender's (publisher's, ended actor's) name; may be empty
  uint64_t corr;       ///< of request, reply and timer; else 0
  bs_slice type;       ///< message type, may be empty
  bs_slice body;
  bs_buf* buf;       ///< what body lies in, for buf_ref; NULL when it cannot be shared: copy then
  bs_slice address;  ///< of publish: "actor/topic"; of interest: as subscribed; else empty
  uint64_t seq;      ///< of publish: position in `address`, from 1 per daemon start; else 0
  uint64_t sub;      ///< of publish: the subscription it came by; else 0
} bs_msg;

// --- What the host offers. -----------------------------------------------------------------------

enum { BS_LOG_DEBUG = 1, BS_LOG_INFO = 2, BS_LOG_WARN = 3, BS_LOG_ERROR = 4 };

enum { BS_PUBLISH_RETAIN = 1 };  ///< keep as the address's last value, until the next retained one
enum { BS_SPAWN_CHILD = 1 };     ///< lives under the caller and stops before it

/// Host functions. The table lives as long as the plugin is loaded; every v1.0 function is set.
typedef struct bs_api {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor;
  void* impl;                ///< the host's
  const char* host_version;  ///< "0.1.0"; lives as long as the table

  /// The frozen table of an extension by id ("backstage.timers/1"), or NULL when this host does not
  /// offer it. Lives as long as this table. [any-thread]
  const void* (*extension)(const struct bs_api* api, const char* id);
  /// One line for the daemon's log, attributed to plugin and actor; control bytes are escaped and
  /// long lines cut. [any-thread]
  void (*log)(const struct bs_api* api, int32_t level, bs_slice text);
  /// Says in words why the callback running on this thread is about to return `code`. The last call
  /// before the return counts; without a failure it has no effect. [any-thread]
  void (*set_error)(const struct bs_api* api, bs_status code, bs_slice text);

  /// A new buffer with one count, the caller's; *data is writable until it is first passed to the
  /// host in a bs_out. NULL when size is over the payload limit or memory is out. [any-thread]
  bs_buf* (*buf_new)(const struct bs_api* api, size_t size, void** data);
  /// One count more / less. At zero the host frees it. Both take non-NULL. [any-thread]
  void (*buf_ref)(const struct bs_api* api, bs_buf* buf);
  void (*buf_unref)(const struct bs_api* api, bs_buf* buf);

  /// Sends from outside of a turn (a thread of the plugin); `from` is nobody at the receiver.
  /// Errors: as send. [any-thread]
  bs_status (*post)(const struct bs_api* api, bs_addr to, const bs_out* out);

  // The rest: [actor-turn], in create, receive, load and destroy; not in save. In destroy, send,
  // publish, reply and reply_error still work and all others answer BS_E_STOPPING.

  /// The actor's own address. [actor-turn]
  bs_addr (*self)(bs_ctx* ctx);
  /// The actor's own name; valid as long as ctx. [actor-turn]
  bs_slice (*self_name)(bs_ctx* ctx);
  /// The address of a living actor or client; an activation rule that matches creates it.
  /// Errors: BS_E_BAD_NAME, BS_E_NO_ACTOR, BS_E_ACTIVATION_LIMIT, BS_E_ACTORS_FULL, BS_E_STOPPING.
  /// [actor-turn]
  bs_status (*resolve)(bs_ctx* ctx, bs_slice name, bs_addr* out);
  /// BS_OK: it is in the target's mailbox. Never blocks. Errors: BS_E_NO_ACTOR, BS_E_MAILBOX_FULL,
  /// BS_E_STOPPING, BS_E_PARKED, BS_E_TOO_LARGE, BS_E_ARG (body outside of buf). [actor-turn]
  bs_status (*send)(bs_ctx* ctx, bs_addr to, const bs_out* out);
  /// Publishes on "self/topic"; an empty topic is "default". BS_OK: it has its number and was
  /// offered to every subscriber; none, or full ones, are no error. flags: BS_PUBLISH_RETAIN.
  /// Errors: BS_E_BAD_ADDR, BS_E_TOO_LARGE, BS_E_RETAINED_FULL, BS_E_TOPICS_FULL. [actor-turn]
  bs_status (*publish)(bs_ctx* ctx, bs_slice topic, const bs_out* out, uint32_t flags);
  /// Subscribes to "actor" (its default topic), "actor/topic" or a pattern ("feed/md.*.delta",
  /// "*/md.>"). The publisher need not exist. *sub is its id; the same pattern again gives the same
  /// id. Errors: BS_E_BAD_ADDR, BS_E_SUBS_FULL. [actor-turn]
  bs_status (*subscribe)(bs_ctx* ctx, bs_slice pattern, uint64_t* sub);
  /// Ends a subscription; what is already in the mailbox still arrives. Errors: BS_E_NO_SUB.
  /// [actor-turn]
  bs_status (*unsubscribe)(bs_ctx* ctx, uint64_t sub);
  /// Asks. BS_OK: exactly one BS_MSG_REPLY with *corr will come, at the latest after timeout_ms
  /// (0 = 5,000; at most 24 h) with BS_E_TIMEOUT. An error means that none comes. Errors: as send,
  /// BS_E_REQUESTS_FULL, BS_E_ARG. [actor-turn]
  bs_status (*request)(bs_ctx* ctx, bs_addr to, const bs_out* out, uint32_t timeout_ms,
                       uint64_t* corr);
  /// Answers a request of this or an earlier turn. The first answer wins. Errors: BS_E_STATE when
  /// it is not open (answered, past its deadline, never was), BS_E_TOO_LARGE. [actor-turn]
  bs_status (*reply)(bs_ctx* ctx, bs_request request, const bs_out* out);
  /// Answers with an error: `status` is any negative code, `text` one sentence that says what to
  /// do. The actor itself has not failed. Errors: BS_E_STATE, BS_E_ARG (status not negative).
  /// [actor-turn]
  bs_status (*reply_error)(bs_ctx* ctx, bs_request request, bs_status status, bs_slice text);
  /// Creates an actor; `config` is the text its create gets. Same name and type as a living one:
  /// BS_EXISTING, *out is that one, config is not looked at. A create that fails shows as
  /// BS_MSG_DOWN to monitors, not here. flags: BS_SPAWN_CHILD. Errors: BS_E_NO_TYPE,
  /// BS_E_TYPE_MISMATCH, BS_E_NAME_IN_USE, BS_E_BAD_NAME, BS_E_RESERVED_NAME, BS_E_ACTORS_FULL,
  /// BS_E_STOPPING. [actor-turn]
  bs_status (*spawn)(bs_ctx* ctx, bs_slice type, bs_slice name, bs_slice config, uint32_t flags,
                     bs_addr* out);
  /// Stops this actor after the running callback. The same as BS_STOP from receive. [actor-turn]
  bs_status (*stop_self)(bs_ctx* ctx);

  /// Appends to the saved state. Errors: BS_E_TOO_LARGE; save should then return it. Only in save.
  bs_status (*write)(bs_sink* sink, bs_slice bytes);
} bs_api;

// --- Extensions: frozen tables, found by bs_api.extension; a change is a new id. -----------------

#define BS_EXT_TIMERS "backstage.timers/1"
typedef struct bs_timers {
  /// BS_MSG_TIMER with corr == *id after delay_ms, then every period_ms (0 = once). A timer never
  /// has more than one message in the mailbox: periods that pass meanwhile are skipped. Ends with
  /// the actor. Errors: BS_E_TIMERS_FULL, BS_E_ARG (over 365 days). [actor-turn]
  bs_status (*set)(bs_ctx* ctx, uint64_t delay_ms, uint64_t period_ms, uint64_t* id);
  /// After BS_OK no message of this timer arrives. Works in destroy too: timers outlive an upgrade.
  /// Errors: BS_E_NO_TIMER (fired once, cancelled, never was). [actor-turn]
  bs_status (*cancel)(bs_ctx* ctx, uint64_t id);
} bs_timers;

#define BS_EXT_MONITOR "backstage.monitor/1"
typedef struct bs_monitor {
  /// One BS_MSG_DOWN when that actor ends; a restart is not an end. Already ended: BS_OK and DOWN
  /// follows at once. Monitoring twice is monitoring once. Errors: BS_E_ARG (nobody). [actor-turn]
  bs_status (*monitor)(bs_ctx* ctx, bs_addr who);
  /// After BS_OK no BS_MSG_DOWN of that actor arrives, monitored or not. [actor-turn]
  bs_status (*demonitor)(bs_ctx* ctx, bs_addr who);
} bs_monitor;

#define BS_EXT_INTEREST "backstage.interest/1"
typedef struct bs_interest {
  /// BS_MSG_INTEREST whenever an own topic that matches `topics` ("default", "md.*", ">"), or a
  /// wildcard that may cover own topics ("*/md.>"), gets its first subscriber or loses its last;
  /// each is told as it was subscribed to, those that have one already at once. Ends as timers do.
  /// Errors: BS_E_BAD_ADDR, BS_E_SUBS_FULL. [actor-turn]
  bs_status (*watch)(bs_ctx* ctx, bs_slice topics);
} bs_interest;

enum { BS_METRIC_COUNTER = 1, BS_METRIC_GAUGE = 2 };

#define BS_EXT_METRICS "backstage.metrics/1"
typedef struct bs_metrics {
  /// Finds or makes a metric of this plugin; all its actors share it. `kind` is BS_METRIC_*; a name
  /// is [a-z_][a-z0-9_]{0,63}; at most 256 names. *id is for this generation of the plugin only.
  /// Errors: BS_E_BAD_NAME, BS_E_TYPE_MISMATCH (it is of the other kind), BS_E_TOO_LARGE (all
  /// names are used up), BS_E_ARG. Keep the id: this takes a lock. [any-thread]
  bs_status (*open)(const bs_api* api, uint32_t kind, bs_slice name, uint32_t* id);
  /// Counts on, without a lock, from 0; wraps at 2^64. Errors: BS_E_ARG (no counter's id).
  /// [any-thread]
  bs_status (*add)(const bs_api* api, uint32_t id, uint64_t amount);
  /// The value from now on, 0 before the first. Errors: BS_E_ARG (no gauge's id). [any-thread]
  bs_status (*set)(const bs_api* api, uint32_t id, double value);
} bs_metrics;

// --- What the plugin offers. ---------------------------------------------------------------------

/// Why destroy is called. Treat unknown reasons as BS_END_STOPPED.
enum {
  BS_END_STOPPED = 0,    ///< asked for, by itself or from outside
  BS_END_FAILED = 1,     ///< receive failed; a new self may be created after this one
  BS_END_UPGRADED = 2,   ///< its state lives on in a newer generation
  BS_END_SHUTDOWN = 3,   ///< the daemon stops
  BS_END_PASSIVATED = 4  ///< idle; its next message creates it again or loads its saved state
};

/// One type of actor. The plugin's; the host copies it when the plugin is loaded. All callbacks:
/// [actor-turn], save without a ctx.
typedef struct bs_actor_type {
  uint32_t struct_size;
  uint32_t flags;          ///< 0
  const char* name;        ///< actor type, as in config; grammar of actor names
  uint32_t state_version;  ///< what save writes; 0 when there is no save
  uint32_t state_min;      ///< load reads [state_min, state_version]

  /// Makes an actor in *self (may stay NULL). `config` is the text of its spawn, usually JSON;
  /// empty when none was given. A failure undoes what it did (subscriptions, timers) and goes to
  /// supervision; destroy is not called.
  bs_status (*create)(bs_ctx* ctx, bs_slice config, void** self);
  /// Handles one message. BS_OK, BS_STOP, or a failure: the message is dead-lettered, its requester
  /// is told BS_E_ACTOR_FAILED with the text of set_error, self is destroyed and, by supervision,
  /// created anew; the rest of the mailbox is kept.
  bs_status (*receive)(void* self, bs_ctx* ctx, const bs_msg* msg);
  /// Frees self. Called exactly once for each successful create or load.
  void (*destroy)(void* self, bs_ctx* ctx, int32_t reason);
  /// Optional, with load. Writes all state by bs_api.write; must not change self. BS_E_BUSY: not
  /// now.
  bs_status (*save)(void* self, bs_sink* sink);
  /// Optional, with save. Makes a new self from what a save of `version` wrote, in the place of
  /// create: mailbox, name, monitors, subscriptions, children, open requests and the timers that
  /// handlers set are the new self's; timers that create or load set end with the self that set
  /// them, so load sets its own. A failure undoes what it did, and leaves the old one running.
  bs_status (*load)(bs_ctx* ctx, bs_slice config, uint32_t version, bs_slice state, void** self);
} bs_actor_type;

/// Flags of a plugin, in its note and its descriptor alike.
enum {
  BS_UNLOAD_SAFE = 1,      ///< nothing outlives fini: no thread, atexit, thread_local destructor
  BS_NEEDS_ISOLATION = 2,  ///< must run in a process of its own; refused where there is none
  BS_HAS_THREADS = 4       ///< starts threads; quiesce joins them
};

/// The plugin itself. Must stay valid and constant until fini returned. Must agree with the note.
typedef struct bs_plugin {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor;  ///< what it was built with
  uint32_t flags;
  uint32_t type_count;
  const char* id;                     ///< reverse DNS: "com.example.counter"
  const char* version;                ///< "1.2.3"
  const bs_actor_type* const* types;  ///< array of pointers: the elements may grow

  /// Optional. `config` is the plugin's own JSON from the daemon's config, empty if there is none.
  /// A failure (with set_error) rejects the plugin; what ran before stays. [loader-thread]
  bs_status (*init)(bs_slice config);
  /// Optional. No turn of this plugin runs any more: join threads, cancel i/o. BS_E_BUSY: not done
  /// within deadline_ms, the code then stays mapped for ever. [loader-thread]
  bs_status (*quiesce)(uint32_t deadline_ms);
  /// Optional. The last call. [loader-thread]
  void (*fini)(void);
  /// Optional. Tables the host may ask for by id; NULL when unknown. [loader-thread]
  const void* (*extension)(const char* id);
} bs_plugin;

#define BS_EXPORT __attribute__((visibility("default")))

/// The one exported symbol. Keeps `api`, returns the descriptor; NULL with set_error to refuse this
/// host. Must not call [actor-turn] functions. [loader-thread]
BS_EXPORT const bs_plugin* backstage_plugin_v1(const bs_api* api);

// --- The ELF note: what the daemon knows of the file before any of its code runs. ----------------

#define BS_NOTE_SECTION ".note.backstage"
#define BS_NOTE_OWNER "backstage"
#define BS_NOTE_TYPE 1
#define BS_NOTE_VERSION 1

/// Fixed head of the note; NUL-terminated "key=value" texts follow: id, version, types (a;b), sdk,
/// lang. descsz counts from note_version to the last NUL.
typedef struct bs_note_head {
  uint32_t namesz, descsz, type;
  char name[12];
  uint32_t note_version;
  uint16_t abi_major, abi_minor_required;
  uint32_t flags, reserved;
} bs_note_head;

#if defined(__clang__)
// ASan would pad the note with a redzone, which a reader takes for a broken second note.
#define BS_NOTE_ATTR \
  __attribute__((used, section(BS_NOTE_SECTION), aligned(4), no_sanitize("address")))
#else
#define BS_NOTE_ATTR __attribute__((used, section(BS_NOTE_SECTION), aligned(4)))
#endif

/// The note of a C plugin, once per file at namespace scope. `keys` is a literal with \0 between:
///   BS_NOTE_C("id=com.example.x\0version=1.0.0\0types=x", BS_UNLOAD_SAFE);
#define BS_NOTE_C(keys, plugin_flags)                                                     \
  static const struct {                                                                   \
    bs_note_head head;                                                                    \
    char text[sizeof(keys "\0sdk=backstage-c/1.0\0lang=c")];                              \
  } bs_note BS_NOTE_ATTR = {                                                              \
      {sizeof(BS_NOTE_OWNER),                                                             \
       sizeof(bs_note_head) - offsetof(bs_note_head, note_version) +                      \
           sizeof(keys "\0sdk=backstage-c/1.0\0lang=c"),                                  \
       BS_NOTE_TYPE, BS_NOTE_OWNER, BS_NOTE_VERSION, BS_ABI_MAJOR, 0, (plugin_flags), 0}, \
      keys "\0sdk=backstage-c/1.0\0lang=c"}

/// A C string as a slice. [any-thread]
static inline bs_slice bs_text(const char* text) {
  bs_slice slice;
  slice.ptr = text;
  slice.len = strlen(text);
  return slice;
}

#ifdef __cplusplus
}
#endif
#endif
