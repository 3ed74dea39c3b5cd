"""autoscale-diff, and peers like it: JSON lines in, JSON lines out."""
import json
import os
import subprocess

import gopeer

BUILD = os.environ.get("FERULA_BUILD") or os.path.join(gopeer.TOP, "build/release")


def binary():
    path = os.path.join(BUILD, "autoscale-diff")
    subprocess.run(["make", "--no-print-directory", "VARIANT=" + os.path.basename(BUILD),
                    os.path.relpath(path, gopeer.TOP)], cwd=gopeer.TOP, check=True, timeout=1800)
    return path


def run(command, cases):
    """What a program makes of the cases; lines that are no JSON values are a test program's own."""
    done = subprocess.run(command, input="".join(json.dumps(c) + "\n" for c in cases), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=900)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return [json.loads(line) for line in done.stdout.splitlines() if line[:1] in "[{"]
