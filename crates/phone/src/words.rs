//! Errors in the words of the person: Project Fluent, `text/<language>/*.ftl`. A message is named like its code and has
//! the attributes `why` and `hint`, each a whole sentence or absent.
//!
//! Fluent puts isolation marks round what it fills in, so that a hostile name cannot turn the text round it. They stay
//! in the state; a terminal strips them by [`without_marks`].

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

use crate::{contract, fault::Fault};

const ENGLISH: [&str; 4] = [
    include_str!("../text/en/line.ftl"),
    include_str!("../text/en/call.ftl"),
    include_str!("../text/en/sound.ftl"),
    include_str!("../text/en/phone.ftl"),
];
const CHINESE: [&str; 4] = [
    include_str!("../text/zh-CN/line.ftl"),
    include_str!("../text/zh-CN/call.ftl"),
    include_str!("../text/zh-CN/sound.ftl"),
    include_str!("../text/zh-CN/phone.ftl"),
];

/// The languages that are spoken; any other is answered in the first.
pub const LANGUAGES: [&str; 2] = ["en", "zh-CN"];

/// The words of one language.
pub struct Words {
    tag: &'static str,
    bundle: FluentBundle<FluentResource>,
}

impl Words {
    /// The words for the setting `language`: a language tag, or `system` for what the system speaks. English where we do
    /// not speak it.
    ///
    /// # Panics
    /// Never: a test reads the texts that are built in.
    #[must_use]
    pub fn of(language: &str) -> Self {
        let tag = if language == "system" { sys_locale::get_locale().unwrap_or_default() } else { language.to_owned() };
        let (tag, texts) =
            if tag.to_ascii_lowercase().starts_with("zh") { ("zh-CN", CHINESE) } else { ("en", ENGLISH) };
        let language: LanguageIdentifier = tag.parse().expect("a tag of ours");
        let mut bundle = FluentBundle::new_concurrent(vec![language]);
        for text in texts {
            let resource = FluentResource::try_new(text.to_owned()).expect("the texts parse: a test reads them");
            bundle.add_resource(resource).expect("no message stands twice: a test reads them");
        }
        Self { tag, bundle }
    }

    /// The language that is really spoken, `en` or `zh-CN`.
    #[must_use]
    pub const fn tag(&self) -> &'static str {
        self.tag
    }

    /// The fault in words.
    #[must_use]
    pub fn error(&self, fault: &Fault) -> contract::Error {
        let code = fault.code.as_str();
        // A fault is one of the line unless it says otherwise; it needs no value for that.
        let mut args = FluentArgs::new();
        args.set("scope", "line");
        for (name, value) in &fault.args {
            args.set(*name, value.as_str());
        }
        contract::Error {
            code: code.to_owned(),
            message: self.say(code, None, &args).unwrap_or_else(|| code.to_owned()),
            why: self.say(code, Some("why"), &args),
            hint: self.say(code, Some("hint"), &args),
            act: fault.code.act(),
            who: fault.code.who(),
            sip: fault.sip,
            detail: fault.detail.clone(),
            at: fault.at,
            cert: fault.cert.as_deref().cloned(),
        }
    }

    /// A word or two of the phone's own, such as the name of the practice line.
    #[must_use]
    pub fn text(&self, key: &str) -> String {
        self.say(key, None, &FluentArgs::new()).unwrap_or_else(|| key.to_owned())
    }

    /// A sentence; nothing when it is not there or speaks of something that was not given.
    fn say(&self, key: &str, attribute: Option<&str>, args: &FluentArgs<'_>) -> Option<String> {
        let message = self.bundle.get_message(key)?;
        let pattern = match attribute {
            Some(name) => message.get_attribute(name)?.value(),
            None => message.value()?,
        };
        let mut wrong = Vec::new();
        let said = self.bundle.format_pattern(pattern, Some(args), &mut wrong).into_owned();
        wrong.is_empty().then_some(said)
    }
}

/// The text without the isolation marks of Fluent, for terminals, logs and notifications.
#[must_use]
pub fn without_marks(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\u{2066}'..='\u{2069}')).collect()
}

#[cfg(test)]
mod tests {
    use fluent_bundle::FluentArgs;

    use super::*;
    use crate::fault::Code;

    const TEXTS: [(&str, [&str; 4]); 2] = [("en", ENGLISH), ("zh-CN", CHINESE)];

    fn full(code: Code) -> Fault {
        code.args().iter().fold(Fault::new(code), |fault, name| fault.with(name, "filled"))
    }

    fn keys(texts: &[&str]) -> Vec<String> {
        texts
            .iter()
            .flat_map(|text| text.lines())
            .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
            .filter_map(|line| line.split_once(" =").map(|(key, _)| key.to_owned()))
            .collect()
    }

    #[test]
    fn every_code_has_its_sentences_in_every_language() {
        for (language, texts) in TEXTS {
            let words = Words::of(language);
            for code in Code::ALL {
                let error = words.error(&full(*code));
                assert_ne!(error.message, code.as_str(), "{language}: no message for {}", code.as_str());
                assert!(
                    !error.message.contains(['{', '}']) && !error.message.ends_with(['.', '。']),
                    "{language}: {error:?}"
                );
                for sentence in [error.why.as_ref(), error.hint.as_ref()].into_iter().flatten() {
                    assert!(sentence.ends_with(['.', '。']), "{language}: {} says {sentence:?}", code.as_str());
                }
            }
            let codes = Code::ALL.iter().map(|code| code.as_str().to_owned());
            let mut known: Vec<_> = codes.chain(["practice-line".to_owned()]).collect();
            let mut written = keys(&texts);
            known.sort();
            written.sort();
            assert_eq!(known, written, "{language}: a message that no code has, or one too few");
        }
    }

    #[test]
    fn every_language_says_as_much() {
        let [english, chinese] = LANGUAGES.map(Words::of);
        for code in Code::ALL {
            let [one, other] = [english.error(&full(*code)), chinese.error(&full(*code))];
            assert_eq!(
                (one.why.is_some(), one.hint.is_some()),
                (other.why.is_some(), other.hint.is_some()),
                "{one:?} {other:?}"
            );
            // Every value that the table names is spoken of in some sentence, in each language.
            for (language, texts) in TEXTS {
                let all = texts.concat();
                let own = all.split(&format!("\n{} =", code.as_str())).nth(1).unwrap_or_default();
                let own = own.split_once("\n\n").map_or(own, |(own, _)| own);
                for name in code.args() {
                    assert!(
                        own.contains(&format!("${name}")),
                        "{language}: {} does not speak of {name}",
                        code.as_str()
                    );
                }
            }
        }
    }

    #[test]
    fn a_message_needs_no_value_and_a_sentence_without_its_value_is_left_out() {
        for (language, _) in TEXTS {
            let words = Words::of(language);
            for code in Code::ALL {
                let message = words.say(code.as_str(), None, &FluentArgs::new());
                assert!(message.is_some(), "{language}: the message of {} needs a value", code.as_str());
                let error = words.error(&Fault::new(*code));
                let said = [Some(&error.message), error.why.as_ref(), error.hint.as_ref()];
                assert!(said.into_iter().flatten().all(|text| !text.contains('{')), "{error:?}");
            }
        }
    }

    #[test]
    fn it_says_what_the_picture_says() {
        let error =
            Words::of("en").error(&Fault::new(Code::WrongPassword).sip(403).of_account("sip.example.com", "2001"));
        assert_eq!(error.message, "The server refused the password");
        let why = error.why.expect("why");
        assert!(why.contains("\u{2068}2001\u{2069}"), "isolated");
        assert_eq!(without_marks(&why), "sip.example.com does not accept the password of 2001.");
        assert_eq!(error.hint.as_deref(), Some("Calls cannot come in until it is right."));
    }

    #[test]
    fn a_language_we_do_not_speak_is_english() {
        assert_eq!(Words::of("fi").tag(), "en");
        assert_eq!(Words::of("ZH-tw").tag(), "zh-CN");
        assert!(LANGUAGES.contains(&Words::of("system").tag()));
    }
}
