// Lets the window follow the phone: the ended card and the guard at each snapshot, the history when it changed.
import { untrack } from 'svelte';
import type { App } from './app.svelte';

/** Follows until the returned function is called. The call window reads no history. */
export function follow(app: App, history: boolean): () => void {
  return $effect.root(() => {
    $effect.pre(() => {
      if (app.phone.state) untrack(() => app.follow());
    });
    const version = $derived(app.phone.state?.historySeq);
    $effect(() => {
      if (history && version !== undefined) untrack(() => void app.history.refresh());
    });
  });
}
