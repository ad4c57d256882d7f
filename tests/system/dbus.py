# SPDX-License-Identifier: LGPL-2.1-or-later
"""dbus.py BUNDLE: a client of org.xctl1 as a program would be written with python3-sdbus. The bundle prints "ready",
reads a line, answers it and exits with 7. Fails with the first expectation that does not hold.

A descriptor that a method returns belongs to its message, which may go at the next await; so each is duplicated."""
import asyncio
import json
import os
import sys

from sdbus import (DbusInterfaceCommonAsync, DbusObjectManagerInterfaceAsync, dbus_method_async, dbus_signal_async,
                   sd_bus_open_system, set_default_bus, SdBusUnmappedMessageError)

ROOT = '/org/xctl1'
CONTAINER = 'org.xctl1.Container'


class Manager(DbusInterfaceCommonAsync, interface_name='org.xctl1.Manager'):
    @dbus_method_async('ssa{sv}', 'a{sv}')
    async def create(self, name, bundle, options): ...

    @dbus_method_async('ssa{sv}', 'h')
    async def run(self, name, bundle, options): ...

    @dbus_method_async('sa{sv}', 'a{sv}')
    async def start(self, name, options): ...

    @dbus_method_async('sa{sv}')
    async def delete(self, name, options): ...

    @dbus_method_async('s', 'a{sv}')
    async def wait(self, name): ...

    @dbus_method_async('', 'aa{sv}')
    async def list(self): ...

    @dbus_method_async('', 'h')
    async def events(self): ...

    @dbus_signal_async('so')
    def container_new(self): ...

    @dbus_signal_async('so')
    def container_removed(self): ...

    @dbus_signal_async('tssa{sv}')
    def event(self): ...


class Container(DbusInterfaceCommonAsync, interface_name=CONTAINER):
    @dbus_method_async('a{sv}', 'a{sv}')
    async def start(self, options): ...

    @dbus_method_async('a{sv}', 'h')
    async def attach(self, options): ...

    @dbus_method_async('', 'a{sv}s')
    async def describe(self): ...

    @dbus_method_async('a{sv}', 'a{sv}')
    async def stop(self, options): ...

    @dbus_method_async('', 'a{sv}')
    async def wait(self): ...


def expect(what, actual, expected):
    if actual != expected:
        sys.exit(f'FAILED: {what}: expected {expected!r}, got {actual!r}')
    print('--', what, flush=True)


def plain(dictionary):
    return {name: value for name, (_, value) in dictionary.items()}


def read_all(fd):
    data = b''
    while chunk := os.read(fd, 4096):
        data += chunk
    os.close(fd)
    return data.decode()


def read_until(fd, end):
    data = b''
    while not data.endswith(end):
        chunk = os.read(fd, 4096)
        if not chunk:
            sys.exit(f'FAILED: the console ended after {data!r}')
        data += chunk
    return data.decode()


def collect(signal):
    """What a signal brought since now."""
    seen = []

    async def listen():
        async for arguments in signal.catch():
            seen.append(arguments)
    return seen, asyncio.create_task(listen())


async def settle(what, condition):
    for _ in range(100):
        if condition():
            print('--', what, flush=True)
            return
        await asyncio.sleep(0.05)
    sys.exit(f'FAILED: {what}')


async def drive_a_console(manager, bundle):
    container = Container.new_proxy('org.xctl1', ROOT + '/container/py')
    created = plain(await manager.create('py', bundle, {'scrollback': ('t', 65536)}))
    expect('Create answers the container', (created['name'], created['state'], created['bundle'], created['runs']),
           ('py', 'created', bundle, 0))
    changed, listener = collect(container.properties_changed)
    await asyncio.sleep(0.2)

    console = os.dup(await container.attach({}))
    started = plain(await container.start({}))
    expect('Start answers when it runs', (started['state'], started['pid'] > 1), ('running', True))
    expect('what it prints can be read', await asyncio.to_thread(read_until, console, b'ready\n'), 'ready\n')
    info, oci_state = await container.describe()
    expect('Describe', (plain(info)['attached'], json.loads(oci_state)['status']), (1, 'running'))
    os.write(console, b'python\n')
    expect('what is written is read by it', await asyncio.to_thread(read_until, console, b'\n'), 'heard python\n')
    ended = plain(await container.wait())
    expect('Wait answers how it ended', (ended['state'], ended['exitReason'], ended['exitStatus']),
           ('stopped', 'exited', 7))
    os.close(console)
    await settle('PropertiesChanged tells its states', lambda: states_of(changed) == ['starting', 'running', 'stopped'])
    last = changed[-1][1]
    expect('with all that changed', (last['ExitReason'], last['ExitStatus'], last['Pid']),
           (('s', 'exited'), ('x', 7), ('t', 0)))
    everything = [values for interface, values, _ in changed if interface == CONTAINER]
    expect('but nothing of what changes in silence', [key for values in everything for key in values
                                                      if key in ('Attached', 'ConsoleBegin', 'ConsoleEnd')], [])
    expect('and no name again', [values['Name'] for values in everything if 'Name' in values], [])
    listener.cancel()


async def try_options(container):
    plain(await container.stop({'timeoutUSec': ('u', 5000000)}))
    print('-- a number may have any type of a number')
    for options, text in (({'timeoutUSec': ('s', '5')}, 'the option "timeoutUSec" must have a value of the type t, not s'),
                          ({'timeoutUSec': ('x', -1)}, 'the option "timeoutUSec" must have a value of the type t, not x'),
                          ({'timeout': ('t', 5)}, 'Stop has no option "timeout"')):
        try:
            await container.stop(options)
            sys.exit(f'FAILED: {options} was accepted')
        except SdBusUnmappedMessageError as error:
            expect(f'{options}: what is wrong', error.args[:2], ('org.xctl1.Error.InvalidArgument', text))


def states_of(changed):
    return [values['State'][1] for interface, values, _ in changed if interface == CONTAINER and 'State' in values]


async def run_once(manager, bundle):
    arguments = ['sh', '-c', 'echo "$0 $1"; exit 3', 'a', 'b c']
    console = os.dup(await manager.run('once', bundle, {'args': ('as', arguments), 'remove': ('b', True)}))
    expect('Run: its console from the first byte to the end', await asyncio.to_thread(read_all, console), 'a b c\n')
    for _ in range(100):
        if all(plain(entry)['name'] != 'once' for entry in await manager.list()):
            print('-- Run: removed when it stopped')
            return
        await asyncio.sleep(0.05)
    sys.exit('FAILED: Run: it is still listed')


async def main(bundle):
    set_default_bus(sd_bus_open_system())
    manager = Manager.new_proxy('org.xctl1', ROOT)
    objects = DbusObjectManagerInterfaceAsync.new_proxy('org.xctl1', ROOT)
    seen = {name: collect(signal)[0] for name, signal in (
        ('new', manager.container_new), ('removed', manager.container_removed), ('event', manager.event),
        ('interfaces', objects.interfaces_added), ('interfaces gone', objects.interfaces_removed))}
    await asyncio.sleep(0.3)
    events = os.dup(await manager.events())

    await drive_a_console(manager, bundle)
    await try_options(Container.new_proxy('org.xctl1', ROOT + '/container/py'))
    await run_once(manager, bundle)
    managed = await objects.get_managed_objects()
    expect('it is a managed object', managed[ROOT + '/container/py'][CONTAINER]['Name'], ('s', 'py'))
    await manager.delete('py', {})

    await settle('ContainerRemoved', lambda: len(seen['removed']) == 2)
    path = ROOT + '/container/'
    expect('ContainerNew tells names and paths', seen['new'], [('py', path + 'py'), ('once', path + 'once')])
    expect('ContainerRemoved as well', seen['removed'], [('once', path + 'once'), ('py', path + 'py')])
    expect('InterfacesAdded', [(at, CONTAINER in what) for at, what in seen['interfaces']],
           [(path + 'py', True), (path + 'once', True)])
    expect('InterfacesRemoved', [(at, CONTAINER in what) for at, what in seen['interfaces gone']],
           [(path + 'once', True), (path + 'py', True)])
    states = ['created', 'starting', 'running', 'stopped', 'deleted']
    of_py = [event for event in seen['event'] if event[1] == 'py']
    expect('Event tells each state', [event[2] for event in of_py], states)
    expect('with details', of_py[3][3]['exitStatus'][1], 7)
    numbers = [event[0] for event in seen['event']]
    expect('numbered without a gap', numbers, list(range(numbers[0], numbers[0] + len(numbers))))
    os.set_blocking(events, False)
    lines = [json.loads(line) for line in os.read(events, 65536).decode().splitlines()]
    expect('the stream of Events says the same', [(line['sequence'], line['name'], line['event']) for line in lines],
           [event[:3] for event in seen['event']])


asyncio.run(main(sys.argv[1]))
