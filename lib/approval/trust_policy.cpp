// SPDX-License-Identifier: Apache-2.0
#include "approval/trust_policy.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <new>
#include <utility>

#include "approval/members.hpp"
#include "approval/rule_review.hpp"
#include "base/names.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "canon/json.hpp"
#include "canon/json_object.hpp"
#include "crypto/sha256.hpp"

namespace openexec {
namespace approval {
namespace {

using Key = TrustPolicy::Key;
using Rule = TrustPolicy::Rule;
using Terms = TrustPolicy::Terms;
using Strings = std::vector<std::string>;

constexpr std::uint32_t max_threshold = max_signatures;

// From JSON to terms. Checks types and unknown members. The rules for values are the same for all terms, and follow
// below.

Strings read_strings(const Node& list) {
  Strings strings;
  list.each(0, Node::any, [&](const Node& element) { strings.emplace_back(element.text()); });
  return strings;
}

template <class Read>
auto read_if(const Members& members, std::string_view name, const Read& read)
    -> std::optional<decltype(read(std::declval<const Node&>()))> {
  if (const auto member = members.maybe(name)) return read(*member);
  return std::nullopt;
}

/// Reads an optional text. An absent text is empty, so that an explicit empty text is a fault.
std::string read_label(const Members& members, std::string_view name) {
  const auto member = members.maybe(name);
  return std::string(member ? member->label() : std::string_view());
}

Key read_key(const Node& node) {
  const Members members(node,
                        {"id", "public_key", "role", "tenants", "actions", "not_before", "not_after", "revoked_at"});
  const auto time = [&](std::string_view name) {
    return read_if(members, name, [](const Node& member) { return member.time(); });
  };
  return {.id = std::string(members.need("id").text()),
          .public_key = std::string(members.need("public_key").text()),
          .role = read_label(members, "role"),
          .tenants = read_if(members, "tenants", read_strings),
          .actions = read_if(members, "actions", read_strings),
          .not_before = time("not_before"),
          .not_after = time("not_after"),
          .revoked_at = time("revoked_at")};
}

Rule read_rule(const Node& node) {
  const Members members(node, {"actions", "threshold", "role"});
  return {.actions = read_strings(members.need("actions")),
          .threshold = members.need("threshold").number(1, max_threshold),
          .role = read_label(members, "role")};
}

Terms read_terms(const Node& node) {
  const Members members(node, {"keys", "rules", "pins", "clawshield_v1"});
  Terms terms;
  members.need("keys").each(0, Node::any, [&](const Node& key) { terms.keys.push_back(read_key(key)); });
  members.need("rules").each(0, Node::any, [&](const Node& rule) { terms.rules.push_back(read_rule(rule)); });
  if (const auto node_of_pins = members.maybe("pins")) {
    const Members pins(*node_of_pins, {"policy_bundle_hash", "constitution_version"});
    terms.pins = {read_label(pins, "policy_bundle_hash"), read_label(pins, "constitution_version")};
  }
  if (const auto node_of_clawshield = members.maybe("clawshield_v1")) {
    const Members clawshield(*node_of_clawshield, {"public_key", "tenant_id", "actions"});
    terms.clawshield_v1 = TrustPolicy::Clawshield{.public_key = std::string(clawshield.need("public_key").text()),
                                                  .tenant_id = std::string(clawshield.need("tenant_id").text()),
                                                  .actions = read_strings(clawshield.need("actions"))};
  }
  return terms;
}

/// Adds the line to an explanation of the parser that names a byte. For a duplicate member the explanation names the
/// path.
std::string with_line(std::string_view text, const std::string& detail) {
  constexpr std::string_view byte = "byte ";
  std::size_t offset = 0;
  const char* const end = detail.data() + detail.size();
  if (!detail.starts_with(byte) || std::from_chars(detail.data() + byte.size(), end, offset).ec != std::errc())
    return detail;
  return "line " + std::to_string(base::line_at(text, offset)) + ": " + detail;
}

// The rules for terms.

std::string element(std::string_view list, std::size_t index) {
  return std::string(list).append("[").append(std::to_string(index)).append("]");
}

/// Checks terms, and prepares them for verification.
class Making {
 public:
  explicit Making(Terms terms) { parts_.terms = std::move(terms); }

  Result<std::shared_ptr<const TrustPolicy::Parts>> run() {
    for (std::size_t i = 0; i < parts_.terms.keys.size(); ++i) take_key(element("keys", i), i);
    for (std::size_t i = 0; i < parts_.terms.rules.size(); ++i) check_rule(element("rules", i), parts_.terms.rules[i]);
    check_pins();
    check_clawshield();
    if (!breach_.none()) return breach_.status();
    parts_.json = write();
    if (parts_.json.size() > max_policy_bytes) breach_.say("the policy is larger than 1 MiB");
    if (!breach_.none()) return breach_.status();
    review_rules();
    if (!breach_.none()) return breach_.status();
    parts_.digest = crypto::sha256(parts_.json);
    // After the ids, so that a fingerprint never replaces an id.
    for (std::uint32_t i = 0; i < parts_.fingerprints.size(); ++i)
      parts_.keyring.by_name.emplace(parts_.fingerprints[i], i);
    warn();
    return std::make_shared<const TrustPolicy::Parts>(std::move(parts_));
  }

 private:
  using Fault = std::string_view (*)(std::string_view);

  void refuse(const std::string& place, std::string_view what) { breach_.say(place + ": " + std::string(what)); }

  void check(const std::string& place, std::string_view text, Fault fault) {
    if (const std::string_view wrong = fault(text); !wrong.empty()) refuse(place, wrong);
  }

  void check_list(const std::string& place, const Strings& list, Fault fault, std::string_view otherwise) {
    if (list.empty()) refuse(place, std::string("must not be empty; ").append(otherwise));
    for (std::size_t i = 0; i < list.size(); ++i) check(element(place, i), list[i], fault);
  }

  std::optional<crypto::PublicKey> check_pem(const std::string& place, std::string& pem) {
    auto key = crypto::PublicKey::from_pem(pem);
    if (!key.ok()) {
      refuse(place, key.status().detail());
      return std::nullopt;
    }
    pem = key->to_pem();  // one spelling
    return std::move(*key);
  }

  void take_key(const std::string& place, std::size_t index) {
    Key& key = parts_.terms.keys[index];
    check(place + ".id", key.id, base::label_fault);
    const auto [id, is_new] = parts_.keyring.by_name.emplace(key.id, static_cast<std::uint32_t>(index));
    if (!is_new) refuse(place + ".id", "is that of " + element("keys", id->second));
    if (!key.role.empty()) check(place + ".role", key.role, base::label_fault);
    if (key.tenants) check_list(place + ".tenants", *key.tenants, tenant_name_fault, "leave it out for all tenants");
    if (key.actions) check_list(place + ".actions", *key.actions, base::pattern_fault, "leave it out for all actions");
    if (key.not_before && key.not_after && *key.not_before >= *key.not_after)
      refuse(place + ".not_after", "must be later than not_before");

    // The threshold counts distinct public keys, and a key that is listed twice could count twice.
    const auto public_key = check_pem(place + ".public_key", key.public_key);
    if (!public_key) return;
    const std::string fingerprint = public_key->fingerprint();
    const auto [twin, first] = by_fingerprint_.emplace(fingerprint, index);
    if (!first) refuse(place + ".public_key", "is that of " + element("keys", twin->second));
    parts_.keyring.keys.push_back(*public_key);
    parts_.fingerprints.push_back(fingerprint);
  }

  /// Reads a complete tenant name. A pattern is refused, because it would be compared literally.
  static std::string_view tenant_name_fault(std::string_view text) {
    if (text.ends_with('*')) return "a tenant is named in full; * makes no pattern here";
    return base::tenant_fault(text);
  }

  void check_rule(const std::string& place, const Rule& rule) {
    check_list(place + ".actions", rule.actions, base::pattern_fault, "name an action, or *");
    if (rule.threshold < 1 || rule.threshold > max_threshold)
      refuse(place + ".threshold", "must be an integer from 1 to " + std::to_string(max_threshold));
    if (!rule.role.empty()) check(place + ".role", rule.role, base::label_fault);
  }

  void check_pins() {
    const TrustPolicy::Pins& pins = parts_.terms.pins;
    Digest digest;
    if (!pins.policy_bundle_hash.empty() && !from_hex(pins.policy_bundle_hash, digest))
      refuse("pins.policy_bundle_hash", "must be a string of 64 lower-case hexadecimal digits");
    if (!pins.constitution_version.empty())
      check("pins.constitution_version", pins.constitution_version, base::label_fault);
  }

  void check_clawshield() {
    auto& clawshield = parts_.terms.clawshield_v1;
    if (!clawshield) return;
    check_pem("clawshield_v1.public_key", clawshield->public_key);
    check("clawshield_v1.tenant_id", clawshield->tenant_id, base::tenant_fault);
    check_list("clawshield_v1.actions", clawshield->actions, base::pattern_fault,
               "leave clawshield_v1 out to accept none");
  }

  void review_rules() {
    Decided decided;
    for (std::size_t rule = 0; rule < parts_.terms.rules.size(); ++rule) {
      for (std::size_t pattern = 0; pattern < parts_.terms.rules[rule].actions.size(); ++pattern)
        review({rule, pattern}, decided);
      decided.add(parts_.terms.rules[rule]);
    }
  }

  /// Reports rules that never apply or that cannot be met, since these are probably mistakes. Revoked keys count here.
  /// Otherwise a policy that revokes a key could be refused, and the key would stay valid.
  void review(const RulePlace& place, const Decided& decided) {
    const Terms& terms = parts_.terms;
    const std::string rule = element("rules", place.rule);
    if (const auto earlier = decided.by(terms.rules[place.rule].actions[place.pattern]))
      return refuse(
          rule + "." + element("actions", place.pattern),
          "never applies, because " + element("rules", *earlier) + " decides it first; put the narrower rule first");
    const std::uint32_t threshold = terms.rules[place.rule].threshold;
    if (const std::size_t most = most_signers(terms, place, true); most < threshold)
      return refuse(rule + ".threshold",
                    numbers(threshold, most, place.pattern) + "; to take a key away, set its revoked_at");
    if (const std::size_t most = most_signers(terms, place, false); most < threshold)
      parts_.warnings.push_back(rule + ".threshold: " + numbers(threshold, most, place.pattern));
  }

  static std::string numbers(std::uint32_t threshold, std::size_t most, std::size_t pattern) {
    return std::to_string(threshold) + " keys are asked for, and " + std::to_string(most) + " could ever count for " +
           element("actions", pattern);
  }

  void warn() {
    const Terms& terms = parts_.terms;
    for (std::size_t i = 0; i < terms.keys.size(); ++i)
      if (!is_usable(terms, terms.keys[i])) parts_.warnings.push_back(element("keys", i) + ": no rule can use it");
    if (terms.rules.empty() && !terms.clawshield_v1)
      parts_.warnings.emplace_back("rules: there are none, so that nothing can be approved");
  }

  // Writes the text of the policy, with the members of each object in the order of RFC 8785.

  static std::string list(const Strings& strings) {
    std::string text;
    for (const std::string& string : strings) {
      text += text.empty() ? '[' : ',';
      canon::append_jcs_string(string, text);
    }
    return text + "]";
  }

  static std::string write(const Key& key) {
    canon::JsonObject object;
    const auto time = [&](std::string_view name, const std::optional<Timestamp>& at) {
      if (at) object.text(name, base::format_time(*at));
    };
    if (key.actions) object.raw("actions", list(*key.actions));
    object.text("id", key.id);
    time("not_after", key.not_after);
    time("not_before", key.not_before);
    object.text("public_key", key.public_key);
    time("revoked_at", key.revoked_at);
    if (!key.role.empty()) object.text("role", key.role);
    if (key.tenants) object.raw("tenants", list(*key.tenants));
    return object.take();
  }

  static std::string write(const Rule& rule) {
    canon::JsonObject object;
    object.raw("actions", list(rule.actions));
    if (!rule.role.empty()) object.text("role", rule.role);
    return object.number("threshold", rule.threshold).take();
  }

  template <class Item>
  static std::string write(const std::vector<Item>& items) {
    std::string text = "[";
    for (const Item& item : items) text.append(text.size() > 1 ? "," : "").append(write(item));
    return text + "]";
  }

  std::string write() const {
    const Terms& terms = parts_.terms;
    canon::JsonObject object;
    if (const auto& clawshield = terms.clawshield_v1)
      object.raw("clawshield_v1", canon::JsonObject()
                                      .raw("actions", list(clawshield->actions))
                                      .text("public_key", clawshield->public_key)
                                      .text("tenant_id", clawshield->tenant_id)
                                      .take());
    object.raw("keys", write(terms.keys));
    canon::JsonObject pins;
    if (!terms.pins.constitution_version.empty()) pins.text("constitution_version", terms.pins.constitution_version);
    if (!terms.pins.policy_bundle_hash.empty()) pins.text("policy_bundle_hash", terms.pins.policy_bundle_hash);
    if (std::string text = pins.take(); text != "{}") object.raw("pins", text);
    return object.raw("rules", write(terms.rules)).take();
  }

  TrustPolicy::Parts parts_;
  Breach breach_{Code::invalid_argument};
  std::map<std::string, std::size_t> by_fingerprint_;
};

/// Returns whether a key may approve this request now, apart from revocation.
bool may_approve(const Key& key, const Rule& rule, const Occasion& occasion) {
  if (!rule.role.empty() && key.role != rule.role) return false;
  if (key.tenants && std::find(key.tenants->begin(), key.tenants->end(), occasion.tenant) == key.tenants->end())
    return false;
  if (key.actions && !names(*key.actions, occasion.action)) return false;
  if (key.not_before && occasion.now < *key.not_before) return false;
  return !key.not_after || occasion.now < *key.not_after;
}

}  // namespace

bool names(const std::vector<std::string>& patterns, std::string_view action) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](std::string_view pattern) { return base::matches(pattern, action); });
}

Result<std::vector<std::string>> approvers(const TrustPolicy& policy, std::span<const std::uint32_t> signers,
                                           const Occasion& occasion) {
  const Terms& terms = policy.terms();
  const auto rule = std::find_if(terms.rules.begin(), terms.rules.end(),
                                 [&](const Rule& row) { return names(row.actions, occasion.action); });
  if (rule == terms.rules.end())
    return Status(Code::approval_threshold, "no rule of the trust policy names the action");

  std::vector<std::string> counted;
  std::size_t revoked = 0;
  for (const std::uint32_t signer : signers) {
    const Key& key = terms.keys[signer];
    if (!may_approve(key, *rule, occasion)) continue;
    if ((key.revoked_at && *key.revoked_at <= occasion.now) || occasion.revocations.revokes_key(key.id) ||
        occasion.revocations.revokes_key(policy.parts().fingerprints[signer]))
      ++revoked;
    else
      counted.push_back(key.id);
  }
  if (counted.size() >= rule->threshold) {
    std::sort(counted.begin(), counted.end());
    return counted;
  }
  const std::string numbers = std::to_string(rule->threshold) + " keys have to approve, and " +
                              std::to_string(counted.size()) + " that signed count";
  if (counted.size() + revoked >= rule->threshold)
    return Status(Code::approval_key_revoked, numbers + "; " + std::to_string(revoked) + " more are revoked");
  return Status(Code::approval_threshold, numbers);
}

}  // namespace approval

TrustPolicy::TrustPolicy(std::shared_ptr<const Parts> parts) noexcept : parts_(std::move(parts)) {}

Result<TrustPolicy> TrustPolicy::parse(std::string_view json) try {
  const Result<canon::Document> document = canon::parse(json, {.max_bytes = approval::max_policy_bytes});
  if (!document.ok()) return Status(Code::invalid_argument, approval::with_line(json, document.status().detail()));
  approval::Breach breach(Code::invalid_argument);
  Terms terms = approval::read_terms(approval::Node(breach, {}, document->root()));
  if (!breach.none()) return breach.status();
  return make(std::move(terms));
} catch (const std::bad_alloc&) {
  return Status(Code::overloaded, "out of memory");
}

Result<TrustPolicy> TrustPolicy::make(Terms terms) try {
  auto parts = approval::Making(std::move(terms)).run();
  if (!parts.ok()) return parts.status();
  return TrustPolicy(std::move(*parts));
} catch (const std::bad_alloc&) {
  return Status(Code::overloaded, "out of memory");
}

const TrustPolicy::Terms& TrustPolicy::terms() const noexcept { return parts_->terms; }
const std::vector<std::string>& TrustPolicy::warnings() const noexcept { return parts_->warnings; }
const std::string& TrustPolicy::to_json() const noexcept { return parts_->json; }
const Digest& TrustPolicy::digest() const noexcept { return parts_->digest; }

}  // namespace openexec
