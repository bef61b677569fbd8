// SPDX-License-Identifier: Apache-2.0
// openexec-approve keygen: makes a key pair in two new files.
#include <unistd.h>

#include <ostream>
#include <string>

#include "approver_commands/approver_commands.hpp"
#include "canon/json_object.hpp"
#include "crypto/ed25519.hpp"

namespace openexec::terminal {
namespace {

using canon::JsonObject;

std::string new_passphrase(const ApproveOptions& options, const Console& console) {
  std::string passphrase;
  if (options.passphrase_fd) {
    passphrase = read_secret(*options.passphrase_fd);
  } else if (!options.no_passphrase) {
    const std::string otherwise = "give the passphrase with --passphrase-fd, or --no-passphrase for a key without one";
    passphrase = ask_secret(console, "New passphrase: ", otherwise);
    if (ask_secret(console, "The same again: ", otherwise) != passphrase)
      throw Stop(no, "the two passphrases differ; nothing was written");
  } else {
    return {};
  }
  if (passphrase.empty()) throw Stop(cannot, "an empty passphrase protects nothing; nothing was written");
  return passphrase;
}

}  // namespace

int keygen(const ApproveOptions& options, const Console& console) {
  const std::string private_path = options.name + ".key.pem";
  const std::string public_path = options.name + ".pub.pem";
  for (const std::string& path : {private_path, public_path})
    if (::access(path.c_str(), F_OK) == 0)
      throw Stop(cannot, shown(path) + " exists and is not overwritten; choose another name, or move it away");

  const std::string passphrase = new_passphrase(options, console);
  const auto key = or_stop(crypto::PrivateKey::generate(), cannot, "cannot make a key");
  const auto pem = or_stop(key.to_pem(passphrase), cannot, "cannot write the key");
  write_new_file(private_path, pem, 0600);
  try {
    write_new_file(public_path, key.public_key().to_pem(), 0644);
  } catch (...) {
    ::unlink(private_path.c_str());  // the command writes both files or none
    throw;
  }

  const std::string fingerprint = key.public_key().fingerprint();
  if (options.json) {
    print(console, JsonObject()
                       .text("private_key", shown(private_path))
                       .text("public_key", shown(public_path))
                       .text("fingerprint", fingerprint)
                       .boolean("encrypted", !passphrase.empty())
                       .take());
  } else {
    console.out << fields(
        Style(console),
        {{"private key", shown(private_path) + (passphrase.empty() ? "  (not encrypted; keep it on the approving side)"
                                                                   : "  (encrypted; keep it on the approving side)")},
         {"public key", shown(public_path) + "  (for the executor)"},
         {"fingerprint", fingerprint},
         {"next, for one key", "export CLAWSHIELD_PUBLIC_KEY=\"$(cat " + shown(public_path) + ")\""}});
  }
  return yes;
}

}  // namespace openexec::terminal
