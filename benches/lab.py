"""What the measuring scripts share: a sound server of their own, the server of the practice line, and phones on it in turn.

One null sink of four channels is the room: each phone has one channel for its mouth and one for its ear, so that one recording
holds them all on one clock.
"""
import json
import os
import pathlib
import random
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv

ROOT = pathlib.Path(__file__).resolve().parents[1]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PHONE = TARGET / "release" / "bellbird-cli"
# It only carries what they say; the one that the tests build will do.
SERVER = next(
    (file for kind in ("release", "debug") if (file := TARGET / kind / "examples" / "server").exists()),
    TARGET / "release" / "examples" / "server",
)
# At the size of `scripts/test`: few of each and once, and SLACK times the goal, for a short run beside others is a rough one.
SMALL = "--small" in sys.argv
SLACK = 1.5 if SMALL else 1
WORDS = [word for word in sys.argv[1:] if word != "--small"]
BROWSER = ROOT / "tests" / "interop" / "browser"
RATE = 48_000
TICKS = os.sysconf("SC_CLK_TCK")
CHANNELS = {"mouth1": "front-left", "ear1": "front-right", "mouth2": "rear-left", "ear2": "rear-right"}


def with_numpy():
    """Runs this program again where numpy is."""
    python = TARGET / "bench-venv" / "bin" / "python"
    whole = TARGET / "bench-venv" / "whole"
    if not whole.exists():
        venv.create(TARGET / "bench-venv", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "numpy"], check=True)
        whole.touch()
    if pathlib.Path(sys.prefix) != TARGET / "bench-venv":
        os.execv(python, [str(python), *sys.argv])


def wanted(ways):
    """Those of the ways that are asked for (second argument, names with commas between) and that this machine has; without
    the browser there is nothing to compare with."""
    names = WORDS[1].split(",") if len(WORDS) > 1 else list(ways)
    if "chromium" in names and (why := missing("chromium")):
        print(f"cannot be compared: {why}")
        sys.exit(77)
    for name in ways:
        if why := missing(name):
            print(f"{name} is left out: {why}")
    return {name: make for name, make in ways.items() if name in names and not missing(name)}


def turns(ways):
    """A B B A; at a small size A B."""
    return [*ways] if SMALL else [*ways, *reversed(ways)]


def missing(name):
    """Why a phone cannot be measured here, or nothing."""
    if name == "chromium":
        if not shutil.which("chromium"):
            return "there is no chromium"
        if not (BROWSER / "node_modules" / "jssip").exists():
            return f"JsSIP is not there: npm ci in {BROWSER.relative_to(ROOT)}"
    if name == "baresip" and not shutil.which("baresip"):
        return "there is no baresip: apt-get install baresip"
    return None


class Process:
    """A program that speaks JSON, one value a line, and is ended by closing its input."""

    def __init__(self, command, env, log):
        self.child = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1
        )
        self.pid = self.child.pid
        self.last = {}

    def say(self, **command):
        self.child.stdin.write(json.dumps(command) + "\n")
        self.child.stdin.flush()

    def take(self, line):
        """What a line says; the last quality and state are kept. Nothing where it is no JSON."""
        try:
            value = json.loads(line)
        except ValueError:
            return {}
        for key in ("quality", "state"):
            if key in value:
                self.last[key] = value[key]
        return value

    def until(self, found, seconds=30):
        """The first line that `found` takes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ready, _, _ = select.select([self.child.stdout], [], [], max(0.0, end - time.monotonic()))
            line = self.child.stdout.readline() if ready else ""
            if not line:
                break
            if got := found(self.take(line)):
                return got
        sys.exit(f"{self.child.args[0]} did not get there")

    def drain(self):
        """Reads what has been said meanwhile."""
        while select.select([self.child.stdout], [], [], 0)[0]:
            line = self.child.stdout.readline()
            if not line:
                return
            self.take(line)

    def end(self):
        self.child.stdin.close()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Lab:
    def __init__(self):
        for program, how in ((PHONE, "-p cli"), (SERVER, "-p pbx --example server")):
            if not program.exists():
                sys.exit(f"build it first: cargo build --release {how}")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bellbird-lab-"))
        self.log = open(self.folder / "log", "w")
        socket = self.folder / "pulse.sock"
        maps = ",".join(CHANNELS.values())
        lines = [
            f"load-module module-native-protocol-unix socket={socket} auth-anonymous=1",
            f"load-module module-null-sink sink_name=room rate={RATE} channels=4 channel_map={maps} norewinds=1",
        ]
        for name, channel in CHANNELS.items():
            kind = "channels=1 channel_map=mono remix=no"
            lines.append(
                f"load-module module-remap-sink sink_name={name} master=room master_channel_map={channel} {kind} "
                f"sink_properties=device.description={name}"
            )
            if name.startswith("mouth"):
                mic = name.replace("mouth", "mic")
                lines.append(
                    f"load-module module-remap-source source_name={mic} master=room.monitor "
                    f"master_channel_map={channel} {kind} source_properties=device.description={mic}"
                )
        (self.folder / "lab.pa").write_text("\n".join(lines) + "\n")
        self.env = {**os.environ, "HOME": str(self.folder), "XDG_RUNTIME_DIR": str(self.folder)}
        self.env.pop("PULSE_SERVER", None)
        self.pulse = subprocess.Popen(
            ["pulseaudio", "-n", "-F", str(self.folder / "lab.pa"), "--daemonize=no", "--exit-idle-time=-1",
             "--use-pid-file=no", "--realtime=no", "--high-priority=no"],
            env=self.env, stdout=self.log, stderr=self.log,
        )
        self.env["PULSE_SERVER"] = f"unix:{socket}"
        end = time.monotonic() + 10
        while subprocess.run(["pactl", "info"], env=self.env, capture_output=True, check=False).returncode:
            if time.monotonic() > end:
                sys.exit("the sound server does not start")
            time.sleep(0.1)
        self.server = Process([str(SERVER), "3"], self.env, self.log)
        self.line = self.server.until(lambda value: value)

    def end(self):
        self.server.end()
        self.pulse.terminate()
        self.pulse.wait()
        self.log.close()
        shutil.rmtree(self.folder)

    def spawn(self, *command, **more):
        return subprocess.Popen(command, env=self.env, stderr=self.log, **more)

    # Each call gives (the processes, the one at the second end, what ends it).

    def bellbird(self, number, settings, sound=True, chosen=True):
        """A phone with its own mouth and ear, with none, or with all devices to choose from."""
        user = self.line["users"][number - 1]
        env = {**self.env, "PHONE_PASSWORD": user["password"]}
        mic, speaker = (f"mic{number}", f"ear{number}") if sound else ("none", "none")
        devices = ["--mic", mic, "--speaker", speaker] if chosen else []
        phone = Process(
            [str(PHONE), "run", "--json", "--user", user["name"], "--domain", self.line["domain"], "--server",
             self.line["url"], "--pin", self.line["pin"], "--password-env", "PHONE_PASSWORD",
             *devices], env, self.log)
        phone.until(lambda value: any(a["line"]["is"] == "registered" for a in value.get("state", {}).get("accounts", [])))
        for setting, value in settings.items():
            phone.say(do="set", setting=setting, value=value)
        phone.say(do="watch", watch="quality")
        return phone

    def loop(self, mouth, file):
        """Says a file again and again until what it gives is called."""
        order = 'while :; do paplay --device="$0" --latency-msec=200 "$1"; done'
        shell = self.spawn("sh", "-c", order, mouth, str(file), start_new_session=True)

        def stop():
            os.killpg(shell.pid, 15)
            shell.wait()

        return stop

    def bellbirds(self, settings, second=None):
        first, second = self.bellbird(1, settings), second or self.bellbird(2, settings)
        first.say(do="call", to=f"sip:{self.line['users'][1]['name']}@{self.line['domain']}")
        self.answered(second)
        self.connected(first)
        return second, [first.end, second.end]

    def answered(self, phone):
        def ringing(value):
            calls = value.get("state", {}).get("calls", [])
            return next((call["id"] for call in calls if call["direction"] == "in"), None)

        phone.say(do="answer", call=phone.until(ringing))
        self.connected(phone)

    def connected(self, phone):
        phone.until(lambda value: any(c["phase"]["is"] == "connected" for c in value.get("state", {}).get("calls", [])))

    def browser(self, number):
        user = self.line["users"][number - 1]
        env = {**self.env, "PULSE_SOURCE": f"mic{number}", "PULSE_SINK": f"ear{number}"}
        page = Process(["node", str(ROOT / "benches" / "browser" / "jssip.mjs")], env, self.log)
        page.until(lambda value: value.get("event") == "ready", 60)
        page.say(do="start", url=self.line["url"], user=user["name"], domain=self.line["domain"], password=user["password"])
        page.until(lambda value: value.get("event") == "registered")
        return page

    def chromium(self, far=False):
        """Two browsers; or with `far` one, called by a phone of ours without sound."""
        second = self.browser(2)
        to = f"sip:{self.line['users'][1]['name']}@{self.line['domain']}"
        if far:
            first = self.bellbird(1, {}, sound=False)
            first.say(do="call", to=to)
        else:
            first = self.browser(1)
            first.say(do="call", to=to)
        second.until(lambda value: value.get("event") == "incoming")
        second.say(do="answer")
        second.until(lambda value: value.get("event") == "confirmed")
        return second, [first.end, second.end]

    def baresip(self):
        ends, ports = {}, {1: 45_170, 2: 45_180}
        # The second first, for the first calls it at once.
        for number in (2, 1):
            folder, port = self.folder / f"baresip{number}", ports[number]
            (folder / "tones").mkdir(parents=True, exist_ok=True)
            modules = next(pathlib.Path("/usr/lib").glob("**/baresip/modules"))
            # Where it is packed without the sound server, ALSA's plug-in knows that.
            sound, device = ("pulse", "") if (modules / "pulse.so").exists() else ("alsa", "pulse:")
            (folder / "config").write_text("\n".join([
                f"sip_listen 127.0.0.1:{port}", f"module_path {modules}", f"module {sound}.so", "module opus.so",
                "module_tmp uuid.so", "module_tmp account.so", "module_app menu.so",
                f"audio_player {sound},{device}ear{number}", f"audio_source {sound},{device}mic{number}",
                f"audio_alert {sound},{device}ear{number}",
                "audio_srate 48000", "audio_channels 1", "",
            ]))
            account = f"<sip:b{number}@127.0.0.1:{port}>;regint=0;answermode=auto;audio_codecs=opus/48000/2\n"
            (folder / "accounts").write_text(account)
            (folder / "contacts").write_text("")
            dial = ["-e", f"d sip:b2@127.0.0.1:{ports[2]}"] if number == 1 else []
            order = ["baresip", "-f", str(folder), "-p", str(folder / "tones"), *dial]
            ends[number] = self.spawn(*order, stdin=subprocess.PIPE, stdout=self.log)
            time.sleep(2)

        def end(child):
            child.terminate()
            child.wait()

        return ends[2], [lambda: end(ends[1]), lambda: end(ends[2])]


def tree(pid):
    """A process and all that it started."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parent = int(open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry))
    found, wait = [], [pid]
    while wait:
        pid = wait.pop()
        found.append(pid)
        wait += children.get(pid, [])
    return found


def cpu(pid):
    """CPU seconds that a process and all that it started used so far, without those that are gone."""
    used = 0
    for pid in tree(pid):
        try:
            fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        used += int(fields[11]) + int(fields[12])
    return used / TICKS


def pss(pid):
    """Memory of the same in MB, shared pages counted by share."""
    used = 0
    for pid in tree(pid):
        try:
            rows = open(f"/proc/{pid}/smaps_rollup").read().splitlines()
        except OSError:
            continue
        used += sum(int(row.split()[1]) for row in rows if row.startswith("Pss:"))
    return used / 1024


def machine():
    """What else the machine did."""
    one, five, _ = os.getloadavg()
    return f"{os.cpu_count()} cores, load {one:.1f} (one minute), {five:.1f} (five)"


def ratio(ours, theirs, middle=statistics.median, rounds=2000):
    """Median (or mean) of ours by that of theirs, and its 95 % interval by drawing again (bootstrap)."""
    rng = random.Random(7)
    again = lambda values: middle(rng.choices(values, k=len(values)))
    drawn = sorted(again(ours) / max(again(theirs), 1e-9) for _ in range(rounds))
    return middle(ours) / max(middle(theirs), 1e-9), drawn[int(0.025 * rounds)], drawn[int(0.975 * rounds)]
