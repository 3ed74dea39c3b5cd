"""Stand-ins for kind, minikube, kubectl, helm and docker: they record how they were called, what was
piped in, and answer what deploy.sh asks for."""
import json
import os
import subprocess

SCRIPT = r'''#!/usr/bin/python3
import json, os, sys
name, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
piped = sys.stdin.read() if "-" in arguments and "-f" in arguments else ""
with open(os.environ["STANDIN_LOG"], "a", encoding="utf-8") as log:
    log.write(json.dumps({"tool": name, "arguments": arguments, "piped": piped}) + "\n")
joined = " ".join([name] + arguments)
for start, code in json.loads(os.environ.get("STANDIN_FAIL", "{}")).items():
    if joined.startswith(start):
        print(f"{name}: made to fail", file=sys.stderr)
        sys.exit(code)
if joined.startswith("kind get clusters"):
    print(os.environ.get("STANDIN_CLUSTERS", ""))
elif joined.startswith("kubectl config current-context"):
    print("my-context")
elif joined.startswith("kubectl create configmap"):
    data = {}
    for a in arguments:
        if a.startswith("--from-file="):
            path = a.split("=", 1)[1]
            with open(path, encoding="utf-8") as file:
                data[os.path.basename(path)] = file.read()
    print(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
                      "metadata": {"name": arguments[2],
                                   "namespace": arguments[arguments.index("--namespace") + 1]}}))
'''

TOOLS = ("kind", "minikube", "kubectl", "helm", "docker")


class StandIns:
    def __init__(self, folder, without=()):
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.log = folder / "calls"
        self.log.write_text("")
        for tool in TOOLS:
            if tool not in without:
                path = self.bin / tool
                path.write_text(SCRIPT)
                path.chmod(0o755)
        # What the scripts need of the system, and nothing that could be a real kubectl.
        for tool in ("sh", "sed", "grep", "cat", "dirname", "env", "python3"):
            os.symlink(subprocess.run(["which", tool], stdout=subprocess.PIPE, text=True,
                                      check=True).stdout.strip(), self.bin / tool)

    def run(self, script, *arguments, fail=None, clusters=""):
        env = {"PATH": str(self.bin), "STANDIN_LOG": str(self.log), "HOME": "/nonexistent",
               "STANDIN_FAIL": json.dumps(fail or {}), "STANDIN_CLUSTERS": clusters}
        return subprocess.run(["/bin/sh", script, *arguments], env=env, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def calls(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def lines(self):
        return [" ".join([c["tool"], *c["arguments"]]) for c in self.calls()]
