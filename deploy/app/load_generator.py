#!/usr/bin/env python3
"""The load generator of the walkthrough: about 30 requests a second, evenly spaced.

One process is one replica of the load-generator Deployment; more replicas mean more load.

    load_generator.py URL [--rate 30]
"""
import argparse
import http.client
import signal
import sys
import time
import urllib.parse


def run(url, rate):
    parts = urllib.parse.urlsplit(url)
    connection = None
    due = time.monotonic()
    while True:
        due += 1 / rate
        pause = due - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        elif pause < -1:
            due = time.monotonic()  # the app could not keep up: do not pay back in a burst
        try:
            if connection is None:
                connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=5)
            connection.request("GET", parts.path or "/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            if connection is not None:
                connection.close()
            connection = None


def main():
    parser = argparse.ArgumentParser(description="evenly spaced HTTP requests")
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=30, help="requests a second (30)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        run(arguments.url, arguments.rate)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
