// SPDX-License-Identifier: Apache-2.0
// The program openexec-approve, which approvers use. It makes keys and approvals, and inspects them. It links no
// executor code.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <openexec/clock.hpp>

#include "approval/statement.hpp"
#include "approver_commands/subject.hpp"
#include "commands/command_line.hpp"
#include "commands/terminal.hpp"
#include "signing/dsse.hpp"

namespace openexec::terminal {

/// The program openexec-approve. Returns its exit code.
int run_approve(const Console& console, const std::vector<std::string>& arguments);

/// The arguments of all commands.
struct ApproveOptions {
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

using Rows = std::vector<std::pair<std::string, std::string>>;

int keygen(const ApproveOptions& options, const Console& console);
int sign(const ApproveOptions& options, const Console& console);
int review(const ApproveOptions& options, const Console& console);
int verify(const ApproveOptions& options, const Console& console);
int inspect(const ApproveOptions& options, const Console& console);

// Functions that several commands use.

Timestamp now();
/// Returns the distance of two times, such as "in 5 min" or "3 h ago".
std::string from_now(Timestamp then, Timestamp now);
/// Returns a time, and how far it is from now.
std::string expiry(Timestamp expires_at, Timestamp at);
/// Returns the members of a statement other than its steps. Absent members are left out.
Rows terms_of(const approval::Statement& statement, Timestamp at);
/// Returns the signers that the envelope claims.
Rows signatures_of(const signing::UntrustedApproval& envelope);
/// Returns whether the artifact is a DSSE envelope.
bool is_envelope(std::string_view artifact);
/// Reads the version that --against names. Returns nullopt if the option is not given.
std::optional<Subject> earlier(const ApproveOptions& options, const Console& console);

/// What an approver is asked to sign, and the key to sign it with.
struct Signing {
  Subject subject;
  std::optional<Subject> before;        ///< an earlier version, to show what changed
  std::optional<std::uint32_t> needed;  ///< how many signatures the trust policy requires
  std::string pem;
  Style style;

  [[nodiscard]] std::string review() const;
  /// In seconds. Several approvers need more time than one who has just read the request.
  [[nodiscard]] std::int64_t valid_for(const ApproveOptions& options) const;
};

void show(const ApproveOptions& options, const Console& console, const std::string& text);
/// Asks the approver. Throws Stop(no) for any answer but the expected one. That is a part of the hash if a "yes" would
/// not be enough.
void ask_for(const ApproveOptions& options, const Console& console, const std::string& text, bool weighty,
             const char* hash_name, const std::string& hash);
crypto::PrivateKey unlock(const ApproveOptions& options, const Console& console, const std::string& pem);
void write_out(const ApproveOptions& options, const Console& console, const std::string& text);
/// Makes a new statement, or adds one more signature to an existing one.
int sign_dsse(const ApproveOptions& options, const Console& console, const Signing& signing);

}  // namespace openexec::terminal
