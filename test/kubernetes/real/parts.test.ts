import { describe, expect, test } from 'vitest';
import { aggregatedRules, type ClusterRole } from '#local/kubernetes/real/aggregated-roles.ts';
import { tokenLines } from '#local/kubernetes/real/files.ts';

describe('the token file', () => {
  test('has a line for the admin and each component, with groups as one field', () => {
    const components = { kubelet: { token: 'k"1', user: 'system:node:n', groups: ['system:masters', 'system:nodes'] } };
    expect(tokenLines({ adminToken: 'a', components })).toBe(
      '"a","kubernetes-admin","kubernetes-admin","system:masters"\n"k""1","system:node:n","system:node:n","system:masters,system:nodes"\n',
    );
  });
});

describe('aggregated roles', () => {
  const role = (name: string, labels: Record<string, string>, more: Partial<ClusterRole>) =>
    ({ metadata: { name, labels }, ...more }) as ClusterRole;
  const pods = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
  const maps = { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] };
  const view = role(
    'view',
    {},
    {
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { view: 'true' } }, { matchLabels: { also: 'true' } }] },
      rules: null,
    },
  );
  const all = [
    view,
    role('z', { view: 'true' }, { rules: [maps, pods] }),
    role('a', { also: 'true' }, { rules: [pods] }),
    role('other', {}, { rules: [{ nonResourceURLs: ['/x'], verbs: ['get'] }] }),
  ];

  test('have the rules of what their selectors choose, each once, in the order of names', () => {
    expect(aggregatedRules(view, all)).toEqual([pods, maps]);
  });

  test('that have no selectors are left as they are', () => {
    expect(aggregatedRules(all[3] as ClusterRole, all)).toBeUndefined();
  });
});
