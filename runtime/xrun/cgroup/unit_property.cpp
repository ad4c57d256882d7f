// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/cgroup/unit_property.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "lib/base/table.hpp"
#include "lib/base/text.hpp"

namespace xctl::runtime {
namespace {

constexpr std::uint64_t kInfinity = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kMicroseconds = 1'000'000;
constexpr std::uint64_t kMaxCpu = 8191;

using Values = std::vector<UnitProperty>;

std::optional<std::uint64_t> parse_limit(std::string_view text) {
    if (text == "max") return kInfinity;
    const auto number = parse_unsigned(text);
    return number ? std::optional(*number) : std::nullopt;
}

void add_amount(Values& out, const char* name, std::string_view text) {
    if (const auto amount = parse_limit(text)) out.push_back({name, *amount});
}

/// systemd keeps hundredths of a percent in its files, and a reload must not take anything away.
std::uint64_t quota_per_second(std::uint64_t quota, std::uint64_t period) {
    constexpr std::uint64_t kStep = 100;
    // The kernel takes no quota so large that this would overflow.
    if (quota > (kInfinity - kStep) / kMicroseconds) return kInfinity;
    return (quota * kMicroseconds / period + kStep - 1) / kStep * kStep;
}

/// "QUOTA PERIOD" of cpu.max.
void add_quota(Values& out, std::string_view text) {
    const auto words = split(text, ' ');
    if (words.size() != 2) return;
    const auto quota = parse_limit(words[0]);
    const auto period = parse_limit(words[1]);
    if (!quota || !period || *period == 0) return;
    out.push_back({"CPUQuotaPerSecUSec", quota_per_second(*quota, *period)});
    out.push_back({"CPUQuotaPeriodUSec", *period});
}

void add_mask(Values& out, const char* name, std::string_view text) {
    if (auto mask = parse_cpu_mask(text)) out.push_back({name, std::move(*mask)});
}

/// systemd calls the weight of an idle group zero.
void add_idle(Values& out, std::string_view text) {
    if (text == "1") out.push_back({"CPUWeight", std::uint64_t{0}});
}

struct PropertyRow {
    std::string_view name;  // of the cgroup's file
    void (*add)(Values&, std::string_view);
};

constexpr std::array kPropertyRows{
    PropertyRow{"memory.max", [](Values& out, std::string_view text) { add_amount(out, "MemoryMax", text); }},
    PropertyRow{"memory.high", [](Values& out, std::string_view text) { add_amount(out, "MemoryHigh", text); }},
    PropertyRow{"memory.low", [](Values& out, std::string_view text) { add_amount(out, "MemoryLow", text); }},
    PropertyRow{"memory.min", [](Values& out, std::string_view text) { add_amount(out, "MemoryMin", text); }},
    PropertyRow{"memory.swap.max", [](Values& out, std::string_view text) { add_amount(out, "MemorySwapMax", text); }},
    PropertyRow{"pids.max", [](Values& out, std::string_view text) { add_amount(out, "TasksMax", text); }},
    PropertyRow{"cpu.weight", [](Values& out, std::string_view text) { add_amount(out, "CPUWeight", text); }},
    PropertyRow{"cpu.idle", add_idle},
    PropertyRow{"cpu.max", add_quota},
    PropertyRow{"cpuset.cpus", [](Values& out, std::string_view text) { add_mask(out, "AllowedCPUs", text); }},
    PropertyRow{"cpuset.mems", [](Values& out, std::string_view text) { add_mask(out, "AllowedMemoryNodes", text); }},
    PropertyRow{"io.weight", [](Values& out, std::string_view text) { add_amount(out, "IOWeight", text); }},
};
static_assert(names_are_unique(kPropertyRows));

using Maker = std::optional<PropertyValue> (*)(std::string_view);

template <class Number>
std::optional<PropertyValue> make_number(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<PropertyValue> make_bool(std::string_view text) {
    if (text == "true") return true;
    if (text == "false") return false;
    return std::nullopt;
}

struct TypeRow {
    std::string_view name;  // GVariant's keyword
    char signature;
    Maker make;
};

constexpr std::array kTypes{
    TypeRow{"boolean", 'b', make_bool},
    TypeRow{"byte", 'y', make_number<std::uint8_t>},
    TypeRow{"int16", 'n', make_number<std::int16_t>},
    TypeRow{"uint16", 'q', make_number<std::uint16_t>},
    TypeRow{"int32", 'i', make_number<std::int32_t>},
    TypeRow{"uint32", 'u', make_number<std::uint32_t>},
    TypeRow{"int64", 'x', make_number<std::int64_t>},
    TypeRow{"uint64", 't', make_number<std::uint64_t>},
    TypeRow{"double", 'd', make_number<double>},
};
static_assert(names_are_unique(kTypes));

class TextReader {
public:
    explicit TextReader(std::string_view text) : text_(text) {}

    Result<PropertyValue> read() {
        auto value = TRY(read_value());
        skip_blanks();
        if (!text_.empty()) return wrong();
        return value;
    }

private:
    std::unexpected<Error> wrong() const {
        return fail(Errc::invalid_argument, "no value that can be read at " + xctl::quoted(text_));
    }

    void skip_blanks() {
        while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\t')) text_.remove_prefix(1);
    }

    bool take(char c) {
        skip_blanks();
        if (text_.empty() || text_.front() != c) return false;
        text_.remove_prefix(1);
        return true;
    }

    Result<std::string> read_string(char quote) {
        std::string out;
        while (!text_.empty() && text_.front() != quote) {
            if (text_.front() == '\\' && text_.size() > 1) text_.remove_prefix(1);
            out += text_.front();
            text_.remove_prefix(1);
        }
        if (!take(quote)) return wrong();
        return out;
    }

    std::string_view read_word() {
        skip_blanks();
        const auto end = std::min(text_.find_first_of(" ,]"), text_.size());
        const auto word = text_.substr(0, end);
        text_.remove_prefix(end);
        return word;
    }

    Result<PropertyValue> read_value() {
        const auto* type = take_type();
        return take('[') ? read_array(type) : read_scalar(type);
    }

    /// There may be one word for the type; those of texts say nothing that the quotes do not.
    const TypeRow* take_type() {
        const auto before = text_;
        const auto word = read_word();
        if (const auto* type = find_type(word)) return type;
        if (word != "string" && word != "objectpath" && word != "@s" && word != "@as") text_ = before;
        return nullptr;
    }

    Result<PropertyValue> read_scalar(const TypeRow* type) {
        if (take('\'')) return TRY(read_string('\''));
        if (take('"')) return TRY(read_string('"'));
        const auto before = text_;
        const auto word = read_word();
        if (type == nullptr)
            if (auto truth = make_bool(word)) return *truth;
        if (auto value = (type != nullptr ? type : find_row(kTypes, "int32"))->make(word)) return *value;
        text_ = before;
        return wrong();
    }

    /// `uint64`, or the annotation `@t`, of an array `@at`.
    static const TypeRow* find_type(std::string_view word) {
        if (word.size() < 2 || word.front() != '@') return find_row(kTypes, word);
        const auto found = std::ranges::find(kTypes, word.back(), &TypeRow::signature);
        return found != kTypes.end() ? &*found : nullptr;
    }

    /// Systemd has lists of strings and of bytes, none of lists: nothing here calls itself, however deep the brackets.
    Result<PropertyValue> read_array(const TypeRow* type) {
        std::vector<std::string> strings;
        std::vector<std::uint8_t> bytes;
        while (!take(']')) {
            const auto* own = take_type();
            const auto* known = bytes.empty() ? type : find_row(kTypes, "byte");
            auto element = TRY(read_scalar(own != nullptr ? own : known));
            if (auto* string = std::get_if<std::string>(&element))
                strings.push_back(std::move(*string));
            else if (const auto* byte = std::get_if<std::uint8_t>(&element))
                bytes.push_back(*byte);
            else
                return wrong();
            if (!take(',') && !text_.starts_with(']')) return wrong();
        }
        if (!bytes.empty()) return strings.empty() ? Result<PropertyValue>(std::move(bytes)) : wrong();
        return strings;
    }

    std::string_view text_;
};

/// Microseconds of a number of seconds, whatever type it was written with.
Result<PropertyValue> to_microseconds(const PropertyValue& value) {
    return std::visit(
        [](const auto& number) -> Result<PropertyValue> {
            using Number = std::remove_cvref_t<decltype(number)>;
            if constexpr (std::is_arithmetic_v<Number> && !std::is_same_v<Number, bool>) {
                constexpr double kMost = 9e18;  // what llround() can return; a NaN is not below it either
                const auto microseconds = static_cast<double>(number) * 1e6;
                if (number >= 0 && microseconds < kMost) return static_cast<std::uint64_t>(std::llround(microseconds));
            }
            return fail(Errc::invalid_argument, "not a number of seconds");
        },
        value);
}

Result<UnitProperty> make_property(std::string name, std::string_view text) {
    auto value = TRY(parse_property_value(text));
    if (!name.ends_with("Sec") || name.ends_with("USec")) return UnitProperty{std::move(name), std::move(value)};
    name.insert(name.size() - 3, "U");
    value = TRY(to_microseconds(value));
    return UnitProperty{std::move(name), std::move(value)};
}

bool is_name(std::string_view name) {
    return name.size() > 2 && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    });
}

}  // namespace

std::vector<UnitProperty> limit_properties(const plan::Cgroup& limits) {
    Values out;
    for (const auto& file : limits.files)
        if (const auto* row = find_row(kPropertyRows, file.file)) row->add(out, file.value);
    return out;
}

Result<std::vector<UnitProperty>> annotated_properties(const std::map<std::string, std::string>& annotations) {
    constexpr std::string_view kPrefix = "org.systemd.property.";
    Values out;
    for (const auto& [key, text] : annotations) {
        if (!key.starts_with(kPrefix)) continue;
        auto name = key.substr(kPrefix.size());
        if (!is_name(name))
            return fail(Errc::invalid_argument, "annotation " + xctl::quoted(key) + ": no property's name");
        out.push_back(TRY(make_property(std::move(name), text), "annotation " + xctl::quoted(key)));
    }
    return out;
}

Result<PropertyValue> parse_property_value(std::string_view text) { return TextReader(text).read(); }

Result<std::vector<std::uint8_t>> parse_cpu_mask(std::string_view text) {
    std::vector<std::uint8_t> mask;
    for (const auto& range : split(text, ',')) {
        const auto dash = range.find('-');
        const auto first = TRY(parse_unsigned(std::string_view(range).substr(0, dash)));
        const auto last =
            dash == std::string::npos ? first : TRY(parse_unsigned(std::string_view(range).substr(dash + 1)));
        if (first > last || last > kMaxCpu)
            return fail(Errc::invalid_argument, "not a list of CPUs: " + xctl::quoted(text));
        for (auto cpu = first; cpu <= last; ++cpu) {
            mask.resize(std::max<std::size_t>(mask.size(), cpu / 8 + 1));
            mask[cpu / 8] |= static_cast<std::uint8_t>(1U << (cpu % 8));
        }
    }
    return mask;
}

}  // namespace xctl::runtime
