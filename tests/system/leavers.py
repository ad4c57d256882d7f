#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asks xctld for what is a long time coming, and leaves: leavers.py NAME wait|stats|events COUNT."""
import json
import socket
import sys
import time

name, verb, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
parameters = {} if verb == "events" else {"name": name}
if verb == "stats":
    parameters["intervalUSec"] = 3600 * 1000000
call = {"method": "org.xctl.Containers." + verb.capitalize(), "parameters": parameters}
if verb != "wait":
    call["more"] = True
for number in range(count):
    link = socket.socket(socket.AF_UNIX)
    link.connect("/run/xctl/org.xctl.Containers")
    link.sendall(json.dumps(call).encode() + b"\0")
    if verb == "stats":
        link.recv(65536)
    if number % 50 == 49:
        time.sleep(0.01)
    link.close()
