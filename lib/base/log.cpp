// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>

namespace xctl {
namespace {

/// sd-daemon(3): a line that begins with <N> has syslog's priority N.
class JournalFormatter final : public spdlog::formatter {
public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
        const char priority = message.level >= spdlog::level::err    ? '3'
                              : message.level == spdlog::level::warn ? '4'
                                                                     : '6';
        for (const char c : {'<', priority, '>'}) out.push_back(c);
        out.append(message.payload.data(), message.payload.data() + message.payload.size());
        out.push_back('\n');
    }
    [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
        return std::make_unique<JournalFormatter>();
    }
};

}  // namespace

void open_log() {
    auto logger = spdlog::stderr_logger_st("xctld");
    if (std::getenv("JOURNAL_STREAM") != nullptr) logger->set_formatter(std::make_unique<JournalFormatter>());
    spdlog::set_default_logger(std::move(logger));
}

void log_error(std::string_view message) { spdlog::error("{}", message); }
void log_warning(std::string_view message) { spdlog::warn("{}", message); }
void log_info(std::string_view message) { spdlog::info("{}", message); }

}  // namespace xctl
