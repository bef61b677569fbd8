// SPDX-License-Identifier: Apache-2.0
// openexec-approve inspect: shows what an artifact says, and how much of it was checked.
#include <algorithm>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "approval/clawshield_v1.hpp"
#include "approval/proposal.hpp"
#include "approver_commands/approver_commands.hpp"
#include "base/time.hpp"
#include "canon/json.hpp"
#include "canon/json_object.hpp"
#include "commands/reading.hpp"
#include "crypto/ed25519.hpp"
#include "signing/dsse.hpp"

namespace openexec::terminal {
namespace {

using canon::JsonObject;

/// The result of a check, with the values true, false and not checked.
struct Finding {
  const char* name;
  std::optional<bool> good;
  std::string text;
};

Finding looked_at(const char* name, bool good, const std::string& yes, const std::string& no) {
  return {name, good, good ? yes : no};
}
Finding not_looked_at(const char* name, const std::string& how) { return {name, std::nullopt, "not checked; " + how}; }

std::vector<Finding> findings(const approval::ReadArtifact& artifact, const ApproveOptions& options,
                              const Console& console, const std::optional<Digest>& action_hash) {
  std::vector<Finding> found;
  if (options.public_key_file.empty()) {
    found.push_back(not_looked_at("signature", "give --public-key"));
  } else {
    const auto key = or_stop(crypto::PublicKey::from_pem(read_input(console, options.public_key_file)), cannot,
                             "the key " + shown(options.public_key_file));
    found.push_back(looked_at("signature", key.verify(approval::signed_text(artifact.text), artifact.signature).ok(),
                              "valid, by key " + key.fingerprint(), "NOT valid under this key"));
  }
  const Timestamp at = now();
  const bool begun = artifact.issued_at.micros - 60'000'000 <= at.micros;
  found.push_back(looked_at("time", begun && at < artifact.expires_at,
                            "valid, expires " + from_now(artifact.expires_at, at),
                            begun ? "expired " + from_now(artifact.expires_at, at)
                                  : "not yet valid, issued " + from_now(artifact.issued_at, at)));
  found.push_back(options.tenant.empty()
                      ? not_looked_at("tenant", "give --tenant")
                      : looked_at("tenant", artifact.text.tenant_id == options.tenant, "matches", "another tenant"));
  found.push_back(action_hash ? looked_at("request", artifact.action_hash == *action_hash, "matches",
                                          "approved for another action or payload")
                              : not_looked_at("request", "give the request with its approval_artifact in it"));
  return found;
}

int inspect_dsse(const ApproveOptions& options, const Console& console, const std::string& text) {
  const auto envelope = or_stop(signing::read_dsse(text), no, "malformed");
  const approval::Statement& statement = envelope.statement;
  const bool expired = statement.expires_at <= now();
  const int answer = expired ? no : yes;
  if (options.json) {
    std::string signatures;
    for (const auto& signature : envelope.signatures)
      signatures += (signatures.empty() ? "" : ",") + JsonObject().text_or_null("keyid", signature.keyid).take();
    print(console, JsonObject()
                       .raw("statement", envelope.statement_text)
                       .raw("signatures", "[" + signatures + "]")
                       .boolean("expired", expired)
                       .take());
    return answer;
  }
  const Style style(console);
  Rows rows = terms_of(statement, now());
  const Rows signatures = signatures_of(envelope);
  rows.insert(rows.end(), signatures.begin(), signatures.end());
  rows.emplace_back("signatures", style.faint("not checked; openexec-approve verify --policy does, with the request"));
  std::vector<std::vector<std::string>> steps;
  for (const approval::Step& step : statement.steps)
    steps.push_back(
        {std::to_string(steps.size()), shown(step.action), shown(step.nonce), to_hex(step.parameters_hash)});
  console.out << fields(style, rows) << table(style, {"STEP", "ACTION", "NONCE", "PARAMETERS HASH"}, steps);
  if (statement.is_plan())
    console.out << (*statement.order == StepOrder::in_sequence ? "one after the other\n" : "in any order\n");
  if (expired) console.out << style.bad("It has EXPIRED") << '\n';
  return answer;
}

}  // namespace

int inspect(const ApproveOptions& options, const Console& console) {
  const std::string text = read_input(console, options.file);
  const auto document = or_stop(canon::parse(text, {std::size_t{8} << 20, 128}), no, "this is not strict JSON");
  canon::View object = document.root();
  if (object.is(canon::Type::object)) {
    const auto carried = object.find("approval_artifact");
    const std::string artifact = canon::jcs(carried ? *carried : object);
    if (is_envelope(artifact)) return inspect_dsse(options, console, artifact);
  }
  std::optional<Digest> action_hash;
  if (object.is(canon::Type::object) && object.find("approval_artifact")) {
    action_hash = read_request(text, options.tenant, std::nullopt).proposal.action_hash();
    object = *object.find("approval_artifact");
  }
  if (!object.is(canon::Type::object)) throw Stop(no, "this is neither an artifact nor a request with one");
  const auto artifact = or_stop(approval::read_artifact(object, now()), no, "malformed");
  const std::vector<Finding> found = findings(artifact, options, console, action_hash);
  const bool bad = std::any_of(found.begin(), found.end(), [](const Finding& f) { return f.good == false; });
  const bool trusted = !bad && found.front().good == true;

  const approval::ClawshieldArtifact& members = artifact.text;
  if (options.json) {
    JsonObject checks;
    for (const Finding& f : found) checks.raw(f.name, !f.good ? "null" : *f.good ? "true" : "false");
    print(console, JsonObject()
                       .raw("artifact", canon::jcs(object))
                       .raw("checks", checks.take())
                       .raw("valid", bad       ? "false"
                                     : trusted ? "true"
                                               : "null")
                       .take());
  } else {
    const Style style(console);
    std::vector<std::pair<std::string, std::string>> rows{{"approval id", std::string(members.approval_id)},
                                                          {"tenant id", shown(members.tenant_id)},
                                                          {"action hash", std::string(members.action_hash)},
                                                          {"issued at", std::string(members.issued_at)},
                                                          {"expires at", std::string(members.expires_at)}};
    for (const Finding& f : found)
      rows.emplace_back(f.name, !f.good ? style.faint(f.text) : *f.good ? style.good(f.text) : style.bad(f.text));
    console.out << fields(style, rows);
  }
  return bad ? no : yes;
}

}  // namespace openexec::terminal
