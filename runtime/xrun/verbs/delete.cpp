// SPDX-License-Identifier: LGPL-2.1-or-later
// delete: removes what create made.
#include "runtime/xrun/state/container.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

/// Of a create that was killed before it had written anything down, only the directory is left.
Result<int> remove_remains(const Arguments& arguments, const std::string& id) {
    auto store = Store::open(arguments, id);
    if (!store && store.error().code == Errc::not_found) return 0;
    if (!store) return std::unexpected(std::move(store).error());
    if (const auto locked = store->lock(); !locked)
        return locked.error().code == Errc::not_found ? Result<int>(0) : std::unexpected(locked.error());
    if (store->load()) return fail(Errc::wrong_state, "the container has just been created; try again");
    TRY(store->remove());
    return 0;
}

/// Without the lock: whoever hangs on the container while holding it goes on when everything of it is dead.
void kill_what_is_there(const Arguments& arguments, const std::string& id) {
    if (const auto container = open_container(arguments, id, Lock::no))
        static_cast<void>(kill_everything(*container));
}

Result<int> delete_one(const Arguments& arguments, const std::string& id) {
    if (arguments.force) kill_what_is_there(arguments, id);
    auto container = open_container(arguments, id, Lock::yes);
    if (!container && container.error().code == Errc::not_found && arguments.force)
        return remove_remains(arguments, id);
    if (!container) return std::unexpected(std::move(container).error());
    // We have the lock: nobody is creating it any more.
    const auto status = container->record.pid == 0 ? oci::Status::stopped : status_of(*container);
    const bool deletable = arguments.force || status == oci::Status::stopped || status == oci::Status::created;
    if (!deletable)
        return fail(Errc::wrong_state, "cannot delete container " + id + " that is not stopped: " +
                                           std::string(oci::to_string(status)));
    TRY(destroy(*container));
    return 0;
}

}  // namespace

Result<int> verb_delete(const Arguments& arguments) { return for_each_named(arguments, delete_one); }

}  // namespace xctl::runtime
