/// Seam: the words in which the gateway and the transports speak of peers and messages.
#pragma once
#include "daemon/transport/principals.hpp"
#include "daemon/transport/transport.hpp"

namespace backstage::gateway {

using transport::InMessage;
using transport::out_frames_max;
using transport::OutFrame;
using transport::Peer;
using transport::PeerId;
using transport::Principal;
using transport::Principals;
using transport::SendResult;
using transport::SocketKind;
using transport::Transport;
using transport::TransportHandler;

}  // namespace backstage::gateway
