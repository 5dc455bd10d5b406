//! The page is treated as hostile: what a script can do that has got into it. It is driven by WebDriver, whose scripts
//! run in the page as an injected one would.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

use serde_json::{Value, json};

use crate::{
    account::Server,
    session::{Desktop, With},
    window::Window,
};

/// Somebody outside who counts who comes and says something. Nobody should.
struct Outside {
    port: u16,
    came: mpsc::Receiver<()>,
}

impl Outside {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let (tell, came) = mpsc::channel();
        thread::spawn(move || {
            for visitor in listener.incoming().flatten() {
                let tell = tell.clone();
                // WebKit may connect ahead to what a link names; who says nothing and goes has carried nothing out.
                thread::spawn(move || {
                    if (&visitor).read(&mut [0]).is_ok_and(|read| read > 0) {
                        let _ = tell.send(());
                    }
                });
            }
        });
        Self { port, came }
    }

    /// Nobody came but the one who asks now.
    fn nobody_came(&self) -> bool {
        let mut ours = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        ours.write_all(b"x").expect("it listens");
        self.came.recv().expect("our own visit is told");
        self.came.try_recv().is_err()
    }
}

fn ready(desktop: &Desktop) -> Window {
    let window = Window::open(desktop);
    window.wait_until_says("line-state", |said| said.starts_with("Ready"));
    window.run("window.untouched = true");
    window
}

/// Is it the page that it was, at the place where it was, with its phone?
fn is_untouched(window: &Window) -> bool {
    let mark = window.run("return window.untouched === true && location.href.startsWith('tauri://localhost')");
    mark == json!(true) && window.windows() == 1
}

/// Twenty ways out of the page (H7), and two more. `THERE` stands for the address outside.
const WAYS_OUT: [&str; 22] = [
    "location.href = THERE",
    "location = THERE",
    "location.assign(THERE)",
    "location.replace(THERE)",
    "document.location = THERE",
    "top.location = THERE",
    "window.open(THERE)",
    "window.open(THERE, '_self')",
    "window.open(THERE, '_blank', 'noopener')",
    "go('a', { href: THERE }).click()",
    "go('a', { href: THERE, target: '_blank' }).click()",
    "go('a', { href: THERE, download: 'x' }).click()",
    "go('a', { href: THERE, ping: THERE }).click()",
    "go('form', { action: THERE, method: 'get' }).submit()",
    "go('form', { action: THERE, method: 'post', target: '_blank' }).submit()",
    "go('meta', { 'http-equiv': 'refresh', content: '0;url=' + THERE })",
    "go('iframe', { src: THERE })",
    "go('object', { data: THERE })",
    "go('embed', { src: THERE })",
    "go('a', { href: 'file:///etc/passwd' }).click()",
    "go('a', { href: 'data:text/html,<p>x</p>' }).click()",
    "go('area', { href: THERE }).click()",
];

#[test]
fn no_way_leads_out_of_the_page() {
    let desktop = Desktop::start("navigation", With::default());
    let outside = Outside::listen();
    let window = ready(&desktop);
    for way in WAYS_OUT {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             const THERE = 'http://127.0.0.1:{}/';
             const go = (name, attributes) => {{
               const element = document.createElement(name);
               for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
               document.body.append(element);
               return element;
             }};
             try {{ {way} }} catch {{}}
             requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)));",
            outside.port
        );
        window.run_async(&script);
        assert!(is_untouched(&window), "{way}");
        assert!(outside.nobody_came(), "{way}");
    }
    window.wait_until_says("line-state", |said| said.starts_with("Ready"));
    window.terminate();
}

#[test]
fn the_policy_stops_foreign_scripts_pictures_and_connections() {
    let desktop = Desktop::start("policy", With::default());
    let outside = Outside::listen();
    let window = ready(&desktop);
    // Each gives `blocked`, or what it got.
    let attempts = [
        (
            "an inline script",
            "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s); done(window.ran ? 'ran' : 'blocked')",
        ),
        (
            "a script of an attribute",
            "const b = document.createElement('b'); b.setAttribute('onclick', 'window.ran = 2'); document.body.append(b); b.click(); done(window.ran ? 'ran' : 'blocked')",
        ),
        (
            "markup with a script",
            "const p = document.createElement('p'); p.innerHTML = '<img src=x onerror=\"window.ran = 3\">'; document.body.append(p); done('markup was taken')",
        ),
        ("eval", "done(String(eval('6 * 7')))"),
        ("a function from text", "done(String(new Function('return 6 * 7')()))"),
        (
            "a timer from text",
            "setTimeout('window.ran = 4'); setTimeout(() => done(window.ran ? 'ran' : 'blocked'), 50)",
        ),
        (
            "a foreign script",
            "const s = document.createElement('script'); s.onload = () => done('loaded'); s.onerror = () => done('blocked'); s.src = THERE; document.body.append(s)",
        ),
        (
            "a foreign picture",
            "const i = new Image(); i.onload = () => done('loaded'); i.onerror = () => done('blocked'); i.src = THERE",
        ),
        (
            "a foreign style",
            "const l = document.createElement('link'); l.rel = 'stylesheet'; l.onload = () => done('loaded'); l.onerror = () => done('blocked'); l.href = THERE; document.head.append(l)",
        ),
        (
            "an inline style",
            "const s = document.createElement('style'); s.textContent = 'body { opacity: 0.5 }'; document.head.append(s); done(getComputedStyle(document.body).opacity === '0.5' ? 'applied' : 'blocked')",
        ),
        ("fetch", "fetch(THERE, { mode: 'no-cors' }).then(() => done('fetched'), () => done('blocked'))"),
        (
            "a request",
            "const x = new XMLHttpRequest(); x.onload = () => done('fetched'); x.onerror = () => done('blocked'); x.open('GET', THERE); x.send()",
        ),
        (
            "a WebSocket",
            "const w = new WebSocket(THERE.replace('http', 'ws')); w.onopen = () => done('open'); w.onerror = () => done('blocked')",
        ),
        (
            "an event source",
            "const e = new EventSource(THERE); e.onopen = () => done('open'); e.onerror = () => done('blocked')",
        ),
        ("a beacon", "navigator.sendBeacon(THERE, 'x'); done('blocked')"),
        (
            "a worker from text",
            "const w = new Worker(URL.createObjectURL(new Blob(['postMessage(1)']))); w.onmessage = () => done('ran'); w.onerror = () => done('blocked')",
        ),
        (
            "a foreign font",
            "new FontFace('x', `url(${THERE})`).load().then(() => done('loaded'), () => done('blocked'))",
        ),
        ("a local file", "fetch('file:///etc/passwd').then(() => done('fetched'), () => done('blocked'))"),
    ];
    for (what, attempt) in attempts {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             const THERE = 'http://127.0.0.1:{}/';
             try {{ {attempt} }} catch (error) {{ done('blocked') }}",
            outside.port
        );
        assert_eq!(window.run_async(&script), json!("blocked"), "{what}");
    }
    assert!(outside.nobody_came());
    assert!(is_untouched(&window));
    window.terminate();
}

#[test]
fn prototypes_cannot_be_poisoned() {
    let desktop = Desktop::start("prototypes", With::default());
    let window = ready(&desktop);
    let poisoned = window.run("try { Object.prototype.then = 1 } catch {} return ({}).then === 1");
    assert_eq!(poisoned, json!(false));
    assert_eq!(window.run("return typeof window.__TAURI__"), json!("undefined"), "no global is given");
    window.terminate();
}

/// Every line that the phone has sent to the stolen page, and what came of a command.
const STEAL: &str = "
    const done = arguments[arguments.length - 1];
    const invoke = window.__TAURI_INTERNALS__.invoke;
    window.stolen = [];
    const hear = window.__TAURI_INTERNALS__.transformCallback((message) => window.stolen.push(message));
    invoke('attach', { channel: '__CHANNEL__:' + hear }).then(() => done('joined'), (error) => done('refused: ' + error));";

fn invoke(window: &Window, command: &str, words: &Value) -> Value {
    let script = format!(
        "const done = arguments[arguments.length - 1];
         window.__TAURI_INTERNALS__.invoke({}, {words}).then((ok) => done({{ ok }}), (error) => done({{ error: String(error) }}));",
        json!(command)
    );
    window.run_async(&script)
}

#[test]
fn only_the_two_commands_are_taken_and_only_in_their_shape() {
    let desktop = Desktop::start("commands", With::default());
    let window = ready(&desktop);
    let foreign = [
        ("plugin:window|close", json!({ "label": "main" })),
        ("plugin:webview|create_webview_window", json!({ "options": { "label": "x", "url": "https://example.com" } })),
        ("plugin:event|listen", json!({ "event": "x", "handler": 1 })),
        ("plugin:app|version", json!({})),
        ("plugin:path|resolve_directory", json!({ "directory": 1 })),
        ("plugin:notification|notify", json!({ "options": { "title": "x" } })),
        ("plugin:fs|read_text_file", json!({ "path": "/etc/passwd" })),
        ("plugin:shell|execute", json!({ "program": "sh" })),
        ("plugin:resources|close", json!({ "rid": 1 })),
        ("quit", json!({})),
        ("send", json!({})),
        ("send", json!({ "id": 1 })),
        ("send", json!({ "id": "1", "command": { "do": "state" } })),
        ("send", json!({ "id": 1, "command": "state" })),
        ("send", json!({ "id": 1, "command": { "do": "state" }, "more": true })),
        ("send", json!({ "id": 1, "command": { "do": "read-file", "path": "/etc/passwd" } })),
        ("send", json!({ "id": 1, "command": { "do": "call", "to": "6".repeat(200_000) } })),
        ("attach", json!({ "channel": "x" })),
    ];
    for (command, words) in foreign {
        let answer = invoke(&window, command, &words);
        assert!(
            answer.get("error").is_some(),
            "{command} {}: {answer}",
            words.to_string().chars().take(80).collect::<String>()
        );
    }
    window.wait_until_says("line-state", |said| said.starts_with("Ready"));
    assert!(is_untouched(&window));
    window.terminate();
}

#[test]
fn a_stolen_page_cannot_read_a_password() {
    let desktop = Desktop::start("stolen", With::default());
    let server = Server::start();
    let window = ready(&desktop);
    let user = &server.users[0];
    let password = user.password.expose().clone();
    assert_eq!(window.run_async(STEAL), json!("joined"));
    let commands = [
        json!({ "do": "add-account", "address": format!("sip:{}@{}", user.name, server.domain), "server": server.url, "pin": server.pin, "password": password }),
        json!({ "do": "state" }),
        json!({ "do": "history", "limit": 1000 }),
        json!({ "do": "watch", "watch": "levels" }),
        json!({ "do": "watch", "watch": "quality" }),
        json!({ "do": "watch", "watch": "sip" }),
        json!({ "do": "test-account", "account": "a1", "server": "wss://127.0.0.1:1/" }),
        json!({ "do": "change-account", "account": "a1", "server": "file:///etc/passwd" }),
        json!({ "do": "change-account", "account": "a1", "ca": "/etc/passwd" }),
        json!({ "do": "set", "setting": "password", "value": "x" }),
        json!({ "do": "register", "account": "a1" }),
        json!({ "do": "call", "to": "600", "account": "a1" }),
        json!({ "do": "hangup" }),
        json!({ "do": "remove-account", "account": "a1'; drop table accounts; --" }),
        json!({ "do": "state" }),
    ];
    for (place, command) in commands.iter().enumerate() {
        let id = place + 1;
        invoke(&window, "send", &json!({ "id": id, "command": command }));
        // Its answer comes down the stolen channel, or the shell refused it at once.
        let script = format!(
            "const done = arguments[arguments.length - 1];
             const look = (left) => window.stolen.some((one) => (one.message ?? one).reply === {id}) || left === 0 ? done(true) : setTimeout(look, 10, left - 1);
             look(200);"
        );
        window.run_async(&script);
    }
    let heard = window.run("return JSON.stringify(window.stolen)");
    let heard = heard.as_str().expect("a text");
    assert!(
        heard.contains("\"accounts\"") && heard.contains(&user.name),
        "the page was stolen, but it heard nothing: {heard}"
    );
    assert!(!heard.contains(&password), "a password came out");
    for secret in ["\"password\":\"", "root:x:0:0"] {
        assert!(!heard.contains(secret), "{secret}");
    }
    let log = logs(&desktop);
    assert!(!log.is_empty() && !log.contains(&password), "nor is it in the log");
    window.terminate();
}

#[test]
fn a_page_that_floods_the_phone_is_held_back() {
    let desktop = Desktop::start("flood", With::default());
    let window = ready(&desktop);
    let refused = window
        .run_async(
            "const done = arguments[arguments.length - 1];
             const one = (id) => window.__TAURI_INTERNALS__.invoke('send', { id, command: { do: 'state' } }).then(() => 0, () => 1);
             Promise.all(Array.from({ length: 2000 }, (_, id) => one(id))).then((all) => done(all.reduce((sum, one) => sum + one, 0)));",
        )
        ;
    assert!(refused.as_u64().is_some_and(|refused| refused > 500), "{refused} of 2000 were refused");
    window.wait_until_says("line-state", |said| said.starts_with("Ready"));
    // A person is never that fast: the next wish counts.
    window.press("line-settings");
    window.wait_for("input[type=search]");
    window.terminate();
}

/// All that the program has written into its log.
fn logs(desktop: &Desktop) -> String {
    let folder = desktop.home().join(".local/share/bellbird/log");
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok()).collect()
}
