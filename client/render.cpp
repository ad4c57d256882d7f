// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/render.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <format>
#include <vector>

#include "api/encode.hpp"
#include "api/errors.hpp"
#include "lib/base/text.hpp"
#include "lib/base/time_text.hpp"
#include "lib/base/utf8.hpp"

namespace xctl::client {
namespace {

constexpr std::string_view kNothing = "-";
constexpr std::size_t kGap = 2;  // between the columns of a table

}  // namespace

std::string age_text(std::uint64_t usec, Time now) {
    if (usec == 0) return std::string(kNothing);
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - from_usec(usec));
    if (elapsed.count() < 0) return std::format("in {}", format_duration(-elapsed));
    return std::format("{} ago", format_duration(elapsed));
}

std::string time_text(std::uint64_t usec) {
    return usec == 0 ? std::string(kNothing) : format_local_time(from_usec(usec));
}

namespace {

std::string time_and_age(std::uint64_t usec, Time now) {
    return std::format("{} ({})", format_local_time(from_usec(usec)), age_text(usec, now));
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
    constexpr std::string_view kUnits = "KMGT";
    if (bytes < 1024) return std::format("{}B", bytes);
    auto amount = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    for (; amount >= 1024 && unit + 1 < kUnits.size(); ++unit) amount /= 1024;
    return std::format("{:.1f}{}", amount, kUnits[unit]);
}

namespace {

std::string signal_text(std::int64_t number) {
    const char* name = number > 0 && number < NSIG ? ::sigabbrev_np(static_cast<int>(number)) : nullptr;
    return name ? std::string(name) : std::to_string(number);
}

/// Of UTF-8.
std::size_t characters_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// One row of a table: what it is called, and its text for one container or client.
template <class T>
struct Column {
    std::string_view title;
    std::string (*text)(const T&, Time now);
};

constexpr std::array<Column<api::ContainerInfo>, 7> kColumns{{
    {"NAME", [](const api::ContainerInfo& c, Time) { return c.name; }},
    {"STATE", [](const api::ContainerInfo& c, Time) { return c.state; }},
    {"PID", [](const api::ContainerInfo& c, Time) { return c.pid ? std::to_string(c.pid) : std::string(kNothing); }},
    {"STARTED", [](const api::ContainerInfo& c, Time now) { return age_text(c.started, now); }},
    {"RESTARTS", [](const api::ContainerInfo& c, Time) { return std::to_string(c.restarts); }},
    {"EXIT", [](const api::ContainerInfo& c, Time) { return exit_text(c.exit_reason, c.exit_status); }},
    {"BUNDLE", [](const api::ContainerInfo& c, Time) { return c.bundle.empty() ? std::string(kNothing) : c.bundle; }},
}};

constexpr std::array<Column<api::ContainerInfo>, 16> kDetails{{
    {"Name", [](const api::ContainerInfo& c, Time) { return c.name; }},
    {"State", [](const api::ContainerInfo& c, Time) { return c.state; }},
    {"Message", [](const api::ContainerInfo& c, Time) { return c.message; }},
    {"Definition", [](const api::ContainerInfo& c, Time) { return c.load_error; }},
    {"PID", [](const api::ContainerInfo& c, Time) { return c.pid ? std::to_string(c.pid) : std::string(); }},
    {"Bundle", [](const api::ContainerInfo& c, Time) { return c.bundle; }},
    {"Unit", [](const api::ContainerInfo& c, Time) { return c.unit; }},
    {"Autostart", [](const api::ContainerInfo& c, Time) { return std::string(c.autostart ? "yes" : "no"); }},
    {"Restart", [](const api::ContainerInfo& c, Time) { return c.restart; }},
    {"Runs", [](const api::ContainerInfo& c, Time) { return std::to_string(c.runs); }},
    {"Restarts", [](const api::ContainerInfo& c, Time) { return std::to_string(c.restarts); }},
    {"Started", [](const api::ContainerInfo& c, Time now) { return c.started ? time_and_age(c.started, now) : ""; }},
    {"Exited",
     [](const api::ContainerInfo& c, Time now) {
         return c.exited ? std::format("{}, {}", exit_text(c.exit_reason, c.exit_status), time_and_age(c.exited, now))
                         : "";
     }},
    {"Next start",
     [](const api::ContainerInfo& c, Time now) { return c.next_start ? time_and_age(c.next_start, now) : ""; }},
    {"Console",
     [](const api::ContainerInfo& c, Time) {
         return std::format("{} printed, {} kept", size_text(c.console_end),
                            size_text(c.console_end - c.console_begin));
     }},
    {"Attached", [](const api::ContainerInfo& c, Time) { return std::to_string(c.attached); }},
}};

constexpr std::array<Column<api::ExecInfo>, 5> kExecColumns{{
    {"ID", [](const api::ExecInfo& e, Time) { return e.id; }},
    {"PID", [](const api::ExecInfo& e, Time) { return std::to_string(e.pid); }},
    {"TTY", [](const api::ExecInfo& e, Time) { return std::string(e.terminal ? "yes" : "no"); }},
    {"ATTACHED", [](const api::ExecInfo& e, Time) { return std::to_string(e.attached); }},
    {"COMMAND", [](const api::ExecInfo& e, Time) { return e.command; }},
}};

constexpr std::array<Column<api::ClientInfo>, 6> kClientColumns{{
    {"ROLE", [](const api::ClientInfo& c, Time) { return c.role; }},
    {"UID", [](const api::ClientInfo& c, Time) { return std::to_string(c.uid); }},
    {"PID", [](const api::ClientInfo& c, Time) { return c.pid ? std::to_string(c.pid) : std::string(kNothing); }},
    {"UNIT", [](const api::ClientInfo& c, Time) { return c.unit.empty() ? std::string(kNothing) : c.unit; }},
    {"SINCE", [](const api::ClientInfo& c, Time now) { return age_text(c.since, now); }},
    {"BEHIND", [](const api::ClientInfo& c, Time) { return size_text(c.behind); }},
}};

}  // namespace

std::string left_out_text(std::uint64_t count, std::string_view what) {
    return count == 0 ? std::string() : std::format("... and {} more {}", count, what);
}

std::string table_text(const std::vector<std::vector<std::string>>& lines) {
    auto cells = lines;
    std::vector<std::size_t> widths(lines.front().size());
    for (auto& line : cells)
        for (std::size_t i = 0; i < line.size(); ++i) {
            line[i] = printable(line[i]);
            widths[i] = std::max(widths[i], characters_of(line[i]));
        }
    std::string out;
    for (const auto& line : cells) {
        for (std::size_t i = 0; i + 1 < line.size(); ++i) {
            out += line[i];
            out.append(widths[i] - characters_of(line[i]) + kGap, ' ');
        }
        out += line.back() + '\n';
    }
    return out;
}

std::string pairs_text(const std::vector<std::pair<std::string_view, std::string>>& pairs) {
    std::size_t width = 0;
    for (const auto& [title, text] : pairs) width = std::max(width, title.size());
    std::string out;
    for (const auto& [title, text] : pairs)
        if (!text.empty()) out += std::format("{:>{}}: {}\n", title, width, printable(text));
    return out;
}

namespace {

template <class T, std::size_t N>
std::string table_of(std::span<const T> values, const std::array<Column<T>, N>& columns, Time now) {
    std::vector<std::vector<std::string>> lines(1);
    for (const auto& column : columns) lines.front().emplace_back(column.title);
    for (const auto& value : values) {
        auto& line = lines.emplace_back();
        for (const auto& column : columns) line.push_back(column.text(value, now));
    }
    return table_text(lines);
}

struct JsonTextObject {
    std::string text = "{";
    void add(std::string_view name, const std::string& value) {
        if (text.size() > 1) text += ',';
        text += json_text(name) + ':' + value;
    }
};

struct JsonTextWriter {
    using Object = JsonTextObject;
    static constexpr auto kLeavesOut = api::LeavesOut::nothing;

    static std::string text(const std::string& value) { return json_text(value); }
    static std::string flag(bool value) { return value ? "true" : "false"; }
    static std::string number(auto value) { return std::to_string(value); }
    static std::string nothing() { return "null"; }
    static std::string list(const std::vector<std::string>& elements) {
        std::string out = "[";
        for (const auto& element : elements) out += (out.size() > 1 ? "," : "") + element;
        return out += ']';
    }
    static std::string finish(Object& object) { return std::move(object.text) + '}'; }
};

/// The first character of the text as it stands in a JSON string; the document's own quotes and backslashes are the
/// caller's.
std::string json_character(const Character& character, std::string_view text) {
    if (character.kind == CharacterKind::invalid) return "\\ufffd";
    if (character.kind == CharacterKind::control)
        return std::format("\\u{:04x}", static_cast<std::uint32_t>(character.code));
    return std::string(text.substr(0, character.length));
}

/// As `xctl set` takes it: with dots, unless there are some in a name.
std::string dotted(const std::string& pointer) {
    if (pointer.contains('.') || pointer.contains('~')) return pointer;
    std::string out = pointer.substr(std::min<std::size_t>(pointer.size(), 1));
    std::ranges::replace(out, '/', '.');
    return out;
}

}  // namespace

std::string render_list(std::span<const api::ContainerInfo> containers, Time now) {
    return table_of(containers, kColumns, now);
}

std::string render_clients(std::span<const api::ClientInfo> clients, Time now) {
    return table_of(clients, kClientColumns, now);
}

std::string render_execs(std::span<const api::ExecInfo> execs, Time now) {
    return table_of(execs, kExecColumns, now);
}

std::string render_state(const api::ContainerInfo& container, Time now) {
    std::vector<std::pair<std::string_view, std::string>> pairs;
    for (const auto& row : kDetails) pairs.emplace_back(row.title, row.text(container, now));
    return pairs_text(pairs);
}

std::string render_event(const api::Event& event) {
    std::string out = std::format("{} {} {}", format_local_time(from_usec(event.time)), event.name, event.event);
    if (!event.exit_reason.empty()) out += ' ' + exit_text(event.exit_reason, event.exit_status);
    if (!event.message.empty()) out += ": " + event.message;
    return printable(out) + '\n';
}

template <api::Structure T>
std::string json_of(const T& value) {
    JsonTextWriter writer;
    return api::write(writer, value);
}

template <api::Structure T>
std::string json_of(const std::vector<T>& values) {
    JsonTextWriter writer;
    return api::write(writer, values);
}

std::string render_settings(std::span<const api::Setting> settings) {
    std::string out;
    for (const auto& setting : settings)
        out += printable(std::format("{} = {}  # {}", dotted(setting.key), setting.value, setting.origin)) + '\n';
    return out;
}

std::string render_differences(std::span<const api::Setting> differences) {
    const auto shown = [](const std::string& value) { return value.empty() ? std::string(kNothing) : value; };
    std::string out;
    for (const auto& setting : differences) {
        auto line = std::format("{}: {} -> {}", dotted(setting.key), shown(setting.running), shown(setting.value));
        if (!setting.origin.empty()) line += "  # " + setting.origin;
        out += printable(line) + '\n';
    }
    return out;
}

std::string render_waiting(std::string_view name, std::span<const api::Setting> settings) {
    std::string out;
    for (const auto& setting : settings)
        out += printable(std::format("xctl: {} counts at the next start of {}", dotted(setting.key), name)) + '\n';
    return out;
}

std::string render_findings(std::span<const api::Finding> findings) {
    std::string out;
    for (const auto& finding : findings)
        out += printable(std::format("{}: {}", finding.severity, finding.message)) + '\n';
    return out;
}

template std::string json_of(const api::ContainerInfo&);
template std::string json_of(const api::Event&);
template std::string json_of(const api::RunInfo&);
template std::string json_of(const std::vector<api::ContainerInfo>&);
template std::string json_of(const std::vector<api::Process>&);
template std::string json_of(const std::vector<api::RunInfo>&);
template std::string json_of(const std::vector<api::Setting>&);
template std::string json_of(const std::vector<api::Finding>&);
template std::string json_of(const std::vector<api::ClientInfo>&);
template std::string json_of(const std::vector<api::ExecInfo>&);

std::string json_of(const api::Stats& stats, const std::vector<api::Interface>& interfaces, std::uint64_t left_out) {
    auto out = json_of(stats);
    out.pop_back();
    return std::format("{},\"interfaces\":{},\"leftOut\":{}}}", out, json_of(interfaces), left_out);
}

std::string json_text(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const auto character = first_character(text);
        if (text.front() == '"' || text.front() == '\\')
            (out += '\\') += text.front();
        else
            out += json_character(character, text);
        text.remove_prefix(character.length);
    }
    return out += '"';
}

std::string json_document(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto character = first_character(text);
        out += text.front() == '\n' ? "\n" : json_character(character, text);
        text.remove_prefix(character.length);
    }
    return out;
}

std::string exit_text(std::string_view reason, std::int64_t status) {
    if (reason.empty()) return std::string(kNothing);
    if (reason == "exited") return std::format("exited {}", status);
    if (reason == "signal" || reason == "oom-kill") return std::format("{} {}", reason, signal_text(status));
    return std::string(reason);
}

int exit_status_of(const api::ContainerInfo& container) {
    const int status = static_cast<int>(container.exit_status & 0xff);
    if (container.exit_reason == "exited") return status;
    if (container.exit_reason == "signal" || container.exit_reason == "oom-kill") return api::kExitSignalBase + status;
    return api::kExitOwnFailure;
}

}  // namespace xctl::client
