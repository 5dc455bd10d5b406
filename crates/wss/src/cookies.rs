//! The cookies of a server (RFC 6265): what its handshakes set is presented at its next one. In memory only.

use std::time::Duration;

use time::{Date, Month, OffsetDateTime, Time};
use tokio::time::Instant;

use crate::{connect::Target, http::is_header, secret::Secret};

/// How many cookies are kept, and how long one may be, in octets (RFC 6265 6.1).
const MOST: usize = 50;
const LONGEST: usize = 4096;

/// The cookies of one account.
#[derive(Default)]
pub(crate) struct Jar(Vec<Cookie>);

struct Cookie {
    name: String,
    value: Secret,
    /// The host it is for, and whether for those below it too.
    domain: String,
    and_below: bool,
    path: String,
    secure: bool,
    until: Option<Instant>,
}

impl Jar {
    /// Takes the value of a `Set-Cookie` from `target` (RFC 6265 5.2, 5.3).
    pub(crate) fn take(&mut self, target: &Target, set: &str, now: Instant) {
        let Some(cookie) = Cookie::parse(target, set, now) else { return };
        let same = |own: &Cookie| (&own.name, &own.domain, &own.path) == (&cookie.name, &cookie.domain, &cookie.path);
        self.0.retain(|own| !same(own) && own.until.is_none_or(|until| until > now));
        if cookie.until.is_none_or(|until| until > now) {
            if self.0.len() == MOST {
                self.0.remove(0);
            }
            self.0.push(cookie);
        }
    }

    /// What a request to `target` says of cookies (RFC 6265 5.4).
    pub(crate) fn header(&self, target: &Target, now: Instant) -> Option<String> {
        let mut mine: Vec<&Cookie> = self.0.iter().filter(|cookie| cookie.is_for(target, now)).collect();
        mine.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> =
            mine.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value.expose())).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Cookie {
    fn parse(target: &Target, set: &str, now: Instant) -> Option<Self> {
        let mut parts = set.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        if set.len() > LONGEST || !is_header(name, value) {
            return None;
        }
        // RFC 6265 5.1.4: by default it is for the directory of the request.
        let asked = target.path();
        let directory = asked.rfind('/').filter(|at| *at > 0).map_or("/", |at| &asked[..at]);
        let mut cookie = Self {
            name: name.to_owned(),
            value: Secret::new(value.to_owned()),
            domain: target.host.clone(),
            and_below: false,
            path: directory.to_owned(),
            secure: false,
            until: None,
        };
        let mut age = None;
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "domain" if !value.is_empty() => {
                    cookie.domain = value.trim_start_matches('.').to_ascii_lowercase();
                    cookie.and_below = true;
                }
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "secure" => cookie.secure = true,
                "max-age" => age = value.parse::<i64>().ok().or(age),
                "expires" => cookie.until = date(value).map(|at| after(at - OffsetDateTime::now_utc(), now)),
                _ => {}
            }
        }
        // 5.3, 3: the age weighs more than the date.
        if let Some(age) = age {
            cookie.until = Some(after(time::Duration::seconds(age), now));
        }
        // 5.3, 6, and nobody sets over plain HTTP what is for TLS only. A whole top domain is nobody's.
        let whose = !cookie.and_below || (cookie.domain.contains('.') && cookie.covers(&target.host));
        (whose && (target.secure || !cookie.secure)).then_some(cookie)
    }

    /// RFC 6265 5.1.3; an address is below nothing.
    fn covers(&self, host: &str) -> bool {
        let below = || host.strip_suffix(&self.domain).is_some_and(|rest| rest.ends_with('.'));
        let name = host.parse::<std::net::IpAddr>().is_err() && !host.starts_with('[');
        host == self.domain || (self.and_below && name && below())
    }

    fn is_for(&self, target: &Target, now: Instant) -> bool {
        // RFC 6265 5.1.4.
        let path = target.path().strip_prefix(&self.path);
        let path = path.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'));
        path && self.covers(&target.host)
            && (target.secure || !self.secure)
            && self.until.is_none_or(|until| until > now)
    }
}

/// The moment `wait` from now: now for what is past, a year for what is further away than that.
fn after(wait: time::Duration, now: Instant) -> Instant {
    now + Duration::from_secs(wait.whole_seconds().clamp(0, 31_536_000).unsigned_abs())
}

/// A date as servers have written it since 1994 (RFC 6265 5.1.1).
fn date(text: &str) -> Option<OffsetDateTime> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != ':').filter(|word| !word.is_empty()) {
        let number = || word.parse::<i32>().ok();
        if time.is_none() && word.contains(':') {
            let mut parts = word.split(':').map(|part| part.parse::<u8>().ok());
            time = Time::from_hms(parts.next()??, parts.next()??, parts.next()??).ok();
        } else if day.is_none() && word.len() <= 2 && number().is_some() {
            day = number();
        } else if month.is_none() && word.len() >= 3 && word.is_ascii() && number().is_none() {
            let names = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
            month = names.iter().position(|name| word[..3].eq_ignore_ascii_case(name));
        } else if year.is_none() {
            year = number().map(|year| match year {
                0..70 => year + 2000,
                70..100 => year + 1900,
                year => year,
            });
        }
    }
    let month = Month::try_from(u8::try_from(month?).ok()? + 1).ok()?;
    let date = Date::from_calendar_date(year?, month, u8::try_from(day?).ok()?).ok()?;
    Some(date.with_time(time?).assume_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect;

    fn to(url: &str) -> Target {
        connect::target(&url::Url::parse(url).expect("a URL")).expect("a target")
    }

    /// What is presented at `next` after `set` came from wss://pbx.example.com/sip/ws.
    fn presented(set: &str, next: &str) -> Option<String> {
        let (mut jar, now) = (Jar::default(), Instant::now());
        jar.take(&to("wss://pbx.example.com/sip/ws?token=1"), set, now);
        jar.header(&to(next), now + Duration::from_secs(60))
    }

    #[test]
    fn a_cookie_goes_back_where_it_is_for_and_nowhere_else() {
        let same = "wss://pbx.example.com/sip/ws";
        for (set, next, sent) in [
            ("sid=31d4d96e407aad42", same, true),
            ("sid=31d4d96e407aad42", "wss://pbx.example.com/sip/other", true),
            ("sid=31d4d96e407aad42", "wss://pbx.example.com/sip", true),
            ("sid=31d4d96e407aad42", "wss://pbx.example.com/", false),
            ("sid=31d4d96e407aad42", "wss://pbx.example.com/sipper", false),
            ("sid=31d4d96e407aad42", "wss://www.pbx.example.com/sip/ws", false),
            ("sid=31d4d96e407aad42; Path=/", "wss://pbx.example.com/", true),
            ("sid=31d4d96e407aad42; Path=/admin", same, false),
            ("sid=31d4d96e407aad42; Domain=example.com", "wss://sip.example.com/sip/ws", true),
            ("sid=31d4d96e407aad42; Domain=.EXAMPLE.com", same, true),
            ("sid=31d4d96e407aad42; Domain=ample.com", same, false),
            ("sid=31d4d96e407aad42; Domain=com", same, false),
            ("sid=31d4d96e407aad42; Domain=elsewhere.org", "wss://elsewhere.org/sip/ws", false),
            ("sid=31d4d96e407aad42; Secure; HttpOnly; SameSite=Lax", same, true),
            ("sid=31d4d96e407aad42; Secure", "ws://pbx.example.com/sip/ws", false),
            ("sid=31d4d96e407aad42", "ws://pbx.example.com/sip/ws", true),
            ("sid=31d4d96e407aad42; Max-Age=61", same, true),
            ("sid=31d4d96e407aad42; Max-Age=59", same, false),
            ("sid=31d4d96e407aad42; Max-Age=0", same, false),
            ("sid=31d4d96e407aad42; Max-Age=-9999999999999", same, false),
            ("sid=31d4d96e407aad42; Expires=Wed, 09 Jun 2021 10:18:14 GMT", same, false),
            ("sid=31d4d96e407aad42; Expires=Sunday, 06-Nov-94 08:49:37 GMT", same, false),
            ("sid=31d4d96e407aad42; Expires=Fri, 31 Dec 9998 23:59:59 GMT", same, true),
            ("sid=31d4d96e407aad42; Expires=Wed, 09 Jun 2021 10:18:14 GMT; Max-Age=100", same, true),
            ("sid=31d4d96e407aad42; Expires=tomorrow", same, true),
            ("si d=31d4d96e407aad42", same, false),
            ("31d4d96e407aad42", same, false),
        ] {
            assert_eq!(presented(set, next), sent.then(|| "sid=31d4d96e407aad42".to_owned()), "{set} at {next}");
        }
        assert_eq!(presented(&format!("sid={}", "x".repeat(5_000)), same), None);
    }

    #[test]
    fn the_jar_is_bounded_and_forgets_what_is_taken_back() {
        let (mut jar, now, target) = (Jar::default(), Instant::now(), to("wss://pbx.example.com/ws"));
        for number in 0..200 {
            jar.take(&target, &format!("c{number}=v"), now);
        }
        assert_eq!(jar.0.len(), MOST);
        jar.take(&target, "c199=new; Path=/", now);
        jar.take(&target, "c198=; Max-Age=0", now);
        let header = jar.header(&target, now).expect("cookies");
        assert!(header.contains("c199=new") && !header.contains("c198") && !header.contains("c199=v"), "{header}");
    }
}
