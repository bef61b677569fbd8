// SPDX-License-Identifier: Apache-2.0
// openexec-approve: the governance side. Makes keys and approvals, and looks at them. Holds no executor code.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <openexec/policy_verifier.hpp>
#include <openexec/version.hpp>
#include <optional>
#include <string>
#include <vector>

#include "approval/clawshield_v1.hpp"
#include "approval/proposal.hpp"
#include "approval/statement.hpp"
#include "approval/trust_policy.hpp"
#include "base/time.hpp"
#include "canon/json.hpp"
#include "canon/json_object.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/sha256.hpp"
#include "given_name.hpp"
#include "reading.hpp"
#include "signing/clawshield.hpp"
#include "signing/dsse.hpp"
#include "subject.hpp"
#include "terminal.hpp"

namespace {

using namespace openexec;
using canon::JsonObject;
using terminal::shown;
using terminal::Stop;
using terminal::Style;
using terminal::Subject;

constexpr auto exit_codes = R"(Exit codes:
  0  yes: made, signed, valid
  1  no: declined, invalid, expired, does not match
  2  wrong usage, or it could not be tried (no such file, no terminal to ask on)

A passphrase is read from the terminal or from a file descriptor, never from an argument.
Files may be - for standard input. Colours only on a terminal, and not where NO_COLOR is set.)";

struct Options {
  std::string file = "-";
  bool json = false;
  std::string name = "approver";
  bool no_passphrase = false;
  std::optional<int> passphrase_fd;
  std::string key_file;
  std::string public_key_file;
  std::string tenant;
  std::string approval_id;
  std::optional<std::int64_t> valid_for;
  bool shared_key = false;
  bool yes = false;
  bool embed = false;
  std::string out;
  std::string format;  ///< empty: dsse for plans, else clawshield-v1
  std::string key_id;
  std::string before_file;
  std::string policy_file;
  std::string handlers_file;
  std::string executor = "openexec";
  std::string at;
  // Of a DSSE statement, beside what it approves.
  std::string audience, not_before, max_cost_usd, policy_hash, constitution, trace_id, request_id, scope;
  std::optional<std::uint32_t> max_per_min;
};

void print(const std::string& text) { std::cout << text << '\n'; }

template <class T>
T or_stop(Result<T> result, int exit_code, const std::string& what) {
  if (!result.ok()) throw Stop(exit_code, what + ": " + shown(result.status().detail()));
  return std::move(result).value();
}

Timestamp now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count()};
}

/// "in 5 min", "3 h ago".
std::string from_now(Timestamp then, Timestamp now) {
  const std::int64_t seconds = (then.micros - now.micros) / 1'000'000;
  const std::int64_t size = seconds < 0 ? -seconds : seconds;
  const std::string amount = size < 120         ? std::to_string(size) + " s"
                             : size < 7200      ? std::to_string(size / 60) + " min"
                             : size < 48 * 3600 ? std::to_string(size / 3600) + " h"
                                                : std::to_string(size / 86400) + " days";
  return seconds < 0 ? amount + " ago" : "in " + amount;
}

// keygen

std::string new_passphrase(const Options& options) {
  std::string passphrase;
  if (options.passphrase_fd) {
    passphrase = terminal::read_secret(*options.passphrase_fd);
  } else if (!options.no_passphrase) {
    const std::string otherwise = "give the passphrase with --passphrase-fd, or --no-passphrase for a key without one";
    passphrase = terminal::ask_secret("New passphrase: ", otherwise);
    if (terminal::ask_secret("The same again: ", otherwise) != passphrase)
      throw Stop(terminal::no, "the two passphrases differ; nothing was written");
  } else {
    return {};
  }
  if (passphrase.empty()) throw Stop(terminal::cannot, "an empty passphrase protects nothing; nothing was written");
  return passphrase;
}

int keygen(const Options& options) {
  const std::string private_path = options.name + ".key.pem";
  const std::string public_path = options.name + ".pub.pem";
  for (const std::string& path : {private_path, public_path})
    if (::access(path.c_str(), F_OK) == 0)
      throw Stop(terminal::cannot,
                 shown(path) + " exists and is not overwritten; choose another name, or move it away");

  const std::string passphrase = new_passphrase(options);
  const auto key = or_stop(crypto::PrivateKey::generate(), terminal::cannot, "cannot make a key");
  const auto pem = or_stop(key.to_pem(passphrase), terminal::cannot, "cannot write the key");
  terminal::write_new_file(private_path, pem, 0600);
  try {
    terminal::write_new_file(public_path, key.public_key().to_pem(), 0644);
  } catch (...) {
    ::unlink(private_path.c_str());  // both or neither
    throw;
  }

  const std::string fingerprint = key.public_key().fingerprint();
  if (options.json) {
    print(JsonObject()
              .text("private_key", shown(private_path))
              .text("public_key", shown(public_path))
              .text("fingerprint", fingerprint)
              .boolean("encrypted", !passphrase.empty())
              .take());
  } else {
    std::cout << terminal::fields(
        Style(STDOUT_FILENO),
        {{"private key", shown(private_path) + (passphrase.empty() ? "  (not encrypted; keep it on the approving side)"
                                                                   : "  (encrypted; keep it on the approving side)")},
         {"public key", shown(public_path) + "  (for the executor)"},
         {"fingerprint", fingerprint},
         {"next, for one key", "export CLAWSHIELD_PUBLIC_KEY=\"$(cat " + shown(public_path) + ")\""}});
  }
  return terminal::yes;
}

// sign

/// A private key as it stands in its file. A key that others can read is theirs too.
std::string read_key_file(const Options& options) {
  return terminal::read_input(options.key_file,
                              options.shared_key ? terminal::Readers::anybody : terminal::Readers::owner);
}

crypto::PrivateKey unlock(const Options& options, const std::string& pem) {
  std::string passphrase;
  if (options.passphrase_fd) {
    passphrase = terminal::read_secret(*options.passphrase_fd);
  } else if (pem.find("ENCRYPTED") != std::string::npos) {
    passphrase = terminal::ask_secret("Passphrase of " + shown(options.key_file) + ": ",
                                      "give the passphrase with --passphrase-fd");
  }
  return or_stop(crypto::PrivateKey::from_pem(pem, passphrase), terminal::cannot, "the key " + shown(options.key_file));
}

void write_out(const Options& options, const std::string& text) {
  if (options.out.empty()) return print(text);
  terminal::write_new_file(options.out, text + "\n", 0644);
  print(Style(STDOUT_FILENO).good("signed") + ": " + shown(options.out));
}

/// What somebody is asked to sign, and with what.
struct Signing {
  Subject subject;
  std::optional<Subject> before;        ///< an earlier version, for what changed
  std::optional<std::uint32_t> needed;  ///< signatures, as the trust policy says
  std::string pem;
  Style style{STDERR_FILENO, terminal::Shown::on_terminal};

  [[nodiscard]] std::string review() const { return terminal::review(style, subject, before ? &*before : nullptr); }
  /// Seconds. Several people need more time to be found than one who has just read it.
  [[nodiscard]] std::int64_t valid_for(const Options& options) const {
    return options.valid_for.value_or(needed.value_or(1) > 1 ? 24 * 3600 : 15 * 60);
  }
};

void show(const Options& options, const std::string& text) {
  if (options.yes) {
    std::cerr << text;
  } else {
    terminal::show_on_terminal(text, "--yes signs without asking");
  }
}

/// Asks. Stop(no) for anything but the answer: a part of the hash where a yes would be too little.
void ask_for(const Options& options, const std::string& text, bool weighty, const char* hash_name,
             const std::string& hash) {
  constexpr std::size_t digits = 6;
  if (options.yes) {
    std::cerr << text;
  } else if (weighty) {
    terminal::confirm(text, "Sign it? Type the first 6 digits of the " + std::string(hash_name) + ": ",
                      hash.substr(0, digits), "--yes signs without asking", "not signed");
  } else {
    terminal::confirm(text, "Sign it? Type yes: ", "yes", "--yes signs without asking", "not signed");
  }
}

using Rows = std::vector<std::pair<std::string, std::string>>;

std::string expiry(Timestamp expires_at, Timestamp at) {
  return base::format_time(expires_at) + "  (" + from_now(expires_at, at) + ")";
}

int sign_clawshield(const Options& options, const Signing& signing) {
  const Timestamp issued_at = now();
  const Timestamp expires_at{issued_at.micros + signing.valid_for(options) * 1'000'000};
  const std::string approval_id = options.approval_id.empty() ? signing::uuid_v4() : options.approval_id;
  const Style& style = signing.style;
  const Proposal& proposal = signing.subject.steps.front();
  show(options,
       style.strong("To be approved, for one execution:") + "\n" + signing.review() +
           terminal::fields(style, {{"expires", expiry(expires_at, issued_at)}, {"approval id", shown(approval_id)}}));
  const crypto::PrivateKey key = unlock(options, signing.pem);
  ask_for(options, terminal::fields(style, {{"your key", key.public_key().fingerprint()}}),
          terminal::is_weighty(signing.subject) || signing.needed.value_or(1) > 1, "action hash",
          to_hex(proposal.action_hash()));
  const std::string artifact =
      or_stop(signing::sign_clawshield_v1(key, proposal, {options.tenant, approval_id, issued_at, expires_at}),
              terminal::cannot, "cannot sign");
  write_out(options, options.embed ? terminal::with_approval(signing.subject, artifact) : artifact);
  return terminal::yes;
}

// DSSE

/// What a statement says beside its steps. What is absent is not shown.
Rows terms_of(const approval::Statement& statement, Timestamp at) {
  Rows rows{{"approval id", shown(statement.token_id)},
            {"tenant id", shown(statement.tenant_id)},
            {"issued at", base::format_time(statement.issued_at)}};
  if (statement.not_before) rows.emplace_back("not before", base::format_time(*statement.not_before));
  rows.emplace_back("expires at", expiry(statement.expires_at, at));
  rows.emplace_back("executor", statement.audience.empty() ? "any" : shown(statement.audience));
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) rows.emplace_back(name, shown(value));
  };
  if (statement.constraints.max_cost_usd)
    rows.emplace_back("costs at most", statement.constraints.max_cost_usd->to_string() + " USD");
  if (statement.constraints.max_executions_per_min)
    rows.emplace_back("at most a minute", std::to_string(*statement.constraints.max_executions_per_min));
  add("UNKNOWN CONSTRAINT", statement.unknown_constraint);
  add("policy", statement.policy_bundle_hash);
  add("constitution", statement.constitution_version);
  add("scope", statement.approval_scope);
  add("trace id", statement.trace_id);
  add("request id", statement.request_id);
  return rows;
}

std::string raw_key_id(const std::string& keyid) { return keyid.empty() ? "(no key id)" : shown(keyid); }

Rows signatures_of(const signing::UntrustedApproval& envelope) {
  Rows rows;
  for (const auto& signature : envelope.signatures)
    rows.emplace_back(rows.empty() ? "signed by" : "", raw_key_id(signature.keyid) + "  (says the envelope)");
  return rows;
}

/// Whether the statement approves this very subject. Stop(no), by name, where it approves anything else: then what is
/// shown is not what would be signed.
void check_same(const approval::Statement& statement, const Subject& subject) {
  const auto differs = [](const std::string& what) {
    throw Stop(terminal::no, "the envelope approves something else than the request beside it: " + what);
  };
  if (statement.is_plan() != subject.is_plan()) differs(statement.is_plan() ? "a plan" : "one request");
  if (statement.is_plan() && *statement.order != *subject.order) differs("the order of its steps");
  if (statement.steps.size() != subject.steps.size()) differs(std::to_string(statement.steps.size()) + " steps");
  if (statement.tenant_id != subject.tenant) differs("the tenant " + shown(statement.tenant_id));
  for (std::size_t i = 0; i < subject.steps.size(); ++i) {
    const std::string where = subject.is_plan() ? "step " + std::to_string(i) + ": " : "";
    if (statement.steps[i].action != subject.steps[i].action()) differs(where + "the action");
    if (statement.steps[i].nonce != subject.steps[i].nonce()) differs(where + "the nonce");
    if (statement.steps[i].parameters_hash != subject.steps[i].parameters_hash()) differs(where + "the parameters");
  }
}

signing::DsseGrant grant_of(const Options& options, std::int64_t valid_for) {
  const auto time = [](const std::string& text, const char* flag) -> std::optional<Timestamp> {
    if (text.empty()) return std::nullopt;
    const auto parsed = base::parse_time(text, base::TimeForm::rfc3339);
    if (!parsed) throw Stop(terminal::cannot, std::string(flag) + ": expected a time such as 2026-01-01T00:00:00Z");
    return parsed;
  };
  signing::DsseGrant grant{.token_id = options.approval_id.empty() ? signing::uuid_v4() : options.approval_id,
                           .tenant_id = options.tenant,
                           .issued_at = now(),
                           .expires_at = {},
                           .not_before = time(options.not_before, "--not-before"),
                           .audience = options.audience,
                           .policy_bundle_hash = options.policy_hash,
                           .constitution_version = options.constitution,
                           .trace_id = options.trace_id,
                           .request_id = options.request_id,
                           .approval_scope = options.scope,
                           .constraints = {}};
  grant.expires_at = {grant.issued_at.micros + valid_for * 1'000'000};
  grant.constraints.max_executions_per_min = options.max_per_min;
  if (!options.max_cost_usd.empty()) {
    grant.constraints.max_cost_usd = Usd::parse(options.max_cost_usd);
    if (!grant.constraints.max_cost_usd) throw Stop(terminal::cannot, "--max-cost-usd: expected dollars such as 12.5");
  }
  return grant;
}

/// Warns of a statement that nobody will have time for. Stop(no) if nobody is there to ask and it has expired.
std::string warning_of(const Options& options, const Style& style, const approval::Statement& statement, Timestamp at) {
  constexpr std::int64_t soon = 60'000'000;
  if (statement.expires_at.micros > at.micros + soon) return {};
  const bool expired = statement.expires_at <= at;
  if (expired && options.yes) throw Stop(terminal::no, "the approval has expired; make a new one");
  return style.bad(expired ? "It has EXPIRED: no executor will accept it, whoever signs."
                           : "It expires within a minute, perhaps before it can be used.") +
         "\n";
}

/// A new statement, or one more signature under the one that is there.
int sign_dsse(const Options& options, const Signing& signing) {
  const Subject& subject = signing.subject;
  if (!subject.has_nonce) throw Stop(terminal::no, "a DSSE approval is bound to its request's nonce: put one in");
  const bool another = !subject.artifact.empty();
  std::string statement_text;
  Rows signatures;
  if (another) {
    const auto envelope = or_stop(signing::read_dsse(subject.artifact), terminal::no, "the approval that it carries");
    check_same(envelope.statement, subject);
    statement_text = envelope.statement_text;
    signatures = signatures_of(envelope);
  } else {
    const signing::DsseGrant grant = grant_of(options, signing.valid_for(options));
    statement_text = or_stop(subject.is_plan() ? signing::dsse_statement(subject.steps, *subject.order, grant)
                                               : signing::dsse_statement(subject.steps.front(), grant),
                             terminal::cannot, "cannot approve this");
  }
  // What is shown is read back from the very text that is signed.
  const auto statement = or_stop(approval::read_statement(statement_text), terminal::no, "the statement");
  check_same(statement, subject);
  const Style& style = signing.style;
  const std::string hash = to_hex(crypto::sha256(statement_text));
  Rows rows = terms_of(statement, now());
  rows.insert(rows.end(), signatures.begin(), signatures.end());
  if (signing.needed)
    rows.emplace_back("signatures needed", std::to_string(*signing.needed) + ", says the trust policy");
  rows.emplace_back("statement hash", hash);
  show(options, style.strong(subject.is_plan() ? "To be approved, each step for one execution:"
                                               : "To be approved, for one execution:") +
                    "\n" + signing.review() + terminal::fields(style, rows) +
                    warning_of(options, style, statement, now()));
  const crypto::PrivateKey key = unlock(options, signing.pem);
  const std::string warning = warning_of(options, style, statement, now());
  const std::string your_key =
      (options.key_id.empty() ? "" : shown(options.key_id) + ", ") + key.public_key().fingerprint();
  ask_for(options, terminal::fields(style, {{"your key", your_key}}) + warning,
          terminal::is_weighty(subject) || signing.needed.value_or(1) > 1 || !warning.empty(), "statement hash", hash);
  const std::string envelope = or_stop(another ? signing::add_signature(key, options.key_id, subject.artifact)
                                               : signing::sign_dsse(key, options.key_id, statement_text),
                                       another ? terminal::no : terminal::cannot, "cannot sign");
  write_out(options, options.embed || another ? terminal::with_approval(subject, envelope) : envelope);
  return terminal::yes;
}

bool is_envelope(std::string_view artifact) {
  const auto document = canon::parse(artifact, {std::size_t{2} << 20, 8});
  return document.ok() && document->root().is(canon::Type::object) && document->root().find("payloadType").has_value();
}

std::optional<Subject> earlier(const Options& options) {
  if (options.before_file.empty()) return std::nullopt;
  return terminal::read_subject(terminal::read_input(options.before_file), options.tenant);
}

/// How many signatures the trust policy asks for; the most that one of the steps needs.
std::optional<std::uint32_t> signatures_needed(const Options& options, const Subject& subject) {
  if (options.policy_file.empty()) return std::nullopt;
  const auto policy = or_stop(TrustPolicy::parse(terminal::read_input(options.policy_file)), terminal::cannot,
                              "the trust policy " + shown(options.policy_file));
  std::uint32_t most = 1;
  for (const Proposal& step : subject.steps) {
    const auto& rules = policy.terms().rules;
    const auto rule = std::find_if(rules.begin(), rules.end(), [&](const TrustPolicy::Rule& each) {
      return approval::names(each.actions, step.action());
    });
    if (rule != rules.end()) most = std::max(most, rule->threshold);
  }
  return most;
}

int sign(const Options& options) {
  if (options.file == "-" && options.key_file == "-")
    throw Stop(terminal::cannot, "the request and the key cannot both come from standard input");
  Signing signing{.subject = terminal::read_subject(terminal::read_input(options.file), options.tenant), .pem = {}};
  const Subject& subject = signing.subject;
  const bool envelope = is_envelope(subject.artifact);
  if (!subject.artifact.empty() && !envelope)
    throw Stop(terminal::cannot, "the request carries an approval_artifact already; take it out to approve it anew");
  const bool dsse = envelope || subject.is_plan() || options.format == "dsse";
  if (dsse && options.format == "clawshield-v1")
    throw Stop(terminal::cannot, "clawshield-v1 has neither plans nor several signers; leave --format out");
  signing.before = earlier(options);
  signing.needed = signatures_needed(options, subject);
  signing.pem = read_key_file(options);
  return dsse ? sign_dsse(options, signing) : sign_clawshield(options, signing);
}

// review

int review(const Options& options) {
  const Subject subject = terminal::read_subject(terminal::read_input(options.file), options.tenant);
  const std::optional<Subject> before = earlier(options);
  if (options.json) {
    print(terminal::review_json(subject));
  } else {
    std::cout << terminal::review(Style(STDOUT_FILENO), subject, before ? &*before : nullptr);
  }
  return terminal::yes;
}

// verify

/// What the executor would refuse the step for, though its signatures count. It asks the action's handler for the cost,
/// and under openexecd that is a command of the handlers file.
Status held_to(const Approval& approval, std::string_view action, const std::optional<canon::Document>& handlers) {
  if (!approval.constraints.max_cost_usd) return Status::success();
  const auto unmet = [](const std::string& why) {
    return Status(Code::approval_constraint, "constraints.max_cost_usd: " + why);
  };
  if (!handlers)
    return unmet(
        "the executor's handlers file was not given (--handlers), so whether it can tell the cost is not known");
  const auto row = handlers->root().find(action);
  if (!row || !row->is(canon::Type::object) || !row->find("cost"))
    return unmet("the handlers file has no cost command for the action, and the executor refuses it");
  return Status::success();
}

std::optional<canon::Document> read_handlers(const std::string& file) {
  if (file.empty()) return std::nullopt;
  Result<canon::Document> document = canon::parse(terminal::read_input(file));
  if (!document.ok() || !document->root().is(canon::Type::object))
    throw Stop(terminal::cannot, "the handlers file " + shown(file) + " is not one JSON object");
  return *std::move(document);
}

int verify(const Options& options) {
  const std::optional<canon::Document> handlers = read_handlers(options.handlers_file);
  const Subject subject = terminal::read_subject(terminal::read_input(options.file), options.tenant);
  if (subject.artifact.empty()) throw Stop(terminal::no, "it carries no approval_artifact");
  TrustPolicyOptions trust{.policy = std::nullopt, .executor = options.executor, .tenant = options.tenant};
  trust.policy = or_stop(TrustPolicy::parse(terminal::read_input(options.policy_file)), terminal::cannot,
                         "the trust policy " + shown(options.policy_file));
  const auto verifier = or_stop(trust_policy_verifier(std::move(trust)), terminal::cannot, "the trust policy");
  Timestamp at = now();
  if (!options.at.empty()) {
    const auto parsed = base::parse_time(options.at, base::TimeForm::rfc3339);
    if (!parsed) throw Stop(terminal::cannot, "--at: expected a time such as 2026-01-01T00:00:00Z");
    at = *parsed;
  }
  const Style style(STDOUT_FILENO);
  std::vector<std::vector<std::string>> rows;
  std::string json;
  bool good = true;
  for (const Proposal& step : subject.steps) {
    const auto proposal = or_stop(Proposal::parse({.action = step.action(),
                                                   .payload = step.payload(),
                                                   .nonce = step.nonce(),
                                                   .approval_artifact = subject.artifact},
                                                  options.tenant),
                                  terminal::no, "the request");
    auto approval = verifier->verify(proposal, at);
    if (approval.ok())
      if (Status unmet = held_to(*approval, step.action(), handlers); !unmet.ok()) approval = unmet;
    good = good && approval.ok();
    const std::string_view code = name(approval.status().code());
    std::string by = shown(approval.status().detail());
    if (approval.ok()) {
      by.clear();
      for (const std::string& key : approval->keys) by += (by.empty() ? "by " : ", ") + shown(key);
    }
    rows.push_back({std::to_string(rows.size()), std::string(step.action()), shown(step.nonce()),
                    approval.ok() ? style.good("approved") : style.bad(code), by});
    json += (json.empty() ? "" : ",") + JsonObject()
                                            .text("nonce", step.nonce())
                                            .text("code", code)
                                            .text_or_null("detail", approval.status().detail())
                                            .take();
  }
  if (options.json) {
    print(JsonObject().boolean("approved", good).raw("steps", "[" + json + "]").take());
  } else {
    std::cout << terminal::table(style, {"STEP", "ACTION", "NONCE", "", ""}, rows);
  }
  return good ? terminal::yes : terminal::no;
}

// inspect

/// What was looked at, in three values: it is so, it is not, nobody looked.
struct Finding {
  const char* name;
  std::optional<bool> good;
  std::string text;
};

Finding looked_at(const char* name, bool good, const std::string& yes, const std::string& no) {
  return {name, good, good ? yes : no};
}
Finding not_looked_at(const char* name, const std::string& how) { return {name, std::nullopt, "not checked; " + how}; }

std::vector<Finding> findings(const approval::ReadArtifact& artifact, const Options& options,
                              const std::optional<Digest>& action_hash) {
  std::vector<Finding> found;
  if (options.public_key_file.empty()) {
    found.push_back(not_looked_at("signature", "give --public-key"));
  } else {
    const auto key = or_stop(crypto::PublicKey::from_pem(terminal::read_input(options.public_key_file)),
                             terminal::cannot, "the key " + shown(options.public_key_file));
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

int inspect_dsse(const Options& options, const std::string& text) {
  const auto envelope = or_stop(signing::read_dsse(text), terminal::no, "malformed");
  const approval::Statement& statement = envelope.statement;
  const bool expired = statement.expires_at <= now();
  const int answer = expired ? terminal::no : terminal::yes;
  if (options.json) {
    std::string signatures;
    for (const auto& signature : envelope.signatures)
      signatures += (signatures.empty() ? "" : ",") + JsonObject().text_or_null("keyid", signature.keyid).take();
    print(JsonObject()
              .raw("statement", envelope.statement_text)
              .raw("signatures", "[" + signatures + "]")
              .boolean("expired", expired)
              .take());
    return answer;
  }
  const Style style(STDOUT_FILENO);
  Rows rows = terms_of(statement, now());
  const Rows signatures = signatures_of(envelope);
  rows.insert(rows.end(), signatures.begin(), signatures.end());
  rows.emplace_back("signatures", style.faint("not checked; openexec-approve verify --policy does, with the request"));
  std::vector<std::vector<std::string>> steps;
  for (const approval::Step& step : statement.steps)
    steps.push_back(
        {std::to_string(steps.size()), shown(step.action), shown(step.nonce), to_hex(step.parameters_hash)});
  std::cout << terminal::fields(style, rows)
            << terminal::table(style, {"STEP", "ACTION", "NONCE", "PARAMETERS HASH"}, steps);
  if (statement.is_plan())
    std::cout << (*statement.order == StepOrder::in_sequence ? "one after the other\n" : "in any order\n");
  if (expired) std::cout << style.bad("It has EXPIRED") << '\n';
  return answer;
}

int inspect(const Options& options) {
  const std::string text = terminal::read_input(options.file);
  const auto document =
      or_stop(canon::parse(text, {std::size_t{8} << 20, 128}), terminal::no, "this is not strict JSON");
  canon::View object = document.root();
  if (object.is(canon::Type::object)) {
    const auto carried = object.find("approval_artifact");
    const std::string artifact = canon::jcs(carried ? *carried : object);
    if (is_envelope(artifact)) return inspect_dsse(options, artifact);
  }
  std::optional<Digest> action_hash;
  if (object.is(canon::Type::object) && object.find("approval_artifact")) {
    action_hash = terminal::read_request(text, options.tenant, std::nullopt).proposal.action_hash();
    object = *object.find("approval_artifact");
  }
  if (!object.is(canon::Type::object)) throw Stop(terminal::no, "this is neither an artifact nor a request with one");
  const auto artifact = or_stop(approval::read_artifact(object, now()), terminal::no, "malformed");
  const std::vector<Finding> found = findings(artifact, options, action_hash);
  const bool bad = std::any_of(found.begin(), found.end(), [](const Finding& f) { return f.good == false; });
  const bool trusted = !bad && found.front().good == true;

  const approval::ClawshieldArtifact& members = artifact.text;
  if (options.json) {
    JsonObject checks;
    for (const Finding& f : found) checks.raw(f.name, !f.good ? "null" : *f.good ? "true" : "false");
    print(JsonObject()
              .raw("artifact", canon::jcs(object))
              .raw("checks", checks.take())
              .raw("valid", bad       ? "false"
                            : trusted ? "true"
                                      : "null")
              .take());
  } else {
    const Style style(STDOUT_FILENO);
    std::vector<std::pair<std::string, std::string>> rows{{"approval id", std::string(members.approval_id)},
                                                          {"tenant id", shown(members.tenant_id)},
                                                          {"action hash", std::string(members.action_hash)},
                                                          {"issued at", std::string(members.issued_at)},
                                                          {"expires at", std::string(members.expires_at)}};
    for (const Finding& f : found)
      rows.emplace_back(f.name, !f.good ? style.faint(f.text) : *f.good ? style.good(f.text) : style.bad(f.text));
    std::cout << terminal::fields(style, rows);
  }
  return bad ? terminal::no : terminal::yes;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The governance side of OpenExec: makes keys and signed approvals. It executes nothing.",
               "openexec-approve");
  app.set_version_flag("--version", std::string(version()));
  app.require_subcommand(1);
  app.footer(exit_codes);
  Options options;

  const auto passphrase_fd = [&](CLI::App* sub) {
    sub->add_option("--passphrase-fd", options.passphrase_fd,
                    "Read the passphrase from this file descriptor, one line");
  };

  CLI::App* keygen_command = app.add_subcommand("keygen", "Make NAME.key.pem (mode 0600) and NAME.pub.pem");
  keygen_command->footer(exit_codes);
  keygen_command->add_option("name", options.name, "Where to; existing files are never overwritten")
      ->capture_default_str();
  keygen_command->add_flag("--no-passphrase", options.no_passphrase,
                           "Do not encrypt the private key; otherwise it asks for a passphrase");
  passphrase_fd(keygen_command);
  keygen_command->add_flag("--json", options.json, "Answer in JSON");

  const auto as_meant = [](const std::string& name) { return openexec::terminal::given_name_fault(name); };
  const auto tenant = [&](CLI::App* sub) {
    return sub->add_option("--tenant", options.tenant, "For which tenant")
        ->check(as_meant)
        ->envname("CLAWSHIELD_TENANT_ID");
  };

  CLI::App* review_command =
      app.add_subcommand("review", "Show a request or a plan: every parameter, and what changed");
  review_command->footer(exit_codes);
  review_command
      ->add_option("file", options.file, "A request, or a plan: {\"steps\": [request, ...], \"ordered\"?: true}")
      ->capture_default_str();
  tenant(review_command);
  review_command->add_option("--against", options.before_file, "An earlier version: what changed since is marked");
  review_command->add_flag("--json", options.json, "Answer in JSON");

  CLI::App* sign_command =
      app.add_subcommand("sign", "Approve a request or a plan: shows it, asks, prints the artifact (JSON)");
  sign_command->footer(exit_codes);
  sign_command
      ->add_option("file", options.file,
                   "A request, or a plan; one that carries a DSSE envelope gets another signature")
      ->capture_default_str();
  sign_command->add_option("--key", options.key_file, "The private key, PEM")->required();
  passphrase_fd(sign_command);
  tenant(sign_command)->required();
  sign_command->add_option("--format", options.format, "clawshield-v1 (the default), or dsse (the default for plans)")
      ->check(CLI::IsMember({"clawshield-v1", "dsse"}));
  sign_command->add_flag("--shared-key", options.shared_key, "Take a private key that others may read");
  sign_command->add_option("--against", options.before_file, "An earlier version: what changed since is marked");
  sign_command
      ->add_option("--policy", options.policy_file,
                   "The trust policy: says how many have to sign, and so how long it is valid")
      ->envname("OPENEXEC_TRUST_POLICY");
  sign_command
      ->add_option(
          "--valid-for", options.valid_for,
          "Seconds until it expires; default: 900, or 86400 where the trust policy asks for several signatures")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{366 * 86400}));
  sign_command->add_option("--approval-id", options.approval_id, "A UUID never used before; default: a random one");
  sign_command->add_option("--key-id", options.key_id,
                           "dsse: the key's id in the trust policy; default: its fingerprint");
  sign_command->add_option("--audience", options.audience, "dsse: only this executor may run it")->check(as_meant);
  sign_command->add_option("--not-before", options.not_before, "dsse: it runs no earlier than this time");
  sign_command->add_option("--max-per-min", options.max_per_min, "dsse: executions of its action a minute, at most");
  sign_command->add_option("--max-cost-usd", options.max_cost_usd, "dsse: what an execution may cost, at most");
  sign_command->add_option("--policy-hash", options.policy_hash, "dsse: the policy bundle that it was given under");
  sign_command->add_option("--constitution", options.constitution, "dsse: the constitution that it was given under");
  sign_command->add_option("--scope", options.scope, "dsse: for the record");
  sign_command->add_option("--trace-id", options.trace_id, "dsse: for the record");
  sign_command->add_option("--request-id", options.request_id, "dsse: for the record");
  sign_command->add_flag("--yes", options.yes, "Sign without asking, for scripts");
  sign_command->add_flag("--embed", options.embed, "Print the whole request with its approval_artifact, ready to send");
  sign_command->add_option("--out", options.out, "Write to this new file");

  CLI::App* verify_command =
      app.add_subcommand("verify", "Whether a trust policy accepts the approval that a request or a plan carries");
  verify_command->footer(exit_codes);
  verify_command->add_option("file", options.file, "The request or the plan, with its approval_artifact")
      ->capture_default_str();
  verify_command->add_option("--policy", options.policy_file, "The trust policy, JSON")->required();
  tenant(verify_command)->required();
  verify_command->add_option("--handlers", options.handlers_file,
                             "The executor's handlers file, for constraints that its handlers meet");
  verify_command->add_option("--executor", options.executor, "The executor that shall run it")->capture_default_str();
  verify_command->add_option("--at", options.at, "As of this time; default: now");
  verify_command->add_flag("--json", options.json, "Answer in JSON");

  CLI::App* inspect_command = app.add_subcommand("inspect", "Look at an artifact, or at a request that carries one");
  inspect_command->footer(exit_codes);
  inspect_command->add_option("file", options.file, "The artifact or the request")->capture_default_str();
  inspect_command->add_option("--public-key", options.public_key_file, "PEM; without it the signature is not checked");
  inspect_command->add_option("--tenant", options.tenant, "The tenant it should be for");
  inspect_command->add_flag("--json", options.json, "Answer in JSON");

  return terminal::run(app, argc, argv, [&] {
    if (keygen_command->parsed()) return keygen(options);
    if (review_command->parsed()) return review(options);
    if (sign_command->parsed()) return sign(options);
    if (verify_command->parsed()) return verify(options);
    return inspect(options);
  });
}
