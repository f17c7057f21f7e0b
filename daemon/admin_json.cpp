#include "daemon/admin_json.hpp"

#include <nlohmann/json.hpp>

namespace backstage::daemon {

Json to_json(const Ledger& ledger) {
  Json json{{"accepted", ledger.accepted},         {"handled", ledger.handled},
            {"running", ledger.running},           {"queued", ledger.queued},
            {"queued_bytes", ledger.queued_bytes}, {"dead_lettered", ledger.dead_lettered},
            {"dropped", Json::object()},           {"refused", Json::object()}};
  for (std::size_t i = 0; i < drop_cause_count; ++i) {
    json["dropped"][std::string(token(static_cast<DropCause>(i)))] = ledger.dropped[i];
  }
  // Most reasons never come up: only those that did are shown.
  for (std::size_t i = 0; i < errc_count; ++i) {
    if (ledger.refused[i] == 0) continue;
    json["refused"][std::string(token(static_cast<Errc>(i)))] = ledger.refused[i];
  }
  return json;
}

Json to_json(const EngineStats& stats) {
  return {{"actors", stats.actors},
          {"topics", stats.topics},
          {"subscriptions", stats.subscriptions},
          {"timers", stats.timers},
          {"retained_bytes", stats.retained_bytes},
          {"dead_letters", stats.dead_letters},
          {"activated", stats.activated},
          {"ledger", to_json(stats.ledger)}};
}

Json to_json(const std::vector<ActorInfo>& actors) {
  Json all = Json::array();
  for (const auto& actor : actors) {
    all.push_back({{"name", actor.name},
                   {"type", actor.type},
                   {"phase", actor.phase},
                   {"parent", actor.parent},
                   {"restarts", actor.restarts},
                   {"ledger", to_json(actor.ledger)}});
  }
  return all;
}

Json to_json(const std::vector<plugin_host::Metric>& metrics) {
  Json all = Json::object();
  for (const auto& metric : metrics) {
    const bool counts = metric.kind == plugin_host::MetricKind::counter;
    all[metric.name] = counts ? Json(metric.count) : Json(metric.value);
  }
  return all;
}

Json to_json(const std::vector<plugin_host::PluginInfo>& plugins) {
  Json all = Json::array();
  for (const auto& plugin : plugins) {
    all.push_back({{"file", plugin.file},
                   {"id", plugin.id},
                   {"version", plugin.version},
                   {"sha256", plugin.sha256},
                   {"types", plugin.types},
                   {"state", plugin_host::token(plugin.state)},
                   {"code", plugin.code},
                   {"reason", plugin.reason},
                   {"fix", plugin.fix},
                   {"generation", plugin.generation},
                   {"progress", plugin.progress},
                   {"failures", plugin.failures},
                   {"actors", plugin.actors},
                   {"actors_made", plugin.actors_made},
                   {"load_micros", plugin.load_micros},
                   {"metrics", to_json(plugin.metrics)}});
  }
  return all;
}

namespace {

// Each reason that has come up.
Json refused_of(const gateway::Counters& counters) {
  Json all = Json::object();
  const auto add = [&all](std::string_view reason, std::uint64_t count) {
    if (count != 0) all[std::string(reason)] = count;
  };
  for (std::size_t i = 0; i < errc_count; ++i) {
    add(token(static_cast<Errc>(i)), counters.refused[i].get());
  }
  for (std::size_t i = 0; i < wire::wire_errc_count; ++i) {
    add(wire::status(static_cast<wire::WireErrc>(i)).token, counters.refused_by_wire[i].get());
  }
  return all;
}

Json dropped_of(const MailboxTally& clients) {
  Json all = Json::object();
  for (std::size_t i = 0; i < drop_cause_count; ++i) {
    all[std::string(token(static_cast<DropCause>(i)))] =
        clients.dropped[i].load(std::memory_order_relaxed);
  }
  return all;
}

}  // namespace

Json to_json(const gateway::Counters& counters) {
  return {{"sessions", counters.sessions.get()},
          {"sessions_detached", counters.sessions_detached.get()},
          {"sessions_opened", counters.sessions_opened.get()},
          {"filters", counters.filters.get()},
          {"messages_in", counters.messages_in.get()},
          {"messages_out", counters.messages_out.get()},
          {"batches_in", counters.batches_in.get()},
          {"batches_out", counters.batches_out.get()},
          {"waiting_bytes", counters.clients.bytes.load(std::memory_order_relaxed)},
          {"sheds", counters.sheds.get()},
          {"dropped", dropped_of(counters.clients)},
          {"refused", refused_of(counters)},
          {"would_block", counters.would_block.get()},
          {"gone", counters.gone.get()},
          {"ignored", counters.ignored.get()},
          {"err0_suppressed", counters.err0_suppressed.get()},
          {"kicked", counters.kicked.get()},
          {"refused_peers", counters.refused_peers.get()},
          {"sessions_refused", counters.sessions_refused.get()},
          {"detached", counters.detached.get()},
          {"resumed", counters.resumed.get()},
          {"resume_expired", counters.resume_expired.get()},
          {"redelivered", counters.redelivered.get()},
          {"silent", counters.silent.get()},
          {"windows_shut", counters.windows_shut.get()},
          {"acknowledged", counters.acknowledged.get()},
          {"late_replies", counters.late_replies.get()},
          {"published", counters.published.get()},
          {"ingested", counters.ingested.get()},
          {"ingest_refused", counters.ingest_refused.get()},
          {"ingest_stalls", counters.ingest_stalls.get()},
          {"connections", counters.connections.get()},
          {"auth_refused", counters.auth_refused.get()},
          {"unauthenticated", counters.unauthenticated.get()},
          {"forbidden", counters.forbidden.get()},
          {"over_rate", counters.over_rate.get()},
          {"cut", counters.cut.get()},
          {"gate_closed", counters.gate_closed.get()}};
}

}  // namespace backstage::daemon
