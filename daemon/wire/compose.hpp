/// Commands -> bytes, for clients: the reverse of `decode`.
#pragma once
#include <string>

#include "daemon/wire/command.hpp"

namespace backstage::wire {

/// Appends the control line of `command`, without LF and without payload, its keys in the order of
/// PROTOCOL.md and only those that were given. The fields must have passed the grammar:
/// `decode(compose(c)) == c` then. [any]
void compose(std::string& out, const Command& command);

}  // namespace backstage::wire
