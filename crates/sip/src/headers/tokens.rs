//! Headers that hold one number of seconds: Expires, Min-Expires, Retry-After, Flow-Timer.

use super::Headers;
use crate::header_name::HeaderName;

impl Headers {
    /// The number that begins the header `name`, or nothing when it is none. What is larger than 2^32-1 is that
    /// (RFC 3261 20.19), and comments or parameters behind it do not count (RFC 3261 20.33).
    #[must_use]
    pub fn seconds(&self, name: &HeaderName) -> Option<u32> {
        let text = self.text(name)?;
        let digits: String = text.trim().chars().take_while(char::is_ascii_digit).collect();
        let rest = text.trim()[digits.len()..].trim_start();
        if digits.is_empty() || !(rest.is_empty() || rest.starts_with([';', '('])) {
            return None;
        }
        Some(digits.parse().unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_bounds() {
        let read = |text: &str| {
            let mut headers = Headers::new();
            headers.push(HeaderName::RetryAfter, text);
            headers.seconds(&HeaderName::RetryAfter)
        };
        assert_eq!(read("120 (I'm in a meeting)"), Some(120));
        assert_eq!(read("18000;duration=3600"), Some(18000));
        assert_eq!(read("10000000000000000000000000"), Some(u32::MAX));
        for bad in ["", "-1", "+5", "0x5", "ten", "5 minutes"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
