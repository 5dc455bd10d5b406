#!/usr/bin/env python3
"""How long a call is silent when the device it is heard on, or talked into, is pulled out and the next one takes its place.

    cargo build --release -p cli && cargo build --release -p pbx --example server && benches/swap.py [TIMES] [--small]

A steady tone is said into both ends. The device in use goes from the sound server, as a headset that is pulled out; the silence is
counted in a recording of where the tone is to be heard next. The goal, sound again within one second, ends the
script with an error where one of the swaps misses it.
"""
import statistics
import subprocess
import sys
import threading
import time
import wave

import lab

lab.with_numpy()
import numpy as np  # noqa: E402

TIMES = int(lab.WORDS[0]) if lab.WORDS else 2 if lab.SMALL else 10
GOAL = 1.0
QUIET = 0.01


class Ear:
    """Listens to a source; knows when it heard something last and, after `wait`, when again."""

    def __init__(self, place, source):
        self.child = place.spawn(
            "parec", f"--device={source}", "--raw", "--format=float32le", f"--rate={lab.RATE}", "--channels=1",
            "--latency-msec=10", stdout=subprocess.PIPE)
        self.heard, self.changed = [], threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while block := self.child.stdout.read(480 * 4):
            if np.abs(np.frombuffer(block, "<f4")).max() > QUIET:
                with self.changed:
                    self.heard.append(time.monotonic())
                    self.changed.notify_all()

    def wait(self, since, seconds=10.0):
        """The first moment after `since` at which there is sound."""
        with self.changed:
            later = lambda: next((at for at in self.heard if at > since), None)
            if not self.changed.wait_for(lambda: later() is not None, seconds):
                sys.exit("no sound came back")
            return later()

    def quiet(self, since, seconds):
        """How long the longest silence was since then."""
        time.sleep(seconds)
        with self.changed:
            times = [since, *[at for at in self.heard if at > since]]
        return max(b - a for a, b in zip(times, times[1:]))

    def end(self):
        self.child.terminate()
        self.child.wait()


def tone(file):
    at = np.arange(20 * lab.RATE) / lab.RATE
    sound = 0.3 * np.sin(2 * np.pi * 440 * at) * (0.75 + 0.25 * np.sin(2 * np.pi * 5 * at))
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1), out.setsampwidth(2), out.setframerate(lab.RATE)
        out.writeframes((sound * 32767).astype("<i2").tobytes())


def load(place, *words):
    done = subprocess.run(["pactl", "load-module", *words], env=place.env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def unload(place, module):
    subprocess.run(["pactl", "unload-module", module], env=place.env, check=True)


def until_used(place, devices, streams, name):
    """Waits until a stream is on the device of that name."""
    def rows(what):
        listed = subprocess.run(["pactl", "list", "short", what], env=place.env, capture_output=True, text=True, check=True)
        return [line.split("\t") for line in listed.stdout.splitlines()]

    end = time.monotonic() + 20
    while time.monotonic() < end:
        number = next((row[0] for row in rows(devices) if row[1] == name), None)
        if number is not None and any(row[1] == number and row[2] != "-" for row in rows(streams)):
            return
        time.sleep(0.05)
    sys.exit(f"{name} is not used")


def main():
    place = lab.Lab()
    tone(place.folder / "voice.wav")
    players = [place.loop(f"mouth{number}", place.folder / "voice.wav") for number in (1, 2)]
    silent = {"speaker": [], "microphone": []}
    print(f"before: {lab.machine()}")
    try:
        sink = ["module-null-sink", "sink_name=desk", "norewinds=1", "sink_properties=device.description=Desk"]
        source = ["module-remap-source", "source_name=boom", "master=mic2", "source_properties=device.description=Boom"]
        modules = {"speaker": load(place, *sink), "mic": load(place, *source)}
        phone = place.bellbird(2, {"echo": "off"}, chosen=False)
        listed = lambda value: any(own["name"] == "Desk" for own in value.get("state", {}).get("devices", {}).get("speakers", []))
        listed(phone.last) or phone.until(listed)
        phone.say(do="set-devices", role="speaker", devices=["pulseaudio:desk", "pulseaudio:ear2"])
        phone.say(do="set-devices", role="mic", devices=["pulseaudio:boom", "pulseaudio:mic2"])
        _, ends = place.bellbirds({"echo": "off"}, phone)
        ears = {"speaker": Ear(place, "ear2.monitor"), "mic": Ear(place, "ear1.monitor")}
        for _ in range(TIMES):
            for role, words in (("speaker", sink), ("mic", source)):
                # The first of the list is used again when it is there.
                until_used(place, "sinks", "sink-inputs", "desk")
                until_used(place, "sources", "source-outputs", "boom")
                time.sleep(2)
                begun = time.monotonic()
                unload(place, modules[role])
                if role == "speaker":
                    silent["speaker"].append(ears[role].wait(time.monotonic()) - begun)
                else:
                    silent["microphone"].append(ears[role].quiet(begun, 3))
                modules[role] = load(place, *words)
                phone.drain()
        for ear in ears.values():
            ear.end()
        for end in ends:
            end()
    finally:
        for stop in players:
            stop()
        place.end()
    print(f"after: {lab.machine()}\n")
    missed = False
    for name, times in silent.items():
        print(f"{name:<10} silent for {1000 * statistics.median(times):4.0f} ms, at most {1000 * max(times):4.0f} ({len(times)} swaps)")
        missed |= max(times) > GOAL
    sys.exit(missed)


if __name__ == "__main__":
    main()
