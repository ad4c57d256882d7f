#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints as linux.seccomp the profile that engines install for containers without further capabilities.

They keep it with conditions, on the architecture and on capabilities, that they resolve before a runtime sees it.
"""
import json

PROFILE = "/usr/share/containers/seccomp.json"


def applies(rule: dict) -> bool:
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    if includes.get("caps") or "amd64" in (excludes.get("arches") or []):
        return False
    return "amd64" in (includes.get("arches") or ["amd64"])


def rule_of(rule: dict) -> dict:
    kept = {"names": rule["names"], "action": rule["action"]}
    for key in ("args", "errnoRet"):
        if rule.get(key):
            kept[key] = rule[key]
    return kept


def main() -> None:
    with open(PROFILE) as file:
        profile = json.load(file)
    print(json.dumps({
        "defaultAction": profile["defaultAction"],
        "defaultErrnoRet": profile.get("defaultErrnoRet", 1),
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": [rule_of(rule) for rule in profile["syscalls"] if applies(rule)],
    }))


if __name__ == "__main__":
    main()
