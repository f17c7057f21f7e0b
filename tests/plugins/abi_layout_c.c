// plugin.h as C11: the layout holds, and the numbers of the statuses reach the test as C sees them.
#include "tests/plugins/abi_layout.h"

const bs_status abi_statuses_in_c[] = {
    BS_OK,
    BS_STOP,
    BS_EXISTING,
    BS_E_FAIL,
    BS_E_ARG,
    BS_E_NOSUP,
    BS_E_STATE,
    BS_E_BUSY,
    BS_E_NO_ACTOR,
    BS_E_MAILBOX_FULL,
    BS_E_STOPPING,
    BS_E_PARKED,
    BS_E_TIMEOUT,
    BS_E_ACTOR_FAILED,
    BS_E_NAME_IN_USE,
    BS_E_TYPE_MISMATCH,
    BS_E_NO_TYPE,
    BS_E_BAD_NAME,
    BS_E_BAD_ADDR,
    BS_E_RESERVED_NAME,
    BS_E_TOO_LARGE,
    BS_E_NO_VALUE,
    BS_E_NO_SUB,
    BS_E_NO_TIMER,
    BS_E_RETAINED_FULL,
    BS_E_TOPICS_FULL,
    BS_E_SUBS_FULL,
    BS_E_TIMERS_FULL,
    BS_E_REQUESTS_FULL,
    BS_E_ACTORS_FULL,
    BS_E_ACTIVATION_LIMIT,
    BS_E_SLOW_CONSUMER,
    BS_E_CALL_CYCLE,
    BS_E_NO_MEMORY,
    BS_E_THREADS_FULL,
};
const size_t abi_statuses_in_c_count = sizeof abi_statuses_in_c / sizeof abi_statuses_in_c[0];

// A table that ends before `set_error` has log, but not set_error; a null field is not there
// either.
int abi_has_log(const bs_api* api) { return BS_HAS(bs_api, api, log); }
int abi_has_set_error(const bs_api* api) { return BS_HAS(bs_api, api, set_error); }
