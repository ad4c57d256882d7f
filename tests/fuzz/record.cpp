// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as xrun's state file and as the daemon's record: they are refused, or what was read of them writes a text
// that reads as the same again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/model/record.hpp"
#include "runtime/xrun/state/record.hpp"

namespace {

template <class Record>
void expect_same(const Record& record, xctl::Result<Record> (*parse)(std::string_view)) {
    const auto text = to_json(record);
    const auto again = parse(text);
    if (!again || to_json(*again) != text) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto record = xctl::runtime::parse_record(text)) {
        // A number that did not fit must not have become another process.
        if (record->pid < 0) std::abort();
        expect_same(*record, xctl::runtime::parse_record);
    }
    if (const auto record = xctl::model::parse_record(text)) expect_same(*record, xctl::model::parse_record);
    return 0;
}
