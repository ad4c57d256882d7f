#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Uses xctld's varlink socket as badly as one user can.

crowd.py UID hold COUNT SECONDS    keeps that many silent connections
crowd.py UID halves COUNT SECONDS  sends as much as is taken, 15 MB at most, of a call that never ends, over each
crowd.py UID deaf COUNT SECONDS    asks for a long answer again and again, over each, and reads none
crowd.py UID patient               sends half a call and prints after how many seconds it is cut off
crowd.py UID orderly               checks that calls in one piece, in pieces and in a row are answered
"""
import json
import os
import resource
import socket
import sys
import time

SOCKET = "/run/xctl/org.xctl.Containers"
INFO = b'{"method":"org.varlink.service.GetInfo"}\0'
DESCRIPTION = json.dumps({"method": "org.varlink.service.GetInterfaceDescription",
                          "parameters": {"interface": "org.xctl.Containers"}}).encode() + b"\0"


def connect():
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(60)
    link.connect(SOCKET)
    return link


def is_open(link):
    link.setblocking(False)
    try:
        while data := link.recv(65536):
            pass
        return data != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def send_what_is_taken(link, data):
    """The number of bytes; a time without progress ends it."""
    link.settimeout(0.3)
    sent = 0
    try:
        while sent < len(data):
            sent += link.send(data[sent:sent + 65536])
    except OSError:
        pass
    return sent


def crowd(count, use):
    links = []
    for _ in range(count):
        try:
            links.append(connect())
        except OSError:
            break
    if use:
        for link in links:
            send_what_is_taken(link, use)
    return links


def settled(links):
    """The number of open links, once it stays the same for a second."""
    before, now = None, sum(map(is_open, links))
    while before != now:
        time.sleep(1)
        before, now = now, sum(map(is_open, links))
    return now


def answers(link, count):
    link.settimeout(60)
    data = b""
    while data.count(b"\0") < count:
        more = link.recv(65536)
        assert more, "cut off after %d answers" % data.count(b"\0")
        data += more
    return data


def orderly():
    link = connect()
    link.sendall(INFO)
    answers(link, 1)
    link.sendall(INFO + DESCRIPTION + INFO)
    answers(link, 3)
    for part in (INFO[:10], INFO[10:] + DESCRIPTION[:20], DESCRIPTION[20:] + INFO[:3], INFO[3:]):
        link.sendall(part)
        time.sleep(0.1)
    answers(link, 3)
    link.sendall(INFO * 100 + DESCRIPTION * 100)
    answers(link, 200)
    link.sendall(DESCRIPTION)
    link.shutdown(socket.SHUT_WR)
    answers(link, 1)
    assert link.recv(1) == b"", "the end is told"
    print("orderly")


def patient():
    link = connect()
    link.sendall(INFO[:20])
    link.settimeout(120)
    start = time.monotonic()
    try:
        assert link.recv(100) == b""
    except ConnectionResetError:  # what we sent was not read
        pass
    print(round(time.monotonic() - start))


def main():
    uid, what = int(sys.argv[1]), sys.argv[2]
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    if what in ("orderly", "patient"):
        return {"orderly": orderly, "patient": patient}[what]()
    use = {"hold": b"",
           "halves": b'{"method":"org.xctl.Containers.Describe","parameters":{"name":"' + b"A" * (15 << 20),
           "deaf": DESCRIPTION * 3000}[what]
    links = crowd(int(sys.argv[3]), use)
    print(settled(links) if what == "hold" else len(links), flush=True)
    time.sleep(float(sys.argv[4]))


main()
