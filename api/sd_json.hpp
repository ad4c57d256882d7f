// SPDX-License-Identifier: LGPL-2.1-or-later
// Values as JSON of sd-json(3), which varlink speaks: a Writer and a Reader for encode.hpp.
#pragma once

#include <systemd/sd-json.h>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/encode.hpp"
#include "lib/base/utf8.hpp"

namespace xctl::api {

/// An object. Its fields are collected and it is made of them once: to set a field of one that is there copies all
/// others.
class SdJsonObject {
public:
    SdJsonObject() = default;
    SdJsonObject(const SdJsonObject&) = delete;
    SdJsonObject& operator=(const SdJsonObject&) = delete;
    ~SdJsonObject() {
        for (auto* part : parts_) sd_json_variant_unref(part);
        sd_json_variant_unref(object_);
    }
    /// Takes the value. The name is a literal, as those of the rows are.
    void add(std::string_view name, sd_json_variant* value) {
        parts_.insert(parts_.end(), {sd_json_variant_ref(key_of(name.data())), value});
    }
    /// Null if there was no memory.
    [[nodiscard]] sd_json_variant* get() {
        if (!object_) (void)sd_json_variant_new_object(&object_, parts_.data(), parts_.size());
        return object_;
    }

private:
    struct Unref {
        void operator()(sd_json_variant* key) const noexcept { sd_json_variant_unref(key); }
    };

    /// The same for all objects that have it.
    static sd_json_variant* key_of(const char* name) {
        static std::unordered_map<const char*, std::unique_ptr<sd_json_variant, Unref>> keys;
        auto& key = keys[name];
        if (!key) {
            sd_json_variant* made = nullptr;
            (void)sd_json_variant_new_string(&made, name);
            key.reset(made);
        }
        return key.get();
    }

    std::vector<sd_json_variant*> parts_;  // names and values in turn
    sd_json_variant* object_ = nullptr;
};

/// The values are references of their holder's; null, which sd-json takes for JSON's null, if there was no memory.
class SdJsonWriter {
public:
    using Object = SdJsonObject;
    static constexpr auto kLeavesOut = LeavesOut::absent;

    /// JSON is UTF-8.
    [[nodiscard]] static sd_json_variant* text(const std::string& value) {
        return make(sd_json_variant_new_string, valid_utf8(value).c_str());
    }
    [[nodiscard]] static sd_json_variant* flag(bool value) { return make(sd_json_variant_new_boolean, value ? 1 : 0); }
    [[nodiscard]] static sd_json_variant* number(std::uint64_t value) {
        return make(sd_json_variant_new_unsigned, value);
    }
    [[nodiscard]] static sd_json_variant* number(std::int64_t value) {
        return make(sd_json_variant_new_integer, value);
    }
    [[nodiscard]] static sd_json_variant* list(std::vector<sd_json_variant*> elements) {
        sd_json_variant* const array = make(sd_json_variant_new_array, elements.data(), elements.size());
        for (auto* element : elements) sd_json_variant_unref(element);
        return array;
    }
    [[nodiscard]] static sd_json_variant* finish(Object& object) { return sd_json_variant_ref(object.get()); }

protected:
    template <class... Wanted, class... Given>
    static sd_json_variant* make(int (*maker)(sd_json_variant**, Wanted...), Given... values) {
        sd_json_variant* json = nullptr;
        (void)maker(&json, values...);
        return json;
    }
};

class SdJsonReader {
public:
    explicit SdJsonReader(sd_json_variant* json) : json_(json) {}

    bool text(std::string& out) const {
        return sd_json_variant_is_string(json_) != 0 && (out = sd_json_variant_string(json_), true);
    }
    bool flag(bool& out) const {
        return sd_json_variant_is_boolean(json_) != 0 && (out = sd_json_variant_boolean(json_) != 0, true);
    }
    bool number(std::uint64_t& out) const {
        return sd_json_variant_is_unsigned(json_) != 0 && (out = sd_json_variant_unsigned(json_), true);
    }
    bool number(std::int64_t& out) const {
        return sd_json_variant_is_integer(json_) != 0 && (out = sd_json_variant_integer(json_), true);
    }
    bool texts(std::vector<std::string>& out) const {
        return each([&](const SdJsonReader& element) { (void)element.text(out.emplace_back()); });
    }
    bool each(auto&& visit) const {
        if (sd_json_variant_is_array(json_) == 0) return false;
        for (std::size_t i = 0; i < sd_json_variant_elements(json_); ++i)
            visit(SdJsonReader(sd_json_variant_by_index(json_, i)));
        return true;
    }
    bool each_field(auto&& visit) const {
        if (sd_json_variant_is_object(json_) == 0) return false;
        for (std::size_t i = 0; i + 1 < sd_json_variant_elements(json_); i += 2)
            visit(std::string_view(sd_json_variant_string(sd_json_variant_by_index(json_, i))),
                  SdJsonReader(sd_json_variant_by_index(json_, i + 1)));
        return true;
    }

private:
    sd_json_variant* json_;
};

}  // namespace xctl::api
