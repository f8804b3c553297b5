"""pip-audit over what is locked. It passes over what it cannot look up and calls that a success: here it is none."""

import json
import subprocess
import sys
from pathlib import Path

_LOCKS = [Path(__file__).with_name(name) for name in ("dev.lock", "weights.lock", "node.lock")]


def main() -> int:
    failed = False
    for lock in _LOCKS:
        command = [
            sys.executable,
            "-m",
            "pip_audit",
            "--disable-pip",
            "--require-hashes",
            "-r",
            str(lock),
            "-f",
            "json",
        ]
        ran = subprocess.run(command, check=False, capture_output=True, text=True)
        try:
            packages = json.loads(ran.stdout)["dependencies"]
        except (ValueError, KeyError):
            print(f"NOT AUDITED: {lock.name}: {ran.stderr.strip()[-500:]}")
            failed = True
            continue
        for package in packages:
            if "skip_reason" in package:
                print(f"NOT AUDITED: {package['name']}: {package['skip_reason']}")
            for known in package.get("vulns", ()):
                print(f"VULNERABLE: {package['name']} {package['version']}: {known['id']}")
        failed |= any("skip_reason" in package or package.get("vulns") for package in packages)
        print(f"{lock.name}: {len(packages)} packages")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
