// The words of the window: Project Fluent, one folder a language. Sentences about errors come from the phone.
import { FluentBundle, FluentResource, type FluentVariable } from '@fluent/bundle';

const files = import.meta.glob<string>(['./*/*.ftl', '!./*/shell.ftl'], { query: '?raw', import: 'default', eager: true });

/** The languages there are, by tag, each with its own name. */
export const LANGUAGES = { en: 'English', 'zh-CN': '简体中文' } as const;
export type Tag = keyof typeof LANGUAGES;

function bundle(tag: Tag): FluentBundle {
  const made = new FluentBundle(tag);
  for (const [path, text] of Object.entries(files))
    if (path.startsWith(`./${tag}/`)) for (const error of made.addResource(new FluentResource(text))) throw error;
  return made;
}

const bundles: Partial<Record<Tag, FluentBundle>> = {};
const current = $state<{ tag: Tag }>({ tag: 'en' });

/**
 * The language to show: the setting, or with `system` the first of the computer's that there are words for. Under
 * the locale `C` a browser may name a language that is no valid tag; such a one is passed over.
 */
export function choose(setting: string, preferred: readonly string[]): Tag {
  for (const wanted of setting === 'system' ? preferred : [setting]) {
    try {
      const language = new Intl.Locale(wanted).language;
      if (language === 'zh') return 'zh-CN';
      if (language === 'en') return 'en';
    } catch {
      continue;
    }
  }
  return 'en';
}

export const setLanguage = (tag: Tag) => void (current.tag = tag);
export const language = (): Tag => current.tag;

/** The words of `key`. A missing key shows itself, so that it is found; a test keeps every language whole. */
export function t(key: string, values?: Record<string, FluentVariable>): string {
  const words = (bundles[current.tag] ??= bundle(current.tag));
  const message = words.getMessage(key);
  return message?.value ? words.formatPattern(message.value, values) : key;
}
