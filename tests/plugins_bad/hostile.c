// A sound plugin but for what it does to the process that maps it, chosen by -DHOSTILE_<NAME>: in a
// static constructor, or with -DHOSTILE_IN_ENTRY in its entry. Test-only.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): glibc's
                     // own
#endif
#ifdef HOSTILE_IN_ENTRY
#define backstage_plugin_v1 sound_entry
#include "defect.c"  // NOLINT(bugprone-suspicious-include): that plugin, and more
#undef backstage_plugin_v1
#else
#include "defect.c"  // NOLINT(bugprone-suspicious-include): that plugin, and more
#endif

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

// Functions with names of their own, for the trace; used or not.
#define HOSTILE_FUNCTION __attribute__((noinline, unused)) static

HOSTILE_FUNCTION int read_nothing(volatile int* nothing) { return *nothing; }

HOSTILE_FUNCTION int dig(volatile char* above) {
  volatile char here[4096];
  here[0] = above[0];
  if (here[0] == 0) return 0;
  return dig(here) + here[0];
}

HOSTILE_FUNCTION void hang_for_ever(void) {
  for (;;) pause();
}

HOSTILE_FUNCTION void spin_for_ever(void) {
  for (volatile unsigned turns = 0;; ++turns) {
  }
}

// Opens the test's pipe, so that the test sees when the last process that holds it is gone.
HOSTILE_FUNCTION int hold_the_pipe(void) {
  const char* pipe_path = getenv("HOSTILE_PIPE");
  return pipe_path == NULL ? -1 : open(pipe_path, O_WRONLY);
}

HOSTILE_FUNCTION void leave_a_process(int far_away) {
  const int held = hold_the_pipe();
  if (fork() == 0) {
    if (far_away) setsid();
    if (far_away && fork() != 0) _exit(0);
    // Tells the test that it is there.
    if (held >= 0 && write(held, "!", 1) != 1) abort();
    hang_for_ever();
  }
  if (held >= 0) close(held);
}

HOSTILE_FUNCTION void misbehave(void) {
#if defined(HOSTILE_CRASH)
  read_nothing(NULL);
  // No tail call: this function is to be seen on the stack.
  __asm__ volatile("");
#elif defined(HOSTILE_OVERFLOW)
  volatile char first = 1;
  dig(&first);
#elif defined(HOSTILE_ABORT)
  abort();
#elif defined(HOSTILE_HANG)
  hang_for_ever();
#elif defined(HOSTILE_HANG_DEAF)
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  hang_for_ever();
#elif defined(HOSTILE_SPIN)
  spin_for_ever();
#elif defined(HOSTILE_EXIT)
  exit(HOSTILE_EXIT);
#elif defined(HOSTILE_FORK)
  leave_a_process(0);
#elif defined(HOSTILE_FORK_AWAY)
  leave_a_process(1);
#elif defined(HOSTILE_FORK_AND_HANG)
  hold_the_pipe();
  leave_a_process(0);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  hang_for_ever();
#elif defined(HOSTILE_CLOSE)
  for (int fd = 0; fd < 3; ++fd) close(fd);
#elif defined(HOSTILE_CLOSE_ALL)
  for (int fd = 0; fd < 64; ++fd) close(fd);
#elif defined(HOSTILE_MEDDLE)
  signal(SIGTERM, SIG_IGN);
  sigset_t pipe_only;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGUSR1);
  sigprocmask(SIG_BLOCK, &pipe_only, NULL);
  umask(0);
  if (chdir("/") != 0) abort();
  if (setlocale(LC_ALL, "C.UTF-8") == NULL) abort();
#elif defined(HOSTILE_NETWORK)
  // As one that has no use for a machine without a network.
  if (socket(AF_INET, SOCK_STREAM, 0) >= 0) abort();
  if (socket(AF_UNIX, SOCK_STREAM, 0) < 0) abort();
#elif defined(HOSTILE_LOUD)
  for (int line = 0; line < 20000; ++line) printf("line %d of a long story\n", line);
  fflush(stdout);
  fprintf(stderr, "\n\x1b[31mthe end\n");
  abort();
#elif defined(HOSTILE_LIAR)
  // Whatever is written where the result goes must not do more harm than a wrong verdict.
  for (int line = 0; line < 40000; ++line) {
    if (write(3, "signal zz zz\nframe\nmaps\nrefused X\nphase \n", 42) != 42) break;
  }
  abort();
#endif
}

#ifdef HOSTILE_IN_ENTRY
BS_EXPORT const bs_plugin* backstage_plugin_v1(const bs_api* api);
const bs_plugin* backstage_plugin_v1(const bs_api* api) {
  misbehave();
  return sound_entry(api);
}
#else
__attribute__((constructor)) static void before_anybody_asks(void) { misbehave(); }
#endif
