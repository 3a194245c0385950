/** What is worth the audit log of the team: said to the control plane when it listens, and to the agent's own log in any case. */
import { safeText } from '#core/contract/safe-text.ts';
import type { Log } from '../log.ts';
import type { Outbox } from './outbox.ts';

interface Named {
  readonly kind: string;
  readonly metadata: { readonly namespace?: string; readonly name: string };
}

export interface Tell {
  /** Somebody changed or deleted what is ours, and it was put right. */
  drift(object: Named, how: 'changed' | 'deleted'): void;
  /** A policy or right of somebody else in our namespace was removed. */
  foreign(object: { readonly kind: string; readonly namespace: string; readonly name: string }): void;
  /** Anything else; `action` in the audit log's own words. */
  say(action: string, resource: string, detail: string): void;
}

const RESOURCE = 128;
const DETAIL = 512;

export const teller = (outbox: Outbox, log: Log): Tell => {
  const say: Tell['say'] = (action, resource, detail) => {
    const payload = {
      action,
      resource: safeText(resource).slice(0, RESOURCE),
      detail: safeText(detail).slice(0, DETAIL),
    };
    log('warn', action, { resource: payload.resource, detail: payload.detail });
    outbox.event(`audit ${action} ${resource}`, { type: 'audit', payload });
  };
  return {
    say,
    drift: ({ kind, metadata }, how) =>
      say(
        'DriftRepaired',
        `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`,
        how === 'changed' ? 'somebody else changed it: it is as it was' : 'somebody else deleted it: it was made anew',
      ),
    foreign: ({ kind, namespace, name }) =>
      say(
        'ForeignRemoved',
        `${kind} ${namespace}/${name}`,
        'policies and rights in this namespace are Roadstead’s alone',
      ),
  };
};
