/// Who may change a plugin: nobody but root and the daemon's own user, sudo's rule.
///
/// Whoever can change the file, or swap it by writing to a directory on the way to it, can run code
/// as the daemon. The checks hold on: what passed can be replaced only by those two users.
#pragma once
#include <sys/types.h>

#include <expected>
#include <string>

#include "daemon/plugin_gate/verdict.hpp"

namespace backstage::plugin_gate {

/// Judges a plugin directory and every directory and symbolic link on the way to it: owned by root
/// or `trusted_uid`, writable by no one else. Root-owned sticky directories such as /tmp pass as
/// parents (others cannot rename what is not theirs), never as the plugin directory itself.
/// Errors: writable_directory, bad_owner, not_directory, unreadable. [any]
[[nodiscard]] std::expected<void, Rejection> check_directory(const std::string& path,
                                                             uid_t trusted_uid);

/// Opens a file for reading without waiting on a FIFO or touching a device, and judges it by the
/// open descriptor. A symbolic link is followed once, component by component: each link and
/// directory on the way must pass check_directory's rules, the last directory those of a plugin
/// directory. The caller owns the descriptor and closes it. Errors: symlink, not_regular,
/// bad_owner, writable_file, unreadable, and check_directory's for what a link leads through. [any]
[[nodiscard]] std::expected<int, Rejection> open_checked(const std::string& path,
                                                         uid_t trusted_uid);

}  // namespace backstage::plugin_gate
