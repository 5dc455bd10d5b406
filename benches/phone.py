#!/usr/bin/env python3
"""What the terminal phone costs: memory and CPU of an idle registration and of a call, and the times of the echo test.

    cargo build --release -p cli && benches/phone.py [SECONDS]

The practice line runs in the same process, so the figures are those of a phone and of a PBX with its echo together: an upper
bound for the phone alone. CPU is that of the whole process in per cent of one core, memory its PSS.
"""
import json
import os
import statistics
import subprocess
import sys
import time

PROGRAM = os.path.join(os.path.dirname(__file__), "..", "target", "release", "bellbird-cli")
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """CPU seconds used so far."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def pss(pid):
    """Memory in MB, shared pages counted by share."""
    for line in open(f"/proc/{pid}/smaps_rollup"):
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def measured(name, pid):
    before, begun = cpu(pid), time.monotonic()
    time.sleep(SECONDS)
    used = 100 * (cpu(pid) - before) / (time.monotonic() - begun)
    print(f"{name:<22} {used:6.2f} % of a core   {pss(pid):6.1f} MB")


def run():
    phone = subprocess.Popen(
        [PROGRAM, "run", "--json", "--practice", "--mic", "none", "--speaker", "none"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )

    def until(found):
        for line in phone.stdout:
            state = json.loads(line).get("state")
            if state and found(state):
                return
        sys.exit("the phone ended")

    def say(command):
        phone.stdin.write(json.dumps(command) + "\n")
        phone.stdin.flush()

    until(lambda state: any(account["line"]["is"] == "registered" for account in state["accounts"]))
    measured("idle, registered", phone.pid)
    say({"do": "call", "to": "600"})
    until(lambda state: any(call["phase"]["is"] == "connected" for call in state["calls"]))
    measured("in a call with Opus", phone.pid)
    phone.stdin.close()
    phone.stdout.read()
    phone.wait()


def echo(times=10):
    keys = ["registerMs", "answerMs", "secureMs", "firstSoundMs", "delayMs"]
    all_figures = {key: [] for key in keys}
    for _ in range(times):
        done = subprocess.run([PROGRAM, "echo-test", "--json"], stdout=subprocess.PIPE, text=True, check=True)
        figures = json.loads(done.stdout.splitlines()[-1])
        for key in keys:
            all_figures[key].append(figures[key])
    for key in keys:
        values = sorted(all_figures[key])
        print(f"{key:<22} {values[0]:6.1f}  {statistics.median(values):6.1f}  {values[-1]:6.1f} ms (least, median, most of {times})")


run()
echo()
