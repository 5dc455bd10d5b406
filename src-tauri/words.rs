//! The words of the tray and of notifications (`ui/src/text/<lang>/shell.ftl`). Errors and causes are worded by the
//! phone; nothing here words them again.

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

const ENGLISH: &str = include_str!("../ui/src/text/en/shell.ftl");
const CHINESE: &str = include_str!("../ui/src/text/zh-CN/shell.ftl");

/// The words of one language.
pub(crate) struct Words {
    tag: &'static str,
    bundle: FluentBundle<FluentResource>,
}

impl Words {
    /// The words for the setting `language`: a language tag, or `system` for what the desktop speaks.
    pub(crate) fn of(setting: &str) -> Self {
        let tag = if setting == "system" { sys_locale::get_locale().unwrap_or_default() } else { setting.to_owned() };
        let (tag, text) = if tag.starts_with("zh") { ("zh-CN", CHINESE) } else { ("en", ENGLISH) };
        let language: LanguageIdentifier = tag.parse().expect("a tag of ours");
        let mut bundle = FluentBundle::new_concurrent(vec![language]);
        // Menus and notifications are drawn by the desktop, which would show the isolation marks as boxes.
        bundle.set_use_isolating(false);
        let resource = FluentResource::try_new(text.to_owned()).expect("shell.ftl parses: a test reads it");
        bundle.add_resource_overriding(resource);
        Self { tag, bundle }
    }

    /// The tag of the language.
    pub(crate) fn tag(&self) -> &'static str {
        self.tag
    }

    /// The language in which the practice line speaks to whoever reads these words.
    pub(crate) fn practice_language(&self) -> pbx::Language {
        if self.tag == "zh-CN" { pbx::Language::Mandarin } else { pbx::Language::English }
    }

    /// The word `key`, with nothing to fill in.
    pub(crate) fn get(&self, key: &str) -> String {
        self.with(key, &[])
    }

    /// The word `key` with `values` filled in.
    pub(crate) fn with(&self, key: &str, values: &[(&str, FluentValue<'_>)]) -> String {
        let Some(pattern) = self.bundle.get_message(key).and_then(|message| message.value()) else {
            return key.to_owned();
        };
        let args: FluentArgs<'_> = values.iter().map(|(name, value)| (*name, value.clone())).collect();
        self.bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<&str> {
        text.lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
            .filter_map(|line| line.split_once(" =").map(|(key, _)| key))
            .collect()
    }

    #[test]
    fn every_language_has_the_same_words() {
        assert_eq!(keys(ENGLISH), keys(CHINESE));
        for setting in ["en", "zh-CN"] {
            let words = Words::of(setting);
            for key in keys(ENGLISH) {
                let said = words.with(
                    key,
                    &[("who", "Ada".into()), ("account", "Desk".into()), ("count", 2.into()), ("reason", "x".into())],
                );
                assert!(said != key && !said.contains('{'), "{setting}: {key} says {said}");
            }
        }
    }

    #[test]
    fn a_language_we_do_not_speak_is_english() {
        assert_eq!(Words::of("fi").get("answer"), "Answer");
        assert_eq!(Words::of("zh-TW").get("answer"), "接听");
    }
}
