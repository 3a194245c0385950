/** The running count of quotas: after whatever happened, it says what a new count of everything would say. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Ledger, quotaLedger } from '#local/kubernetes/apiserver/admission/quota/ledger.ts';
import type { Json, Obj } from '#local/kubernetes/apiserver/json.ts';
import type { Kind } from '#local/kubernetes/apiserver/kinds/kind.ts';
import { pods } from '#local/kubernetes/apiserver/kinds/pods.ts';
import { services } from '#local/kubernetes/apiserver/kinds/services.ts';
import { keyOf, Store } from '#local/kubernetes/apiserver/storage/store.ts';

let dir: string;
let store: Store;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ledger-'));
  store = new Store(join(dir, 'state.sqlite'));
});
afterEach(() => {
  vi.useRealTimers();
  store.close();
  rmSync(dir, { recursive: true, force: true });
});

const quota = (namespace: string, spec: Json = {}): Obj =>
  ({ metadata: { name: 'q', namespace }, spec }) as unknown as Obj;
const QUOTAS = ['a', 'b'].flatMap((namespace) => [
  quota(namespace),
  quota(namespace, { scopes: ['BestEffort'] }),
  quota(namespace, {
    scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] },
  }),
]);

const amounts = (ledger: Ledger, kind: Kind): unknown =>
  QUOTAS.map((one) => Object.fromEntries([...ledger.used(kind, one)].map(([name, { nano }]) => [name, nano])));
/** Names whose amount came back to nothing are as good as absent. */
const something = (list: unknown): unknown =>
  (list as Record<string, bigint>[]).map((used) =>
    Object.fromEntries(Object.entries(used).filter(([, nano]) => nano !== 0n)),
  );

const podOf = (namespace: string, name: string, cpu: string | undefined, more: Json): Obj =>
  ({
    metadata: { name, namespace, uid: `${namespace}-${name}`, ...more.metadata },
    spec: {
      containers: [{ name: 'main', resources: cpu === undefined ? {} : { requests: { cpu } } }],
      ...more.spec,
    },
    status: { phase: more.phase ?? 'Pending' },
  }) as unknown as Obj;

const aPod = fc.record({
  namespace: fc.constantFrom('a', 'b', 'c'),
  name: fc.constantFrom('p', 'q', 'r'),
  cpu: fc.constantFrom(undefined, '100m', '2'),
  more: fc.constantFrom(
    {},
    { spec: { priorityClassName: 'high' } },
    { phase: 'Succeeded' },
    { metadata: { deletionTimestamp: '2020-01-01T00:00:00Z' } },
    { metadata: { deletionTimestamp: '2999-01-01T00:00:00Z' } },
  ),
  gone: fc.boolean(),
});

describe('what a quota counts', () => {
  it('stays what a new count would say, whatever is written and removed', () => {
    fc.assert(
      fc.property(fc.array(aPod, { maxLength: 20 }), (steps) => {
        const ledger = quotaLedger(store);
        amounts(ledger, pods);
        for (const { namespace, name, cpu, more, gone } of steps) {
          const key = keyOf(namespace, name);
          if (!gone) store.put('pods', podOf(namespace, name, cpu, more));
          else if (store.get('pods', key)) store.remove('pods', key);
          expect(something(amounts(ledger, pods))).toEqual(amounts(quotaLedger(store), pods));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('lets go of a pod when the time that it had to go is over', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2030-01-01T00:00:00Z') });
    store.put('pods', podOf('a', 'p', '1', { metadata: { deletionTimestamp: '2030-01-01T00:00:30Z' } }));
    const ledger = quotaLedger(store);
    const counted = () => ledger.used(pods, quota('a')).get('pods')?.nano;

    expect(counted()).toBe(1_000_000_000n);
    vi.setSystemTime(Date.parse('2030-01-01T00:00:31Z'));
    expect(counted()).toBeUndefined();
  });

  it('forgets a namespace with its quota, and counts anew for the next one', () => {
    const ledger = quotaLedger(store);
    const service = (name: string, type: string): Obj =>
      ({
        metadata: { name, namespace: 'a', uid: name },
        spec: { type, ports: [{ port: 1 }, { port: 2 }] },
      }) as unknown as Obj;
    const nodePorts = () => ledger.used(services, quota('a')).get('services.nodeports')?.nano ?? 0n;
    store.put('resourcequotas', { ...quota('a'), metadata: { ...quota('a').metadata, uid: 'q' } });
    store.put('services', service('one', 'NodePort'));
    expect(nodePorts()).toBe(2_000_000_000n);

    store.remove('resourcequotas', keyOf('a', 'q'));
    store.put('services', service('one', 'ClusterIP'));
    store.put('services', service('two', 'LoadBalancer'));

    expect(nodePorts()).toBe(2_000_000_000n);
  });
});
