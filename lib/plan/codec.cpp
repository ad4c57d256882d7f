// SPDX-License-Identifier: LGPL-2.1-or-later
// One writer and one reader walk each struct's fields(); no struct is named here.
#include "lib/plan/codec.hpp"

#include <algorithm>
#include <concepts>
#include <cstring>
#include <format>
#include <type_traits>

#include "lib/base/traits.hpp"

namespace xctl::plan {
namespace {

constexpr std::string_view kMagic = "xctlplan";
constexpr std::uint32_t kVersion = 5;  // raise it with every change of a fields() list
constexpr std::size_t kMaxBytes = std::size_t{16} << 20;

/// The highest enumerator, for refusing others.
template <class Enum>
inline constexpr Enum kLast{};
template <>
inline constexpr NamespaceKind kLast<NamespaceKind> = NamespaceKind::time;
template <>
inline constexpr Presence kLast<Presence> = Presence::unasked;
template <>
inline constexpr MountKind kLast<MountKind> = MountKind::change;

class Writer {
public:
    template <class T>
    void put(const T& value) {
        if constexpr (std::same_as<T, bool> || std::is_enum_v<T>) {
            put(static_cast<std::uint8_t>(value));
        } else if constexpr (std::integral<T>) {
            bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
        } else if constexpr (std::same_as<T, std::string>) {
            put(static_cast<std::uint32_t>(value.size()));
            bytes_ += value;
        } else if constexpr (kIsOptional<T>) {
            put(value.has_value());
            if (value) put(*value);
        } else if constexpr (kIsVector<T>) {
            put(static_cast<std::uint32_t>(value.size()));
            for (const auto& element : value) put(element);
        } else {
            T::fields([this](const auto&... members) { (put(members), ...); }, value);
        }
    }
    void put_raw(std::string_view bytes) { bytes_ += bytes; }
    std::string take() { return std::move(bytes_); }

private:
    std::string bytes_;
};

/// Every get() fails from the first failure on, and no length is believed before the bytes are there.
class ByteReader {
public:
    explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

    template <class T>
    bool get(T& value) {
        if constexpr (std::same_as<T, bool>) {
            return get_byte(value, std::uint8_t{1});
        } else if constexpr (std::is_enum_v<T>) {
            return get_byte(value, static_cast<std::uint8_t>(kLast<T>));
        } else if constexpr (std::integral<T>) {
            if (rest_.size() < sizeof value) return false;
            std::memcpy(&value, rest_.data(), sizeof value);
            rest_.remove_prefix(sizeof value);
            return true;
        } else if constexpr (std::same_as<T, std::string>) {
            return get_text(value);
        } else if constexpr (kIsOptional<T>) {
            bool present = false;
            if (!get(present)) return false;
            return !present || get(value.emplace());
        } else if constexpr (kIsVector<T>) {
            return get_elements(value);
        } else {
            return T::fields([this](auto&... members) { return (get(members) && ...); }, value);
        }
    }
    bool skip(std::string_view expected) {
        if (!rest_.starts_with(expected)) return false;
        rest_.remove_prefix(expected.size());
        return true;
    }
    [[nodiscard]] bool is_at_end() const { return rest_.empty(); }

private:
    template <class T>
    bool get_byte(T& value, std::uint8_t highest) {
        std::uint8_t byte = 0;
        if (!get(byte) || byte > highest) return false;
        value = static_cast<T>(byte);
        return true;
    }
    bool get_text(std::string& value) {
        std::uint32_t size = 0;
        if (!get(size) || size > rest_.size()) return false;
        value = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return true;
    }
    // An element takes at least one byte; growing one by one keeps memory in proportion to the bytes read.
    template <class T>
    bool get_elements(std::vector<T>& value) {
        std::uint32_t size = 0;
        if (!get(size) || size > rest_.size()) return false;
        for (std::uint32_t i = 0; i < size; ++i)
            if (!get(value.emplace_back())) return false;
        return true;
    }

    std::string_view rest_;
};

}  // namespace

std::string encode(const LaunchPlan& plan) {
    Writer writer;
    writer.put_raw(kMagic);
    writer.put(kVersion);
    writer.put(plan);
    return writer.take();
}

Result<LaunchPlan> decode(std::span<const std::byte> bytes) {
    if (bytes.size() > kMaxBytes)
        return fail(Errc::invalid_document, std::format("launch plan: larger than {} bytes", kMaxBytes));
    ByteReader reader({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (!reader.skip(kMagic)) return fail(Errc::invalid_document, "launch plan: not a launch plan");
    std::uint32_t version = 0;
    if (!reader.get(version) || version != kVersion)
        return fail(Errc::invalid_document, std::format("launch plan: version {}, not {}", version, kVersion));
    LaunchPlan plan;
    if (!reader.get(plan)) return fail(Errc::invalid_document, "launch plan: truncated or damaged");
    if (!reader.is_at_end()) return fail(Errc::invalid_document, "launch plan: followed by other bytes");
    return plan;
}

}  // namespace xctl::plan
