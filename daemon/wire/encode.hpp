/// Answers -> bytes. Each function appends one control line, without LF and without payload, to a
/// buffer that the caller reuses; once the buffer is large enough nothing allocates.
///
/// Names, addresses, types and tokens are written as they are: they must have passed the grammar,
/// which all text of the engine has. All [any], one thread at a time per buffer.
#pragma once
#include <string>

#include "daemon/wire/answer.hpp"
#include "daemon/wire/decode.hpp"

namespace backstage::wire {

void encode(std::string& out, const Welcome& welcome);
void encode(std::string& out, const Ok& ok);
void encode(std::string& out, const Err& err);
void encode(std::string& out, const Rep& rep);
void encode(std::string& out, const Val& val);
void encode(std::string& out, const Msg& msg);
void encode(std::string& out, const Gap& gap);
void encode(std::string& out, const Pong& pong);
void encode(std::string& out, const Heartbeat& heartbeat);
void encode(std::string& out, const Farewell& bye);
void encode(std::string& out, const Draining& draining);
void encode(std::string& out, const Down& down);
void encode(std::string& out, const Packed& packed);
void encode(std::string& out, const Answer& answer);
void encode(std::string& out, const PubHeader& header);

/// The ERR line of a refusal: `505 version` names the version supported. Its text is the payload.
void encode(std::string& out, const Refusal& refusal);

}  // namespace backstage::wire
