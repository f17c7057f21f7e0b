// What senders of the stress and its recorders agree on.
#pragma once
#include <stdint.h>

#define STRESS_SENDERS_MAX 4
#define STRESS_MICROS_MAX 2000000

typedef struct stress_count {
  uint64_t last;
  uint64_t digest;  // of all numbers in their order
} stress_count;

// A recorder's state.
typedef struct stress_record {
  stress_count of[STRESS_SENDERS_MAX];
  uint64_t handled;
  uint64_t disorders;
} stress_record;

// Where a recorder writes its state when it is asked for; then is_there becomes 1.
typedef struct stress_report {
  stress_record record;
  int is_there;
} stress_report;

// One message; its body, byte by byte. The pointers lead into the same process; each may be null.
typedef struct stress_mail {
  uint64_t sender;
  uint64_t number;        // of this sender to this recorder, from 1
  int64_t due_nanos;      // when it should have been sent, on CLOCK_MONOTONIC
  uint32_t* lateness;     // a count for each microsecond from due to handled
  stress_report* report;  // not a message to count, but a question
} stress_mail;

static inline uint64_t stress_digest(uint64_t digest, uint64_t number) {
  return (digest ^ number) * UINT64_C(0x9E3779B97F4A7C15) + 1;
}
