// SPDX-License-Identifier: LGPL-2.1-or-later
// The latest few results of what takes long, each with everything that it was made from.
#pragma once

#include <cstddef>
#include <list>
#include <utility>

namespace xctl {

template <class Key, class Value, std::size_t kMost>
class Latest {
public:
    /// Valid until the next keep(); nullptr if there is none.
    [[nodiscard]] const Value* find(const Key& key) {
        for (auto it = entries_.begin(); it != entries_.end(); ++it) {
            if (it->first != key) continue;
            entries_.splice(entries_.begin(), entries_, it);
            return &entries_.front().second;
        }
        return nullptr;
    }

    /// Instead of the one that nobody has asked for the longest, if there are as many as may be.
    const Value& keep(Key key, Value value) {
        if (entries_.size() == kMost) entries_.pop_back();
        return entries_.emplace_front(std::move(key), std::move(value)).second;
    }

private:
    std::list<std::pair<Key, Value>> entries_;
};

}  // namespace xctl
