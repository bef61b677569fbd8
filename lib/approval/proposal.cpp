// SPDX-License-Identifier: Apache-2.0
#include "approval/proposal.hpp"

#include <algorithm>
#include <array>
#include <new>

#include "approval/members.hpp"
#include "base/names.hpp"
#include "base/text.hpp"
#include "crypto/sha256.hpp"

namespace openexec {
namespace {

using canon::Type;
using canon::View;

constexpr std::size_t max_depth = 128;
constexpr std::array<std::string_view, 4> members{"action", "payload", "nonce", "approval_artifact"};

Status malformed(std::string_view detail) { return {Code::malformed_request, std::string(detail)}; }

/// Returns whether a text holds no value. Models and clients send such a text for a call without arguments.
bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == text.npos; }

/// A field that is missing or of the wrong type.
Status mistyped(std::string_view detail) { return {Code::malformed_request, std::string(detail), 422}; }

Status within(std::string_view field, const Status& status) {
  if (status.ok()) return status;
  return {status.code(), std::string(field).append(": ").append(status.detail()), status.http()};
}

bool fits(const Request& request, std::size_t max_bytes) {
  for (std::string_view part : {request.action, request.payload, request.nonce, request.approval_artifact}) {
    if (part.size() > max_bytes) return false;
    max_bytes -= part.size();
  }
  return true;
}

/// Fills a proposal's parts. The same rules apply to the fields of a request, whatever form it came in.
class Reading {
 public:
  Reading(Proposal::Parts& parts, canon::Parser& parser, const RequestLimits& limits)
      : parts_(parts),
        parser_(parser),
        whole_{limits.max_bytes, std::min(limits.max_depth, max_depth)},
        field_{limits.max_bytes, whole_.max_depth == 0 ? 0 : whole_.max_depth - 1} {}

  /// Reads a request that is one text.
  Status json(std::string_view text, std::optional<std::string_view> nonce) {
    if (Status status = parser_.parse(text, whole_, parts_.request); !status.ok()) return status;
    const View root = parts_.request.root();
    if (!root.is(Type::object)) return mistyped("the request must be a JSON object");
    if (const auto name = approval::unknown_member(root, members))
      return malformed("unknown field: " + approval::shown(*name));

    const auto action_member = root.find("action");
    if (!action_member) return mistyped("action: missing");
    if (!action_member->is(Type::string)) return mistyped("action: must be a string");
    if (Status status = action(action_member->string()); !status.ok()) return status;
    if (Status status = payload(root.find("payload").value_or(View())); !status.ok()) return status;

    const auto nonce_member = root.find("nonce");
    if (!nonce_member && !nonce) return mistyped("nonce: missing");
    if (nonce_member && !nonce_member->is(Type::string)) return mistyped("nonce: must be a string");
    if (nonce_member && nonce && nonce_member->string() != *nonce) return malformed(two_nonces);
    if (Status status = this->nonce(nonce_member ? nonce_member->string() : *nonce); !status.ok()) return status;
    return artifact(root.find("approval_artifact").value_or(View()));
  }

  /// Reads a request that is four texts. Payload and artifact are parsed as the members of one text would be.
  Status fields(const Request& request) {
    if (!fits(request, whole_.max_bytes))
      return {Code::malformed_request, "the request is larger than " + std::to_string(whole_.max_bytes) + " bytes",
              413};
    if (Status status = action(request.action); !status.ok()) return status;
    const auto payload_value = parse("payload", is_blank(request.payload) ? "" : request.payload, parts_.request);
    if (!payload_value.ok()) return payload_value.status();
    if (Status status = payload(*payload_value); !status.ok()) return status;
    if (Status status = nonce(request.nonce); !status.ok()) return status;
    const auto artifact_value = parse("approval_artifact", request.approval_artifact, parts_.artifact_document);
    if (!artifact_value.ok()) return artifact_value.status();
    return artifact(*artifact_value);
  }

 private:
  /// Returns a field's own text, or null if the field is absent.
  Result<View> parse(std::string_view name, std::string_view text, canon::Document& into) {
    if (text.empty()) return View();
    if (Status status = parser_.parse(text, field_, into); !status.ok()) return within(name, status);
    return into.root();
  }

  Status action(std::string_view text) {
    if (Status status = base::check_action(text); !status.ok()) return status;
    parts_.action = text;
    return Status::success();
  }

  Status nonce(std::string_view text) {
    if (Status status = base::check_nonce(text); !status.ok()) return status;
    parts_.nonce = text;
    return Status::success();
  }

  /// Null and a blank string stand for {}, which a schema then judges like any other payload. The caller, which read
  /// the model's answer, has to find out whether a call was cut off before its arguments.
  Status payload(View value) {
    if (value.is(Type::string) && is_blank(value.string())) value = View();
    if (value.is(Type::string)) {
      if (Status status = parser_.parse(value.string(), field_, parts_.payload_document); !status.ok())
        return within("payload", status);
      value = parts_.payload_document.root();
      if (value.is(Type::string)) return mistyped("payload: a string in a string; encode the object once");
      if (!value.is(Type::object)) return mistyped("payload: a string must hold one JSON object");
    }
    if (value.is(Type::null)) {
      parts_.payload_jcs = "{}";
      return Status::success();
    }
    if (!value.is(Type::object)) return mistyped("payload: must be an object, or a string that holds one");
    parts_.payload = value;
    canon::append_jcs(value, parts_.payload_jcs);
    return Status::success();
  }

  Status artifact(View value) {
    if (value.is(Type::null)) return Status::success();
    if (!value.is(Type::object)) return mistyped("approval_artifact: must be an object");
    parts_.artifact = value;
    canon::append_jcs(value, parts_.artifact_jcs);
    return Status::success();
  }

  Proposal::Parts& parts_;
  canon::Parser& parser_;
  canon::ParseLimits whole_;
  canon::ParseLimits field_;  // one level down
};

}  // namespace

Proposal::Proposal(std::unique_ptr<Parts> parts) noexcept : parts_(std::move(parts)) {}
Proposal::Proposal(Proposal&&) noexcept = default;
Proposal& Proposal::operator=(Proposal&&) noexcept = default;
Proposal::~Proposal() = default;

template <class Form>
Result<Proposal> Proposal::Parts::read_with(std::unique_ptr<Parts>& parts, std::string_view tenant,
                                            const Form& form) try {
  if (!base::is_utf8(tenant)) return Status(Code::invalid_argument, "tenant is not UTF-8");
  if (!parts) parts = std::make_unique<Parts>();
  parts->tenant = tenant;
  parts->payload.reset();
  parts->artifact.reset();
  parts->payload_jcs.clear();
  parts->artifact_jcs.clear();
  parts->artifact_digest.reset();
  if (Status status = form(*parts); !status.ok()) return status;
  return Proposal(std::move(parts));
} catch (const std::bad_alloc&) {
  return Status(Code::overloaded, "out of memory");
}

Result<Proposal> Proposal::Parts::read(std::unique_ptr<Parts>& parts, canon::Parser& parser, const Request& request,
                                       std::string_view tenant, const RequestLimits& limits) {
  return read_with(parts, tenant, [&](Parts& into) { return Reading(into, parser, limits).fields(request); });
}

Result<Proposal> Proposal::Parts::read_json(std::unique_ptr<Parts>& parts, canon::Parser& parser, std::string_view text,
                                            std::string_view tenant, const RequestLimits& limits,
                                            std::optional<std::string_view> nonce) {
  return read_with(parts, tenant, [&](Parts& into) { return Reading(into, parser, limits).json(text, nonce); });
}

Result<Proposal> Proposal::parse(const Request& request, std::string_view tenant, const RequestLimits& limits) try {
  std::unique_ptr<Parts> parts;
  canon::Parser parser;
  return Parts::read(parts, parser, request, tenant, limits);
} catch (const std::bad_alloc&) {
  return Status(Code::overloaded, "out of memory");
}

Result<Proposal> Proposal::parse_json(std::string_view text, std::string_view tenant, const RequestLimits& limits,
                                      std::optional<std::string_view> nonce) try {
  std::unique_ptr<Parts> parts;
  canon::Parser parser;
  return Parts::read_json(parts, parser, text, tenant, limits, nonce);
} catch (const std::bad_alloc&) {
  return Status(Code::overloaded, "out of memory");
}

std::string_view Proposal::tenant() const noexcept { return parts_->tenant; }
std::string_view Proposal::action() const noexcept { return parts_->action; }
std::string_view Proposal::nonce() const noexcept { return parts_->nonce; }
std::string_view Proposal::payload() const noexcept { return parts_->payload_jcs; }
std::string_view Proposal::artifact() const noexcept { return parts_->artifact_jcs; }

Digest Proposal::action_hash() const {
  // An action needs no escapes, and "action" sorts before "payload", so the object can be composed from its parts.
  std::string& payload = parts_->scratch;
  payload.clear();
  if (parts_->payload)
    canon::append_clawshield_v1(*parts_->payload, payload);
  else
    payload = "{}";
  return crypto::sha256({R"({"action":")", parts_->action, R"(","payload":)", payload, "}"});
}

Digest Proposal::parameters_hash() const { return crypto::sha256(parts_->payload_jcs); }

Digest Proposal::artifact_digest() const {
  if (!parts_->artifact) return {};
  if (!parts_->artifact_digest) parts_->artifact_digest = crypto::sha256(parts_->artifact_jcs);
  return *parts_->artifact_digest;
}

}  // namespace openexec
