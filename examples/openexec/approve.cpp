// openexec-approve: the governance side. Makes keys and approvals, and looks at them. Holds no executor code.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <openexec/builtin.hpp>
#include <openexec/version.hpp>

#include "approval/clawshield_sign.hpp"
#include "approval/clawshield_v1.hpp"
#include "approval/proposal.hpp"
#include "base/time.hpp"
#include "canon/json.hpp"
#include "canon/json_object.hpp"
#include "crypto/ed25519.hpp"
#include "reading.hpp"
#include "terminal.hpp"

namespace {

using namespace openexec;
using canon::JsonObject;
using terminal::shown;
using terminal::Stop;
using terminal::Style;

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
  bool encrypt = false;
  std::optional<int> passphrase_fd;
  std::string key_file;
  std::string public_key_file;
  std::string tenant;
  std::string approval_id;
  std::int64_t valid_for = 300;
  bool yes = false;
  bool embed = false;
  std::string out;
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
  const std::string amount = size < 120     ? std::to_string(size) + " s"
                             : size < 7200  ? std::to_string(size / 60) + " min"
                             : size < 48 * 3600 ? std::to_string(size / 3600) + " h"
                                            : std::to_string(size / 86400) + " days";
  return seconds < 0 ? amount + " ago" : "in " + amount;
}

// keygen

std::string new_passphrase(const Options& options) {
  std::string passphrase;
  if (options.passphrase_fd) {
    passphrase = terminal::read_secret(*options.passphrase_fd);
  } else if (options.encrypt) {
    const std::string otherwise = "give the passphrase with --passphrase-fd";
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
      throw Stop(terminal::cannot, shown(path) + " exists and is not overwritten; choose another name, or move it away");

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
         {"next", "export CLAWSHIELD_PUBLIC_KEY=\"$(cat " + shown(public_path) + ")\""}});
  }
  return terminal::yes;
}

// sign

crypto::PrivateKey read_key(const Options& options) {
  struct stat file {};
  if (options.key_file != "-" && ::stat(options.key_file.c_str(), &file) == 0 && (file.st_mode & 077) != 0)
    std::cerr << "openexec-approve: others may read " << shown(options.key_file) << "; chmod 600 it\n";
  const std::string pem = terminal::read_input(options.key_file);
  std::string passphrase;
  if (options.passphrase_fd) {
    passphrase = terminal::read_secret(*options.passphrase_fd);
  } else if (pem.find("ENCRYPTED") != std::string::npos) {
    passphrase = terminal::ask_secret("Passphrase of " + shown(options.key_file) + ": ",
                                      "give the passphrase with --passphrase-fd");
  }
  return or_stop(crypto::PrivateKey::from_pem(pem, passphrase), terminal::cannot, "the key " + shown(options.key_file));
}

std::string payload_for_a_person(const Proposal& proposal) {
  return proposal.parts().payload ? terminal::pretty(*proposal.parts().payload) : "{}";
}

/// The request with its approval, ready to be sent. The payload is written in the form that is hashed: RFC 8785 would
/// turn 1.0 into 1, which clawshield-v1 tells apart.
std::string with_approval(const terminal::ReadRequest& request, const std::string& artifact) {
  const Proposal& proposal = request.proposal;
  JsonObject json;
  json.text("action", proposal.action())
      .raw("payload", proposal.parts().payload ? canon::clawshield_v1(*proposal.parts().payload) : "{}");
  if (request.has_nonce) json.text("nonce", proposal.nonce());
  return json.raw("approval_artifact", artifact).take();
}

int sign(const Options& options) {
  if (options.file == "-" && options.key_file == "-")
    throw Stop(terminal::cannot, "the request and the key cannot both come from standard input");
  const auto request = terminal::read_request(terminal::read_input(options.file), options.tenant, std::nullopt);
  const Proposal& proposal = request.proposal;
  if (!proposal.artifact().empty())
    throw Stop(terminal::cannot, "the request carries an approval_artifact already; take it out to approve it anew");
  const crypto::PrivateKey key = read_key(options);

  const Timestamp issued_at = now();
  const Timestamp expires_at{issued_at.micros + options.valid_for * 1'000'000};
  const std::string approval_id = options.approval_id.empty() ? approval::uuid_v4() : options.approval_id;

  const Style style(STDERR_FILENO);
  const std::string what =
      style.strong("To be approved, for one execution:") + "\n" +
      terminal::fields(style, {{"action", std::string(proposal.action())},
                               {"tenant", shown(options.tenant)},
                               {"payload", payload_for_a_person(proposal)},
                               {"action hash", to_hex(proposal.action_hash())},
                               {"expires", base::format_time(expires_at) + "  (" + from_now(expires_at, issued_at) + ")"},
                               {"approval id", shown(approval_id)},
                               {"key", key.public_key().fingerprint()}});
  if (options.yes) {
    std::cerr << what;
  } else if (terminal::ask(what + "Sign it? Type yes: ", "--yes signs without asking") != "yes") {
    throw Stop(terminal::no, "not signed");
  }

  const std::string artifact =
      or_stop(approval::sign_clawshield_v1(key, proposal, {options.tenant, approval_id, issued_at, expires_at}),
              terminal::cannot, "cannot sign");
  const std::string text = options.embed ? with_approval(request, artifact) : artifact;
  if (options.out.empty()) {
    print(text);
  } else {
    terminal::write_new_file(options.out, text + "\n", 0644);
  }
  return terminal::yes;
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
    const auto key = or_stop(crypto::PublicKey::from_pem(terminal::read_input(options.public_key_file)), terminal::cannot,
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

int inspect(const Options& options) {
  const std::string text = terminal::read_input(options.file);
  const auto document = or_stop(canon::parse(text), terminal::no, "this is not strict JSON");
  canon::View object = document.root();
  std::optional<Digest> action_hash;
  if (object.is(canon::Type::object) && object.find("approval_artifact")) {
    action_hash = terminal::read_request(text, options.tenant, std::nullopt).proposal.action_hash();
    object = *object.find("approval_artifact");
  }
  if (!object.is(canon::Type::object)) throw Stop(terminal::no, "this is neither an artifact nor a request with one");
  const auto artifact = or_stop(approval::read_artifact(object), terminal::no, "malformed");
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
              .raw("valid", bad ? "false" : trusted ? "true" : "null")
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
  CLI::App app("The governance side of OpenExec: makes keys and signed approvals. It executes nothing.", "openexec-approve");
  app.set_version_flag("--version", std::string(version()));
  app.require_subcommand(1);
  app.footer(exit_codes);
  Options options;

  const auto passphrase_fd = [&](CLI::App* sub) {
    sub->add_option("--passphrase-fd", options.passphrase_fd, "Read the passphrase from this file descriptor, one line");
  };

  CLI::App* keygen_command = app.add_subcommand("keygen", "Make NAME.key.pem (mode 0600) and NAME.pub.pem");
  keygen_command->footer(exit_codes);
  keygen_command->add_option("name", options.name, "Where to; existing files are never overwritten")->capture_default_str();
  keygen_command->add_flag("--passphrase", options.encrypt, "Encrypt the private key; asks on the terminal");
  passphrase_fd(keygen_command);
  keygen_command->add_flag("--json", options.json, "Answer in JSON");

  CLI::App* sign_command = app.add_subcommand("sign", "Approve a request: shows it, asks, prints the artifact (JSON)");
  sign_command->footer(exit_codes);
  sign_command->add_option("file", options.file, "A request: {\"action\", \"payload\", \"nonce\"}")->capture_default_str();
  sign_command->add_option("--key", options.key_file, "The private key, PEM")->required();
  passphrase_fd(sign_command);
  sign_command->add_option("--tenant", options.tenant, "For which tenant")->envname("CLAWSHIELD_TENANT_ID")->required();
  sign_command->add_option("--valid-for", options.valid_for, "Seconds until it expires")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{366 * 86400}))
      ->capture_default_str();
  sign_command->add_option("--approval-id", options.approval_id, "A UUID never used before; default: a random one");
  sign_command->add_flag("--yes", options.yes, "Sign without asking, for scripts");
  sign_command->add_flag("--embed", options.embed, "Print the whole request with its approval_artifact, ready to send");
  sign_command->add_option("--out", options.out, "Write to this new file");

  CLI::App* inspect_command = app.add_subcommand("inspect", "Look at an artifact, or at a request that carries one");
  inspect_command->footer(exit_codes);
  inspect_command->add_option("file", options.file, "The artifact or the request")->capture_default_str();
  inspect_command->add_option("--public-key", options.public_key_file, "PEM; without it the signature is not checked");
  inspect_command->add_option("--tenant", options.tenant, "The tenant it should be for");
  inspect_command->add_flag("--json", options.json, "Answer in JSON");

  return terminal::run(app, argc, argv, [&] {
    if (keygen_command->parsed()) return keygen(options);
    if (sign_command->parsed()) return sign(options);
    return inspect(options);
  });
}
