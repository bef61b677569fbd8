// SPDX-License-Identifier: Apache-2.0
// The advice for models. C, HTTP documents and every adapter take their texts from this table.
#include <array>

#include <openexec/outcome.hpp>

namespace openexec {
namespace {

/// The advice on an attempt that ran nothing. The group has the part that several codes share.
struct Row {
  Code code;
  std::string_view text;
};

constexpr std::string_view again_unchanged =
    "This attempt ran nothing. Send the very same call again later, unchanged. Do not make a new call in its place: if it "
    "ran before, the repetition is told so and does not run it again.";
constexpr std::string_view not_permitted =
    "This did not run, and it is not permitted here. Do not try it again, and do not look for another way to do it. Tell "
    "the user, who can ask the operator.";
constexpr std::string_view needs_approval =
    "This did not run. It needs a valid approval, which a person has to give. Do not change the call to get around that. "
    "It may be sent again with an approval of exactly this action and these arguments.";
constexpr std::string_view correct_it =
    "This did not run. The call is wrong: correct what the detail names, and make a new call.";
constexpr std::string_view in_doubt =
    "This may have run, completely or in part, and nobody knows yet. Do not make the call again, and make no other call in "
    "its place. Tell the user that somebody has to find out what happened. The same call, repeated unchanged, never runs "
    "it again, and tells the outcome once it is known.";

constexpr std::array without_effect{
    Row{Code::handler_failed,
        "This failed, and nothing happened. Read the detail first. The very same call, sent again unchanged, runs again only "
        "where that is allowed, and otherwise tells this outcome. Any other try is a new call, and needs an approval of its "
        "own."},
    Row{Code::malformed_request, correct_it},
    Row{Code::payload_schema, correct_it},
    Row{Code::unknown_action, not_permitted},
    Row{Code::action_not_allowed, not_permitted},
    Row{Code::overloaded, again_unchanged},
    Row{Code::halted, again_unchanged},
    Row{Code::clock_suspect, again_unchanged},
    Row{Code::store_failed, again_unchanged},
    Row{Code::approval_missing, needs_approval},
    Row{Code::approval_key_missing, not_permitted},
    Row{Code::approval_malformed, needs_approval},
    Row{Code::approval_hash_mismatch, needs_approval},
    Row{Code::approval_tenant_mismatch, needs_approval},
    Row{Code::approval_expired, needs_approval},
    Row{Code::approval_not_yet_valid, needs_approval},
    Row{Code::approval_signature_invalid, needs_approval},
    Row{Code::approval_audience_mismatch, needs_approval},
    Row{Code::approval_policy_mismatch, needs_approval},
    Row{Code::approval_constraint, needs_approval},
    Row{Code::approval_key_revoked, needs_approval},
    Row{Code::approval_threshold, needs_approval},
    Row{Code::nonce_conflict,
        "This did not run: another call with other arguments was made under the same nonce, and that one may have run. Do "
        "not repeat either of them. If both are wanted, this one is a new call with a nonce of its own."},
    Row{Code::approval_spent,
        "This attempt ran nothing: its approval was used by an earlier call or was withdrawn, and the earlier call may have "
        "run. Do not ask for another approval of the same thing before its outcome is known."},
};

std::string_view of_no_effect(Code code) noexcept {
  for (const Row& row : without_effect)
    if (row.code == code) return row.text;
  return "This attempt ran nothing. Read the detail, and tell the user. Do not try it again unchanged.";
}

}  // namespace

std::string_view advice(Code code, Verdict verdict, Effect effect) noexcept {
  if (code == Code::ok && verdict == Verdict::control) return "The order was carried out.";
  if (code == Code::ok && effect == Effect::confirmed && verdict == Verdict::replayed)
    return "This ran before, once, and this is the outcome of then. It was not run again. It is done: do not make the call "
           "again.";
  if (code == Code::ok && effect == Effect::confirmed)
    return "This ran, once, and this is its outcome. It is done: do not make the call again.";
  if (code == Code::in_progress)
    return "This is running now, in an earlier attempt. Do not make a new call in its place. Send the very same call again "
           "later, unchanged, to learn the outcome.";
  if (code == Code::handler_failed && effect == Effect::unknown)
    return "This ran and failed, and a part of it may have happened. Do not make the call again before somebody has found "
           "out what happened. The outcome is final: the same call, repeated unchanged, is told the same.";
  if (code == Code::result_invalid)
    return "This ran, and what it returned is lost. It may have done all of its work. Do not make the call again before "
           "somebody has found out what happened.";
  if (effect == Effect::none && code != Code::ok && code != Code::in_doubt) return of_no_effect(code);
  return in_doubt;
}

std::string_view advice(const Outcome& outcome) noexcept {
  if (outcome.may_retry && outcome.code == Code::handler_failed && outcome.effect == Effect::none)
    return "This failed, and nothing happened. It may be tried again: send the very same call once more, unchanged and under "
           "the same approval. Do not make a new call in its place.";
  return advice(outcome.code, outcome.verdict, outcome.effect);
}

}  // namespace openexec
