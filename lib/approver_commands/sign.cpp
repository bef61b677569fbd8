// SPDX-License-Identifier: Apache-2.0
// openexec-approve sign: shows what is to be approved, asks, and signs it.
#include <algorithm>
#include <ostream>
#include <string>

#include "approval/trust_policy.hpp"
#include "approver_commands/approver_commands.hpp"
#include "canon/json.hpp"
#include "crypto/ed25519.hpp"
#include "signing/clawshield.hpp"

namespace openexec::terminal {
namespace {

/// Reads a private key from its file. A file that other users can read is refused, since they could sign with the key.
std::string read_key_file(const ApproveOptions& options, const Console& console) {
  return read_input(console, options.key_file, options.shared_key ? Readers::anybody : Readers::owner);
}

int sign_clawshield(const ApproveOptions& options, const Console& console, const Signing& signing) {
  const Timestamp issued_at = now();
  const Timestamp expires_at{issued_at.micros + signing.valid_for(options) * 1'000'000};
  const std::string approval_id = options.approval_id.empty() ? signing::uuid_v4() : options.approval_id;
  const Style& style = signing.style;
  const Proposal& proposal = signing.subject.steps.front();
  show(options, console,
       style.strong("To be approved, for one execution:") + "\n" + signing.review() +
           fields(style, {{"expires", expiry(expires_at, issued_at)}, {"approval id", shown(approval_id)}}));
  const crypto::PrivateKey key = unlock(options, console, signing.pem);
  ask_for(options, console, fields(style, {{"your key", key.public_key().fingerprint()}}),
          is_weighty(signing.subject) || signing.needed.value_or(1) > 1, "action hash", to_hex(proposal.action_hash()));
  const std::string artifact =
      or_stop(signing::sign_clawshield_v1(key, proposal, {options.tenant, approval_id, issued_at, expires_at}), cannot,
              "cannot sign");
  write_out(options, console, options.embed ? with_approval(signing.subject, artifact) : artifact);
  return yes;
}

/// Returns how many signatures the trust policy requires. Of several steps the one that needs the most decides.
std::optional<std::uint32_t> signatures_needed(const ApproveOptions& options, const Console& console,
                                               const Subject& subject) {
  if (options.policy_file.empty()) return std::nullopt;
  const auto policy = or_stop(TrustPolicy::parse(read_input(console, options.policy_file)), cannot,
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

}  // namespace

std::string Signing::review() const { return terminal::review(style, subject, before ? &*before : nullptr); }

std::int64_t Signing::valid_for(const ApproveOptions& options) const {
  return options.valid_for.value_or(needed.value_or(1) > 1 ? 24 * 3600 : 15 * 60);
}

crypto::PrivateKey unlock(const ApproveOptions& options, const Console& console, const std::string& pem) {
  std::string passphrase;
  if (options.passphrase_fd) {
    passphrase = read_secret(*options.passphrase_fd);
  } else if (pem.find("ENCRYPTED") != std::string::npos) {
    passphrase = ask_secret(console, "Passphrase of " + shown(options.key_file) + ": ",
                            "give the passphrase with --passphrase-fd");
  }
  return or_stop(crypto::PrivateKey::from_pem(pem, passphrase), cannot, "the key " + shown(options.key_file));
}

void write_out(const ApproveOptions& options, const Console& console, const std::string& text) {
  if (options.out.empty()) return print(console, text);
  write_new_file(options.out, text + "\n", 0644);
  print(console, Style(console).good("signed") + ": " + shown(options.out));
}

void show(const ApproveOptions& options, const Console& console, const std::string& text) {
  if (options.yes) {
    console.err << text;
  } else {
    show_on_terminal(console, text, "--yes signs without asking");
  }
}

void ask_for(const ApproveOptions& options, const Console& console, const std::string& text, bool weighty,
             const char* hash_name, const std::string& hash) {
  constexpr std::size_t digits = 6;
  if (options.yes) {
    console.err << text;
  } else if (weighty) {
    confirm(console, text, "Sign it? Type the first 6 digits of the " + std::string(hash_name) + ": ",
            hash.substr(0, digits), "--yes signs without asking", "not signed");
  } else {
    confirm(console, text, "Sign it? Type yes: ", "yes", "--yes signs without asking", "not signed");
  }
}

bool is_envelope(std::string_view artifact) {
  const auto document = canon::parse(artifact, {std::size_t{2} << 20, 8});
  return document.ok() && document->root().is(canon::Type::object) && document->root().find("payloadType").has_value();
}

std::optional<Subject> earlier(const ApproveOptions& options, const Console& console) {
  if (options.before_file.empty()) return std::nullopt;
  return read_subject(read_input(console, options.before_file), options.tenant);
}

int sign(const ApproveOptions& options, const Console& console) {
  if (options.file == "-" && options.key_file == "-")
    throw Stop(cannot, "the request and the key cannot both come from standard input");
  Signing signing{.subject = read_subject(read_input(console, options.file), options.tenant),
                  .before = {},
                  .needed = {},
                  .pem = {},
                  .style = Style(console, Shown::on_terminal)};
  const Subject& subject = signing.subject;
  const bool envelope = is_envelope(subject.artifact);
  if (!subject.artifact.empty() && !envelope)
    throw Stop(cannot, "the request carries an approval_artifact already; take it out to approve it anew");
  const bool dsse = envelope || subject.is_plan() || options.format == "dsse";
  if (dsse && options.format == "clawshield-v1")
    throw Stop(cannot, "clawshield-v1 has neither plans nor several signers; leave --format out");
  signing.before = earlier(options, console);
  signing.needed = signatures_needed(options, console, subject);
  signing.pem = read_key_file(options, console);
  return dsse ? sign_dsse(options, console, signing) : sign_clawshield(options, console, signing);
}

}  // namespace openexec::terminal
