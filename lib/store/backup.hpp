// A ledger copied while an executor has it, with what belongs to it.
#pragma once

#include <string>

#include <openexec/status.hpp>

namespace openexec::store {

/// Copies the ledger at `path` to `to` in one read transaction, which neither holds up the executor's commits nor sees
/// half of one. What is beside the ledger goes with it: its log key and its cosigned checkpoint, and with `anchor` the
/// anchor's present text, as `to`.anchor. Every file is new, durable and of mode 0600. store_failed if one of them is
/// there already, or if the ledger cannot be read; nothing is left behind then.
Status copy_ledger(const std::string& path, const std::string& to, const std::string& anchor = {});

/// Removes what copy_ledger() made.
void remove_copy(const std::string& to);

}  // namespace openexec::store
