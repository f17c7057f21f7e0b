"""Who may include what: the table that scripts/tidy.py checks the house against."""
# folder: (project folders it may include, libraries it may include). A folder without a line here
# may hold no C or C++ at all; those of WITH_SUBFOLDERS rule what is below them too.
# "std" is the C++ and C standard library, "posix" the system's headers.
ALLOWED = {
    "core/values": ({"core/values"}, {"std"}),
    "core": ({"core", "core/values"}, {"std"}),
    "daemon/wire": ({"core/values", "daemon/wire"}, {"std"}),
    "daemon/zmtp": ({"daemon/zmtp"}, {"std"}),
    "daemon/transport": (
        {"core", "core/values", "daemon/zmtp", "daemon/policy", "daemon/transport"},
        {"std", "posix", "zmq", "asio", "fmt"},
    ),
    "daemon/gateway": (
        {"core", "core/values", "daemon/wire", "daemon/policy", "daemon/transport",
         "daemon/gateway"},
        {"std", "posix", "asio", "fmt"},
    ),
    "daemon/policy": ({"core/values", "daemon/policy"}, {"std", "posix", "fmt"}),
    "daemon/plugin_gate": (
        {"core/values", "plugins/sdk", "daemon/plugin_gate"},
        {"std", "posix", "sodium", "fmt"},
    ),
    "daemon/plugin_host": (
        {"core", "core/values", "plugins/sdk", "daemon/plugin_gate", "daemon/plugin_host"},
        {"std", "posix", "dlfcn", "fmt"},
    ),
    "daemon/text": ({"daemon/text"}, {"std"}),
    "daemon/log": ({"daemon/text", "daemon/log"}, {"std", "posix", "spdlog", "fmt"}),
    "daemon/config": (
        {"core/values", "daemon/policy", "daemon/text", "daemon/log", "daemon/config"},
        {"std", "posix", "json", "fmt"},
    ),
    "daemon/crash": (
        {"core", "core/values", "plugins/sdk", "daemon/text", "daemon/log", "daemon/plugin_host",
         "daemon/crash"},
        {"std", "posix", "dlfcn", "fmt"},
    ),
    "daemon": (
        {"core", "core/values", "daemon", "daemon/text", "daemon/log", "daemon/config",
         "daemon/crash", "daemon/policy", "daemon/transport", "daemon/gateway",
         "daemon/plugin_host", "plugins/sdk"},
        {"std", "posix", "asio", "json", "cli", "fmt"},
    ),
    "daemon/ctl": (
        {"core/values", "daemon/ctl", "daemon/text", "daemon/config", "daemon/wire",
         "daemon/policy", "daemon/plugin_gate", "daemon/plugin_host", "clients/cpp",
         "plugins/sdk"},
        {"std", "posix", "json", "cli", "zmq", "fmt"},
    ),
    "clients/cpp": ({"clients/cpp"}, {"std", "zmq"}),
    "plugins/sdk": ({"plugins/sdk"}, {"std"}),
    "plugins": ({"plugins/sdk"}, {"std"}),
    "plugins/testkit": (
        {"core", "core/values", "plugins/sdk", "daemon/plugin_gate", "daemon/plugin_host",
         "plugins/testkit"},
        {"std", "posix", "fmt"},
    ),
    "tests": ({"*"}, {"*"}),
}

WITH_SUBFOLDERS = {"clients/cpp", "plugins/sdk", "plugins/testkit", "plugins", "tests"}

# file: {library it may include beyond its folder's line: why}.
ALLOWED_FILES = {
    "core/block_pool.cpp": {"posix": "madvise: large pages for messages"},
    "core/home.cpp": {"posix": "membarrier: the barrier that only one side pays for"},
    "core/hung_turn.hpp": {"posix": "pthread_t: which thread hangs"},
    "core/overseer.cpp": {"posix": "its thread's name"},
    "core/parking.cpp": {"posix": "futex: where workers sleep"},
    "core/pinned_threads.cpp": {"posix": "threads' names"},
    "core/timekeeper.cpp": {"posix": "its thread's name"},
    "core/worker_pool.cpp": {"posix": "threads: affinity and names"},
    "plugins/sdk/backstage/json.hpp": {"json": "included by plugins that want JSON types only"},
}

# Nothing includes these but the files of the same stem and main: the process is wired from outside.
NEVER_INCLUDED = {"daemon/daemon.hpp": {"daemon/daemon.cpp", "daemon/daemon_end.cpp",
                                         "daemon/main.cpp"},
                  "daemon/main.hpp": {"daemon/main.cpp"}}

# library: header it comes in (a prefix when it ends in '/').
LIBRARIES = {
    "zmq": ["zmq.h", "zmq.hpp", "zmq_addon.hpp"],
    "asio": ["asio.hpp", "asio/"],
    "json": ["nlohmann/"],
    "cli": ["CLI/"],
    "spdlog": ["spdlog/"],
    "fmt": ["fmt/"],
    "sodium": ["sodium.h", "sodium/"],
    "dlfcn": ["dlfcn.h", "link.h"],
    "catch": ["catch2/"],
    "sanitizer": ["sanitizer/"],
    "posix": ["sys/", "linux/", "netinet/", "arpa/", "net/", "asm/", "elf.h", "endian.h", "fcntl.h",
              "grp.h", "ifaddrs.h", "netdb.h", "poll.h", "pthread.h", "pwd.h", "sched.h",
              "semaphore.h", "spawn.h", "strings.h", "syslog.h", "cxxabi.h", "termios.h",
              "ucontext.h", "unistd.h", "dirent.h", "execinfo.h", "glob.h", "fnmatch.h",
              "getopt.h", "malloc.h"],
}
C_HEADERS = set("""assert ctype errno fenv float inttypes limits locale math setjmp signal stdalign
    stdarg stdatomic stdbool stddef stdint stdio stdlib string time uchar wchar wctype""".split())
