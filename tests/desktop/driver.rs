//! As much of WebDriver as the tests need: one request of HTTP/1.1 at a time to WebKitWebDriver on loopback. It waits
//! for nothing by itself; `window` beside this file does.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use acceptance::PATIENCE;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// The name under which the protocol hands out elements (WebDriver 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A session with one window.
pub(crate) struct Driver {
    port: u16,
    session: String,
}

/// An element of the page.
pub(crate) struct Element<'a> {
    driver: &'a Driver,
    id: String,
}

/// What the driver says when it refuses: its code and its sentence.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Driver {
    /// Lets the driver on `port` start `program`.
    pub(crate) fn start(port: u16, program: &str) -> Result<Self, Refusal> {
        let wanted = json!({ "browserName": "wry", "webkitgtk:browserOptions": { "binary": program, "args": [] } });
        let made = request(port, "POST", "/session", &json!({ "capabilities": { "alwaysMatch": wanted } }))?;
        let session = made["sessionId"].as_str().expect("a session has an id").to_owned();
        let driver = Self { port, session };
        driver.ask("POST", "/timeouts", &json!({ "script": PATIENCE.as_millis() }))?;
        Ok(driver)
    }

    /// All elements that a selector finds now.
    pub(crate) fn find(&self, selector: &str) -> Vec<Element<'_>> {
        self.find_by("css selector", selector)
    }

    /// All elements that an XPath finds now.
    pub(crate) fn find_by_path(&self, path: &str) -> Vec<Element<'_>> {
        self.find_by("xpath", path)
    }

    /// How many windows the program shows to the driver.
    pub(crate) fn windows(&self) -> usize {
        let handles = self.ask("GET", "/window/handles", &Value::Null).expect("the driver answers");
        handles.as_array().expect("a list").len()
    }

    /// Runs a script in the page and returns what it returns.
    pub(crate) fn run(&self, script: &str) -> Result<Value, Refusal> {
        self.ask("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Runs a script that calls its last argument with what it found.
    pub(crate) fn run_async(&self, script: &str) -> Result<Value, Refusal> {
        self.ask("POST", "/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// The page as PNG.
    pub(crate) fn picture(&self) -> Result<Vec<u8>, Refusal> {
        let picture = self.ask("GET", "/screenshot", &Value::Null)?;
        Ok(BASE64_STANDARD.decode(picture.as_str().expect("a text")).expect("base64"))
    }

    fn find_by(&self, using: &str, value: &str) -> Vec<Element<'_>> {
        let found = loop {
            match self.ask("POST", "/elements", &json!({ "using": using, "value": value })) {
                Ok(found) => break found,
                // The page changed while it was looked at: it is looked at again.
                Err(refusal) if refusal.code == "stale element reference" => {}
                Err(refusal) => panic!("{value}: {refusal:?}"),
            }
        };
        let ids = found.as_array().expect("a list").iter().map(|one| one[ELEMENT].as_str().expect("an element"));
        ids.map(|id| Element { driver: self, id: id.to_owned() }).collect()
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, Refusal> {
        request(self.port, method, &format!("/session/{}{path}", self.session), body)
    }
}

impl Element<'_> {
    /// Presses it where it can be seen.
    pub(crate) fn click(&self) -> Result<(), Refusal> {
        self.ask("POST", "click", &json!({})).map(drop)
    }

    /// Types into it.
    pub(crate) fn type_keys(&self, text: &str) -> Result<(), Refusal> {
        self.ask("POST", "value", &json!({ "text": text })).map(drop)
    }

    /// Its words as they are laid out. (The driver's own question for them gives nothing for text that may be cut off.)
    pub(crate) fn text(&self) -> Result<String, Refusal> {
        let script = json!({ "script": "return arguments[0].innerText.trim()", "args": [{ ELEMENT: self.id }] });
        let text = self.driver.ask("POST", "/execute/sync", &script)?;
        // Fluent puts isolation marks round what it fills in.
        Ok(text.as_str().unwrap_or_default().replace(['\u{2068}', '\u{2069}'], ""))
    }

    fn ask(&self, method: &str, what: &str, body: &Value) -> Result<Value, Refusal> {
        self.driver.ask(method, &format!("/element/{}/{what}", self.id), body)
    }
}

/// One request and its answer's `value`.
fn request(port: u16, method: &str, path: &str, body: &Value) -> Result<Value, Refusal> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let lost = |error: std::io::Error| Refusal { code: "no driver".into(), message: error.to_string() };
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(lost)?;
    stream.set_read_timeout(Some(PATIENCE + PATIENCE)).map_err(lost)?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).map_err(lost)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(lost)?;
    let text = String::from_utf8_lossy(&answer);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let answer: Value = serde_json::from_str(body)
        .map_err(|error| Refusal { code: "no answer".into(), message: format!("{error}: {text}") })?;
    let value = answer["value"].clone();
    match value["error"].as_str() {
        Some(code) if text.split(' ').nth(1) != Some("200") => {
            Err(Refusal { code: code.to_owned(), message: value["message"].as_str().unwrap_or_default().to_owned() })
        }
        _ => Ok(value),
    }
}
