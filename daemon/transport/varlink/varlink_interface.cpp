// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/varlink/varlink_interface.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "api/errors.hpp"
#include "api/verbs.hpp"

namespace xctl::transport {
namespace {

/// Owns all texts and symbols that the interface points to.
class Builder {
public:
    const sd_varlink_interface* build();

private:
    using Fields = std::vector<sd_varlink_field>;
    using Symbols = std::vector<const sd_varlink_symbol*>;

    const char* keep(std::string_view text) { return texts_.emplace_back(text).c_str(); }
    /// The C structures end in an array without a length, closed by an empty element.
    template <class Head, class Element>
    const Head* finish(const Head& head, std::size_t array_offset, std::vector<Element> elements);

    const sd_varlink_symbol* comment(std::string_view text);
    void add_comment(Fields& fields, std::string_view text);
    void add_field(Fields& fields, std::string_view name, sd_varlink_field_type_t type, std::int64_t flags,
                   sd_varlink_field_direction_t direction, const sd_varlink_symbol* named = nullptr);
    const sd_varlink_symbol* symbol(std::string_view name, sd_varlink_symbol_type_t type, std::int64_t flags,
                                    Fields fields);
    template <class T>
    const sd_varlink_symbol* structure();
    const sd_varlink_symbol* method(const api::VerbRow& verb);
    void add_outputs(Fields& fields, const api::VerbRow& verb);
    const sd_varlink_symbol* error(const api::ErrorRow& row);

    std::deque<std::string> texts_;
    std::deque<std::vector<std::max_align_t>> blocks_;
    std::map<std::string_view, const sd_varlink_symbol*> structures_;
};

template <class Head, class Element>
const Head* Builder::finish(const Head& head, std::size_t array_offset, std::vector<Element> elements) {
    elements.push_back({});
    const auto bytes = array_offset + elements.size() * sizeof(Element);
    auto& block = blocks_.emplace_back(bytes / sizeof(std::max_align_t) + 1);
    auto* memory = reinterpret_cast<std::byte*>(block.data());
    std::memcpy(memory, &head, array_offset);
    std::memcpy(memory + array_offset, elements.data(), elements.size() * sizeof(Element));
    return reinterpret_cast<const Head*>(memory);
}

const sd_varlink_symbol* Builder::symbol(std::string_view name, sd_varlink_symbol_type_t type, std::int64_t flags,
                                         Fields fields) {
    sd_varlink_symbol head{};
    head.name = keep(name);
    head.symbol_type = type;
    head.symbol_flags = static_cast<sd_varlink_symbol_flags_t>(flags);
    return finish(head, offsetof(sd_varlink_symbol, fields), std::move(fields));
}

const sd_varlink_symbol* Builder::comment(std::string_view text) {
    return symbol(text, _SD_VARLINK_SYMBOL_COMMENT, 0, {});
}

void Builder::add_comment(Fields& fields, std::string_view text) {
    sd_varlink_field field{};
    field.name = keep(text);
    field.field_type = _SD_VARLINK_FIELD_COMMENT;
    fields.push_back(field);
}

void Builder::add_field(Fields& fields, std::string_view name, sd_varlink_field_type_t type, std::int64_t flags,
                        sd_varlink_field_direction_t direction, const sd_varlink_symbol* named) {
    sd_varlink_field field{};
    field.name = keep(name);
    field.field_type = type;
    field.field_flags = static_cast<sd_varlink_field_flags_t>(flags);
    field.field_direction = direction;
    field.symbol = named;
    if (named != nullptr) field.named_type = named->name;
    fields.push_back(field);
}

struct WireType {
    sd_varlink_field_type_t type;
    std::int64_t flags;
};

/// `type`: index in api::Member.
WireType wire_type(std::size_t type) {
    static constexpr WireType kTypes[]{
        {SD_VARLINK_STRING, 0}, {SD_VARLINK_BOOL, 0},                  {SD_VARLINK_INT, 0},
        {SD_VARLINK_INT, 0},    {SD_VARLINK_INT, SD_VARLINK_NULLABLE}, {SD_VARLINK_STRING, SD_VARLINK_ARRAY},
    };
    return kTypes[type];
}

/// Whether a verb answers with it.
template <class T>
bool is_answered() {
    const api::Reply sample;
    const auto is_it = [&](api::Output output) {
        return api::visit_output(output, sample, []<class V>(const V&) {
            return std::is_same_v<V, T> || std::is_same_v<V, std::vector<T>>;
        });
    };
    return std::ranges::any_of(api::kVerbs, [&](const auto& verb) { return std::ranges::any_of(verb.outputs, is_it); });
}

template <class T>
const sd_varlink_symbol* Builder::structure() {
    Fields fields;
    for (const auto& row : api::Described<T>::kFields) {
        const auto [type, flags] = wire_type(row.member.index());
        add_comment(fields, row.help);
        add_field(fields, row.name, type, flags, SD_VARLINK_REGULAR);
    }
    return symbol(api::Described<T>::kName, SD_VARLINK_STRUCT_TYPE, 0, std::move(fields));
}

void Builder::add_outputs(Fields& fields, const api::VerbRow& verb) {
    const api::Reply sample;
    for (const auto output : verb.outputs) {
        const auto& row = api::output_row(output);
        add_comment(fields, row.help);
        const auto add = [&](sd_varlink_field_type_t type, std::int64_t flags,
                             const sd_varlink_symbol* named = nullptr) {
            add_field(fields, row.name, type, flags, SD_VARLINK_OUTPUT, named);
        };
        api::visit_output(output, sample, [&]<class T>(const T&) {
            if constexpr (api::Structure<T>)
                add(SD_VARLINK_NAMED_TYPE, 0, structures_[api::Described<T>::kName]);
            else if constexpr (std::is_same_v<T, std::string>)
                add(SD_VARLINK_STRING, 0);
            else if constexpr (std::is_same_v<T, UniqueFd> || std::is_same_v<T, std::uint64_t>)
                add(SD_VARLINK_INT, 0);
            else
                add(SD_VARLINK_NAMED_TYPE, SD_VARLINK_ARRAY,
                    structures_[api::Described<typename T::value_type>::kName]);
        });
    }
}

const sd_varlink_symbol* Builder::method(const api::VerbRow& verb) {
    Fields fields;
    for (const auto& param : verb.params) {
        const auto [type, flags] = wire_type(param.type);
        add_comment(fields, param.help);
        add_field(fields, param.name, type, flags | (param.required ? 0 : std::int64_t{SD_VARLINK_NULLABLE}),
                  SD_VARLINK_INPUT);
    }
    add_comment(fields, "Whether polkit may ask the caller for authentication");
    add_field(fields, "allowInteractiveAuthentication", SD_VARLINK_BOOL, SD_VARLINK_NULLABLE, SD_VARLINK_INPUT);
    add_outputs(fields, verb);
    const bool supports_more = api::can_be_followed(verb) || api::comes_in_parts(verb);
    std::int64_t flags = supports_more ? std::int64_t{SD_VARLINK_SUPPORTS_MORE} : 0;
    if (verb.answers == api::Answers::events) flags = SD_VARLINK_REQUIRES_MORE;
    return symbol(verb.method, SD_VARLINK_METHOD, flags, std::move(fields));
}

const sd_varlink_symbol* Builder::error(const api::ErrorRow& row) {
    Fields fields;
    add_comment(fields, "What went wrong, in a sentence");
    add_field(fields, "message", SD_VARLINK_STRING, 0, SD_VARLINK_REGULAR);
    add_comment(fields, "The step of the launch that failed");
    add_field(fields, "step", SD_VARLINK_STRING, SD_VARLINK_NULLABLE, SD_VARLINK_REGULAR);
    add_comment(fields, "The path that it worked on");
    add_field(fields, "path", SD_VARLINK_STRING, SD_VARLINK_NULLABLE, SD_VARLINK_REGULAR);
    add_comment(fields, "The system's error number, 0 if there was none");
    add_field(fields, "errno", SD_VARLINK_INT, 0, SD_VARLINK_REGULAR);
    return symbol(row.name, SD_VARLINK_ERROR, 0, std::move(fields));
}

const sd_varlink_interface* Builder::build() {
    Symbols symbols;
    symbols.push_back(symbol("Containers supervised by xctld", _SD_VARLINK_INTERFACE_COMMENT, 0, {}));
    const auto add = [&](std::string_view help, const sd_varlink_symbol* made) {
        symbols.push_back(comment(help));
        symbols.push_back(made);
        return made;
    };
    const auto add_structure = [&]<class T>(const T*) {
        if (!is_answered<T>()) return;
        structures_[api::Described<T>::kName] = add(api::Described<T>::kHelp, structure<T>());
    };
    [&]<class... T>(const std::tuple<T...>*) {
        (add_structure(static_cast<const T*>(nullptr)), ...);
    }(static_cast<const api::Structures*>(nullptr));
    for (const auto& verb : api::kVerbs) add(verb.help, method(verb));
    for (const auto& row : api::kErrors) add(row.meaning, error(row));
    sd_varlink_interface head{};
    head.name = keep(api::kVarlinkInterface);
    return finish(head, offsetof(sd_varlink_interface, symbols), std::move(symbols));
}

}  // namespace

const sd_varlink_interface* containers_interface() {
    static Builder builder;
    static const sd_varlink_interface* const built = builder.build();
    return built;
}

}  // namespace xctl::transport
