// SPDX-License-Identifier: LGPL-2.1-or-later
// The verbs about definitions: looking at one, checking it, changing it.
#include <format>

#include "daemon/definition/definition_keys.hpp"
#include "daemon/definition/settings.hpp"
#include "daemon/manager/manager.hpp"
#include "daemon/manager/verify.hpp"
#include "lib/base/text.hpp"
#include "lib/plan/explain.hpp"

namespace xctl::manager {
namespace {

using api::Reply;

/// A change of these can make a bundle that compiled one that does not.
bool concerns_bundle(const std::vector<definition::Assignment>& assignments) {
    return std::ranges::any_of(assignments, [](const definition::Assignment& a) {
        return definition::is_within(a.key, "/config") || a.key == "/bundle" || a.key == "/seccomp" ||
               a.key == definition::kBinds || a.key == definition::kDevices;
    });
}

/// Whether the values count, or a file that is read later says something else.
Result<> check_in_force(const std::vector<definition::NamedText>& files, const std::string& file,
                        const std::vector<definition::Assignment>& assignments) {
    for (const auto& setting : definition::list_settings(files))
        for (const auto& [key, value] : assignments)
            if (definition::is_within(setting.key, key) && !setting.origin.starts_with(file + ":"))
                return fail(Errc::wrong_state, std::format("{} is also set in {}, which is read after {}", key,
                                                           setting.origin, file));
    return {};
}

/// Whether a change of this key counts for a run that goes on.
bool counts_for_run(const std::string& name) {
    if (std::ranges::any_of(definition::kChangeable,
                            [&](std::string_view whole) { return definition::is_within(name, whole); }))
        return true;
    const auto* key = find_row(definition::kKeys, name);
    return key != nullptr && key->applies == definition::Applies::at_once;
}

Result<> check_for_run(const std::vector<definition::Assignment>& assignments, const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < assignments.size(); ++i)
        if (!counts_for_run(assignments[i].key))
            return fail(Errc::unsupported,
                        std::format("{}: counts at the next start only; leave out runtime to set it for then", words[i]));
    return {};
}

/// The values of these keys that the next start brings, while the container runs with others.
std::vector<api::Setting> waiting_changes(const container::Supervisor& container,
                                          const std::vector<std::string>& keys) {
    auto differences = container.diff().value_or(std::vector<api::Setting>());
    std::erase_if(differences, [&](const api::Setting& setting) {
        return std::ranges::none_of(keys, [&](const auto& key) {
            return definition::is_within(setting.key, key) || definition::is_within(key, setting.key);
        });
    });
    return differences;
}

/// Where the files say nothing, it is the bundle that has changed.
void add_origins(std::vector<api::Setting>& differences, const std::vector<definition::NamedText>& files,
                 const std::string& bundle) {
    const auto settings = definition::list_settings(files);
    for (auto& difference : differences) {
        const auto found = std::ranges::find(settings, difference.key, &api::Setting::key);
        if (found != settings.end())
            difference.origin = found->origin;
        else if (definition::is_within(difference.key, "/config"))
            difference.origin = bundle + "/config.json";
    }
}

/// What a change that is on its way was made from must still be there when it is done.
Result<> check_unchanging(const container::Supervisor& container) {
    if (!container.is_changing()) return {};
    return fail(Errc::wrong_state, std::format("{} is being changed", container.id().str()));
}

}  // namespace

void Manager::cat(const Call<api::ContainerRequest>& call) {
    const auto answer = [&]() -> Result<Reply> {
        const auto files = TRY(definitions_.read(call.id));
        TRY(definition::parse_definition(files));
        Reply reply;
        reply.settings = definition::list_settings(files);
        return reply;
    };
    call.done(answer());
}

void Manager::explain(const Call<api::ContainerRequest>& call) {
    const auto answer = [&]() -> Result<Reply> {
        const auto definition = TRY(definitions_.load(call.id));
        Reply reply;
        reply.text = plan::explain(TRY(definition::compile_container(call.id, definition)).plan);
        return reply;
    };
    call.done(answer());
}

void Manager::diff(const Call<api::ContainerRequest>& call) {
    const auto answer = [&]() -> Result<Reply> {
        auto* container = TRY(find(call.id));
        TRY(reload(*container));
        Reply reply;
        reply.settings = TRY(container->diff());
        add_origins(reply.settings, TRY(definitions_.read(container->id())), container->definition().bundle);
        return reply;
    };
    call.done(answer());
}

/// The files that are there, or the text of one that is not there yet.
Result<std::vector<definition::NamedText>> Manager::read_to_verify(const ContainerId& id,
                                                                   const std::string& content) const {
    if (!content.empty()) return std::vector{definition::NamedText{id.str() + ".json", content}};
    auto files = definitions_.read(id);
    // A definition that is there and cannot be read is an answer to the question, not a missing container.
    if (!files && definitions_.exists(id)) files.error().code = Errc::invalid_document;
    return files;
}

std::vector<api::Finding> Manager::verify_container(const ContainerId& id,
                                                    const std::vector<definition::NamedText>& files) {
    auto out = verify_files(files);
    const auto add = [&](std::vector<api::Finding> found) {
        out.insert(out.end(), std::move_iterator(found.begin()), std::move_iterator(found.end()));
    };
    const auto definition = definition::parse_definition(files);
    const auto compiled =
        definition ? definition::compile_container(id, *definition) : std::unexpected(definition.error());
    if (!compiled) {
        out.push_back(error_finding(compiled.error().message));
        return out;
    }
    add(manager::verify(*compiled));
    add(verify_definition(id, *definition));
    add(verify_order(id, [&](const ContainerId& each) -> std::optional<Ordering> {
        if (each == id) return ordering_of(*definition);
        const auto other = find(each);
        if (!other) return std::nullopt;
        return ordering_of((*other)->definition());
    }));
    return out;
}

void Manager::verify(const Call<api::VerifyRequest>& call) {
    const auto answer = [&]() -> Result<Reply> {
        const auto files = read_to_verify(call.id, call.arguments.content);
        Reply reply;
        if (files)
            reply.findings = verify_container(call.id, *files);
        else if (files.error().code == Errc::not_found)
            return std::unexpected(files.error());
        else
            reply.findings.push_back(error_finding(files.error().message));
        return reply;
    };
    call.done(answer());
}

Result<> Manager::check_definition(const ContainerId& id, const std::vector<definition::NamedText>& files) const {
    const auto definition = TRY(definition::parse_definition(files));
    TRY(definition::compile_container(id, definition));
    return {};
}

/// A file of the definition that has been checked.
Result<> Manager::change(const ContainerId& id, const definition::NamedText& file) {
    TRY(definitions_.write(file));
    auto* container = TRY(find(id));
    TRY(reload(*container));
    publish(info_of(*container), "changed");
    return {};
}

/// First without content, for what there is; then with what it has become.
void Manager::edit(const Call<api::EditRequest>& call) {
    const auto answer = [this, &id = call.id, &request = call.arguments]() -> Result<Reply> {
        const auto file = TRY(definitions_.file_to_edit(id, request.drop_in));
        Reply reply;
        reply.text = TRY(definitions_.text_to_edit(id, file));
        if (request.content.empty()) return reply;
        if (const auto container = find(id)) TRY(check_unchanging(**container));
        if (reply.text != request.previous)
            return fail(Errc::wrong_state, std::format("{} has been changed meanwhile", file));
        const definition::NamedText edited{file, request.content};
        const auto files = TRY(definitions_.read(id, &edited));
        TRY(check_definition(id, files));
        TRY(change(id, edited));
        reply = changed_reply(id, {""});
        reply.text = request.content;
        return reply;
    };
    call.done(answer());
}

Result<Manager::SetOrder> Manager::prepare_set(const ContainerId& id, const api::SetRequest& request) {
    const auto assignments = TRY(definition::parse_assignments(request.settings));
    const auto lifetime =
        request.runtime ? definition::Definitions::Lifetime::this_boot : definition::Definitions::Lifetime::lasting;
    auto* container = TRY(find(id));
    TRY(check_unchanging(*container));
    if (request.runtime && !container->is_active())
        return fail(Errc::wrong_state,
                    std::format("{} does not run: there is nothing to change for this run only", id.str()));
    if (request.runtime) TRY(check_for_run(assignments, request.settings));
    const auto file = TRY(definitions_.file_to_set(id, lifetime));
    auto text = TRY(definitions_.text_to_edit(id, file));
    text = TRY(definition::with_assignments({file, std::move(text)}, assignments));
    SetOrder order{container, {file, std::move(text)}, {}, {}};
    const auto files = TRY(definitions_.read(id, &order.edited));
    order.definition = TRY(definition::parse_definition(files));
    TRY(check_in_force(files, file, assignments));
    if (concerns_bundle(assignments))
        if (auto compiled = definition::compile_container(id, order.definition); !compiled)
            return std::unexpected(definition::blaming(std::move(compiled).error(), request.settings, assignments));
    for (const auto& assignment : assignments) order.keys.push_back(assignment.key);
    return order;
}

/// The container as it is now, and what of these keys waits for its next start.
Reply Manager::changed_reply(const ContainerId& id, const std::vector<std::string>& keys) {
    Reply reply;
    if (auto now = info(id.str())) reply.container = std::move(*now);
    if (const auto container = find(id)) reply.settings = waiting_changes(**container, keys);
    return reply;
}

/// First what runs, then the files: what cannot be done is not written down either.
void Manager::set(const Call<api::SetRequest>& call) {
    auto order = prepare_set(call.id, call.arguments);
    if (!order) return call.done(std::unexpected(std::move(order).error()));
    order->container->change_run(order->definition, order->keys,
                                 [this, id = call.id, edited = order->edited, keys = order->keys,
                                  done = call.done](Result<> changed) {
                                     if (changed) changed = change(id, edited);
                                     if (!changed) return done(std::unexpected(std::move(changed).error()));
                                     done(changed_reply(id, keys));
                                 });
}

}  // namespace xctl::manager
