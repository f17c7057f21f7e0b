/* Pins the layout of plugin ABI v1 on LP64: a change of any number here breaks every built plugin.
 */
#include <backstage/plugin.h>

#ifdef __cplusplus
#define PIN(condition) static_assert(condition, "plugin ABI v1 has changed")
#else
#define PIN(condition) _Static_assert(condition, "plugin ABI v1 has changed")
#endif
#define AT(type, field, offset) PIN(offsetof(type, field) == (offset))

PIN(sizeof(bs_status) == 4);
PIN(sizeof(bs_slice) == 16);
PIN(sizeof(bs_addr) == 16);
PIN(sizeof(bs_request) == 24);
AT(bs_request, from, 0);
AT(bs_request, corr, 16);
AT(bs_slice, ptr, 0);
AT(bs_slice, len, 8);
AT(bs_addr, w, 0);
AT(bs_out, type, 0);
PIN(sizeof(bs_out) == 40);
AT(bs_out, body, 16);
AT(bs_out, buf, 32);

AT(bs_msg, struct_size, 0);
AT(bs_msg, kind, 4);
AT(bs_msg, flags, 8);
AT(bs_msg, status, 12);
AT(bs_msg, from, 16);
AT(bs_msg, from_name, 32);
AT(bs_msg, corr, 48);
AT(bs_msg, type, 56);
AT(bs_msg, body, 72);
AT(bs_msg, buf, 88);
AT(bs_msg, address, 96);
AT(bs_msg, seq, 112);
AT(bs_msg, sub, 120);
PIN(sizeof(bs_msg) == 128);

AT(bs_api, struct_size, 0);
AT(bs_api, abi_major, 4);
AT(bs_api, abi_minor, 6);
AT(bs_api, impl, 8);
AT(bs_api, host_version, 16);
AT(bs_api, extension, 24);
AT(bs_api, log, 32);
AT(bs_api, set_error, 40);
AT(bs_api, buf_new, 48);
AT(bs_api, buf_ref, 56);
AT(bs_api, buf_unref, 64);
AT(bs_api, post, 72);
AT(bs_api, self, 80);
AT(bs_api, self_name, 88);
AT(bs_api, resolve, 96);
AT(bs_api, send, 104);
AT(bs_api, publish, 112);
AT(bs_api, subscribe, 120);
AT(bs_api, unsubscribe, 128);
AT(bs_api, request, 136);
AT(bs_api, reply, 144);
AT(bs_api, reply_error, 152);
AT(bs_api, spawn, 160);
AT(bs_api, stop_self, 168);
AT(bs_api, write, 176);
PIN(sizeof(bs_api) == 184);

PIN(sizeof(bs_timers) == 16);
AT(bs_timers, cancel, 8);
PIN(sizeof(bs_monitor) == 16);
AT(bs_monitor, demonitor, 8);
PIN(sizeof(bs_interest) == 8);
PIN(sizeof(bs_metrics) == 24);
AT(bs_timers, set, 0);
AT(bs_monitor, monitor, 0);
AT(bs_interest, watch, 0);
AT(bs_metrics, open, 0);
AT(bs_metrics, add, 8);
AT(bs_metrics, set, 16);

AT(bs_actor_type, struct_size, 0);
AT(bs_actor_type, flags, 4);
AT(bs_actor_type, name, 8);
AT(bs_actor_type, state_version, 16);
AT(bs_actor_type, state_min, 20);
AT(bs_actor_type, create, 24);
AT(bs_actor_type, receive, 32);
AT(bs_actor_type, destroy, 40);
AT(bs_actor_type, save, 48);
AT(bs_actor_type, load, 56);
PIN(sizeof(bs_actor_type) == 64);

AT(bs_plugin, struct_size, 0);
AT(bs_plugin, abi_major, 4);
AT(bs_plugin, abi_minor, 6);
AT(bs_plugin, flags, 8);
AT(bs_plugin, type_count, 12);
AT(bs_plugin, id, 16);
AT(bs_plugin, version, 24);
AT(bs_plugin, types, 32);
AT(bs_plugin, init, 40);
AT(bs_plugin, quiesce, 48);
AT(bs_plugin, fini, 56);
AT(bs_plugin, extension, 64);
PIN(sizeof(bs_plugin) == 72);

AT(bs_note_head, namesz, 0);
AT(bs_note_head, descsz, 4);
AT(bs_note_head, type, 8);
AT(bs_note_head, name, 12);
AT(bs_note_head, note_version, 24);
AT(bs_note_head, abi_major, 28);
AT(bs_note_head, abi_minor_required, 30);
AT(bs_note_head, flags, 32);
AT(bs_note_head, reserved, 36);
PIN(sizeof(bs_note_head) == 40);

PIN(BS_OK == 0);
PIN(BS_STOP == 1);
PIN(BS_EXISTING == 2);
PIN(BS_E_FAIL == -1);
PIN(BS_E_ARG == -2);
PIN(BS_E_NOSUP == -3);
PIN(BS_E_STATE == -4);
PIN(BS_E_BUSY == -5);
PIN(BS_E_NO_ACTOR == -16);
PIN(BS_E_MAILBOX_FULL == -17);
PIN(BS_E_STOPPING == -18);
PIN(BS_E_PARKED == -19);
PIN(BS_E_TIMEOUT == -20);
PIN(BS_E_ACTOR_FAILED == -21);
PIN(BS_E_NAME_IN_USE == -22);
PIN(BS_E_TYPE_MISMATCH == -23);
PIN(BS_E_NO_TYPE == -24);
PIN(BS_E_BAD_NAME == -25);
PIN(BS_E_BAD_ADDR == -26);
PIN(BS_E_RESERVED_NAME == -27);
PIN(BS_E_TOO_LARGE == -28);
PIN(BS_E_NO_VALUE == -29);
PIN(BS_E_NO_SUB == -30);
PIN(BS_E_NO_TIMER == -31);
PIN(BS_E_RETAINED_FULL == -32);
PIN(BS_E_TOPICS_FULL == -33);
PIN(BS_E_SUBS_FULL == -34);
PIN(BS_E_TIMERS_FULL == -35);
PIN(BS_E_REQUESTS_FULL == -36);
PIN(BS_E_ACTORS_FULL == -37);
PIN(BS_E_ACTIVATION_LIMIT == -38);
PIN(BS_E_SLOW_CONSUMER == -39);
PIN(BS_E_CALL_CYCLE == -40);
PIN(BS_E_NO_MEMORY == -41);
PIN(BS_E_THREADS_FULL == -42);
PIN(BS_MSG_SEND == 1);
PIN(BS_MSG_PUBLISH == 2);
PIN(BS_MSG_REQUEST == 3);
PIN(BS_MSG_REPLY == 4);
PIN(BS_MSG_TIMER == 5);
PIN(BS_MSG_DOWN == 6);
PIN(BS_MSG_INTEREST == 7);
PIN(BS_LOG_DEBUG == 1);
PIN(BS_LOG_INFO == 2);
PIN(BS_LOG_WARN == 3);
PIN(BS_LOG_ERROR == 4);
PIN(BS_PUBLISH_RETAIN == 1);
PIN(BS_SPAWN_CHILD == 1);
PIN(BS_METRIC_COUNTER == 1);
PIN(BS_METRIC_GAUGE == 2);
PIN(BS_END_STOPPED == 0);
PIN(BS_END_FAILED == 1);
PIN(BS_END_UPGRADED == 2);
PIN(BS_END_SHUTDOWN == 3);
PIN(BS_END_PASSIVATED == 4);
PIN(BS_UNLOAD_SAFE == 1);
PIN(BS_NEEDS_ISOLATION == 2);
PIN(BS_HAS_THREADS == 4);

PIN(BS_ABI_MAJOR == 1);
PIN(BS_ABI_MINOR == 0);
PIN(BS_NOTE_TYPE == 1);
PIN(BS_NOTE_VERSION == 1);
PIN(sizeof(BS_NOTE_OWNER) == 10);
PIN(sizeof(BS_NOTE_SECTION) == 16);
PIN(sizeof(BS_EXT_TIMERS) == sizeof("backstage.timers/1"));
PIN(sizeof(BS_EXT_MONITOR) == sizeof("backstage.monitor/1"));
PIN(sizeof(BS_EXT_INTEREST) == sizeof("backstage.interest/1"));
PIN(sizeof(BS_EXT_METRICS) == sizeof("backstage.metrics/1"));
