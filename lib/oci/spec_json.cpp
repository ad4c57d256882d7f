// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads config.json. The tables of its parts are in the *_fields.hpp beside this file.
#include "lib/oci/spec_json.hpp"

#include "lib/oci/document.hpp"
#include "lib/oci/fields.hpp"
#include "lib/oci/linux_fields.hpp"
#include "lib/oci/process_fields.hpp"
#include "lib/oci/root_fields.hpp"

namespace xctl::oci {

namespace {

template <class T>
Result<T> read_document(const Value& document, std::string_view file_name) {
    T out;
    TRY(read_value(document, Place{}, out), file_name);
    return out;
}

Result<Value> parse_patched(std::string_view text, std::string_view file_name, std::string_view patch_text) {
    Value document = TRY(parse_document(text, file_name));
    if (!patch_text.empty()) merge_patch(document, TRY(parse_document(patch_text, "merge patch")));
    return document;
}

}  // namespace

Result<Spec> parse_spec(std::string_view text, std::string_view file_name) {
    return parse_spec(text, file_name, {});
}

Result<Spec> parse_spec(std::string_view text, std::string_view file_name, std::string_view patch_text) {
    return read_document<Spec>(TRY(parse_patched(text, file_name, patch_text)), file_name);
}

Result<std::vector<std::string>> list_unknown_members(std::string_view text, std::string_view file_name,
                                                      std::string_view patch_text) {
    std::vector<std::string> out;
    list_unread<Spec>(TRY(parse_patched(text, file_name, patch_text)), Place{}, out);
    return out;
}

Result<Resources> parse_resources(std::string_view text, std::string_view file_name) {
    return read_document<Resources>(TRY(parse_document(text, file_name)), file_name);
}

Result<Process> parse_process(std::string_view text, std::string_view file_name) {
    return read_document<Process>(TRY(parse_document(text, file_name)), file_name);
}

}  // namespace xctl::oci
