#!/usr/bin/env python3
"""What one end of a call costs: CPU of the whole process tree and its memory, Bellbird beside JsSIP in Chromium and baresip.

    cargo build --release -p cli && cargo build --release -p pbx --example server && benches/cost.py [SECONDS] [--small]

Opus, real devices of a sound server of its own, a voice-like sound both ways. The other end is another process and is not
measured: a phone of the same kind, for the browser one of ours. A B B A in one run. It ends with an error where a goal is
missed: 1.0 % of a core without processing, 2.5 % with echo and noise, 0.25 of Chromium and no more than baresip.
"""
import statistics
import sys
import time
import wave

import lab

lab.with_numpy()
import numpy as np  # noqa: E402

SECONDS = float(lab.WORDS[0]) if lab.WORDS else 9.0 if lab.SMALL else 40.0
PLAIN = {"delay": "safe", "echo": "off", "noise": "off", "level": False}
CLEAN = {"echo": "on", "noise": "medium"}


def voice(file):
    """A hum with the loudness of syllables, for an encoder works less on silence."""
    at = np.arange(20 * lab.RATE) / lab.RATE
    pitch = 2 * np.pi * np.cumsum(130 + 30 * np.sin(2 * np.pi * 0.4 * at)) / lab.RATE
    sound = sum(np.sin(n * pitch) / n for n in range(1, 25)) * (0.5 + 0.5 * np.sin(2 * np.pi * 3.7 * at)) ** 2
    sound = 0.1 * sound + 0.002 * np.random.default_rng(3).standard_normal(len(at))
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1), out.setsampwidth(2), out.setframerate(lab.RATE)
        out.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


def measured(place, make):
    phone, ends = make()
    time.sleep(4)
    before, begun, block = lab.cpu(phone.pid), time.monotonic(), []
    # Blocks, of which the middle one counts: what the machine does beside is in single ones.
    for _ in range(9):
        time.sleep(SECONDS / 9)
        now, used = time.monotonic(), lab.cpu(phone.pid)
        block.append(100 * (used - before) / (now - begun))
        before, begun = used, now
        if hasattr(phone, "drain"):
            phone.drain()
    memory = lab.pss(phone.pid)
    for end in ends:
        end()
    return block, memory


def main():
    place = lab.Lab()
    ways = {
        "bellbird": lambda: place.bellbirds(PLAIN),
        "short packets": lambda: place.bellbirds({**PLAIN, "delay": "low"}),
        "echo and noise": lambda: place.bellbirds({**PLAIN, **CLEAN}),
        "chromium": lambda: place.chromium(far=True),
        "baresip": place.baresip,
    }
    if lab.SMALL:
        ways = {name: ways[name] for name in ("bellbird", "chromium")}
    ways = lab.wanted(ways)
    voice(place.folder / "voice.wav")
    print(f"before: {lab.machine()}")
    blocks, memory = {name: [] for name in ways}, {name: [] for name in ways}
    players = [place.loop(f"mouth{number}", place.folder / "voice.wav") for number in (1, 2)]
    try:
        for name in lab.turns(ways):
            block, mb = measured(place, ways[name])
            blocks[name] += block
            memory[name].append(mb)
            print(f"  {name:<15} {statistics.mean(block):6.2f} % {mb:7.1f} MB", flush=True)
    finally:
        for stop in players:
            stop()
        place.end()
    print(f"after: {lab.machine()}\n")
    for name in ways:
        print(f"{name:<15} {statistics.mean(blocks[name]):6.2f} % of a core {min(memory[name]):7.1f} MB")
    missed = False

    def judge(what, figure, goal, text):
        nonlocal missed
        missed |= figure > goal
        print(f"{what}: {text}, goal {goal:.2f}: {'missed' if figure > goal else 'reached'}")

    for name, goal in (("bellbird", 1.0), ("echo and noise", 2.5)):
        # What a core can do is that of the machine; at a small size only the ratio counts.
        if name in ways and not lab.SMALL:
            judge(name, statistics.mean(blocks[name]), goal, f"{statistics.mean(blocks[name]):.2f} % of a core")
    for peer, goal in (("chromium", 0.25), ("baresip", 1.0)):
        if peer in ways and "bellbird" in ways:
            middle, low, high = lab.ratio(blocks["bellbird"], blocks[peer], middle=statistics.mean)
            # Of so few blocks the interval says more of the machine than of the phone.
            judge(f"bellbird by {peer}", middle if lab.SMALL else high, goal * lab.SLACK, f"{middle:.2f} ({low:.2f} to {high:.2f})")
    sys.exit(missed)


if __name__ == "__main__":
    main()
