// SPDX-License-Identifier: Apache-2.0
// openexec log cosign: asks witnesses for their cosignatures, and keeps them with the checkpoint. It is a process of
// its own, because the executor makes no outgoing connections.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "canon/json_object.hpp"
#include "commands/terminal.hpp"
#include "log_commands/log_commands.hpp"
#include "merkle/lines.hpp"
#include "merkle/note.hpp"
#include "merkle/policy.hpp"

namespace openexec::log_commands {
namespace {

using canon::JsonObject;
using terminal::CommandLine;
using terminal::Console;
using terminal::or_cannot;
using terminal::shown;
using terminal::Stop;
using terminal::Style;

constexpr auto footer = R"(Exit codes:
  0  the checkpoint has the cosignatures that the policy asks for, and they are kept
  1  it has not; those that came are kept all the same
  2  wrong usage, or the ledger or the policy could not be read

Run it from a timer, beside the running service. A witness that is down, slow or lying costs its own cosignature and
nothing else. Only cosignatures by keys that the policy names, and that verify, are kept.)";

struct Options {
  std::string ledger = "sqlite:///openexec.db";
  std::string policy;
  std::vector<std::string> witnesses;
  std::uint32_t timeout_ms = 10'000;
  bool json = false;
};

/// The result of asking one witness.
struct Asked {
  std::string url;
  std::vector<std::string> cosigned;  ///< the policy's names of the witnesses that cosigned
  std::string why;                    ///< why no witness cosigned
};

class Collecting {
 public:
  Collecting(const Options& options, Ledger& ledger, const AskWitness& ask_witness, const Console& console)
      : options_(options),
        ledger_(ledger),
        ask_witness_(ask_witness),
        policy_(or_cannot(merkle::Policy::parse(terminal::read_input(console, options.policy)), "the policy")),
        checkpoint_(or_cannot(ledger.checkpoint(), "the checkpoint")),
        note_(or_cannot(merkle::Note::parse(checkpoint_.note), "the checkpoint")) {
    const auto& logs = policy_.logs();
    const bool named = logs.empty() || std::any_of(logs.begin(), logs.end(), [&](const merkle::VerifierKey& key) {
                         return key.write() == ledger.verifier_key();
                       });
    if (!named) throw Stop(terminal::cannot, "the policy is of other logs than " + shown(ledger.verifier_key()));
    if (const auto kept = or_cannot(ledger.cosigned_checkpoint(), "the cosigned checkpoint")) {
      known_ = kept->size;
      const auto before = merkle::Note::parse(kept->note);
      if (before.ok() && before->text == note_.text) add(*before);
    }
  }

  Asked ask(const std::string& url) {
    Asked asked{url, {}, {}};
    // The witness states the size that it cosigned last. It is accepted if a proof from that size can be made.
    std::uint64_t from = known_;
    for (int attempt = 0; attempt < 3; ++attempt) {
      const auto reply = ask_witness_(url, request(from), std::chrono::milliseconds(options_.timeout_ms));
      if (!reply.ok()) {
        if (reply.status().code() == Code::invalid_argument)
          throw Stop(terminal::cannot, "--witness " + shown(url) + ": " + reply.status().detail());
        asked.why = reply.status().detail();
        return asked;
      }
      if (reply->status == 409) {
        std::string_view line = reply->body;
        while (line.ends_with('\n')) line.remove_suffix(1);
        const auto size = merkle::read_number(line);
        if (!size || *size > checkpoint_.size || *size == from) {
          asked.why = !size ? "409, and not how far it came"
                            : "it has cosigned another history, or a longer one (" + grouped(*size) + ")";
          return asked;
        }
        from = *size;
        continue;
      }
      if (reply->status != 200) {
        asked.why = "answered " + std::to_string(reply->status);
        return asked;
      }
      take(reply->body, asked);
      return asked;
    }
    asked.why = "says each time that it came to another size";
    return asked;
  }

  /// Returns what the policy says of the cosignatures so far.
  [[nodiscard]] Status quorum() const {
    std::vector<bool> cosigned;
    for (const auto& witness : policy_.witnesses()) cosigned.push_back(find(note_, witness.key) != nullptr);
    return policy_.check_quorum(cosigned);
  }

  void keep() {
    if (!changed_) return;
    const std::string note = or_cannot(note_.write(), "the cosigned checkpoint");
    if (const Status kept = ledger_.keep_cosigned(note); !kept.ok())
      throw Stop(terminal::cannot, "the cosignatures could not be kept: " + shown(kept.detail()));
    // Another run may have added cosignatures to the same checkpoint meanwhile.
    if (const auto kept = or_cannot(ledger_.cosigned_checkpoint(), "the cosigned checkpoint")) {
      const auto merged = merkle::Note::parse(kept->note);
      if (merged.ok() && merged->text == note_.text) add(*merged);
    }
  }

  [[nodiscard]] std::uint64_t size() const noexcept { return checkpoint_.size; }
  [[nodiscard]] std::size_t count() const noexcept { return note_.signatures.size() - 1; }

 private:
  [[nodiscard]] std::string request(std::uint64_t from) {
    std::string body = "old " + std::to_string(from) + "\n";
    for (const Digest& hash : or_cannot(ledger_.prove_consistency(from, checkpoint_.size), "the proof"))
      body += base::base64({reinterpret_cast<const char*>(hash.data()), hash.size()}) + "\n";
    return body + "\n" + checkpoint_.note;
  }

  /// Returns the key's cosignature of the checkpoint if it verifies.
  static const merkle::NoteSignature* find(const merkle::Note& note, const merkle::VerifierKey& key) {
    const merkle::NoteSignature* signature = key.find_in(note);
    return signature != nullptr && key.verify(note.text, *signature).ok() ? signature : nullptr;
  }

  /// Adds the cosignatures of the policy's witnesses, and returns the names of these witnesses.
  std::vector<std::string> add(const merkle::Note& note) {
    std::vector<std::string> names;
    for (const auto& witness : policy_.witnesses()) {
      const merkle::NoteSignature* signature = find(note, witness.key);
      if (signature == nullptr) continue;
      names.push_back(witness.name);
      // The newer cosignature is kept, since it says that the witness saw the checkpoint at a later time.
      std::erase_if(note_.signatures, [&](const merkle::NoteSignature& each) { return witness.key.is_of(each); });
      note_.signatures.push_back(*signature);
    }
    return names;
  }

  /// Parses the answer of a witness, which consists of signature lines as they follow a note's text.
  void take(const std::string& lines, Asked& asked) {
    const auto answered = merkle::Note::parse(note_.text + "\n" + lines);
    if (!answered.ok()) {
      asked.why = "answered what are no cosignatures: " + answered.status().detail();
      return;
    }
    asked.cosigned = add(*answered);
    changed_ = changed_ || !asked.cosigned.empty();
    if (asked.cosigned.empty()) asked.why = "answered no cosignature of this checkpoint by a witness of the policy";
  }

  const Options& options_;
  Ledger& ledger_;
  const AskWitness& ask_witness_;
  const merkle::Policy policy_;
  const SignedCheckpoint checkpoint_;
  merkle::Note note_;        ///< the log's signature first, then the cosignatures
  std::uint64_t known_ = 0;  ///< how far the last cosigned checkpoint reaches
  bool changed_ = false;
};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

int cosign(const Options& options, const AskWitness& ask_witness, const Console& console) {
  const auto ledger = open_to_read(options.ledger);
  Collecting collecting(options, *ledger, ask_witness, console);
  std::vector<Asked> all;
  for (const std::string& url : options.witnesses) all.push_back(collecting.ask(url));
  collecting.keep();
  const Status quorum = collecting.quorum();
  if (options.json) {
    std::string witnesses;
    for (const Asked& asked : all) {
      JsonObject one;
      one.text("url", asked.url).text_or_null("cosigned", joined(asked.cosigned)).text_or_null("why", asked.why);
      witnesses += (witnesses.empty() ? "" : ",") + one.take();
    }
    console.out << JsonObject()
                       .boolean("quorum", quorum.ok())
                       .number("size", collecting.size())
                       .number("cosignatures", collecting.count())
                       .raw("witnesses", "[" + witnesses + "]")
                       .take()
                << '\n';
  } else {
    const Style style(console);
    std::vector<std::vector<std::string>> rows;
    for (const Asked& asked : all)
      rows.push_back({shown(asked.url), asked.why.empty() ? style.good("cosigned") : style.bad("did not"),
                      shown(asked.why.empty() ? joined(asked.cosigned) : asked.why)});
    console.out << terminal::table(style, {"WITNESS", "", ""}, rows);
    console.out << (quorum.ok() ? style.good("enough") : style.bad("not enough")) << ": the checkpoint over "
                << grouped(collecting.size()) << " entries has " << collecting.count()
                << (collecting.count() == 1 ? " cosignature\n" : " cosignatures\n");
  }
  return quorum.ok() ? terminal::yes : terminal::no;
}

}  // namespace

void add_cosign(CommandLine& line, CLI::App& log, AskWitness ask_witness) {
  CLI::App* command = log.add_subcommand("cosign", "Ask witnesses to cosign the newest checkpoint (C2SP tlog-witness)");
  command->footer(footer);
  auto options = std::make_shared<Options>();
  ledger_option(line, *command, options->ledger);
  command->add_option("--witness", options->witnesses, "URL of a witness; once for each")->required();
  command->add_option("--policy", options->policy, "Whose cosignatures are enough (C2SP tlog-policy)")->required();
  command->add_option("--timeout", options->timeout_ms, "Milliseconds for each question")
      ->check(CLI::Range(1, 600'000))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Answer in JSON");
  line.on(*command, [options, &line, ask_witness = std::move(ask_witness)] {
    return cosign(*options, ask_witness, line.console());
  });
}

}  // namespace openexec::log_commands
