import { describe, expect, test } from 'vitest';
import type { Pod } from '#local/kubernetes/controllers/machinery/types.ts';
import { Ledger } from '#local/kubernetes/controllers/scheduler/ledger.ts';
import { topologyRules } from '#local/kubernetes/controllers/scheduler/topology.ts';
import { meta, node, pod } from './builders.ts';

const HOST = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';
const web = { matchLabels: { app: 'web' } };
const labelled = (spec: Partial<Pod['spec']> = {}, namespace = 'default') =>
  pod(spec, { metadata: meta('web', { labels: { app: 'web' }, namespace }) });
const affinity = (kind: 'podAffinity' | 'podAntiAffinity', topologyKey = HOST, more = {}) => ({
  affinity: {
    [kind]: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, labelSelector: web, ...more }] },
  },
});
const spread = (topologyKey = ZONE, maxSkew = 1) => ({
  topologySpreadConstraints: [{ topologyKey, maxSkew, whenUnsatisfiable: 'DoNotSchedule', labelSelector: web }],
});

const nodes = ['a1', 'a2', 'b1'].map((name) => node(name, { labels: { [ZONE]: name[0] ?? '' } }));
/** The nodes that the rules leave, given pods on nodes. */
const left = (one: Pod, placed: { pod: Pod; node: string }[], all = nodes) => {
  const rules = topologyRules(one, {
    nodes: new Map(all.map((each) => [each.metadata.name, each])),
    placed,
    namespaceLabels: () => ({ team: 'x' }),
  });
  return all.filter((each) => rules(each).length === 0).map(({ metadata }) => metadata.name);
};
const on = (name: string, of = labelled()) => ({ pod: of, node: name });

describe('required anti-affinity', () => {
  test('keeps away from the nodes, or zones, of the pods it names', () => {
    expect(left(labelled(affinity('podAntiAffinity')), [on('a1')])).toEqual(['a2', 'b1']);
    expect(left(labelled(affinity('podAntiAffinity', ZONE)), [on('a1')])).toEqual(['b1']);
  });

  test('keeps others away as well', () => {
    expect(left(labelled(), [on('a1', labelled(affinity('podAntiAffinity')))])).toEqual(['a2', 'b1']);
  });

  test('is about its own namespace, unless it says otherwise', () => {
    const other = on('a1', labelled({}, 'other'));
    expect(left(labelled(affinity('podAntiAffinity')), [other])).toHaveLength(3);
    expect(left(labelled(affinity('podAntiAffinity', HOST, { namespaces: ['other'] })), [other])).toHaveLength(2);
    const chosen = { namespaceSelector: { matchLabels: { team: 'x' } } };
    expect(left(labelled(affinity('podAntiAffinity', HOST, chosen)), [other])).toHaveLength(2);
  });
});

describe('required affinity', () => {
  test('goes where its fellows are', () => {
    expect(left(labelled(affinity('podAffinity', ZONE)), [on('a1')])).toEqual(['a1', 'a2']);
  });

  test('the first of a group may go anywhere, one who waits for others nowhere', () => {
    expect(left(labelled(affinity('podAffinity')), [])).toHaveLength(3);
    expect(left(pod(affinity('podAffinity')), [])).toEqual([]);
  });
});

describe('spread', () => {
  test('no zone gets more than maxSkew pods above the emptiest', () => {
    expect(left(labelled(spread()), [on('a1')])).toEqual(['b1']);
    expect(left(labelled(spread()), [on('a1'), on('b1')])).toEqual(['a1', 'a2', 'b1']);
    expect(left(labelled(spread(ZONE, 2)), [on('a1')])).toHaveLength(3);
  });

  test('zones that the pod cannot use do not count as empty', () => {
    const pinned = labelled({ ...spread(), nodeSelector: { [ZONE]: 'a' } });
    expect(left(pinned, [on('a1')])).toContain('a2');
  });

  test('a node without the label is never taken', () => {
    expect(left(labelled(spread('rack')), [])).toEqual([]);
  });
});

describe('the ledger', () => {
  const asking = (cpu: string, more: Partial<Pod['spec']> = {}) =>
    labelled({ containers: [{ name: 'main', resources: { requests: { cpu } } }], ...more });

  test('counts what is placed or assumed, once, until it ends', () => {
    const ledger = new Ledger();
    const one = asking('500m');
    ledger.assume(one, 'a1');
    const bound = { ...one, spec: { ...one.spec, nodeName: 'a1' } };
    ledger.observe(one);
    ledger.observe(bound);
    expect(ledger.used('a1')).toEqual({ cpu: 0.5, pods: 1 });
    ledger.observe(asking('1', { nodeName: 'a1' }));
    ledger.observe({ ...bound, status: { phase: 'Succeeded' } });
    expect(ledger.used('a1')).toEqual({ cpu: 1, pods: 1 });
  });

  test('knows who else uses a claim', () => {
    const ledger = new Ledger();
    const volumes = [{ name: 'home', persistentVolumeClaim: { claimName: 'home' } }];
    const one = asking('1', { volumes, nodeName: 'a1' });
    ledger.observe(one);
    expect(ledger.isUsed('default/home', one.metadata.uid)).toBe(false);
    expect(ledger.isUsed('default/home', 'another')).toBe(true);
    ledger.observe(one, true);
    expect(ledger.isUsed('default/home', 'another')).toBe(false);
  });
});
