// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/dispatch/reply_sink.hpp"

#include "api/limits.hpp"
#include "daemon/dispatch/answer_size.hpp"
#include "lib/base/utf8.hpp"

namespace xctl::dispatch {

void ReplySink::answer(api::Reply reply) {
    if (auto small = check_size(verb_, reply); !small) return refuse(std::move(small).error());
    (void)is_sent(send_answer(reply));
}

bool ReplySink::part(api::Reply& reply) {
    if (auto small = check_size(verb_, reply); !small) {
        refuse(std::move(small).error());
        return false;
    }
    return is_sent(send_part(reply));
}

bool ReplySink::begin() { return is_sent(send_beginning()); }

void ReplySink::refuse(Error error) {
    error.message = shortened(valid_utf8(error.message), api::kMaxMessageBytes);
    send_error(error);
}

bool ReplySink::is_sent(Result<> sent) {
    if (sent) return true;
    refuse(std::move(sent).error().context("cannot send the answer"));
    return false;
}

}  // namespace xctl::dispatch
